"""Which versions pip tries for what is asked, and what these ask for: `find_candidates` and `iter_dependencies` of pip 26."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.pypi.pipenv.requirements import (
    PYTHON,
    Candidate,
    Identifier,
    Origin,
    Requirement,
    clauses_of,
    pinned,
    read_origin,
    requirements_of,
)
from outrider.operators.packages.pypi.projects import PypiProject
from outrider.operators.packages.pypi.sources import PypiSource
from outrider.operators.packages.pypi.targets import Target
from outrider.operators.packages.resolving.searching import bits

_LOWER = (">=", "~=")


class Matches(NamedTuple):
    """Versions that meet all requirements, the best one first.

    Attributes:
        identifier: Of what.
        order: Their numbers.
        origin: The first requirement, after which pip calls what it finds; None for what it has found before.
    """

    identifier: Identifier
    order: tuple[int, ...]
    origin: Origin | None


class Candidates:
    """Finds versions.

    Args:
        source: Where projects come from.
        target: For what.
        constraints: Ranges by normalised name, which are asked of what is chosen anyway.
    """

    def __init__(self, source: PypiSource, target: Target, constraints: Mapping[str, str]) -> None:
        self._source, self._target, self._constraints = source, target, constraints
        self._dependencies: dict[Candidate, list[Requirement]] = {}
        self._origins: dict[Candidate, Origin] = {}

    def origin(self, candidate: Candidate) -> Origin:
        """Return for which requirement a version was looked at first."""
        return self._origins[candidate]

    async def load(self, requirements: Iterable[Requirement]) -> None:
        """Have the projects of requirements.

        Raises:
            OutriderError: What an index says.
        """
        await self._source.load({one.identifier.name for one in requirements if one.identifier != PYTHON})

    def matches(
        self,
        identifier: Identifier,
        requirements: Sequence[Requirement],
        of_project: Sequence[Requirement],
        left_out: Collection[Candidate],
    ) -> Matches:
        """Return the versions that may be tried.

        Args:
            identifier: Of what.
            requirements: That they have to meet.
            of_project: Likewise, those of the project without extras where there are some.
            left_out: Versions of which it is known that they will not do.
        """
        both = [*requirements, *of_project]
        exact = [one.exact.bit for one in both if one.exact is not None]
        origins = [one.origin for one in both if one.origin is not None]
        if identifier == PYTHON:
            order: Iterable[int] = exact[:1]
        elif exact:
            constrained = Requirement(identifier, _constraint(identifier.name, self._constraints))
            order = (
                bit
                for bit in dict.fromkeys(exact)
                if all(self.satisfies(Candidate(identifier, bit), one) for one in [constrained, *requirements])
            )
        else:
            ranges = [self._constraints.get(identifier.name, ""), *(one.need.range for one in origins)]
            order = self._ordered(identifier.name, ranges)
        found = tuple(bit for bit in order if Candidate(identifier, bit) not in left_out)
        # Versions that are asked for alone were called by somebody else before.
        return Matches(identifier, found, origins[0] if origins and not exact else None)

    def satisfies(self, candidate: Candidate, requirement: Requirement) -> bool:
        """Return whether a version meets a requirement."""
        if requirement.exact is not None:
            return candidate == requirement.exact
        assert requirement.origin is not None
        project, text = self._source.projects[candidate.identifier.name], requirement.origin.need.range
        if _mask(project, text) >> candidate.bit & 1:
            return True
        is_release = bool(project.table.releases >> candidate.bit & 1)
        return not is_release and bool(_prereleases(project, text) >> candidate.bit & 1)

    def _ordered(self, name: str, ranges: Sequence[str]) -> Iterable[int]:
        project = self._source.projects[name]
        whole = ",".join(filter(None, ranges))
        allowed = _mask(project, whole) & project.usable
        # Releases that were taken back stand in the way of prereleases, and are passed over after that.
        allowed = allowed & project.table.releases or allowed | _prereleases(project, whole) & project.usable
        yanked = sum(1 << bit for bit in project.record.yanked)
        if allowed & ~yanked or not pinned(clauses_of(whole)):
            allowed &= ~yanked
        first = allowed & self._source.preferred(name, project.table.versions)
        return [*reversed([*bits(first)]), *reversed([*bits(allowed & ~first)])]

    async def next_usable(self, matches: Matches, position: int) -> int | None:
        """Return the position of the first version whose metadata can be read, which is looked at for that; None where there is none.

        Args:
            matches: The versions.
            position: From which on.

        Raises:
            OutriderError: What an index says.
        """
        identifier, order, origin = matches
        project = self._source.projects.get(identifier.name)
        for at in range(position, len(order)):
            candidate, alone = Candidate(identifier, order[at]), Candidate(Identifier(identifier.name), order[at])
            if project is not None and origin is not None:
                if not (project.explored | project.broken) >> order[at] & 1:
                    await self._source.explore(project, [order[at]])
                if not project.explored >> order[at] & 1:
                    continue
                self._origins.setdefault(alone, origin)
            if alone in self._origins:
                self._origins.setdefault(candidate, origin or self._origins[alone])
            return at
        return None

    async def dependencies(self, candidate: Candidate) -> list[Requirement]:
        """Return what a version asks for, all projects of which are loaded.

        Raises:
            OutriderError: What an index says.
        """
        found = self._dependencies.get(candidate)
        if found is None:
            found = self._dependencies[candidate] = [*self._asked_by(candidate)]
            await self.load(found)
        return found

    def _asked_by(self, candidate: Candidate) -> Iterable[Requirement]:
        (name, extras), bit = candidate
        if candidate.identifier == PYTHON:
            return
        wheel = self._source.projects[name].wheel(bit)
        assert wheel is not None
        metadata = wheel[1]
        if extras:
            alone = Candidate(Identifier(name), bit)
            yield Requirement(alone.identifier, exact=alone)
            extras = tuple(one for one in extras if one in metadata.extras)
        elif metadata.python:
            yield Requirement(PYTHON, exact=Candidate(PYTHON, 0))
        for text in metadata.requires:
            origin = read_origin(text, self._origins[candidate])
            if origin is not None and self._counts(origin.need.marker, extras):
                yield from requirements_of(origin)

    def _counts(self, marker: str, extras: tuple[str, ...]) -> bool:
        return not marker or any(self._target.holds(marker, one) for one in extras or ("",))


def _constraint(name: str, constraints: Mapping[str, str]) -> Origin | None:
    return read_origin(f"{name}{constraints.get(name, '')}")


def _mask(project: PypiProject, text: str) -> int:
    try:
        return project.table.mask(text)
    except InvalidConfigError:
        return 0  # it allows nothing


def _prereleases(project: PypiProject, text: str) -> int:
    """Return the prereleases that count for the release after them: `is_prerelease_of_satisfying_lower_bound` of pip 26."""
    clauses = clauses_of(text)
    if "@" in text or not any(operator in _LOWER for operator, _ in clauses):
        return 0
    whole = SpecifierSet(text)
    others = SpecifierSet(",".join(f"{operator}{version}" for operator, version in clauses if operator not in _LOWER))
    mask = 0
    for bit in bits(project.table.everything & ~project.table.releases):
        version = project.table.versions[bit]
        # What is missed may be lower bounds alone.
        if whole.contains(Version(version).base_version) and others.contains(version, prereleases=True):
            mask |= 1 << bit
    return mask
