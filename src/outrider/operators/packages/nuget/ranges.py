"""Ranges of NuGet: which version is taken of those that one allows, and which of two is the higher.

https://learn.microsoft.com/nuget/concepts/package-versioning, and of the rest `VersionRange.IsBetter`, `FloatRange.Satisfies` and
`RemoteDependencyWalker.IsGreaterThanOrEqualTo` in https://github.com/NuGet/NuGet.Client.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from outrider.operators.packages.resolving.searching import bits
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.ranges import Key, VersionRange
from outrider.operators.packages.versions.tables import VersionTable

ANY = "(, )"
_FLOATING = re.compile(r"(?P<numbers>[^*-]*)(?P<star>\*?)(?:-(?P<labels>[^*]*)\*)?")
_RELEASE = ((3,),)
_HIGHEST = 2**31 - 1


class Floating(NamedTuple):
    """What floats in a range.

    Attributes:
        fixed: How many numbers do not.
        labels: How labels begin; None where prereleases are not asked for.
    """

    fixed: int
    labels: str | None


class NugetRange(NamedTuple):
    """A range.

    Attributes:
        text: As it is written.
        allowed: What it allows.
        low: The key of its lowest version; None where there is no such bound.
        labels: Of its lowest version, in capitals; where they float, how they begin.
        prereleases: Whether a bound is one, so that others count too.
        floating: None where nothing floats.
    """

    text: str
    allowed: VersionRange
    low: Key | None
    labels: str
    prereleases: bool
    floating: Floating | None


@lru_cache(maxsize=8192)
def read_range(text: str) -> NugetRange:
    """Read a range; an empty one allows everything.

    Raises:
        InvalidConfigError: It is none.
    """
    written = text.strip() or ANY
    allowed = scheme_of("nuget").range(written)
    (span,) = allowed.spans or (None,)
    low = span.low.key if span is not None and span.low is not None else None
    high = span.high.key if span is not None and span.high is not None else None
    bounds = [key for key in (low, high) if key is not None]
    floating = _floating(allowed.preferred) if allowed.preferred is not None else None
    labels = (floating.labels or "").upper() if floating is not None else _labels(low)
    return NugetRange(written, allowed, low, labels, any(key[4] != _RELEASE for key in bounds), floating)


def normalised(text: str) -> str:
    """Return a version as NuGet shows it: three numbers or four, and no build metadata.

    Raises:
        InvalidConfigError: It is no version.
    """
    *numbers, _ = scheme_of("nuget").parse(text).key
    shown = ".".join(str(number) for number in (numbers if numbers[3] else numbers[:3]))
    labels = text.partition("+")[0].partition("-")[2].strip()
    return f"{shown}-{labels}" if labels else shown


def version_of(key: Key) -> str:
    """Return a version that has a key."""
    *numbers, _ = key
    shown = ".".join(str(number) for number in (numbers if numbers[3] else numbers[:3]))
    labels = _labels(key)
    return f"{shown}-{labels}" if labels else shown


def best(wanted: NugetRange, table: VersionTable, usable: int, preferred: int = 0) -> int | None:
    """Return the bit of the version that is taken; None where there is none.

    It is the lowest one. Where something floats, it is the highest one that this covers, and the lowest one where it covers none.

    Args:
        wanted: The range.
        table: The versions of a package.
        usable: The mask of those that may be taken.
        preferred: The mask of those that are taken before others, where something floats that covers them.
    """
    mask = table.mask_of(wanted.allowed) & usable
    if not wanted.prereleases:
        mask &= table.releases
    if wanted.floating is not None:
        covered = [bit for bit in bits(mask) if _covers(wanted, wanted.floating, table.versions[bit])]
        if covered:
            return next((bit for bit in reversed(covered) if preferred >> bit & 1), covered[-1])
    return next(bits(mask), None)


def allows(wanted: NugetRange, key: Key) -> bool:
    """Return whether a range allows a version, by its key."""
    return any(
        (span.low is None or key > span.low.key or (key == span.low.key and not span.low.after))
        and (span.high is None or key < span.high.key or (key == span.high.key and span.high.after))
        for span in wanted.allowed.spans
    )


def reaches(near: NugetRange, far: NugetRange) -> bool:
    """Return whether one range begins no lower than another one, which it stands in for then."""
    if near.low is None or far.low is None:
        return near.low is None
    if near.floating is None and far.floating is None:
        return near.low >= far.low
    for one, answer in ((near, True), (far, False)):
        if one.floating == Floating(0, None):
            return answer
    ours, theirs = _highest(near), _highest(far)
    if ours != theirs:
        return ours > theirs
    if not near.labels or not far.labels:
        return not near.labels
    shared = min(len(near.labels), len(far.labels))
    return near.labels[:shared] >= far.labels[:shared]


def _floating(text: str) -> Floating:
    match = _FLOATING.fullmatch(text)
    assert match is not None, text
    # A star is read as a zero wherever it stands: of 1.1* it is 1.10 that floats, and so the 1 alone is fixed.
    return Floating(match["numbers"].count(".") if match["star"] else 4, match["labels"])


def _labels(low: Key | None) -> str:
    """Return the labels of a version, in capitals; empty where it is no prerelease."""
    if low is None or low[4] == _RELEASE:
        return ""
    return ".".join(text or str(number) for _, number, text in low[4])


def _covers(wanted: NugetRange, floating: Floating, version: str) -> bool:
    numbers, dash, labels = version.partition("-")
    found = [int(number) for number in numbers.split(".")]
    assert wanted.low is not None
    if tuple((*found, 0)[: floating.fixed]) != wanted.low[: floating.fixed]:
        return False
    return not dash or (floating.labels is not None and labels.lower().startswith(floating.labels.lower()))


def _highest(one: NugetRange) -> tuple[int, ...]:
    """Return the numbers of the highest version that floats, where labels do not; of the lowest one else."""
    assert one.low is not None
    if one.floating is None or one.floating.labels is not None:
        return one.low[:4]
    return (*one.low[: one.floating.fixed], *[_HIGHEST] * (4 - one.floating.fixed))
