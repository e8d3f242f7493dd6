"""Asks registries of the tests as the operation does, with nothing of this machine's user."""

import os
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from outrider.operators.packages.registries.downloads import Downloads
from outrider.operators.packages.registries.registry import registry_at
from outrider.operators.packages.resolving.facts import PackageFacts
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.policies import ADMIT_ALL, Policy
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.sessions import session_of
from outrider.operators.packages.versions.ecosystems import Ecosystem
from outrider.ports.clock import Clock, SystemClock

PYTHON = "3.12"
SYSTEM_CLOCK = SystemClock()


class RegistryAsking:
    """Asks the registries of an ecosystem.

    Args:
        ecosystem: Which.
        folder: For what is kept, and for a home.
        project: The folder of a project.
        environment: Variables, which name the registries.
    """

    def __init__(self, ecosystem: Ecosystem, folder: Path, project: Path, environment: Mapping[str, str]) -> None:
        self.folder, self.environment = folder, dict(environment)
        self._session, self._project = session_of(ecosystem), project
        self._usual_target = PYTHON if ecosystem == "pypi" else ""

    def question(
        self,
        *packages: str,
        python: str = "",
        framework: str = "",
        offline: bool = False,
        clock: Clock = SYSTEM_CLOCK,
        seconds: float = 30.0,
        policy: Policy = ADMIT_ALL,
        locked: Mapping[str, Collection[str]] | None = None,
    ) -> Question:
        """Return a question."""
        return Question(
            packages=list(packages), target=python or framework or self._usual_target, offline=offline, cache=self.folder / "cache", folder=self._project,
            environment=self.environment, clock=clock, deadline=clock.monotonic() + seconds, policy=policy, locked=locked or {},
        )  # fmt: skip

    async def answer(self, *packages: str, **options: Any) -> Resolved | Impossible:
        """Return the answer, whichever it is."""
        return await self._session.resolve(self.question(*packages, **options))

    async def facts(self, name: str, version: str = "", **options: Any) -> PackageFacts:
        """Return what is known of a package."""
        return await self._session.facts(self.question(**options), name, version)

    async def resolved(self, *packages: str, **options: Any) -> Resolved:
        """Return what was chosen."""
        answer = await self.answer(*packages, **options)
        assert isinstance(answer, Resolved), answer
        return answer

    async def impossible(self, *packages: str, **options: Any) -> Impossible:
        """Return why there is no answer."""
        answer = await self.answer(*packages, **options)
        assert isinstance(answer, Impossible), answer
        return answer


class Asking(RegistryAsking):
    """Asks Python indexes.

    Args:
        folder: For what is kept, and for a home and a project.
        indexes: Addresses; the last one is the default.
    """

    def __init__(self, folder: Path, *indexes: str) -> None:
        environment = {
            "PIP_CONFIG_FILE": os.devnull,
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "PIP_EXTRA_INDEX_URL": " ".join(indexes[:-1]),
            "PIP_INDEX_URL": indexes[-1],
        }
        super().__init__("pypi", folder, folder, environment)

    async def pins(self, *packages: str, **options: Any) -> list[str]:
        """Return what was chosen, as `name==version`."""
        return pins(await self.resolved(*packages, **options))


def pins(answer: Resolved) -> list[str]:
    """Return what was chosen, as `name==version`."""
    return [f"{one.name}=={one.version}" for one in answer.packages]


@asynccontextmanager
async def downloads(url: str, timeout: float = 10.0, **variables: str) -> AsyncIterator[Downloads]:
    """Yield what fetches from a registry; variables may name a proxy."""
    made = Downloads(registry_at(url, "here", environment=variables), SystemClock(), timeout)
    try:
        yield made
    finally:
        await made.close()
