"""Versions that are looked at for what is needed, and those that were looked at before; `DependencyCache` of Poetry 2.5.

What was found for one need is filtered for the next one, and keeps the need that it was found for: locks follow from that.
"""

from collections.abc import Callable, Iterable

from poetry.core.constraints.version import Version, VersionConstraint, VersionUnion
from poetry.core.packages.dependency import Dependency
from poetry.core.packages.package import Package

# Two ranges may be all but one version, which is looked at in another way.
_MANY = 3


class Candidate:
    """A version that may be chosen.

    Args:
        dependency: For what.
        package: The version.
        is_told: Whether a lock tells what it needs.
    """

    def __init__(self, dependency: Dependency, package: Package, *, is_told: bool = False) -> None:
        self.dependency, self.package, self.is_told = dependency, package, is_told


class Candidates:
    """Has candidates.

    Args:
        search: Finds the versions that are allowed, the best first.
    """

    def __init__(self, search: Callable[[Dependency], Iterable[Package]]) -> None:
        self._search = search
        self._found: dict[str, list[list[Candidate]]] = {}
        self._by_level: dict[int, list[str]] = {}
        self._filtered: dict[Dependency, list[Candidate]] = {}

    def of(self, dependency: Dependency, level: int) -> list[Candidate]:
        """Return candidates, the best first.

        Args:
            dependency: What is needed.
            level: How many packages are decided.
        """
        name, features = dependency.name, dependency.features
        found = self._of(dependency.without_features() if features else dependency)
        stack = self._found.setdefault(name, [])
        if not stack or stack[-1] is not found:
            stack.append(found)
            self._by_level.setdefault(level, []).append(name)
        if features and found:
            wanted = found[0].dependency.with_features(features)
            return [Candidate(wanted, one.package) for one in found]
        return found

    def forget(self, levels: Iterable[int]) -> None:
        """Forget what was found at some levels, the highest first."""
        for level in levels:
            for name in self._by_level.pop(level, ()):
                self._filtered.clear()
                self._found[name].pop()

    def _of(self, dependency: Dependency) -> list[Candidate]:
        known = self._filtered.get(dependency)
        if known is None:
            stack = self._found.get(dependency.name)
            allows = allowing(dependency.constraint)
            known = [one for one in stack[-1] if allows(one.package.version)] if stack else []
            # Prereleases may do where nothing else is left.
            known = known or [Candidate(dependency, one) for one in self._search(dependency)]
            self._filtered[dependency] = known
        return known


def allowing(constraint: VersionConstraint) -> Callable[[Version], bool]:
    """Return what tells of versions, sorted ones, whether they are allowed: of several ranges the one that did last is tried first."""
    if not isinstance(constraint, VersionUnion) or len(constraint.ranges) < _MANY:
        return constraint.allows
    ranges = list(constraint.ranges)

    def allows(version: Version) -> bool:
        found = next((at for at, one in enumerate(ranges) if one.allows(version)), None)
        if found:
            ranges.insert(0, ranges.pop(found))
        return found is not None

    return allows
