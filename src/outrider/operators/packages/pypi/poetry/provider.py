"""What a resolution is told of packages: `poetry/puzzle/provider.py` of Poetry 2.5.

Where one package needs another one in different versions on different machines, a resolution is begun anew for each kind of machines:
what it needs there is an override. What two packages need so has its marker in a stand-in that is no package.
"""

from collections.abc import Iterable, Mapping, Sequence

from poetry.core.constraints.version import VersionConstraint
from poetry.core.packages.dependency import Dependency
from poetry.core.packages.package import Package
from poetry.core.packages.utils.utils import get_python_constraint_from_marker
from poetry.core.version.markers import AnyMarker, BaseMarker, parse_marker

from outrider.operators.packages.pypi.poetry.candidates import Candidate
from outrider.operators.packages.pypi.poetry.duplicates import Duplicates
from outrider.operators.packages.pypi.poetry.incompatibilities import Cause, Incompatibility
from outrider.operators.packages.pypi.poetry.locked import Locked
from outrider.operators.packages.pypi.poetry.pool import Pool
from outrider.operators.packages.pypi.poetry.terms import Term

Overrides = dict[Package, dict[str, Dependency]]
# No package can have such a name.
_SPLIT = "|marker-split|"


class OverridesNeededError(Exception):
    """Several kinds of machines have to be told apart.

    Attributes:
        several: What is overridden for each.
    """

    def __init__(self, several: Sequence[Overrides]) -> None:
        super().__init__()
        self.several = several


