"""`outrider demo`: a real service is killed, and Outrider brings it back before your eyes."""

import asyncio
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import click

from outrider.core.errors import ExecutionFailedError, NotFoundError, OutriderError
from outrider.data import data_folder
from outrider.local.control import SupervisorStatus
from outrider.local.launch import running_platform, supervisor_status
from outrider.local.layout import Layout
from outrider.orchestrator.wire import AgentRow
from outrider.ports.http.client import Client
from outrider.runtime.client import PlatformClient, connect_to
from outrider.runtime.contexts import PlatformContext, cache_folder
from outrider.runtime.discovery import registry
from outrider.runtime.objects import read_objects
from outrider.runtime.plugins.catalogue import catalogue
from outrider.surfaces.cli.audit import verify_platform
from outrider.surfaces.cli.session import execute
from outrider.surfaces.cli.timeline import TimelinePrinter, TimelineReader
from outrider.version import __version__

SERVICE = "web"
HEALTH = "/health"
ORIGIN = "http://127.0.0.1:8085"
HEAL_SECONDS = 30.0
PROBE_SECONDS = 0.02


@click.group()
def demo() -> None:
    """See Outrider do its job."""


@demo.command("self-healing")
def self_healing() -> int:
    """Kill a supervised web service with SIGKILL and watch a rule bring it back."""
    folder = _folder("self-healing")
    read_objects(folder, registry(), catalogue(folder))
    return execute(_SelfHealing(Layout(folder)).run())


def _folder(name: str) -> Path:
    """Return the example's folder: the checkout's own, or a copy in the cache where the package must not be written."""
    source = data_folder("examples") / name
    if source.parent.parent.name != "_data" and os.access(source, os.W_OK):
        return source
    copy = cache_folder() / "demo" / name
    shutil.copytree(source, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".outrider", "*.log", "*.jsonl"))
    return copy


class _SelfHealing:
    """One run of the demo."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._printer = TimelinePrinter()
        self._run_id = ""

    async def run(self) -> int:
        """Do it; 0 only if the service really answers again and the audit chains hold."""
        for old in ("web.log", "incidents.jsonl"):
            (self._layout.folder / old).unlink(missing_ok=True)
        if self._layout.state.is_dir() and not self._layout.socket.exists():
            shutil.rmtree(self._layout.state)
        began = time.monotonic()
        async with running_platform(self._layout) as status:
            context = PlatformContext(name=status.name, folder=self._layout.folder, state=self._layout.state)
            async with connect_to(context) as platform:
                await self._introduce(platform, status, time.monotonic() - began)
                seconds = await self._kill_and_watch(platform)
        return self._conclude(context, seconds)

    async def _introduce(self, platform: PlatformClient, status: SupervisorStatus, started: float) -> None:
        agents = await platform.get("/v1/agents", list[AgentRow])
        levels = sorted({agent.health.sandbox for agent in agents if agent.health.sandbox})
        sys.stdout.write(
            f"Outrider {__version__} · {status.name} · SQLite · sandbox: {', '.join(levels)} · started in {started:.1f} s\n"
        )
        await self._pid()  # a service that could not even start is told at once
        latency = await self._wait_until_answering(HEAL_SECONDS)
        self._printer.line(time.time(), "web", f"answers: 200 in {latency * 1000:.0f} ms")

    async def _kill_and_watch(self, platform: PlatformClient) -> float:
        timeline = TimelineReader(platform)
        await timeline.new(wait=0)
        victim = await self._pid()
        os.kill(victim, signal.SIGKILL)
        killed_at = time.monotonic()
        self._printer.line(time.time(), "demo", f"kill -9 {SERVICE} (pid {victim})")
        watching = asyncio.ensure_future(self._watch(timeline))
        try:
            await self._wait_until_answering(HEAL_SECONDS, other_than=victim)
            seconds = time.monotonic() - killed_at
            async with asyncio.timeout(HEAL_SECONDS):
                await watching
        except TimeoutError as error:
            raise ExecutionFailedError(
                f"the demo's report did not come within {HEAL_SECONDS:.0f} s",
                suggestions=[f"look into {self._layout.logs}"],
            ) from error
        finally:
            watching.cancel()
            await asyncio.wait({watching})
        return seconds

    async def _watch(self, timeline: TimelineReader) -> None:
        """Show the timeline until the service was seen up again and the report was sent."""
        up = reported = False
        while not (up and reported):
            for entry in await timeline.new():
                self._printer.show(entry)
                up = up or (entry.kind == "event" and entry.text.startswith("up"))
                reported = reported or entry.kind == "output"
                self._run_id = self._run_id or entry.run

    async def _pid(self) -> int:
        status = await supervisor_status(self._layout)
        for part in status.parts:
            if part.name == SERVICE and part.kind == "service" and part.pid:
                return part.pid
        found = next((part for part in status.parts if part.name == SERVICE), None)
        raise NotFoundError(
            f"service '{SERVICE}' does not run",
            found=found.problem if found else "no such service",
            suggestions=[f"read {self._layout.folder / 'web.log'}", "is port 8085 used by another program?"],
        )

    async def _wait_until_answering(self, seconds: float, other_than: int = 0) -> float:
        """Wait until the service answers 200 from a living process of ours; return the latency of the answer."""
        client = Client(ORIGIN)
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                began = time.monotonic()
                try:
                    answer = await client.request("GET", HEALTH, timeout=1.0)
                    if answer.status == 200 and await self._pid() != other_than:
                        return time.monotonic() - began
                except OutriderError:
                    pass  # it is down at the moment: that is what is waited for
                await asyncio.sleep(PROBE_SECONDS)
        finally:
            await client.close()
        await self._pid()
        raise ExecutionFailedError(
            f"the service did not answer within {seconds:.0f} s", suggestions=[f"look into {self._layout.logs}"]
        )

    def _conclude(self, context: PlatformContext, seconds: float) -> int:
        chains, faults = verify_platform(context)
        for fault in faults:
            raise fault
        records = sum(chain.records for chain in chains)
        sys.stdout.write(
            f"web answered again {seconds:.1f} s after the kill · audit chain of {records} records verified\n\n"
            f"Keep it running:   outrider up {_shown(context.folder)}\n"
            f"Change the rule:   edit {_shown(context.folder / 'outrider.yaml')}, then: outrider rules test {_shown(context.folder)}\n"
            f"Look inside:       outrider runs show {self._run_id}\n"
            f"Check the record:  outrider audit list\n"
        )
        return 0


def _shown(folder: Path) -> str:
    """Return the folder as a user would type it from here."""
    return str(folder.relative_to(Path.cwd())) if folder.is_relative_to(Path.cwd()) else str(folder)
