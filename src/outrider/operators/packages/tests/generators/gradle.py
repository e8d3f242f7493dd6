"""Versions as Gradle reads them, and what is asked for, from few numbers and words, so that they meet."""

from random import Random

_NUMBERS = (
    "0",
    "00",
    "1",
    "1",
    "2",
    "3",
    "10",
    "01",
    "9223372036854775807",
    "9223372036854775808",
    "0009223372036854775807",
)
_WORDS = (
    "dev", "rc", "RC", "snapshot", "SNAPSHOT", "final", "Final", "ga", "release", "RELEASE", "sp", "SP", "alpha", "beta", "M",
    "jre", "x", "foo", "é", "\U0001f600", "\uffee", "²", "\u0661", "v", "!",
)  # fmt: skip
_SEPARATORS = (".", ".", ".", ".", "-", "-", "_", "+", "", "..", "-.", ".-")
_ENDS = ("", "", "", "", "", "", "-SNAPSHOT", "SNAPSHOT", "-20200101.101010-3", "-", ".", "--", "+")
_ODD = (
    "", "+", "[,]", "[,2]", "(,)", "[1,]", "[1,2],[3,4]", "[1.0", "1.0]", "[]", "[ ]", "[1 ,2]", "latest.", "latest.foo",
    "latest.release", "latest.integration", "latest.milestone", "LATEST", "RELEASE", "latest", "latest.release+", "]1[", "(1)",
    "[1]+", "[1,2,3]", "[1,(2]", " [1,2]", "[1 ]", "[ 1]", "(\f,\v2]", "[1,\u00a02]", "[1,2] ", "1.0+2", "1+", "[1+,2)", "[+]",
)  # fmt: skip


def version(random: Random) -> str:
    """Return a version, by few chances an odd one."""
    text = random.choice(("", "", "", "-", ".", "v")) if random.random() < 0.1 else ""
    text += _part(random)
    for _ in range(random.choice((0, 1, 1, 2, 2, 3, 4))):
        text += random.choice(_SEPARATORS) + _part(random)
    return text + (random.choice(_ENDS) if random.random() < 0.3 else "")


def pair(random: Random) -> tuple[str, str]:
    """Return two versions, which have some of their beginning in common more often than not."""
    one, two = version(random), version(random)
    if random.random() < 0.1:
        return one, random.choice(
            (one.swapcase(), one.replace(".", "-"), one.replace("-", "+"), one.replace("1", "01"))
        )
    end = random.randint(0, len(one)) if random.random() < 0.7 else 0
    return one, one[:end] + two


def selector(random: Random, near: str) -> str:
    """Return what is asked for.

    Args:
        random: Where chance comes from.
        near: A version that should be close to it.
    """
    kind = random.random()
    if kind < 0.1:
        return random.choice(_ODD)
    if kind < 0.2:
        return near[: random.randint(0, len(near))] + "+"
    if kind < 0.3:
        return random.choice((near, version(random)))
    return _range(random, near)


def _range(random: Random, near: str) -> str:
    low, high = (_bound(random, near) for _ in range(2))
    if random.random() < 0.1:
        return f"[{_blank(random)}{low}{_blank(random)}]"
    if random.random() < 0.1:
        high = low
    opened, closed = random.choice("[](("), random.choice("[]))")
    if random.random() < 0.15:
        low, opened = "", random.choice("(((([")
    if random.random() < 0.15:
        high, closed = "", random.choice("))))]")
    return f"{opened}{_blank(random)}{low}{_blank(random)},{_blank(random)}{high}{_blank(random)}{closed}"


def _bound(random: Random, near: str) -> str:
    if random.random() < 0.6:
        return near[: random.randint(1, len(near))] if near else "1"
    return version(random)


def _blank(random: Random) -> str:
    return random.choice(("", "", "", "", "", " ", "  ", "\x0b"))


def _part(random: Random) -> str:
    return random.choice(_NUMBERS if random.random() < 0.6 else _WORDS)
