"""What was chosen for the kinds of machines that have been resolved, which others are to share where they can."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from outrider.operators.packages.pypi.details import LockedVersion
from outrider.operators.packages.pypi.sources import PypiSource
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.local_versions import plain_versions
from outrider.operators.packages.pypi.universal.marker_texts import marker_text
from outrider.operators.packages.pypi.universal.trees import Tree, disjoint
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedFork, ResolvedPackage
from outrider.operators.packages.resolving.searching import bits
from outrider.operators.packages.versions.ecosystems import scheme_of


class _Known(NamedTuple):
    """A version of a package, the index that it comes from, and the machines that it is for."""

    version: str
    url: str
    where: Tree


class Chosen:
    """Takes in answers.

    Args:
        source: Where projects come from.
        locked: What a lock has.
        files: Whether all files are to be told.

    Attributes:
        forks: What was chosen for which machines.
        where: The machines that are being resolved.
    """

    def __init__(self, source: PypiSource, locked: Sequence[LockedVersion], *, files: bool) -> None:
        self._source, self._files = source, files
        self._packages: dict[tuple[str, str, str], ResolvedPackage] = {}
        self._versions: dict[str, list[_Known]] = {}
        self._of_lock: dict[str, list[_Known]] = {}
        for one in locked:
            for where in map(marker_tree, one.markers or [""]):
                self._of_lock.setdefault(one.name, []).append(_Known(one.version, one.url, where))
        self._locked = source.preferred
        source.preferred = self._preferred
        self.forks: list[ResolvedFork] = []
        self.where: Tree = True
        self._target = ""

    async def take(self, where: Tree, answer: Resolved) -> None:
        """Take in what was chosen for one kind of machines, for which the source has its projects.

        Raises:
            OutriderError: What an index says.
        """
        self._target = self._target or answer.target
        for one in answer.packages:
            self._versions.setdefault(one.name, []).append(
                _Known(one.version, self._source.indexes.get(one.name, ""), where)
            )
        # What lies here is known to whoever asks.
        packages = [one for one in answer.packages if not self._source.is_local(one.name)]
        for one in packages:
            one.registry = self._source.projects[one.name].record.index
            known = self._packages.setdefault((one.name, one.version, one.registry), one)
            if known is one:
                await self._tell_more(one)
            known.extras = sorted({*known.extras, *one.extras})
            known.needed_by = sorted({*known.needed_by, *one.needed_by})
            known.direct |= one.direct
        self.forks.append(ResolvedFork.of(marker_text(where), packages))

    def _preferred(self, name: str, versions: Sequence[str]) -> int:
        """Return what is locked, else what was chosen for other kinds of machines, and first for those that these ones were part of.

        As with uv, what comes from an index that alone is asked here is not preferred for what others have of it.
        """
        of_lock = self._of_lock.get(name, ())
        wanted = {versions[bit] for bit in bits(self._locked(name, versions))}
        # What a lock does not have is wanted anywhere.
        new = [
            _Known(one, self._source.indexes.get(name, ""), True) for one in wanted - {one.version for one in of_lock}
        ]
        locked = self._first(name, [*new, *(one for one in of_lock if one.version in wanted)])
        found = _mask(versions, locked) or _mask(versions, self._first(name, self._versions.get(name, ())))
        for local, plain in plain_versions(self._source.projects[name].record).items():
            # Each of the two stands for the other one: what comes first, and fits, is chosen.
            if found >> local & 1 or found >> plain & 1:
                found |= 1 << local | 1 << plain
        return found

    def _first(self, name: str, known: Sequence[_Known]) -> set[str]:
        index = self._source.indexes.get(name)
        some = [one for one in known if index in (None, one.url)]
        return {one.version for one in [each for each in some if not disjoint(each.where, self.where)] or some}

    def answer(self) -> Resolved:
        """Return one answer, with all versions of each package."""
        ordered = sorted(
            self._packages.items(), key=lambda one: (one[0][0], scheme_of("pypi").parse(one[0][1]).key, one[0][2])
        )
        forks = self.forks if len(self.forks) > 1 or self.forks[0].marker else []
        return Resolved(target=self._target, packages=[one for _, one in ordered], forks=forks)

    async def _tell_more(self, one: ResolvedPackage) -> None:
        project = self._source.projects[one.name]
        wheel = project.wheel(project.table.versions.index(one.version))
        one.needs = [need.text() for need in wheel[1].needs] if wheel is not None else []
        one.files = await self._source.files(one.name, one.version) if self._files else []


def _mask(versions: Sequence[str], wanted: Collection[str]) -> int:
    return sum(1 << bit for bit, one in enumerate(versions) if one in wanted)
