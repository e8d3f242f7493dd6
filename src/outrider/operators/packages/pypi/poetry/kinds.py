"""What was chosen for several kinds of machines, as one: `merge_override_packages`, `poetry/puzzle/solver.py` of Poetry 2.5."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from poetry.core.constraints.version import VersionConstraint
from poetry.core.packages.package import Package
from poetry.core.version.markers import AnyMarker, BaseMarker, EmptyMarker, MultiMarker, SingleMarker

from outrider.operators.packages.pypi.poetry.graphs import Place, Places
from outrider.operators.packages.pypi.poetry.provider import Overrides


class _Found(NamedTuple):
    package: Package
    place: Place
    where: BaseMarker


def merged(kinds: Iterable[tuple[Overrides, Places]], pythons: VersionConstraint, check: Callable[[], None]) -> Places:
    """Return all packages, each with the machines of the kinds for which it was chosen.

    Args:
        kinds: What was overridden for each, and what was chosen.
        pythons: Of the project.
        check: As `placed` takes it.
    """
    found: dict[Package, list[_Found]] = {}
    for overrides, places in kinds:
        where: BaseMarker = AnyMarker()
        for needs in overrides.values():
            for one in needs.values():
                check()
                where = where.intersect(one.marker.without_extras())
        where = where.reduce_by_python_constraint(pythons)
        for package, place in places.items():
            # It is simpler without what is said of the kind anyway.
            place.markers = {group: _without(marker, where) for group, marker in place.markers.items()}
            found.setdefault(package, []).append(_Found(package, place, where))
    return {same[0].package: _joined(same, check) for same in found.values()}


def _joined(same: Sequence[_Found], check: Callable[[], None]) -> Place:
    package, place, where = same[0]
    place.depth = max(one.place.depth for one in same)
    place.groups = {group for one in same for group in one.place.groups}
    if all(one.place.markers == place.markers for one in same[1:]):
        either: BaseMarker = EmptyMarker()
        for one in same:
            check()
            either = either.union(one.where)
        place.markers = {group: either.intersect(marker) for group, marker in place.markers.items()}
    else:
        place.markers = {group: where.intersect(marker) for group, marker in place.markers.items()}
        for one in same[1:]:
            for group, marker in one.place.markers.items():
                check()
                known = place.markers.get(group, EmptyMarker())
                place.markers[group] = known.union(one.where.intersect(marker))
    for one in same[1:]:
        for need in one.package.requires:
            if need not in package.requires:
                package.add_dependency(need)
    return place


def _without(marker: BaseMarker, other: BaseMarker) -> BaseMarker:
    parts: set[BaseMarker] = set()
    if isinstance(other, SingleMarker):
        parts = {other}
    elif isinstance(other, MultiMarker):
        parts = set(other.markers)
    if parts and isinstance(marker, MultiMarker) and parts.issubset(marker.markers):
        return MultiMarker.of(*(one for one in marker.markers if one not in parts))
    return marker
