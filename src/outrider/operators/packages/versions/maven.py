"""Versions and ranges of Maven, by the rules of maven-artifact 3.9.16, its ComparableVersion and VersionRange.

The order: https://maven.apache.org/pom.html#version-order-specification, where the code is more exact than the page.
A version is a list of numbers and words, of which the last item may be a list again. Dots part the items of one list; a
hyphen opens the next one, and so do a change between letters and digits and the dot before a last word. Zeros and words for a
release are left out at the end of each list. At the first difference a word is below a list, and a list below a number. Where
one of two versions ends there, the other one is below it if its next part that is neither zero nor a release is a word such as
`alpha`, and above it otherwise.

These rules run in circles: `1.0.alpha.1 < 1 < 1-1 < 1.0.alpha.1` and `1.foo.1 < 1-alpha < 1 < 1.foo.1`. No sorting can
follow them all. Ours asks first who is below and who is above a version that ends there, and then only for words, lists
and numbers. It differs from Maven's where of two versions one goes down and the other one up, and

- the lower one has a list and the upper one a word (`1-alpha` and `1.foo.1`, `0-alpha` and `foo`, `1-0-alpha` and `1-foo`),
- the lower one has a zero, and a word such as `alpha` behind it in the same list, and the upper one has a word, a list, or a
  number shorter than a zero of more than nine or eighteen digits (`1.0.alpha.1` and each of `1.foo.1`, `1-1`; with
  `1.0000000000.alpha.1` also `1.5`).

Maven takes any text for a version and compares the empty one as 0; we refuse that one, as Maven does in a project. A Greek
capital sigma may get another small form than in Java.
"""

import re
from typing import NamedTuple

from outrider.operators.packages.versions.ranges import Cut, Key, Span, VersionRange
from outrider.operators.packages.versions.scheme import Version, invalid_range, invalid_version

# Java reads char by char, so that digits outside of the first 65,536 characters are letters.
_WIDE = r"[\U00010000-\U0010ffff]"
_DIGIT = rf"(?:(?!{_WIDE})\d)"
_LETTER = rf"(?:[^\d.-]|{_WIDE})"
_SHORT = re.compile(rf"(?<!{_LETTER})[abm](?={_DIGIT})")
_SHORT_FOR = {"a": "alpha", "b": "beta", "m": "milestone"}
_DOT_BEFORE_LAST_WORD = re.compile(rf"\.(?={_LETTER}+(?:{_DIGIT}|\Z))")
_LETTER_MEETS_DIGIT = re.compile(rf"(?<={_LETTER})(?={_DIGIT})|(?<={_DIGIT})(?={_LETTER})")
_NUMBER_TEXT = re.compile(rf"{_DIGIT}*")

# What a part of a key is, in the order of the kinds. It stands behind -1 or 1: below or above a version that ends there.
_WORD, _LIST, _NUMBER = range(3)
_END = (0,)
_RELEASE, _UNKNOWN = 5, 7
_RANKS = {
    "alpha": 0, "beta": 1, "milestone": 2, "rc": 3, "cr": 3, "snapshot": 4,
    "ga": _RELEASE, "final": _RELEASE, "release": _RELEASE, "sp": 6,
}  # fmt: skip

_BLANK = "".join(map(chr, range(33)))
_SET = re.compile(r"(?P<open>[\[(])(?P<inside>[^\])]*)(?P<close>[\])])[\0-\x20]*(?:,[\0-\x20]*)?")
_EXPECTED = "a range such as 1.0, [1.0], [1.0,2.0), (,1.0] or (,1.1),(1.1,)"


class _Item(NamedTuple):
    """A number or a word.

    Attributes:
        side: -1: below a release, 0: as good as nothing, 1: above it.
        body: Its kind, and what is sorted within the kind.
    """

    side: int
    body: Key


class MavenScheme:
    """Versions and ranges of Maven."""

    def parse(self, text: str) -> Version:
        """Read a version; Maven has no prereleases, so those with a word such as `alpha` or `snapshot` are taken for them."""
        if not text:
            raise invalid_version("Maven", text, "a version such as 1.2.3 or 1.2-alpha-1")
        key = _key(text)
        return Version(key, any(part[:2] == (-1, _WORD) for part in key))

    def range(self, text: str) -> VersionRange:
        """Read a range, or a version that is preferred where any is allowed; the empty text allows none."""
        spans: list[Span] = []
        position = 0
        while match := _SET.match(text, position):
            span = _span(match, text)
            if spans and spans[-1].high and (span.low is None or span.low.key < spans[-1].high.key):
                raise invalid_range("Maven", text, "sets that follow one another")
            spans.append(span)
            position = match.end()
        if position == len(text):
            return VersionRange(spans=tuple(spans))
        if position or text.startswith(("[", "(")):
            raise invalid_range("Maven", text, _EXPECTED)
        return VersionRange(preferred=text)


def _span(match: re.Match[str], whole: str) -> Span:
    includes_low, includes_high = match["open"] == "[", match["close"] == "]"
    bounds = [bound.strip(_BLANK) for bound in match["inside"].split(",", 1)]
    if len(bounds) == 1:
        if not (includes_low and includes_high):
            raise invalid_range("Maven", whole, "[ and ] around a single version")
        return Span.only(_key(bounds[0]))
    low = Cut(_key(bounds[0]), after=not includes_low) if bounds[0] else None
    high = Cut(_key(bounds[1]), after=includes_high) if bounds[1] else None
    if low and high and low >= high:
        raise invalid_range("Maven", whole, "a lower bound first, and an upper one behind it")
    return Span(low, high)


def _key(text: str) -> Key:
    """Return the parts of a version, the last list spread behind the one that holds it, and an end."""
    parts: list[Key] = [_END]
    side = 0
    for items in reversed(_lists(text)):
        if len(parts) > 1:
            parts.append((side, _LIST))
        is_last = True
        for item in reversed(items):
            is_last = is_last and item.side == 0
            side = item.side or side
            if not is_last:
                parts.append((side, *item.body))
    return tuple(reversed(parts))


def _lists(text: str) -> list[list[_Item]]:
    """Return the lists of a version, each of which is the last item of the one before it."""
    text = _SHORT.sub(lambda match: _SHORT_FOR[match[0]], text.lower())
    text = _LETTER_MEETS_DIGIT.sub("-", _DOT_BEFORE_LAST_WORD.sub("-", text))
    return [[_item(word) for word in words.split(".")] for words in text.split("-")]


def _item(text: str) -> _Item:
    return _number(text) if _NUMBER_TEXT.fullmatch(text) else _word(text)


def _word(text: str) -> _Item:
    rank = _RANKS.get(text, _UNKNOWN)
    # Java sorts by the halves of wide characters.
    unknown = text.encode("utf-16-be", "surrogatepass") if rank == _UNKNOWN else b""
    return _Item((rank > _RELEASE) - (rank < _RELEASE), (_WORD, rank, unknown))


def _number(text: str) -> _Item:
    """Read a number of any length, also none; Maven sorts by the type that holds it before it looks at the value."""
    held = text.lstrip("0") or text
    size = (len(held) > 9) + (len(held) > 18)
    digits = "".join(str(int(digit)) for digit in held).lstrip("0")
    return _Item(1 if digits else 0, (_NUMBER, size, len(digits), digits))
