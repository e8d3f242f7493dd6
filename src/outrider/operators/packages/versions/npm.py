"""Versions of npm, by the rules of node-semver without its option `loose`.

The grammar of ranges: https://github.com/npm/node-semver#range-grammar.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from outrider.operators.packages.versions.ranges import Key, Span, VersionRange, intersection
from outrider.operators.packages.versions.scheme import Version, invalid_range, invalid_version
from outrider.operators.packages.versions.semver import (
    BUILD,
    FULL,
    NUMBER,
    PRERELEASE,
    Triple,
    first_of,
    key_of,
    without_other_prereleases,
)

# Numbers above what a double holds exactly are refused, and so are long texts.
_LARGEST, _MOST_DIGITS = 2**53 - 1, 20
_LONGEST = 256
# A range is read as though it were not there, wherever it stands.
_BUILD = re.compile(rf"\+{BUILD}")
_PART = rf"{NUMBER}|[xX*]"
_PARTIAL = rf"([v=]*)({_PART})(?:\.({_PART})(?:\.({_PART})(?:-({PRERELEASE}))?)?)?"
_WORD = re.compile(rf"(\^|~>?|>=|<=|>|<|=|){_PARTIAL}")
_HYPHEN = re.compile(rf"\s*{_PARTIAL}\s+-\s+{_PARTIAL}\s*")
# An operator may stand apart from what it belongs to; what stands before a version may not stand apart from that.
_APART = re.compile(rf"( ?)([<>]?=?) ?([v= ]{{0,20}}(?:{_PART}))")
_BENDING_APART = re.compile(r"(~)>? |(\^) ")
_BENDING = ("^", "~", "~>")
_NUMBERS = f"numbers up to {_LARGEST}"
_EXPECTED = "a range such as ^1.2.3, >=1 <3, 1.x or 1.2.3 - 2"


class _Partial(NamedTuple):
    """A version of which the last numbers may be left open."""

    major: int | None
    minor: int | None
    patch: int | None
    prerelease: str = ""

    @property
    def whole(self) -> bool:
        """Whether it names all three numbers."""
        return self.patch is not None

    @property
    def triple(self) -> Triple:
        """The lowest numbers that it stands for."""
        return self.major or 0, self.minor or 0, self.patch or 0

    @property
    def key(self) -> Key:
        """The key of the lowest release that it stands for."""
        return key_of(self.triple, self.prerelease)

    @property
    def following(self) -> Triple:
        """The numbers behind all that it stands for: of the next minor version, or of the next major one."""
        major, minor, _ = self.triple
        return (major + 1, 0, 0) if self.minor is None else (major, minor + 1, 0)


class _Comparator(NamedTuple):
    span: Span | None
    named: Triple | None = None


class NpmScheme:
    """Versions and ranges of npm."""

    def parse(self, text: str) -> Version:
        """Read a version; blanks around it and a leading `v` are taken as npm takes them."""
        match = FULL.fullmatch(text.strip().removeprefix("v")) if len(text) <= _LONGEST else None
        if match is None or any(int(match[part]) > _LARGEST for part in ("major", "minor", "patch")):
            raise invalid_version("npm", text, "a version such as 1.2.3 or 1.2.3-beta.1")
        triple = int(match["major"]), int(match["minor"]), int(match["patch"])
        return Version(key_of(triple, match["prerelease"] or ""), match["prerelease"] is not None)

    def range(self, text: str) -> VersionRange:
        """Read a range; the name of a tag, such as `latest`, is none."""
        alternatives = [_comparators(alternative, text) for alternative in _BUILD.sub("", text).split("||")]
        if any(all(one.span == Span() for one in comparators) for comparators in alternatives):
            # Where one alternative allows everything, npm does not look at the prereleases that others name.
            alternatives = [[]]
        return VersionRange(spans=tuple(span for comparators in alternatives for span in _all_of(comparators)))

    def alternatives(self, text: str) -> list[list[Span]]:
        """Return what the comparators of each alternative of a range allow with the option `includePrerelease`; none where one allows nothing."""
        parts = _BUILD.sub("", text).split("||")
        found = [_comparators(alternative, text, prereleases=True) for alternative in parts]
        return [[one.span for one in each if one.span is not None] for each in found if all(one.span for one in each)]


def _all_of(comparators: list[_Comparator]) -> tuple[Span, ...]:
    spans = [() if one.span is None else (one.span,) for one in comparators]
    return without_other_prereleases(intersection(*spans), [one.named for one in comparators if one.named is not None])


def _comparators(text: str, whole: str, *, prereleases: bool = False) -> list[_Comparator]:
    hyphen = _HYPHEN.fullmatch(text)
    if hyphen is not None:
        low, high = hyphen.groups()[:5], hyphen.groups()[5:]
        # What stands before the last version is overlooked where that is a prerelease, and there alone.
        high = ("", *high[1:]) if high[4] is not None else high
        before, last = _comparator("<=", high, whole, prereleases=prereleases), _partial(high[1:], whole)
        if prereleases and last.patch is not None and not last.prerelease:
            # Up to a release means also what comes before the next one.
            before = _Comparator(Span.below(_first_of((*last.triple[:2], last.patch + 1), whole)))
        return [_comparator(">=", low, whole, prereleases=prereleases), before]
    comparators = []
    plain = " ".join(text.split())
    for word in _BENDING_APART.sub(r"\1\2", _APART.sub(r"\1\2\3", plain)).split():
        match = _WORD.fullmatch(word)
        if match is None or (match[1] not in _BENDING and _closed_again(match.groups()[2:5])):
            raise invalid_range("npm", whole, _EXPECTED)
        comparators.append(_comparator(match[1], match.groups()[1:], whole, prereleases=prereleases))
    return comparators


def _comparator(operator: str, parts: Sequence[str | None], whole: str, *, prereleases: bool = False) -> _Comparator:
    prefix, *numbers = parts
    partial = _partial(numbers, whole)
    if operator not in _BENDING and partial.whole and prefix not in ("", "v"):
        raise invalid_range("npm", whole, _EXPECTED)
    if partial.major is None:
        return _Comparator(None if operator in ("<", ">") else Span())
    if operator == ">=" and partial.key == key_of((0, 0, 0)) and not (prereleases and partial.whole):
        return _Comparator(Span())
    return _Comparator(
        _span(operator, partial, whole, prereleases=prereleases), partial.triple if partial.prerelease else None
    )


def _closed_again(parts: Sequence[str | None]) -> bool:
    """Return whether a number follows one that was left open, as in `x.1`."""
    opened = [part is not None and part in "xX*" for part in parts]
    return any(
        before and after is not None and not now
        for before, now, after in zip(opened, opened[1:], parts[1:], strict=False)
    )


def _span(operator: str, partial: _Partial, whole: str, *, prereleases: bool) -> Span:
    low = _low(operator, partial) if prereleases else partial.key
    if operator == "^":
        return Span.between(low, _first_of(_caret_end(partial), whole))
    if operator == ">=":
        return Span.at_least(low)
    if partial.whole and operator not in _BENDING:
        return {">": Span.above, "<": Span.below, "<=": Span.at_most}.get(operator, Span.only)(partial.key)
    if operator == "<":
        return Span.below(first_of(partial.triple))
    following = _first_of(partial.following, whole)
    if operator == ">":
        return Span.at_least(following if prereleases else key_of(partial.following))
    return Span.below(following) if operator == "<=" else Span.between(low, following)


def _first_of(triple: Triple, whole: str) -> Key:
    """Return the point before all versions with some numbers, which follow those of a range and may be too large then."""
    if max(triple) > _LARGEST:
        raise invalid_range("npm", whole, _NUMBERS)
    return first_of(triple)


def _low(operator: str, partial: _Partial) -> Key:
    """Return from where on versions count where prereleases do: `replaceXRange` and `replaceCaret` of node-semver."""
    is_open = not partial.whole or (operator == "^" and not partial.major and not partial.prerelease)
    return first_of(partial.triple) if is_open and operator not in ("~", "~>") else partial.key


def _caret_end(partial: _Partial) -> Triple:
    """Return the next numbers of which the leftmost that is not zero is another one."""
    major, minor, patch = partial.triple
    if major or partial.minor is None:
        return major + 1, 0, 0
    if minor or partial.patch is None:
        return 0, minor + 1, 0
    return 0, 0, patch + 1


def _partial(parts: Sequence[str | None], whole: str) -> _Partial:
    """Read numbers up to the first that is left open; what follows an open one counts no more."""
    numbers: list[int | None] = []
    for part in parts[:3]:
        closed = part is not None and part not in "xX*" and None not in numbers
        # Of so many digits no number is made, and none is right.
        numbers.append(int(part[:_MOST_DIGITS]) if part is not None and closed else None)
    if any(number is not None and number > _LARGEST for number in numbers):
        raise invalid_range("npm", whole, _NUMBERS)
    major, minor, patch = numbers
    return _Partial(major, minor, patch, (parts[3] or "") if patch is not None else "")
