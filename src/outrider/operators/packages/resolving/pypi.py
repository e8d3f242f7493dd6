"""Resolves Python packages: looks at as few versions as will do, and at more where these clash."""

import asyncio
from collections.abc import Callable, Iterable

import msgspec

from outrider.core.errors import NotFoundError
from outrider.operators.packages.registries.core_metadata import Need
from outrider.operators.packages.registries.pypi_pages import PypiFile
from outrider.operators.packages.resolving.explaining import Explanation
from outrider.operators.packages.resolving.pypi_sources import PypiSource
from outrider.operators.packages.resolving.pypi_universe import PypiUniverse
from outrider.operators.packages.resolving.solver import Statistics, Unsolvable, solve

_REMEDIES = 3


class Pin(msgspec.Struct, kw_only=True):
    """One package of a resolution.

    Attributes:
        name: Normalised.
        version: The one that was chosen.
        file: A wheel of it for the target.
        extras: That are asked of it.
        needed_by: Who needs it, by name; empty where it was asked for alone.
    """

    name: str
    version: str
    file: PypiFile
    extras: list[str]
    needed_by: list[str]


class Resolved(msgspec.Struct, kw_only=True):
    """What was found."""

    pins: list[Pin]
    statistics: Statistics


class Impossible(msgspec.Struct, kw_only=True):
    """Why nothing was found.

    Attributes:
        reasons: Sentences that follow from one another.
        remedies: Changes of what was asked for, each of which would do.
        notes: What was left out of the packages that it is about.
    """

    reasons: list[str]
    remedies: list[str]
    notes: list[str]


class PypiResolver:
    """Resolves for one target.

    Args:
        source: Where projects come from.
        check: Called now and then; it may raise to end a search.
    """

    def __init__(self, source: PypiSource, check: Callable[[], None] = lambda: None) -> None:
        self._source, self._check = source, check
        self._extras: dict[str, set[str]] = {}

    async def resolve(self, asked: list[Need]) -> Resolved | Impossible:
        """Choose versions for what is asked for.

        Raises:
            NotFoundError: Something that was asked for is in no index.
            OutriderError: What an index says.
        """
        await self._reach(asked)
        for need in asked:
            if not self._source.projects[need.name].record.versions:
                raise NotFoundError(f"pypi {need.name}: there is none", found=need.name, suggestions=["check the name"])
        while True:
            universe = PypiUniverse(self._source.projects)
            roots = universe.asked(asked)
            try:
                solution = await asyncio.to_thread(solve, universe, roots, check=self._check)
            except Unsolvable as answer:
                involved = sorted({package for statement in answer.proof for package in statement[::2]})
                if not await self._explore_more({universe.key(package)[0] for package in involved}):
                    return await self._impossible(universe, answer, asked)
                continue
            return Resolved(pins=_pins(universe, solution.chosen), statistics=solution.statistics)

    async def _reach(self, needs: Iterable[Need]) -> None:
        """Explore the best version for each need, and what these need in turn."""
        waiting = list(needs)
        while waiting:
            await self._source.load(need.name for need in waiting)
            following = [one for need in waiting for one in self._new_extras(need)]
            wanted: dict[str, set[int]] = {}
            for need in waiting:
                if (best := self._best(need)) is not None:
                    wanted.setdefault(need.name, set()).add(best)
            projects = self._source.projects
            await asyncio.gather(*(self._source.explore(projects[name], sorted(bits)) for name, bits in wanted.items()))
            for name, bits in wanted.items():
                for bit in sorted(bits):
                    if projects[name].explored >> bit & 1:
                        following += [
                            one for extra in sorted(self._extras[name]) for one in projects[name].needs(bit, extra)
                        ]
            # Of those whose metadata could not be read another version is looked at.
            broken = [need for need in waiting if self._best(need) is not None]
            waiting = list(dict.fromkeys([*broken, *following]))

    def _new_extras(self, need: Need) -> Iterable[Need]:
        """Yield what the versions that are explored already need with extras that nobody has asked for before."""
        project, known = self._source.projects[need.name], self._extras.setdefault(need.name, {""})
        for extra in need.extras:
            if extra not in known:
                known.add(extra)
                for bit in _bits(project.explored):
                    yield from project.needs(bit, extra)

    def _best(self, need: Need) -> int | None:
        """Return the newest version for a need, where that is not explored yet."""
        project = self._source.projects[need.name]
        left = project.mask(need.range) & ~project.broken
        best = left.bit_length() - 1
        return best if left and not project.explored >> best & 1 else None

    async def _explore_more(self, names: set[str]) -> bool:
        """Explore as many further versions of some projects as are explored already, newest first; return whether there are any."""
        needs: list[Need] = []
        for name in sorted(names):
            project = self._source.projects[name]
            left = _bits(project.usable & ~project.explored & ~project.broken)
            count = max(1, project.explored.bit_count())
            needs += [Need(name, range=f"=={project.table.versions[bit]}") for bit in left[-count:]]
        await self._reach(needs)
        return bool(needs)

    async def _impossible(self, universe: PypiUniverse, answer: Unsolvable, asked: list[Need]) -> Impossible:
        involved = sorted({universe.key(package)[0] for statement in answer.proof for package in statement[::2]})
        notes = [
            f"{name}: {count} versions have {why}"
            for name in involved
            for why, count in sorted(self._source.projects[name].left_out.items())
        ]
        remedies: list[str] = []
        for position, need in enumerate(asked):
            if need.name in involved and need.range and len(remedies) < _REMEDIES:
                freed = [*asked[:position], msgspec.structs.replace(need, range=""), *asked[position + 1 :]]
                try:
                    solution = await asyncio.to_thread(solve, universe, universe.asked(freed), check=self._check)
                except Unsolvable:
                    continue
                version = universe.project(universe.number(need.name)).table.versions[
                    solution.chosen[universe.number(need.name)]
                ]
                remedies.append(f"allow {need.name} {version}: you ask for {need.name}{need.range}")
        return Impossible(reasons=Explanation(answer.proof, universe).sentences(), remedies=remedies, notes=notes)


def _pins(universe: PypiUniverse, chosen: dict[int, int]) -> list[Pin]:
    pins: dict[str, Pin] = {}
    for package, bit in chosen.items():
        name, extra = universe.key(package)
        project = universe.project(package)
        wheel = project.wheel(bit)
        assert wheel is not None
        pin = pins.setdefault(
            name, Pin(name=name, version=project.table.versions[bit], file=wheel[0], extras=[], needed_by=[])
        )
        if extra:
            pin.extras.append(extra)
    for package, bit in chosen.items():
        name, extra = universe.key(package)
        for need in universe.project(package).needs(bit, extra):
            if need.name != name and need.name in pins and name not in pins[need.name].needed_by:
                pins[need.name].needed_by.append(name)
    for pin in pins.values():
        pin.extras.sort()
        pin.needed_by.sort()
    return [pins[name] for name in sorted(pins)]


def _bits(mask: int) -> list[int]:
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]
