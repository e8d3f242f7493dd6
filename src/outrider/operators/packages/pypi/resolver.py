"""Resolves Python packages: looks at as few versions as will do, and at more where these clash."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from itertools import product

import msgspec

from outrider.core.errors import NotFoundError, OutriderError
from outrider.operators.packages.pypi.core_metadata import Need
from outrider.operators.packages.pypi.projects import PypiProject, asks_for_prerelease
from outrider.operators.packages.pypi.sources import PypiSource
from outrider.operators.packages.pypi.targets import Target
from outrider.operators.packages.pypi.universe import PypiUniverse
from outrider.operators.packages.resolving.conflicts import involved
from outrider.operators.packages.resolving.explaining import Explanation
from outrider.operators.packages.resolving.naming import counted
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.resolving.searching import bits, first_of, in_thread
from outrider.operators.packages.resolving.solver import Solution, Unsolvable, solve

_REMEDIES = 3


class PypiResolver:
    """Resolves for one target.

    Args:
        source: Where projects come from.
        target: For what.
        question: Says how long that may take.
    """

    def __init__(self, source: PypiSource, target: Target, question: Question) -> None:
        self._source, self._target, self._check = source, target, question.check
        self._patience = question.patience
        self._extras: dict[str, set[str]] = {}

    async def resolve(self, asked: list[Need]) -> Resolved | Impossible:
        """Choose versions for what is asked for.

        Raises:
            NotFoundError: Something that was asked for is in no index.
            OutriderError: What an index says.
        """
        await self._source.load(need.name for need in asked)
        for need in asked:
            # As with pip and uv, whoever asks for a prerelease means it for all who need that project.
            self._source.projects[need.name].prereleases |= asks_for_prerelease(need)
        await self._reach(asked)
        for need in asked:
            if not self._source.projects[need.name].record.versions:
                raise NotFoundError(f"pypi {need.name}: there is none", found=need.name, suggestions=["check the name"])
        universe, answer = await self._answer(asked)
        if isinstance(answer, Unsolvable):
            return await self._impossible(universe, answer, asked)
        return Resolved(
            target=f"python {self._target.python}",
            packages=_packages(universe, answer.chosen, {need.name for need in asked}),
            notes=sorted(_unknown_extras(universe, answer.chosen)),
        )

    async def _answer(self, asked: list[Need]) -> tuple[PypiUniverse, Solution | Unsolvable]:
        """Return what there is to say, once no version that was not looked at could change it."""
        while True:
            self._check()
            await self._reach(asked)
            universe = PypiUniverse(self._source.projects)
            try:
                return universe, await self._solved(universe, asked)
            except Unsolvable as answer:
                if not await self._explore_more(_involved(universe, answer)):
                    return universe, answer

    async def _solved(self, universe: PypiUniverse, asked: list[Need]) -> Solution:
        def preferred(package: int) -> int:
            project = universe.project(package)
            return self._source.preferred(project.name, project.table.versions)

        return await in_thread(
            lambda check: solve(universe, universe.roots(asked), check=check, preferred=preferred), self._check
        )

    async def _reach(self, needs: Iterable[Need], wanted: dict[str, set[int]] | None = None) -> None:
        """Explore the best version for each need, and what these need in turn; other versions too where they are given."""
        waiting, wanted = list(needs), wanted or {}
        while waiting or wanted:
            self._check()
            await self._source.load(need.name for need in waiting)
            following = [one for need in waiting for one in self._new_extras(need)]
            for need in waiting:
                if (best := self._best(need)) is not None:
                    wanted.setdefault(need.name, set()).add(best)
            projects = self._source.projects
            await asyncio.gather(*(self._source.explore(projects[name], sorted(them)) for name, them in wanted.items()))
            for name, them in wanted.items():
                for bit in sorted(them):
                    if projects[name].explored >> bit & 1:
                        following += [
                            one for extra in sorted(self._extras[name]) for one in projects[name].needs(bit, extra)
                        ]
            # Of those whose metadata could not be read another version is looked at.
            broken = [need for need in waiting if self._best(need) is not None]
            waiting, wanted = list(dict.fromkeys([*broken, *following])), {}

    def _new_extras(self, need: Need) -> Iterable[Need]:
        """Yield what the versions that are explored already need with extras that nobody has asked for before."""
        project, known = self._source.projects[need.name], self._extras.setdefault(need.name, {""})
        for extra in need.extras:
            if extra not in known:
                known.add(extra)
                for bit in bits(project.explored):
                    yield from project.needs(bit, extra)

    def _best(self, need: Need) -> int | None:
        """Return the version for a need that is tried first, where that is not explored yet."""
        project = self._source.projects[need.name]
        left = project.mask(need.range) & ~project.broken
        if not left:
            return None
        best = first_of(left, self._source.preferred(need.name, project.table.versions))
        return None if project.explored >> best & 1 else best

    async def _explore_more(self, names: set[str]) -> bool:
        """Explore as many further versions of some projects as are explored already, newest first; return whether there are any."""
        wanted: dict[str, set[int]] = {}
        for name in sorted(names):
            project = self._source.projects[name]
            left = [*bits(project.usable & ~project.explored & ~project.broken)]
            if left:
                wanted[name] = set(left[-max(1, project.explored.bit_count()) :])
        more = bool(wanted)
        await self._reach((), wanted)
        return more

    async def _impossible(self, universe: PypiUniverse, answer: Solution | Unsolvable, asked: list[Need]) -> Impossible:
        told = Impossible(asked=[f"{need.name}{need.range}" for need in asked], reasons=[])
        conflicts: list[list[int]] = []
        try:
            async with asyncio.timeout(self._patience()):
                with suppress(OutriderError):
                    # What there is to say is known: that no more can be learned now does not take it back.
                    while isinstance(answer, Unsolvable) and [] not in conflicts:
                        involved = _involved(universe, answer)
                        told.reasons += ["There is another conflict."] if conflicts else []
                        told.reasons += Explanation(answer.proof, universe).sentences()
                        told.notes += [
                            note for name in sorted(involved) for note in _notes(self._source.projects[name])
                        ]
                        conflicts.append([at for at, need in enumerate(asked) if need.name in involved])
                        rest = {*range(len(asked))}.difference(*conflicts)
                        universe, answer = await self._answer([asked[at] for at in sorted(rest)])
                    await self._find_remedies(asked, conflicts, told.remedies)
        except TimeoutError:
            told.notes.append("other changes of what you ask for, for which there was no time")
        return told

    async def _find_remedies(self, asked: list[Need], conflicts: list[list[int]], found: list[str]) -> None:
        """Add what would do in place of one wish of each conflict."""
        for freed in product(*([at for at in some if asked[at].range] for some in conflicts)):
            if len(found) == _REMEDIES:
                break
            universe, answer = await self._answer(
                [msgspec.structs.replace(need, range="") if at in freed else need for at, need in enumerate(asked)]
            )
            if isinstance(answer, Solution):
                found.append("; and ".join(_allowed(universe, answer, asked[at]) for at in freed))


def _allowed(universe: PypiUniverse, answer: Solution, need: Need) -> str:
    """Return that what was chosen is to be allowed in place of what is asked for."""
    package = universe.number(need.name)
    version = universe.project(package).table.versions[answer.chosen[package]]
    return f"allow {need.name} {version}: you ask for {need.name}{need.range}"


def _notes(project: PypiProject) -> Iterable[str]:
    """Yield what was left out of a project."""
    if not project.record.versions:
        yield f"{project.name}: no index has it"
    for why, count in sorted(project.left_out.items()):
        yield f"{project.name}: {counted(count, why)}"


def _involved(universe: PypiUniverse, answer: Unsolvable) -> set[str]:
    """Return the projects that a proof is about."""
    return {universe.key(package)[0] for package in involved(answer.proof)}


def _unknown_extras(universe: PypiUniverse, chosen: dict[int, int]) -> Iterable[str]:
    """Yield that what was chosen has not an extra that is asked of it, of which pip warns too."""
    for package, bit in chosen.items():
        name, extra = universe.key(package)
        project = universe.project(package)
        wheel = project.wheel(bit)
        if extra and wheel is not None and extra not in wheel[1].extras:
            yield f"{name} {project.table.versions[bit]} has no extra {extra}"


def _packages(universe: PypiUniverse, chosen: dict[int, int], direct: set[str]) -> list[ResolvedPackage]:
    found: dict[str, ResolvedPackage] = {}
    for package, bit in chosen.items():
        name, extra = universe.key(package)
        if name not in found:
            project = universe.project(package)
            wheel = project.wheel(bit)
            assert wheel is not None
            file = wheel[0]
            found[name] = ResolvedPackage(
                name=name,
                version=project.table.versions[bit],
                extras=[],
                needed_by=[],
                file=file.name,
                url=file.url,
                hashes=file.hashes,
                direct=name in direct,
            )
        if extra:
            found[name].extras.append(extra)
    for package, bit in chosen.items():
        name, extra = universe.key(package)
        for need in universe.project(package).needs(bit, extra):
            # Of another kind of machines there may be what is not chosen for this one.
            if need.name != name and need.name in found and name not in found[need.name].needed_by:
                found[need.name].needed_by.append(name)
    for one in found.values():
        one.extras.sort()
        one.needed_by.sort()
    return [found[name] for name in sorted(found)]
