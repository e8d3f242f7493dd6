"""Versions of Cargo, by the rules of the crate `semver`: https://docs.rs/semver/latest/semver/enum.Op.html."""

import re
from typing import NamedTuple

from outrider.operators.packages.versions.ranges import Cut, Key, Span, VersionRange, intersection
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

_LARGEST = 2**64 - 1
_MOST_COMPARATORS = 32
_COMPARATOR = re.compile(
    rf"(?P<operator>>=|<=|[=<>~^]|) *(?P<major>{NUMBER})"
    rf"(?:\.(?:(?P<minor>{NUMBER})(?:\.(?:(?P<patch>{NUMBER})(?:-(?P<prerelease>{PRERELEASE}))?(?:\+{BUILD})?|(?P<open_patch>[xX*])))?"
    r"|(?P<open_minor>[xX*])(?:\.[xX*])?))? *"
)
_EXPECTED = "a requirement such as 1.2, ~1.2.3, >=1.2, <2 or 1.*"


class _Comparator(NamedTuple):
    operator: str
    major: int
    minor: int | None
    patch: int | None
    prerelease: str

    @property
    def key(self) -> Key:
        return key_of((self.major, self.minor or 0, self.patch or 0), self.prerelease)

    @property
    def first(self) -> Key:
        """The point before all that it stands for."""
        return first_of((self.major, self.minor or 0, self.patch or 0))

    @property
    def following(self) -> Key:
        """The point behind all that it stands for."""
        if self.minor is None:
            return first_of((self.major + 1, 0, 0))
        if self.patch is None:
            return first_of((self.major, self.minor + 1, 0))
        return first_of((self.major, self.minor, self.patch + 1))


class CargoScheme:
    """Versions and requirements of Cargo."""

    def parse(self, text: str) -> Version:
        """Read a version."""
        match = FULL.fullmatch(text)
        if match is None or any(int(match[part]) > _LARGEST for part in ("major", "minor", "patch")):
            raise invalid_version("Cargo", text, "a version such as 1.2.3 or 1.2.3-beta.1")
        triple = int(match["major"]), int(match["minor"]), int(match["patch"])
        return Version(key_of(triple, match["prerelease"] or ""), match["prerelease"] is not None)

    def range(self, text: str) -> VersionRange:
        """Read a requirement; commas join what must all hold."""
        if text.strip(" ") in ("*", "x", "X"):
            return VersionRange(spans=(Span().releases(),))
        words = text.lstrip(" ").split(",")
        if len(words) > _MOST_COMPARATORS:
            raise invalid_range("Cargo", text, f"at most {_MOST_COMPARATORS} comparators")
        comparators = [_read(word, text) for word in words]
        named: list[Triple] = [(one.major, one.minor or 0, one.patch or 0) for one in comparators if one.prerelease]
        return VersionRange(spans=without_other_prereleases(intersection(*map(_spans, comparators)), named))


def _read(word: str, whole: str) -> _Comparator:
    match = _COMPARATOR.fullmatch(word.lstrip(" "))
    if match is None:
        raise invalid_range("Cargo", whole, _EXPECTED)
    numbers = [None if match[part] is None else int(match[part]) for part in ("major", "minor", "patch")]
    if any(number is not None and number > _LARGEST for number in numbers):
        raise invalid_range("Cargo", whole, f"numbers up to {_LARGEST}")
    operator = match["operator"] or ("=" if match["open_minor"] or match["open_patch"] else "^")
    return _Comparator(operator, numbers[0] or 0, numbers[1], numbers[2], match["prerelease"] or "")


def _spans(one: _Comparator) -> tuple[Span, ...]:
    # Prereleases of what is left open count as another version than its releases.
    exact = Span.only(one.key) if one.patch is not None else Span.between(one.key, one.following).releases()
    above = Span.above(one.key) if one.patch is not None else Span.at_least(one.following)
    below = Span.below(one.key if one.patch is not None else one.first)
    return {
        "=": (exact,),
        ">": (above,),
        ">=": (exact, above),
        "<": (below,),
        "<=": (below, exact),
        "~": (_tilde(one),),
        "^": (_caret(one),),
    }[one.operator]


def _tilde(one: _Comparator) -> Span:
    if one.patch is None:
        return Span.between(one.key, one.following).releases()
    return Span.between(one.key, first_of((one.major, (one.minor or 0) + 1, 0)))


def _caret(one: _Comparator) -> Span:
    """Return up to the next version whose leftmost number that is not zero is another one."""
    low = one.key if one.patch is not None else one.first
    if one.major or one.minor is None:
        end = first_of((one.major + 1, 0, 0))
    elif one.minor or one.patch is None:
        end = first_of((0, one.minor + 1, 0))
    else:
        end = first_of((0, 0, one.patch + 1))
    return Span(Cut(low, after=False), Cut(end, after=False))
