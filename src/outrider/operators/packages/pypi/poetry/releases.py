"""Versions of projects as Poetry's packages: fetched while a resolution waits for them."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from poetry.core.constraints.version import Version
from poetry.core.constraints.version.exceptions import ParseConstraintError
from poetry.core.packages.dependency import Dependency
from poetry.core.packages.package import Package
from poetry.core.packages.project_package import ProjectPackage
from poetry.core.version.exceptions import InvalidVersionError
from poetry.core.version.markers import InvalidMarkerError
from poetry.core.version.requirements import InvalidRequirementError

from outrider.operators.packages.pypi.core_metadata import Metadata
from outrider.operators.packages.pypi.poetry.candidates import allowing
from outrider.operators.packages.pypi.projects import PypiProject
from outrider.operators.packages.pypi.sources import PypiSource

T = TypeVar("T")


class Releases:
    """Has versions, for a thread beside the event loop.

    Args:
        root: The project.
        source: Where the others come from.
        loop: On which that is asked.
    """

    def __init__(self, root: ProjectPackage, source: PypiSource, loop: asyncio.AbstractEventLoop) -> None:
        self.root = root
        self._source, self._loop = source, loop
        self._versions: dict[str, dict[Version, int]] = {}
        self._whole: dict[tuple[str, int], Package | None] = {}

    def prepare(self, dependencies: Iterable[Dependency]) -> None:
        """Fetch what will be asked for: the best version for each need."""
        wanted = list(dependencies)
        if new := [one.name for one in wanted if one.name not in self._source.projects]:
            self._wait(self._source.load(new))
        best: dict[str, set[int]] = {}
        for one in wanted:
            if not self._source.projects[one.name].explored and (found := self.search(one)):
                best[one.name] = {self._bit(found[0])}
        if best:
            self._wait(self._explore(best))

    def search(self, dependency: Dependency) -> list[Package]:
        """Return the versions that may be chosen, the best first: `find_packages` and `search_for` of Poetry 2.5."""
        project = self._project(dependency.name)
        constraint, prereleases = dependency.constraint, dependency.allows_prereleases()
        allows = allowing(constraint)
        stable: list[Package] = []
        others: list[Package] = []
        for version, bit in self._of(project).items():
            if project.broken >> bit & 1 or not allows(version):
                continue
            is_yanked = bit in project.record.yanked
            if is_yanked and not isinstance(constraint, Version):
                continue
            package = Package(project.name, version, yanked=is_yanked)
            (others if version.is_unstable() and not prereleases else stable).append(package)
        found = stable if stable or prereleases is False else others
        return sorted(
            found,
            key=lambda one: (not one.yanked, not one.is_prerelease() and not prereleases, one.version),
            reverse=True,
        )

    def among(self, name: str, versions: Sequence[Version]) -> Package | None:
        """Return the highest of some versions that may be chosen; None where none may."""
        project = self._project(name)
        found = [one for one, bit in self._of(project).items() if one in versions and not project.broken >> bit & 1]
        return Package(name, max(found)) if found else None

    def whole(self, package: Package) -> Package | None:
        """Return a version with what it says of itself; None where that cannot be read."""
        project, bit = self._project(package.name), self._bit(package)
        if (package.name, bit) not in self._whole:
            if not project.explored >> bit & 1:
                self._wait(self._explore({package.name: {bit}}))
            wheel = project.wheel(bit) if project.explored >> bit & 1 else None
            self._whole[package.name, bit] = None if wheel is None else _package(package, wheel[1])
        return self._whole[package.name, bit]

    def _project(self, name: str) -> PypiProject:
        if name not in self._source.projects:
            self._wait(self._source.load([name]))
        return self._source.projects[name]

    def _of(self, project: PypiProject) -> dict[Version, int]:
        """Return the versions of a project that have a wheel, and which policy allows, with their numbers."""
        known = self._versions.get(project.name)
        if known is None:
            pairs = [
                (_version(text), bit) for bit, text in enumerate(project.table.versions) if project.usable >> bit & 1
            ]
            known = self._versions[project.name] = {one: bit for one, bit in pairs if one is not None}
        return known

    def _bit(self, package: Package) -> int:
        return self._of(self._project(package.name))[package.version]

    async def _explore(self, wanted: dict[str, set[int]]) -> None:
        await asyncio.gather(
            *(self._source.explore(self._source.projects[name], sorted(them)) for name, them in wanted.items())
        )

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _version(text: str) -> Version | None:
    try:
        return Version.parse(text)
    except InvalidVersionError:
        return None


def _package(package: Package, metadata: Metadata) -> Package | None:
    """Return a package as `PackageInfo.to_package` makes it, `poetry/inspection/info.py` of Poetry 2.5; None where it cannot."""
    found = Package(package.name, package.version, yanked=package.yanked)
    found.description = metadata.summary
    try:
        found.python_versions = metadata.python or "*"
    except ParseConstraintError:
        return None
    extras: dict[Any, list[Dependency]] = {}
    seen: set[str] = set()
    for text in metadata.requires:
        need = _need(text)
        if need is None:
            continue
        for extra in need.in_extras:
            extras.setdefault(extra, []).append(need)
        written = need.to_pep_508(with_extras=True)
        if written not in seen:
            found.add_dependency(need)
            seen.add(written)
    found.extras = extras
    return found


def _need(text: str) -> Dependency | None:
    """Read a requirement, without its marker where that makes no sense; None where it is none."""
    for part in (text, text.partition(";")[0]):
        try:
            return Dependency.create_from_pep_508(part)
        except InvalidMarkerError:
            continue
        except (InvalidRequirementError, ValueError):
            return None
    return None
