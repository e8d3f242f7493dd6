"""What demonstrations share: the folder of an example, and the web service that something happens to."""

import asyncio
import os
import shutil
import sys
import time
from pathlib import Path

from outrider.core.errors import ExecutionFailedError, NotFoundError, OutriderError
from outrider.data import data_folder
from outrider.local.control import SupervisorStatus
from outrider.local.launch import supervisor_status
from outrider.local.layout import Layout
from outrider.orchestrator.wire import AgentRow
from outrider.ports.http.client import Client
from outrider.runtime.client import PlatformClient
from outrider.runtime.contexts import PlatformContext, cache_folder
from outrider.surfaces.cli.audit import verify_platform
from outrider.version import __version__

HEALTH = "/health"
GOOD = 200
PROBE_SECONDS = 0.02


def example(name: str, *, copy: str = "") -> Path:
    """Return the folder of an example: the checkout's own, or a copy in the cache where the package must not be written.

    Args:
        name: Of the example.
        copy: Name of a copy that is wanted in any case.
    """
    source = data_folder("examples") / name
    if not copy and source.parent.parent.name != "_data" and os.access(source, os.W_OK):
        return source
    target = cache_folder() / "demo" / (copy or name)
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".outrider", "*.log", "*.jsonl"))
    return target


def shown(folder: Path) -> str:
    """Return a path as a user would type it from here."""
    return str(folder.relative_to(Path.cwd())) if folder.is_relative_to(Path.cwd()) else str(folder)


async def introduce(platform: PlatformClient, status: SupervisorStatus, seconds: float) -> None:
    """Say what was started, and how its plugins are confined."""
    agents = await platform.get("/v1/agents", list[AgentRow])
    levels = sorted({agent.health.sandbox for agent in agents if agent.health.sandbox})
    sys.stdout.write(
        f"Outrider {__version__} · {status.name} · SQLite · sandbox: {', '.join(levels)} · started in {seconds:.1f} s\n"
    )


def verified_records(context: PlatformContext) -> int:
    """Verify the audit chains of a platform, and return how many records they have.

    Raises:
        OutriderError: One does not hold.
    """
    chains, faults = verify_platform(context)
    for fault in faults:
        raise fault
    return sum(chain.records for chain in chains)


class WebService:
    """A supervised service that is asked over HTTP.

    Args:
        layout: Of its platform.
        name: Of the service.
        origin: Where it listens.
    """

    def __init__(self, layout: Layout, name: str, origin: str) -> None:
        self._layout, self._name, self.origin = layout, name, origin

    async def pid(self) -> int:
        """Return its process.

        Raises:
            NotFoundError: It does not run.
        """
        status = await supervisor_status(self._layout)
        for part in status.parts:
            if part.name == self._name and part.kind == "service" and part.pid:
                return part.pid
        found = next((part for part in status.parts if part.name == self._name), None)
        raise NotFoundError(
            f"service '{self._name}' does not run",
            found=found.problem if found else "no such service",
            suggestions=[
                f"read {self._layout.folder / self._name}.log",
                f"is port {self.origin.rpartition(':')[2]} used by another program?",
            ],
        )

    async def status(self, path: str = HEALTH) -> int:
        """Ask once, and return the status of the answer.

        Raises:
            OutriderError: There is no answer.
        """
        client = Client(self.origin)
        try:
            return (await client.request("GET", path, timeout=5.0)).status
        finally:
            await client.close()

    async def wait_until_answering(self, seconds: float, *, other_than: int = 0) -> float:
        """Wait until it answers 200 from a living process of ours, and return the latency of the answer.

        Args:
            seconds: How long at most.
            other_than: A process that does not count.

        Raises:
            NotFoundError: It does not run.
            ExecutionFailedError: It runs, and does not answer so.
        """
        client = Client(self.origin)
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                began = time.monotonic()
                try:
                    answer = await client.request("GET", HEALTH, timeout=1.0)
                    if answer.status == GOOD and await self.pid() != other_than:
                        return time.monotonic() - began
                except OutriderError:
                    pass  # it is down at the moment: that is what is waited for
                await asyncio.sleep(PROBE_SECONDS)
        finally:
            await client.close()
        await self.pid()
        raise ExecutionFailedError(
            f"the service did not answer within {seconds:.0f} s", suggestions=[f"look into {self._layout.logs}"]
        )