class Provider:
    """Knows packages, for one kind of machines.

    Args:
        pythons: Of the project.
        pool: Has packages.
        locked: Versions that are tried first, by name.
        overrides: For this kind of machines.
    """

    def __init__(
        self,
        pythons: VersionConstraint,
        pool: Pool,
        locked: Mapping[str, Sequence[Locked]],
        overrides: Overrides,
    ) -> None:
        self._pool, self._locked, self._overrides = pool, locked, overrides
        # By name, the indexes that the project itself names, for this kind of machines.
        self._named: dict[str, str] = {}
        self.where: BaseMarker = AnyMarker()
        for needs in overrides.values():
            for one in needs.values():
                self.where = self.where.intersect(one.marker)
        self._pythons = pythons.intersect(get_python_constraint_from_marker(self.where))

    def split(self, where: BaseMarker) -> list[Overrides]:
        """Return the overrides for machines of this kind where a marker is true, and for those where it is not."""
        stand_in = Package(_SPLIT, "0")
        before = self._overrides.get(stand_in, {}).get(_SPLIT)
        found = []
        for side in (where, where.invert()):
            need = Dependency(_SPLIT, "*")
            need.marker = side if before is None else before.marker.intersect(side)
            found.append({**self._overrides, stand_in: {_SPLIT: need}})
        return found

    def prepare(self, dependencies: Iterable[Dependency]) -> None:
        """Have what will be asked for next."""
        self._pool.prepare(one for one in dependencies if not one.is_root)

    def search(self, dependency: Dependency) -> list[Package]:
        """Return the versions that may be chosen, the best first."""
        return [self._pool.root] if dependency.is_root else self._pool.search(dependency)

    def locked(self, dependency: Dependency) -> Candidate | None:
        """Return the version that is tried before all others: `get_locked` of Poetry 2.5.

        As there, what is needed is of the index that the project names from then on: it may not be that of the lock, and then another
        version is chosen when it comes to that.
        """
        for one in self._locked.get(dependency.name, ()):
            if not one.package.satisfies(dependency, ignore_source_type=not one.is_told):
                continue
            reference = one.package.source_reference
            if dependency.name in self._named:
                dependency.source_name = self._named[dependency.name]
            elif not dependency.source_name and reference and self._pool.is_explicit(reference):
                continue
            if one.is_told or self._pool.may_have(one.package, dependency.source_name):
                return Candidate(dependency, one.package, is_told=one.is_told)
        return None

    def may_have(self, candidate: Candidate) -> bool:
        """Return whether a version that was locked may be chosen."""
        return self._pool.may_have(candidate.package, candidate.dependency.source_name)

    def usual_needs(self, dependency: Dependency, candidate: Candidate) -> list[Dependency]:
        """Return what a version needs with the extras that are asked of it, on whatever machine."""
        package = candidate.package
        if package.is_root():
            return list(package.all_requires)
        if not candidate.is_told:
            named = self._pool.whole(package, dependency.source_name)
            package = named or self._pool.whole(package, package.source_reference) or package
        extras = dependency.extras
        return [one for one in package.requires if not one.in_extras or extras & {*one.in_extras}]

    def completed(self, candidate: Candidate) -> Candidate:
        """Return a version with what it needs on machines of this kind.

        Raises:
            ClashError: It needs different versions of a package on the same machine.
            OverridesNeededError: It needs different ones on different machines.
        """
        dependency, package = candidate.dependency, candidate.package
        if package.is_root():
            package, requires = package.clone(), package.all_requires
        else:
            package = self._pool.whole(package, dependency.source_name) or package
            requires = package.requires
        extras, optional = _wanted(package, dependency)
        needs: list[Dependency] = []
        if dependency.extras:
            package = package.with_features(dependency.extras)
            itself = package.without_features().to_dependency()
            itself.marker = dependency.marker
            itself.source_name = dependency.source_name
            needs.append(itself)
        needs += self._relevant(package, requires, extras, optional)
        duplicates = Duplicates(package, self._pythons, self.where, extras)
        single, several = duplicates.resolved(self._overridden(needs, package))
        if several:
            of_package = self._overrides.get(package, {})
            raise OverridesNeededError([{**self._overrides, package: {**of_package, one.name: one}} for one in several])
        kept = [*_reachable(single, dependency)]
        package = package.with_dependency_groups([], only=True)
        for one in kept:
            package.add_dependency(one)
        if package.is_root():
            self._named = {one.name: one.source_name for one in kept if one.source_name}
        return Candidate(dependency, package)

    def incompatibilities(self, candidate: Candidate) -> list[Incompatibility]:
        """Return what follows where a version is chosen that was completed."""
        package = candidate.package
        chosen = Term(package.to_dependency(), True)
        if not package.is_root() and self._pool.whole(package, candidate.dependency.source_name) is None:
            return [Incompatibility([chosen], Cause(f"The metadata of {package} cannot be read."))]
        if not package.is_root() and not self._runs(candidate):
            text = f"{package} needs Python {package.python_versions}, and Python {self._pythons} is to be served."
            return [Incompatibility([chosen], Cause(text))]
        needs = package.all_requires if package.is_root() else package.requires
        return [
            Incompatibility([chosen, Term(one, False)], Cause(_needed(package, one), needed=True))
            for one in self._overridden(needs, package)
        ]

    def _runs(self, candidate: Candidate) -> bool:
        """Return whether a version runs on all Pythons for which it is needed."""
        package, dependency = candidate.package, candidate.dependency
        if package.python_constraint.allows_all(self._pythons):
            return True
        wanted = get_python_constraint_from_marker(dependency.transitive_marker)
        both = package.python_constraint.intersect(wanted)
        return not (
            wanted.is_any()
            or self._pythons.intersect(dependency.python_constraint).is_empty()
            or both.is_empty()
            or not wanted.difference(both).intersect(self._pythons).is_empty()
        )

    def _relevant(
        self, package: Package, requires: Iterable[Dependency], extras: set[str], optional: set[str]
    ) -> Iterable[Dependency]:
        for one in requires:
            if not self._pythons.allows_any(one.python_constraint) or self.where.intersect(one.marker).is_empty():
                continue
            if not package.is_root():
                left_out = one.is_optional() and one.name not in optional
                if not left_out and not (one.in_extras and not extras & {*one.in_extras}):
                    yield one
            elif one.in_extras:
                # So that what is for different extras of the project is told apart.
                clone = one.clone()
                clone.marker = one.marker.intersect(parse_marker(_either(one.in_extras)))
                yield clone
            else:
                yield one

    def _overridden(self, needs: Iterable[Dependency], package: Package) -> list[Dependency]:
        overrides = self._overrides.get(package, {})
        found: dict[str | int, Dependency] = {}
        for number, one in enumerate(needs):
            if one.name not in overrides:
                found[number] = one
            elif not overrides[one.name].constraint.is_empty():
                found.setdefault(one.name, overrides[one.name])
        return list(found.values())


def _either(extras: Iterable[str]) -> str:
    return " or ".join(f'extra == "{one}"' for one in extras)


def _needed(package: Package, need: Dependency) -> str:
    who = "You ask for" if package.is_root() else f"{package} needs"
    return f"{who} {need.to_pep_508()}."


def _wanted(package: Package, dependency: Dependency) -> tuple[set[str], set[str]]:
    """Return the extras that are asked for, with those that they ask for themselves, and the names of what these need."""
    extras: set[str] = set()
    optional: set[str] = set()
    waiting = sorted(dependency.extras)
    while waiting:
        extra = waiting.pop()
        if extra in extras:
            continue
        extras.add(extra)
        for one in package.extras.get(extra, ()):
            if one.name == dependency.name:
                waiting += sorted(one.extras)
            else:
                optional.add(one.name)
    return extras, optional


def _reachable(needs: Iterable[Dependency], dependency: Dependency) -> Iterable[Dependency]:
    """Yield what is needed where that is needed which needs it."""
    above = dependency.transitive_marker.without_extras()
    for one in needs:
        if not above.is_any():
            both = above.intersect(one.marker.without_extras())
            if both.is_empty():
                continue
            one.transitive_marker = both
        pythons = dependency.python_constraint
        if pythons.is_any() or not one.python_constraint.intersect(pythons).is_empty():
            yield one
