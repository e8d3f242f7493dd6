"""Versions that one index has of projects, as Poetry's packages."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from poetry.core.constraints.version import Version
from poetry.core.constraints.version.exceptions import ParseConstraintError
from poetry.core.packages.dependency import Dependency
from poetry.core.packages.package import Package
from poetry.core.version.exceptions import InvalidVersionError
from poetry.core.version.markers import InvalidMarkerError
from poetry.core.version.requirements import InvalidRequirementError

from outrider.operators.packages.manifests.poetry_sources import PoetrySource
from outrider.operators.packages.pypi.core_metadata import Metadata
from outrider.operators.packages.pypi.poetry.candidates import allowing
from outrider.operators.packages.pypi.projects import PypiProject
from outrider.operators.packages.pypi.sources import PypiSource
from outrider.operators.packages.resolving.outcomes import ResolvedFile


class Releases:
    """Has versions of projects, once these are loaded.

    Args:
        source: Which index of a project of Poetry it is.
        index: What is asked.

    Attributes:
        source: As it was given.
    """

    def __init__(self, source: PoetrySource, index: PypiSource) -> None:
        self.source, self._index = source, index
        self._all_numbers: dict[str, dict[Version, int]] = {}
        self._usable_numbers: dict[str, dict[Version, int]] = {}

    def is_loaded(self, name: str) -> bool:
        """Return whether it is known what there is of a project."""
        return name in self._index.projects

    async def load(self, names: Iterable[str]) -> None:
        """Fetch what there is of projects."""
        await self._index.load(names)

    def is_explored(self, name: str) -> bool:
        """Return whether it is known of any version what it needs."""
        return bool(self._index.projects[name].explored)

    async def explore(self, wanted: Mapping[str, set[Version]]) -> None:
        """Fetch what versions say of themselves."""
        projects = self._index.projects
        await asyncio.gather(
            *(
                self._index.explore(projects[name], sorted(self._number(projects[name], one) for one in versions))
                for name, versions in wanted.items()
            )
        )

    def find(self, dependency: Dependency) -> list[Package]:
        """Return the versions that may be chosen: `find_packages`, `poetry/repositories/repository.py` of Poetry 2.5."""
        project = self._index.projects[dependency.name]
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
            package = package_from(self.source.url, self.source.name, project.name, version, yanked=is_yanked)
            (others if version.is_unstable() and not prereleases else stable).append(package)
        return stable if stable or prereleases is False else others

    def has_any(self, name: str) -> bool:
        """Return whether there is any version of a project, whether it may be chosen or not."""
        return bool(self._index.projects[name].record.versions)

    def has(self, name: str, version: Version) -> bool:
        """Return whether there is a version, whether it may be chosen or not."""
        return version in self._all(self._index.projects[name])

    def may_have(self, name: str, version: Version) -> bool:
        """Return whether a version may be chosen."""
        project = self._index.projects[name]
        bit = self._of(project).get(version)
        return bit is not None and not project.broken >> bit & 1

    def is_known(self, name: str, version: Version) -> bool:
        """Return whether all is known of a version that may be chosen."""
        project = self._index.projects[name]
        return bool(project.explored >> self._number(project, version) & 1)

    def whole(self, name: str, version: Version) -> Package | None:
        """Return a version with what it says of itself; None where that cannot be read."""
        project = self._index.projects[name]
        bit = self._number(project, version)
        wheel = project.wheel(bit) if project.explored >> bit & 1 else None
        if wheel is None:
            return None
        is_yanked = bit in project.record.yanked
        return _filled(package_from(self.source.url, self.source.name, name, version, yanked=is_yanked), wheel[1])

    async def files(self, name: str, version: Version) -> tuple[str, list[ResolvedFile]]:
        """Return the address of the index, and the files of a version."""
        project = self._index.projects[name]
        text = project.table.versions[self._number(project, version)]
        return project.record.index, await self._index.files(name, text)

    def left_out(self, name: str) -> list[str]:
        """Return what is not considered of a project, and why."""
        if not self.is_loaded(name):
            return []
        return [f"{name}: {count} {why}" for why, count in sorted(self._index.projects[name].left_out.items())]

    def _number(self, project: PypiProject, version: Version) -> int:
        return self._all(project)[version]

    def _all(self, project: PypiProject) -> dict[Version, int]:
        """Return all versions with their numbers; of two that are the same one, that which may be chosen."""
        if project.name not in self._all_numbers:
            self._all_numbers[project.name] = _numbers(project, -1) | self._of(project)
        return self._all_numbers[project.name]

    def _of(self, project: PypiProject) -> dict[Version, int]:
        """Return the versions that have a wheel, and which policy allows, with their numbers."""
        if project.name not in self._usable_numbers:
            self._usable_numbers[project.name] = _numbers(project, project.usable)
        return self._usable_numbers[project.name]


def package_from(url: str, reference: str, name: str, version: Version, *, yanked: bool = False) -> Package:
    """Return a package of an index: its address, which is empty for that of everybody, and what the project calls it."""
    if not url:
        return Package(name, version, yanked=yanked)
    return Package(name, version, source_type="legacy", source_url=url, source_reference=reference, yanked=yanked)


def _numbers(project: PypiProject, mask: int) -> dict[Version, int]:
    pairs = ((_version(text), bit) for bit, text in enumerate(project.table.versions) if mask >> bit & 1)
    return {one: bit for one, bit in pairs if one is not None}


def _version(text: str) -> Version | None:
    try:
        return Version.parse(text)
    except InvalidVersionError:
        return None


def _filled(found: Package, metadata: Metadata) -> Package | None:
    """Return a package with what `PackageInfo.to_package` has of it, `poetry/inspection/info.py` of Poetry 2.5; None where it cannot."""
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
