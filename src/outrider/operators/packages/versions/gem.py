"""Versions of RubyGems, by the rules of `Gem::Version` and `Gem::Requirement`, as RubyGems 3.3.15 has them.

https://docs.ruby-lang.org/en/3.1/Gem/Version.html and https://docs.ruby-lang.org/en/3.1/Gem/Requirement.html.
Requirements look at the order alone: `>= 1.0` allows 2.0.rc1 too. Whether prereleases are wished for is not theirs to say.
"""

import re
from collections.abc import Iterable

from outrider.operators.packages.versions.ranges import Key, Span, VersionRange, complement, intersection
from outrider.operators.packages.versions.scheme import Version, invalid_range, invalid_version

_BLANKS = " \t\n\v\f\r"
_VERSION = r"[0-9]+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
_TEXT = re.compile(rf"(?:{_VERSION})?")
_REQUIREMENT = re.compile(rf"([<>!]=|~>|[<>=]|)[{_BLANKS}]*({_VERSION})")
_SEGMENT = re.compile(r"[0-9]+|[A-Za-z]+")
_Segment = int | str
# What may follow the same beginning, in order; the end stands for zeros without end.
_FIRST, _LETTERS, _END, _NUMBER = range(4)


class GemScheme:
    """Versions and requirements of RubyGems."""

    def parse(self, text: str) -> Version:
        """Read a version; one without a text is 0."""
        stripped = text.strip(_BLANKS)
        if _TEXT.fullmatch(stripped) is None:
            raise invalid_version("RubyGems", text, "a version such as 1.2.3 or 1.2.3.rc1")
        segments = _segments(stripped)
        return Version(_key(segments), any(isinstance(segment, str) for segment in segments))

    def range(self, text: str) -> VersionRange:
        """Read requirements; commas join what must all hold, and none at all are `>= 0`."""
        # As Ruby splits: what is empty behind the last comma is no word, and NUL is a blank around one.
        given = text.rstrip(",")
        words = given.split(",") if given else [">= 0"]
        return VersionRange(spans=intersection(*(_spans(word.strip(f"{_BLANKS}\0"), text) for word in words)))


def _segments(text: str) -> list[_Segment]:
    """Return the numbers and the words of a version; a hyphen begins a prerelease."""
    # Read as hexadecimal, numbers keep their order, and may have any count of digits; of decimal ones, Python takes 4300.
    return [int(one, 16) if one.isdigit() else one for one in _SEGMENT.findall(text.replace("-", ".pre."))]


def _numbers(segments: Iterable[_Segment]) -> list[int]:
    """Return what precedes the first word: the release that a prerelease leads to."""
    numbers = []
    for segment in segments:
        if isinstance(segment, str):
            break
        numbers.append(segment)
    return numbers


def _key(segments: Iterable[_Segment]) -> Key:
    """Return the key of a version.

    Versions are compared as if zeros without end followed. So each part counts the zeros before what is none: the more of
    them, the nearer it comes to the end, whether from below, with a word behind them, or from above, with a number.
    """
    parts: list[tuple[int, int, _Segment]] = []
    zeros, released = 0, True
    for segment in segments:
        if isinstance(segment, str):
            # Zeros before the first word do not count: 1.0.a is 1.a.
            parts.append((_LETTERS, 0 if released else zeros, segment))
            zeros, released = 0, False
        elif segment:
            parts.append((_NUMBER, -zeros, segment))
            zeros = 0
        else:
            zeros += 1
    return (*parts, (_END,))


def _first_of(numbers: Iterable[int]) -> Key:
    """Return the key that is below a release and all of its prereleases, and above what is below them."""
    return (*_key(numbers)[:-1], (_FIRST,))


def _spans(word: str, whole: str) -> tuple[Span, ...]:
    match = _REQUIREMENT.fullmatch(word)
    if match is None:
        raise invalid_range("RubyGems", whole, "requirements such as ~> 1.2, >= 1.2.3")
    operator, segments = match[1], _segments(match[2])
    key = _key(segments)
    if operator == "!=":
        return complement([Span.only(key)])
    if operator == "~>":
        return (Span.between(key, _first_of(_bumped(_numbers(segments)))),)
    spans = {">": Span.above, ">=": Span.at_least, "<": Span.below, "<=": Span.at_most}
    return (spans.get(operator, Span.only)(key),)


def _bumped(numbers: list[int]) -> list[int]:
    """Return the next release without the last number: 2.0 follows 1.2, and 1.3 follows 1.2.0."""
    kept = numbers[:-1] or numbers
    return [*kept[:-1], kept[-1] + 1]
