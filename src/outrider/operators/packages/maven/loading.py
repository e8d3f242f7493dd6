"""Work on artifacts that is begun anew each time that more is known of them, until nothing is missing."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from outrider.operators.packages.maven.coordinates import Project
from outrider.operators.packages.maven.poms import Pom
from outrider.operators.packages.maven.sources import MavenSource
from outrider.operators.packages.resolving.searching import in_thread
from outrider.operators.packages.versions.tables import VersionTable

T = TypeVar("T")


class UnloadedError(Exception):
    """Something is not at hand yet; it is noted, and will be."""


class Loading:
    """Notes what is missing, and loads it.

    Args:
        source: Has POMs and versions.
        check: Called now and then; it may raise to end the work.
    """

    def __init__(self, source: MavenSource, check: Callable[[], None]) -> None:
        self._source, self._check = source, check
        self._projects: set[Project] = set()
        self._names: set[str] = set()

    async def settled(self, work: Callable[[Callable[[], None]], T]) -> T:
        """Do some work until it finds all that it looks for.

        Args:
            work: Is given what it has to call now and then.

        Raises:
            OutriderError: What a repository says, or the work.
        """
        while True:
            self._projects.clear()
            self._names.clear()
            done: T | None = None
            try:
                done = await in_thread(work, self._check)
            except UnloadedError:
                self._check()
            if done is not None and not self._is_missing_something():
                return done
            await self._load()

    def table(self, name: str) -> VersionTable:
        """Return the versions of an artifact.

        Raises:
            UnloadedError: They are not known yet.
        """
        found = self._source.versions.get(name)
        if found is None:
            self._names.add(name)
            raise UnloadedError(name)
        return found.table

    def _is_missing_something(self) -> bool:
        return bool(self._projects or self._names)

    async def _load(self) -> None:
        await self._source.load(self._projects, self._names)

    def _pom(self, project: Project) -> Pom | str | None:
        self._expect([project])
        found = self._source.poms[project]
        return None if found is None else found.pom

    def _expect(self, projects: Iterable[Project]) -> None:
        missing = [project for project in projects if project not in self._source.poms]
        if missing:
            self._projects.update(missing)
            raise UnloadedError(str(missing[0]))
