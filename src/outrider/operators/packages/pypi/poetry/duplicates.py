"""What one package needs of another one more than once: `complete_package` and what it calls, `poetry/puzzle/provider.py` of Poetry 2.5.

Needs of the same versions from the same index become one, with either marker. Those of different ones are told apart by machines.
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import combinations, product

from poetry.core.constraints.version import EmptyConstraint, VersionConstraint, VersionRange
from poetry.core.packages.dependency import Dependency
from poetry.core.packages.package import Package
from poetry.core.packages.utils.utils import get_python_constraint_from_marker
from poetry.core.version.markers import AnyMarker, BaseMarker
from poetry.core.version.markers import union as union_of

# Each more doubles what is looked at.
_MOST = 12


class ClashError(Exception):
    """Different versions of a package are needed on the same machine, or those of different indexes; the message says which."""


class Duplicates:
    """Has each package once in what another one needs.

    Args:
        package: Whose needs these are.
        pythons: That are to be served.
        where: On which machines.
        extras: That are asked of the package; all of the project count.
    """

    def __init__(
        self, package: Package, pythons: VersionConstraint, where: BaseMarker, extras: Collection[str]
    ) -> None:
        self._package, self._pythons, self._where = package, pythons, where
        self._extras = None if package.is_root() else extras

    @property
    def _who(self) -> str:
        return "You ask for" if self._package.is_root() else f"{self._package} needs"

    def resolved(self, needs: Iterable[Dependency]) -> tuple[list[Dependency], list[Dependency]]:
        """Return what is needed, or of the first package that machines have to be told apart for, what each kind needs.

        Raises:
            ClashError: Different versions are needed on the same machine, or those of different indexes.
        """
        by_name: dict[str, list[Dependency]] = {}
        for one in needs:
            by_name.setdefault(one.name, []).append(one)
        found: list[Dependency] = []
        for same in by_name.values():
            apart, are_apart = self._apart(same) if len(same) > 1 else (same, False)
            if not are_apart or len(apart) == 1:
                found += apart
                continue
            apart = [one for one in apart if not self._where.intersect(one.marker).is_empty()]
            if len(apart) > 1:
                return [], apart
            found += [one for one in apart if not one.constraint.is_empty()]
        return found, []

    def _apart(self, same: Sequence[Dependency]) -> tuple[list[Dependency], bool]:
        """Return needs of one package whose markers are apart, and whether they are; with different extras they may not be."""
        by_extras: dict[str, list[Dependency]] = {}
        for one in same:
            by_extras.setdefault(one.complete_name, []).append(one)
        if len(by_extras) == 1:
            return self._exclusive(same, self._extras, covers=True), True
        groups = [self._exclusive(each, None) if len(each) > 1 else each for each in by_extras.values()]
        every = [one for each in groups for one in each]
        apart = len(every) == len(groups) and all(
            one.marker.intersect(other.marker).is_empty() for one, other in combinations(every, 2)
        )
        return every, apart

    def _exclusive(
        self, needs: Sequence[Dependency], extras: Collection[str] | None, *, covers: bool = False
    ) -> list[Dependency]:
        """Return needs whose markers are never true at once.

        Args:
            needs: Of one package.
            extras: That are asked for; None where any may be.
            covers: Whether it is told too where none of them is needed.
        """
        merged = _merged(needs)
        if len(merged) > _MOST:
            raise ClashError(
                f"{self._who} {merged[0].name} in more than {_MOST} ways, which is more than can be told apart."
            )
        found = []
        for uses in product((True, False), repeat=len(merged)):
            where = _where(merged, uses)
            if not self._is_relevant(where, extras) or not (any(uses) or covers):
                continue
            used = [one for one, is_used in zip(merged, uses, strict=True) if is_used] or merged
            of_index = self._of_index(used) if any(uses) else used[0]
            new = of_index.with_constraint(self._constraint(used) if any(uses) else EmptyConstraint())
            new.marker = where
            found.append(new)
        return _merged(found)

    def _constraint(self, used: Sequence[Dependency]) -> VersionConstraint:
        found: VersionConstraint = VersionRange()
        for one in used:
            found = found.intersect(one.constraint)
        if found.is_empty():
            raise self._clash(used)
        return found

    def _of_index(self, used: Sequence[Dependency]) -> Dependency:
        """Return a need that names the index that all of them are for; the first one where none is named."""
        named = [one for one in used if one.source_name]
        if len({one.source_name for one in named}) > 1:
            raise self._clash(named)
        return named[-1] if named else used[0]

    def _clash(self, used: Sequence[Dependency]) -> ClashError:
        texts = [f"{one.to_pep_508()}{f' from {one.source_name}' if one.source_name else ''}" for one in used]
        return ClashError(f"{self._who} {' and '.join(texts)} on one machine.")

    def _is_relevant(self, marker: BaseMarker, extras: Collection[str] | None) -> bool:
        return (
            not marker.is_empty()
            and self._pythons.allows_any(get_python_constraint_from_marker(marker))
            and (extras is None or marker.validate({"extra": extras}))
        )


def _where(needs: Sequence[Dependency], uses: Sequence[bool]) -> BaseMarker:
    """Return on which machines some are needed and the others are not."""
    found: BaseMarker = AnyMarker()
    for used, one in sorted(zip(uses, needs, strict=True), key=lambda each: not each[0]):
        found = found.intersect(one.marker if used else one.marker.invert())
    return found


def _merged(needs: Iterable[Dependency]) -> list[Dependency]:
    """Return needs of the same versions from the same index as one, which is needed where either is."""
    by_index: dict[str | None, dict[VersionConstraint, list[Dependency]]] = {}
    for one in needs:
        by_index.setdefault(one.source_name, {}).setdefault(one.constraint, []).append(one)
    found = []
    for by_constraint in by_index.values():
        for same in by_constraint.values():
            if len(same) > 1:
                same[0].marker = union_of(*(one.marker for one in same))
            found.append(same[0])
    return found
