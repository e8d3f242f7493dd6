"""Which versions a record affects, as spans; the rules: https://ossf.github.io/osv-schema/#evaluation."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.advisories.osv import Affected, Event
from outrider.operators.packages.versions.ranges import EVERYTHING, Cut, Key, Span, complement, intersection
from outrider.operators.packages.versions.scheme import Scheme, Version

# At one version it first ends, and then begins: what is fixed and introduced in the same version is introduced.
_ORDER = {"fixed": 0, "introduced": 1, "last_affected": 2}
_BEFORE_ALL = "0"


class _Point(NamedTuple):
    key: Key | None
    kind: str


class AffectedVersions(NamedTuple):
    """Versions that are affected.

    Attributes:
        listed: By their texts.
        spans: By their order.
        spared: Those of the spans that are not.
        unclear: Whether a range could not be read, so that more may be affected than is known.
    """

    listed: frozenset[str]
    spans: tuple[Span, ...]
    spared: tuple[Span, ...]
    unclear: bool

    def holds(self, text: str, version: Version, others: Sequence[str] = ()) -> bool:
        """Return whether a version is affected.

        Args:
            text: The version.
            version: The same, as its ecosystem reads it.
            others: Other texts that are the same version.
        """
        return text in self.listed or self.spanned(version) or not self.listed.isdisjoint(others)

    def spanned(self, version: Version) -> bool:
        """Return whether a version is affected by its order, whether or not it is listed."""
        return _among(self.spans, version) and not (self.spared and _among(self.spared, version))

    @property
    def quick(self) -> Callable[[Version], bool]:
        """What answers as `spanned` does, without what is not needed for it: of a hundred thousand packages each asks this."""
        return self.spanned if self.spared else partial(_among, self.spans)

    def remaining(self) -> tuple[Span, ...]:
        """Return the spans without what is spared of them, which none of releases only may be."""
        return intersection(self.spans, complement(self.spared)) if self.spared else self.spans


def affected_versions(scheme: Scheme, said: Iterable[Affected]) -> AffectedVersions:
    """Return what a record affects of a package.

    Args:
        scheme: The rules of its ecosystem.
        said: What the record says of it, once or several times.
    """
    listed: set[str] = set()
    spans: list[Span] = []
    spared: list[Span] = []
    unclear = False
    for one in said:
        listed.update(one.versions)
        spans += EVERYTHING if one.all else ()
        for found, read in (
            (spans, [partial(_spans, scheme, events) for events in one.ranges]),
            (spans, [partial(_native, scheme, text) for text in one.within]),
            (spared, [partial(_spared, scheme, one.ecosystem, text) for text in one.spared]),
        ):
            for each in read:
                try:
                    found.extend(each())
                except InvalidConfigError:
                    # Where what is spared cannot be read, it counts as affected, which is the safe side.
                    unclear = True
    return AffectedVersions(frozenset(listed), tuple(spans), tuple(spared), unclear)


def _native(scheme: Scheme, text: str) -> tuple[Span, ...]:
    return scheme.range(text).spans


def _spared(scheme: Scheme, ecosystem: str, text: str) -> Iterable[Span]:
    """Return the spans of a range that is spared; RustSec means the prereleases in it too, which no requirement of Cargo would take."""
    spans = _native(scheme, text)
    return (span._replace(releases_only=False) for span in spans) if ecosystem == "cargo" else spans


def _spans(scheme: Scheme, events: Sequence[Event]) -> tuple[Span, ...]:
    points = [_point(scheme, event) for event in events if event.kind in _ORDER]
    # Without a key it is before all versions; keys of one ecosystem can be compared with one another only.
    first = [point for point in points if point.key is None]
    rest = sorted((point for point in points if point.key is not None), key=lambda one: (one.key, _ORDER[one.kind]))
    spans, began, low = [], False, None
    for key, kind in [*first, *rest]:
        if kind == "introduced" and not began:
            began, low = True, None if key is None else Cut(key, after=False)
        elif kind != "introduced" and began and key is not None:
            spans.append(Span(low, Cut(key, after=kind == "last_affected")))
            began = False
    if began:
        spans.append(Span(low))
    limits = [scheme.parse(event.version).key for event in events if event.kind == "limit" and event.version != "*"]
    return intersection(spans, [Span.below(limit) for limit in limits]) if limits else tuple(spans)


def _point(scheme: Scheme, event: Event) -> _Point:
    # "0" is before all versions, whether or not there is such a version.
    before_all = event.kind == "introduced" and event.version == _BEFORE_ALL
    return _Point(None if before_all else scheme.parse(event.version).key, event.kind)


def _among(spans: Iterable[Span], version: Version) -> bool:
    key, prerelease = version.key, version.prerelease
    # As many ask this nothing is made for it that is not needed.
    for low, high, releases_only in spans:
        if low is not None and not (key > low.key if low.after else key >= low.key):
            continue
        if high is not None and not (key <= high.key if high.after else key < high.key):
            continue
        if not (releases_only and prerelease):
            return True
    return False
