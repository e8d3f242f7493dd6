"""Semantic versions, which npm and Cargo share: https://semver.org/spec/v2.0.0.html."""

import re
from collections.abc import Iterable

from outrider.operators.packages.versions.ranges import Cut, Key, Span, intersection

NUMBER = r"(?:0|[1-9][0-9]*)"
_IDENTIFIER = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
PRERELEASE = rf"{_IDENTIFIER}(?:\.{_IDENTIFIER})*"
BUILD = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
FULL = re.compile(
    rf"(?P<major>{NUMBER})\.(?P<minor>{NUMBER})\.(?P<patch>{NUMBER})(?:-(?P<prerelease>{PRERELEASE}))?(?:\+{BUILD})?"
)
Triple = tuple[int, int, int]
# A release follows all of its prereleases.
_RELEASE = ((3,),)


def key_of(triple: Triple, prerelease: str = "") -> Key:
    """Return the key of a version: its numbers, then its prerelease by the rules of section 11."""
    return (*triple, tuple(_identifier(one) for one in prerelease.split(".")) if prerelease else _RELEASE)


def _identifier(text: str) -> Key:
    return (1, int(text), "") if text.isdigit() else (2, 0, text)


def first_of(triple: Triple) -> Key:
    """Return the key that is below all versions with these numbers, their prereleases too."""
    return (*triple, ())


def without_other_prereleases(spans: Iterable[Span], named: Iterable[Triple]) -> tuple[Span, ...]:
    """Leave out prereleases, but for those of versions of which a prerelease is named in the range.

    Who asks for 1.2.3-beta has said to take the risk for 1.2.3, and not for 1.2.4.
    """
    allowed = [
        Span(Cut(first_of(triple), after=False), Cut(key_of(triple), after=False)) for triple in sorted(set(named))
    ]
    return intersection(spans, [Span().releases(), *allowed])
