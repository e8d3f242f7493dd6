"""Mode `job`: the program is started for each task, and what it prints is the result."""

import asyncio
from typing import Any

from outrider.local.agents.invocations.invocation import Ending, Task
from outrider.local.agents.launching import Launcher
from outrider.local.agents.starters.starter import Running
from outrider.local.agents.streams import Kept, feed


class JobInvocation:
    """See Invocation.

    Args:
        launcher: Starts the program.
    """

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher

    async def run(self, task: Task) -> Ending:
        """Start the program, give it the input, and wait for its end."""
        sidecar = self._launcher.sidecar
        try:
            session = {"OUTRIDER_SESSION": task.session} if task.session else {}
            program = await self._launcher.launch({"TRACEPARENT": task.traceparent, **session}, task.given)
            try:
                return await self._converse(program, task)
            finally:
                await program.kill()
        finally:
            sidecar.close_doors()

    async def close(self) -> None:
        """Do nothing: a program has ended with its task."""

    async def _converse(self, program: Running, task: Task) -> Ending:
        """Give the input, and read what comes until the end or until the time is over."""
        limit, sidecar = self._launcher.workload.invocation.timeout, self._launcher.sidecar
        output, errors = Kept(task.folder / "stdout"), Kept(task.folder / "stderr", task.stderr)
        async with asyncio.TaskGroup() as tasks:
            feeding = tasks.create_task(feed(program, task.given))
            tasks.create_task(output.take(program.stdout))
            tasks.create_task(errors.take(program.stderr))
            ended = tasks.create_task(program.wait())
            either: set[asyncio.Future[Any]] = {ended, sidecar.exited}
            await asyncio.wait(either, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            alone, late = not ended.done() and sidecar.ended, not ended.done() and not sidecar.ended
            await program.kill()  # what it left behind would hold its pipes
            feeding.cancel()
            code = await ended
        if late:
            return Ending("timed_out", 124, output.result(), f"it took longer than {limit}")
        if alone:
            return Ending("failed", code, output.result(), f"its sidecar ended; see {self._launcher.home.files.log}")
        problem = program.exceeded or (f"exit code {code}" if code else "")
        return Ending("failed" if problem else "succeeded", code, output.result(), problem)
