"""`outrider demo self-healing`: a real service is killed, and Outrider brings it back."""

import asyncio
import os
import shutil
import signal
import sys
import time

from outrider.core.errors import ExecutionFailedError
from outrider.local.control import SupervisorStatus
from outrider.local.launch import running_platform
from outrider.local.layout import Layout
from outrider.runtime.client import PlatformClient, connect_to
from outrider.runtime.contexts import PlatformContext
from outrider.runtime.folders import ObjectFolder
from outrider.surfaces.cli.demos.stage import WebService, example, introduce, shown, verified_records
from outrider.surfaces.cli.timeline import TimelinePrinter, TimelineReader

SERVICE = "web"
ORIGIN = "http://127.0.0.1:8085"
HEAL_SECONDS = 30.0


async def heal_a_service() -> int:
    """Show it; 0 only if the service really answers again and the audit chains hold.

    Raises:
        OutriderError: It does not, or something could not be started.
    """
    folder = example("self-healing")
    ObjectFolder(folder).read()
    return await _SelfHealing(Layout(folder)).run()


class _SelfHealing:
    """One run of the demo."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._web = WebService(layout, SERVICE, ORIGIN)
        self._printer = TimelinePrinter()
        self._run_id = ""

    async def run(self) -> int:
        if not self._layout.socket.exists():
            for old in ("web.log", "incidents.jsonl"):
                (self._layout.folder / old).unlink(missing_ok=True)
            if self._layout.state.is_dir():
                shutil.rmtree(self._layout.state)
        began = time.monotonic()
        async with running_platform(self._layout) as status:
            context = PlatformContext(name=status.name, folder=self._layout.folder, state=self._layout.state)
            async with connect_to(context) as platform:
                await self._introduce(platform, status, time.monotonic() - began)
                seconds = await self._kill_and_watch(platform)
        return self._conclude(context, seconds)

    async def _introduce(self, platform: PlatformClient, status: SupervisorStatus, started: float) -> None:
        await introduce(platform, status, started)
        await self._web.pid()  # a service that could not even start is told at once
        latency = await self._web.wait_until_answering(HEAL_SECONDS)
        self._printer.line(time.time(), "web", f"answers: 200 in {latency * 1000:.0f} ms")

    async def _kill_and_watch(self, platform: PlatformClient) -> float:
        timeline = TimelineReader(platform)
        await timeline.new(wait=0)
        victim = await self._web.pid()
        os.kill(victim, signal.SIGKILL)
        killed_at = time.monotonic()
        self._printer.line(time.time(), "demo", f"kill -9 {SERVICE} (pid {victim})")
        watching = asyncio.ensure_future(self._watch(timeline))
        try:
            await self._web.wait_until_answering(HEAL_SECONDS, other_than=victim)
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

    def _conclude(self, context: PlatformContext, seconds: float) -> int:
        records = verified_records(context)
        folder = shown(context.folder)
        sys.stdout.write(
            f"web answered again {seconds:.1f} s after the kill · audit chain of {records} records verified\n\n"
            f"Keep it running:   outrider up {folder}\n"
            f"Change the rule:   edit {folder}/outrider.yaml, then: outrider rules test {folder}\n"
            f"Look inside:       outrider runs show {self._run_id}\n"
            f"Check the record:  outrider audit list\n"
        )
        return 0
