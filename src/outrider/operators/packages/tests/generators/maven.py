"""Versions and ranges of Maven, from few numbers and words, so that they meet.

A version is made with hyphens between its lists first, and then respelled. Those around which Maven's order runs in circles
are left out, as far as they would meet others here; the module of the rules says which those are.
"""

import re
from random import Random

_NUMBERS = ("0", "0", "0", "1", "1", "2", "3", "10", "00", "01", "0000000000", "1234567890", "9" * 19)
_BELOW_WORDS = ("alpha", "beta", "milestone", "rc", "cr", "snapshot")
_RELEASE_WORDS = ("ga", "final", "release")
_ABOVE_WORDS = ("sp", "foo", "x", "a", "jre", "+b", "_")
_SEPARATORS = (".", ".", ".", ".", "-", "-", "-", "--", "..", ".-")
_WRONG = (
    "[1.0", "(1.0)", "[1.0)", "(1,2", "[2,1]", "(1,1]", "[1,1)", "[1,3],[2,4]", "[1,2],(,3]", "[1,2],3", "[1,2]]", "[", "(",
    "[1,2],,[3,4]", "()", "[)",
)  # fmt: skip
_QUIRKS = (
    "",
    "[]",
    "[,]",
    "(,)",
    " [1,2]",
    "1,2",
    "1]",
    "[1,),[0,2]",
    "[1,[2,3]",
    "[1,2,3]",
    "[ 1\u00a0,2 ]",
    "[1,2],",
)

_BELOW, _RELEASE = "|".join(_BELOW_WORDS), "|".join(_RELEASE_WORDS)
_ABOVE = "|".join(map(re.escape, _ABOVE_WORDS))
_NOTHING = rf"(?:0*|{_RELEASE})"
_CIRCLE = re.compile(
    # A zero, and a word below releases behind it in the same list.
    rf"(?<![^.-])0*\.(?:{_NOTHING}\.)*(?:{_BELOW})[.-]"
    # A list that is below a release, in one that has nothing before it.
    rf"|(?<![^-])(?:{_NOTHING}\.)*{_NOTHING}-(?:{_NOTHING}[.-])*(?:{_BELOW})(?![^.-])"
    # In a list, a word that is not below releases behind what is more than nothing.
    rf"|(?<![^.-])(?:0*[1-9]\d*|{_BELOW}|{_ABOVE})\.(?:(?:{_RELEASE})\.(?:{_NOTHING}\.)*(?:0*[1-9]|(?:{_ABOVE})[.-])|(?:{_ABOVE})[.-])"
)
_LETTER = r"[^\d.-]"


def version(random: Random) -> str:
    return "" if random.random() < 0.01 else _version(random, _part(random))


def version_range(random: Random) -> str:
    kind = random.random()
    if kind < 0.05:
        return random.choice(_WRONG)
    if kind < 0.1:
        return random.choice(_QUIRKS)
    return _version(random, _part(random)) if kind < 0.2 else _sets(random)


def _sets(random: Random) -> str:
    count = random.choice((1, 1, 1, 2, 2, 3))
    firsts = random.choices("0123", k=2 * count) if random.random() < 0.1 else random.sample("012345", 2 * count)
    bounds = [_blank(random) + _version(random, first) + _blank(random) for first in sorted(firsts)]
    if random.random() < 0.15:
        bounds[0] = _blank(random)
    if random.random() < 0.15:
        bounds[-1] = _blank(random)
    sets = [_set(random, low, high) for low, high in zip(bounds[::2], bounds[1::2], strict=True)]
    return random.choice((",", ",", " , ", "", "  ,")).join(sets)


def _set(random: Random, low: str, high: str) -> str:
    if low.strip() and random.random() < 0.2:
        return f"[{low}]"
    return f"{random.choice('[(')}{low},{high}{random.choice('])')}"


def _blank(random: Random) -> str:
    return random.choice(("", "", "", " ", "  ", "\x01"))


def _version(random: Random, first: str) -> str:
    while True:
        text = first
        for _ in range(random.choice((0, 1, 2, 2, 3, 3, 4, 5))):
            text += random.choice(_SEPARATORS) + _part(random)
        text += random.choice(("", "", "", "", "", "", "", ".", "-"))
        text = re.sub(rf"\.(?={_LETTER}+\Z)", "-", text)
        if not _CIRCLE.search(text):
            return _respelled(random, text)


def _part(random: Random) -> str:
    words = random.choice((_BELOW_WORDS, _BELOW_WORDS, _RELEASE_WORDS, _ABOVE_WORDS))
    return random.choice(_NUMBERS if random.random() < 0.6 else words)


def _respelled(random: Random, text: str) -> str:
    """Return a version that means the same: letters may touch digits, a dot may stand before the last word."""
    for pattern, shorter in (
        (rf"(?<![^-])((?!a-){_LETTER}+)-(?=\d)", r"\1"),
        (rf"-(?={_LETTER}+(?:\d|\Z))", "."),
        (rf"(?<=\d)[.-](?={_LETTER}+(?:\d|\Z))", ""),
        (rf"(?<=\d)-(?={_LETTER})", ""),
        (r"(?<![^.-])([abm])(?:lpha|eta|ilestone)(?=\d)", r"\1"),
    ):
        if random.random() < 0.5:
            text = re.sub(pattern, shorter, text)
    return random.choice((str, str, str.upper, str.title))(text)
