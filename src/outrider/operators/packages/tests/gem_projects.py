"""Projects of Bundler, and how they are locked here and there."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from outrider.core.errors import OutriderError
from outrider.operators.packages.operations import lock
from outrider.operators.packages.operations.lock import LockParams, LockResult
from outrider.operators.packages.tests.bundler import bundle, versions
from outrider.operators.packages.tests.gem_registry import GemAsking, GemRegistry
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.world import variables


class GemProjects:
    """Projects in a folder, whose gems come from one registry.

    Args:
        folder: Of all.
        registry: That has the gems.

    Attributes:
        asking: The settings with which they are locked; a test may change them.
    """

    def __init__(self, folder: Path, registry: GemRegistry) -> None:
        self._folder, self._registry = folder, registry
        self.asking = GemAsking(folder, registry.url)
        self.asking.environment |= {"XDG_CACHE_HOME": str(folder / "cache"), "XDG_CONFIG_HOME": str(folder / "config")}
        self.asking.ruby("3.1.2", rubygems="3.6.9", bundler="2.6.9")

    def as_bundler(self, library: Path) -> None:
        """Lock for the Ruby of this machine, with a Bundler that is not its own."""
        ruby, rubygems, bundler, platform, told = versions(library)
        self.asking.ruby(ruby, platform, rubygems=rubygems, bundler=bundler, told=told)

    def add(self, *lines: str, name: str = "shop") -> Path:
        """Have a project, and return its folder.

        Args:
            lines: Of its Gemfile, behind the source.
            name: Of its folder.
        """
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        (folder / "Gemfile").write_text("\n".join([f'source "{self._registry.url}"', *lines, ""]))
        return folder

    async def lock(self, project: Path, **params: Any) -> LockResult:
        """Lock a project."""
        with variables(self.asking.environment):
            file = str(project / "Gemfile.lock")
            return await lock.run(LockParams(ecosystem="gem", file=file, **params), context(self._folder))

    async def locked(self, project: Path, **params: Any) -> str:
        """Lock a project, and return the file; what went wrong where it cannot be had."""
        try:
            await self.lock(project, **params)
        except OutriderError as error:
            return error.message
        return (project / "Gemfile.lock").read_text()

    async def bundle(self, projects: Sequence[Path], *arguments: str, library: Path, **more: str) -> list[int]:
        """Run Bundler in some projects; return how it has ended."""
        return (await bundle(projects, self._folder, *arguments, library=library, **more))[1]


@asynccontextmanager
async def gem_projects(folder: Path) -> AsyncIterator[tuple[GemRegistry, GemProjects]]:
    """Yield a registry, and projects of its gems."""
    async with GemRegistry() as registry:
        yield registry, GemProjects(folder, registry)


def read(project: Path) -> str | None:
    """Return the lock of a project; None where there is none."""
    path = project / "Gemfile.lock"
    return path.read_text() if path.is_file() else None
