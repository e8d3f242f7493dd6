"""All indexes of a project of Poetry: `poetry/repositories/repository_pool.py` of Poetry 2.5.

They are asked from a thread beside the event loop, which waits for them.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from poetry.core.constraints.version import Version
from poetry.core.packages.dependency import Dependency
from poetry.core.packages.package import Package
from poetry.core.packages.project_package import ProjectPackage

from outrider.core.errors import NotFoundError
from outrider.operators.packages.manifests.poetry_sources import OF_EVERYBODY, PoetrySources
from outrider.operators.packages.pypi.poetry.releases import Releases
from outrider.operators.packages.pypi.sources import PypiSource
from outrider.operators.packages.resolving.outcomes import ResolvedFile

T = TypeVar("T")


class Pool:
    """Has versions, of whichever index a project takes them from.

    Args:
        root: The project.
        sources: Of it.
        indexes: What is asked, by the keys of sources.
        loop: On which that is asked.

    Attributes:
        root: As it was given.
    """

    def __init__(
        self,
        root: ProjectPackage,
        sources: PoetrySources,
        indexes: Mapping[str, PypiSource],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.root = root
        self._sources, self._loop = sources, loop
        self._releases = {one.key: Releases(one, indexes[one.key]) for one in sources.listed}
        self._prepared: set[tuple[str, str | None]] = set()
        self._whole: dict[tuple[str, Version, str | None], Package | None] = {}

    def refuse_unknown(self, dependencies: Iterable[Dependency]) -> None:
        """Fetch what there is of projects.

        Raises:
            NotFoundError: There is nothing of one.
        """
        wanted = list(dependencies)
        self._load(wanted)
        for one in wanted:
            places = (place for step in self._steps(one.source_name) for place in step if place.is_loaded(one.name))
            if not any(place.has_any(one.name) for place in places):
                where = f" in {one.source_name}" if one.source_name else ""
                raise NotFoundError(
                    f"pypi {one.name}: there is none{where}", found=one.name, suggestions=["check the name"]
                )

    def prepare(self, dependencies: Iterable[Dependency]) -> None:
        """Fetch what will be asked for: the best version for each need."""
        wanted = [one for one in dependencies if (one.name, one.source_name) not in self._prepared]
        self._prepared |= {(one.name, one.source_name) for one in wanted}
        self._load(wanted)
        best: dict[str, dict[str, set[Version]]] = {}
        for one in wanted:
            found = self.search(one)
            place = self._origin(found[0]) if found else None
            if place is not None and not place.is_explored(one.name):
                best.setdefault(place.source.key, {}).setdefault(one.name, set()).add(found[0].version)
        if best:
            self._wait(_all_of(self._releases[key].explore(them) for key, them in best.items()))

    def search(self, dependency: Dependency) -> list[Package]:
        """Return the versions that may be chosen, the best first: `find_packages` and `search_for` of Poetry 2.5."""
        found: list[Package] = []
        for step in self._steps(dependency.source_name):
            self._load_at(step, [dependency.name])
            found = [package for place in step for package in place.find(dependency)]
            if found:
                break
        prereleases = dependency.allows_prereleases()
        return sorted(
            found,
            key=lambda one: (not one.yanked, not one.is_prerelease() and not prereleases, one.version),
            reverse=True,
        )

    def is_explicit(self, reference: str) -> bool:
        """Return whether only what names it comes from an index; so it is of one that the project does not have."""
        source = self._sources.named(reference)
        return source is None or source.is_explicit

    def may_have(self, package: Package, source: str | None) -> bool:
        """Return whether a version can be had, and may be chosen.

        Args:
            package: Which.
            source: Of the index that is asked for it; None for those that are asked for all.
        """
        place = self._place(package, source)
        return place is not None and place.may_have(package.name, package.version)

    def whole(self, package: Package, source: str | None) -> Package | None:
        """Return a version with what it says of itself; None where that cannot be had. Arguments as for `may_have`."""
        # As in Poetry, each index that is named has packages of its own, which are changed later.
        key = (package.name, package.version, source)
        if key not in self._whole:
            place = self._place(package, source)
            self._whole[key] = None if place is None else self._read(place, *key[:2])
        return self._whole[key]

    async def files(self, package: Package) -> tuple[str, list[ResolvedFile]]:
        """Return the address of the index that a version was taken from, and its files."""
        return await self._origin(package).files(package.name, package.version)

    def left_out(self, names: Iterable[str]) -> list[str]:
        """Return what is not considered of projects, and why."""
        lines = (line for name in names for place in self._releases.values() for line in place.left_out(name))
        return list(dict.fromkeys(lines))

    def _origin(self, package: Package) -> Releases:
        return self._releases[(package.source_reference or OF_EVERYBODY).lower()]

    def _steps(self, source: str | None) -> list[list[Releases]]:
        return [[self._releases[one.key] for one in step] for step in self._sources.steps(source)]

    def _place(self, package: Package, source: str | None) -> Releases | None:
        """Return the first index that has a version, whether it may be chosen or not."""
        for step in self._steps(source):
            for place in step:
                self._load_at([place], [package.name])
                if place.has(package.name, package.version):
                    return place
        return None

    def _read(self, place: Releases, name: str, version: Version) -> Package | None:
        if not place.may_have(name, version):
            return None
        if not place.is_known(name, version):
            self._wait(place.explore({name: {version}}))
        return place.whole(name, version)

    def _load(self, wanted: Iterable[Dependency]) -> None:
        """Fetch what there is of projects, and of those from what is asked later that have nothing before that will do."""
        left = [(one, self._steps(one.source_name)) for one in wanted]
        at = 0
        while left:
            names: dict[str, set[str]] = {}
            for one, steps in left:
                for place in steps[at]:
                    if not place.is_loaded(one.name):
                        names.setdefault(place.source.key, set()).add(one.name)
            if names:
                self._wait(_all_of(self._releases[key].load(some) for key, some in names.items()))
            more = [(one, steps) for one, steps in left if len(steps) > at + 1]
            left = [(one, steps) for one, steps in more if not any(place.find(one) for place in steps[at])]
            at += 1

    def _load_at(self, step: Iterable[Releases], names: Iterable[str]) -> None:
        unknown = [(place, name) for place in step for name in names if not place.is_loaded(name)]
        if unknown:
            self._wait(_all_of(place.load([name]) for place, name in unknown))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


async def _all_of(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*work)
