"""Which versions a record affects, as spans; the rules: https://ossf.github.io/osv-schema/#evaluation."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.advisories.osv import Event
from outrider.operators.packages.versions.ranges import Cut, Key, Span, intersection
from outrider.operators.packages.versions.scheme import Scheme

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
        unclear: Whether a range could not be read, so that more may be affected than is known.
    """

    listed: frozenset[str]
    spans: tuple[Span, ...]
    unclear: bool

    def holds(self, version: str, key: Key | None) -> bool:
        """Return whether a version is affected; one that its ecosystem cannot read, and so has no key, is where it is listed."""
        return version in self.listed or (key is not None and any(_within(key, span) for span in self.spans))


def affected_versions(scheme: Scheme, versions: Iterable[str], ranges: Iterable[Sequence[Event]]) -> AffectedVersions:
    """Return what a record affects of a package.

    Args:
        scheme: The rules of its ecosystem.
        versions: That are listed.
        ranges: The events of each range.
    """
    spans: list[Span] = []
    unclear = False
    for events in ranges:
        try:
            spans += _spans(scheme, events)
        except InvalidConfigError:
            unclear = True
    return AffectedVersions(frozenset(versions), tuple(spans), unclear)


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


def _within(key: Key, span: Span) -> bool:
    above = span.low is None or (key > span.low.key if span.low.after else key >= span.low.key)
    below = span.high is None or (key <= span.high.key if span.high.after else key < span.high.key)
    return above and below
