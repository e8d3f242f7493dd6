"""Ranges of versions as spans between points, whatever the ecosystem."""

from collections.abc import Iterable
from typing import Any, NamedTuple, Self

import msgspec

# What versions of one ecosystem are sorted by. Keys that no version has may bound a span.
Key = tuple[Any, ...]


class Cut(NamedTuple):
    """A point between versions: just before those with a key, or just after them."""

    key: Key
    after: bool


class Span(NamedTuple):
    """Versions between two points.

    Attributes:
        low: None: from the first version on.
        high: None: up to the last version.
        releases_only: Prereleases in between are left out.
    """

    low: Cut | None = None
    high: Cut | None = None
    releases_only: bool = False

    @classmethod
    def at_least(cls, key: Key) -> Self:
        """Return what is not below a key."""
        return cls(low=Cut(key, after=False))

    @classmethod
    def above(cls, key: Key) -> Self:
        """Return what is above a key."""
        return cls(low=Cut(key, after=True))

    @classmethod
    def at_most(cls, key: Key) -> Self:
        """Return what is not above a key."""
        return cls(high=Cut(key, after=True))

    @classmethod
    def below(cls, key: Key) -> Self:
        """Return what is below a key."""
        return cls(high=Cut(key, after=False))

    @classmethod
    def between(cls, low: Key, high: Key) -> Self:
        """Return what is not below one key, and below another."""
        return cls(Cut(low, after=False), Cut(high, after=False))

    @classmethod
    def only(cls, key: Key) -> Self:
        """Return what has a key."""
        return cls(Cut(key, after=False), Cut(key, after=True))

    def releases(self) -> Self:
        """Return the same without its prereleases."""
        return self._replace(releases_only=True)


EVERYTHING = (Span(),)


class VersionRange(msgspec.Struct, frozen=True):
    """Which versions a text in a manifest allows.

    Attributes:
        spans: A version is in one of them.
        texts: Where given, the version is spelled as one of these as well; in lower case.
        preferred: What is asked for among all that is allowed: a version of Maven, or a floating one of NuGet.
    """

    spans: tuple[Span, ...] = EVERYTHING
    texts: frozenset[str] | None = None
    preferred: str | None = None


def intersection(*ranges: Iterable[Span]) -> tuple[Span, ...]:
    """Return what is in all ranges."""
    spans: tuple[Span, ...] = EVERYTHING
    for other in ranges:
        right = tuple(other)
        spans = tuple(both for one in spans for two in right if (both := _overlap(one, two)) is not None)
    return spans


def complement(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return what is in none of some spans; none of them may be of releases only."""
    gaps = []
    for span in spans:
        gap = []
        if span.low is not None:
            gap.append(Span(high=span.low))
        if span.high is not None:
            gap.append(Span(low=span.high))
        gaps.append(gap)
    return intersection(*gaps)


def _overlap(one: Span, two: Span) -> Span | None:
    low = one.low if two.low is None or (one.low is not None and one.low >= two.low) else two.low
    high = one.high if two.high is None or (one.high is not None and one.high <= two.high) else two.high
    if low is not None and high is not None and low >= high:
        return None
    return Span(low, high, one.releases_only or two.releases_only)
