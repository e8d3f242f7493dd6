"""POMs and versions for a resolution, from all repositories: of a POM the first that has it counts, of versions all together."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from outrider.operators.packages.maven.coordinates import Artifact, Project
from outrider.operators.packages.maven.gradle.components import Component
from outrider.operators.packages.maven.holdings import Holdings
from outrider.operators.packages.maven.order import RESOLVER_SCHEME
from outrider.operators.packages.maven.poms import Pom
from outrider.operators.packages.versions.tables import VersionTable

_AT_A_TIME = 24


class FoundPom(NamedTuple):
    """A POM.

    Attributes:
        pom: Or why it cannot be read.
        holdings: Of the repository that has it; None where it is built beside.
        sha256: Of the file.
        has_module: Whether it says that there is metadata of Gradle beside it.
    """

    pom: Pom | str
    holdings: Holdings | None
    sha256: str = ""
    has_module: bool = False


class Versions(NamedTuple):
    """The versions of an artifact.

    Attributes:
        table: All of them, in the order in which they are resolved.
        latest: What `LATEST` stands for; empty for nothing.
        release: What `RELEASE` stands for; likewise.
        left_out: How many cannot be read.
    """

    table: VersionTable
    latest: str
    release: str
    left_out: int


class MavenSource:
    """Has POMs and versions.

    Args:
        holdings: Of all repositories, in the order in which they are asked.
        left_out: What is to be said of repositories that are not asked.

    Attributes:
        poms: Those that were loaded; None where no repository has one.
        versions: Likewise, by group and artifact.
        modules: Gradle's metadata of those that were loaded; None where there is none.
    """

    def __init__(self, holdings: Sequence[Holdings], left_out: Sequence[str] = ()) -> None:
        self.holdings, self.left_out = holdings, left_out
        self._limit = asyncio.Semaphore(_AT_A_TIME)
        self.poms: dict[Project, FoundPom | None] = {}
        self.versions: dict[str, Versions] = {}
        self.modules: dict[Project, Component | None] = {}

    async def close(self) -> None:
        """Close all connections."""
        for one in self.holdings:
            await one.client.close()

    def keep(self) -> None:
        """Write what was learned to disk.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        for one in self.holdings:
            one.keep()

    def have(self, poms: Mapping[Project, Pom]) -> None:
        """Have POMs of projects that are built beside, and for which no repository is asked."""
        self.poms |= {project: FoundPom(pom, None) for project, pom in poms.items()}

    def is_beside(self, project: Project) -> bool:
        """Return whether a project is built beside."""
        found = self.poms.get(project)
        return found is not None and found.holdings is None

    async def load(self, projects: Iterable[Project], names: Iterable[str] = ()) -> None:
        """Have POMs among `poms`, with their parents, and versions among `versions`.

        Raises:
            UnavailableError: Nothing is kept of one, and nobody is to be asked.
            OutriderError: What a repository says.
        """
        unknown = sorted(set(names) - self.versions.keys())
        waiting = sorted(set(projects) - self.poms.keys())
        await asyncio.gather(*(self._load_versions(name) for name in unknown), self._load_lines(waiting))

    async def load_modules(self, projects: Iterable[Project]) -> None:
        """Have Gradle's metadata among `modules`, of versions whose POMs were loaded.

        Raises:
            UnavailableError: Nothing is kept of one, and nobody is to be asked.
            OutriderError: What a repository says.
        """
        await asyncio.gather(*(self._load_module(project) for project in sorted(set(projects) - self.modules.keys())))

    async def _load_module(self, project: Project) -> None:
        self.modules[project] = None
        found = self.poms.get(project)
        if found is not None and found.has_module and found.holdings is not None:
            async with self._limit:
                self.modules[project] = (await found.holdings.module(project)).component

    async def _load_lines(self, waiting: list[Project]) -> None:
        while waiting:
            await asyncio.gather(*(self._load_pom(project) for project in waiting))
            parents = {parent for project in waiting if (parent := self._parent(project)) is not None}
            waiting = sorted(parents - self.poms.keys())

    def _parent(self, project: Project) -> Project | None:
        """Return the parent of a project that was loaded; None where it has none, or that is not one version."""
        found = self.poms[project]
        if found is None or isinstance(found.pom, str) or found.pom.parent is None:
            return None
        parent = found.pom.parent
        return None if parent.version.startswith(("[", "(")) else Project(parent.group, parent.artifact, parent.version)

    def ancestors(self, project: Project) -> Iterator[Project]:
        """Yield a project that was loaded and its parents, as far as these are each one version."""
        seen: set[Project] = set()
        while project not in seen and self.poms.get(project) is not None:
            yield project
            seen.add(project)
            project = self._parent(project) or project

    async def _load_pom(self, project: Project) -> None:
        self.poms[project] = None
        async with self._limit:
            for one in self.holdings:
                record = await one.pom(project) if one.is_asked_for(project.version) else None
                if record is not None and record.is_there:
                    self.poms[project] = FoundPom(record.pom or record.fault, one, record.sha256, record.has_module)
                    return

    async def _load_versions(self, name: str) -> None:
        async with self._limit:
            records = [(one, await one.versioning(name)) for one in self.holdings]
        versions = [
            version for one, record in records for version in record.versioning.versions if one.is_asked_for(version)
        ]
        said = sorted((record.versioning for _, record in records), key=lambda one: one.updated)
        self.versions[name] = Versions(
            VersionTable(RESOLVER_SCHEME, versions),
            latest=next((one.latest for one in reversed(said) if one.latest), ""),
            release=next((one.release for one in reversed(said) if one.release), ""),
            left_out=sum(record.left_out for _, record in records),
        )

    async def place(self, artifact: Artifact) -> Holdings | None:
        """Return the first repository that has a file, of which no POM is known; None where none has it.

        Raises:
            OutriderError: What a repository says.
        """
        for one in self.holdings:
            if one.is_asked_for(artifact.version) and await one.has(artifact):
                return one
        return None
