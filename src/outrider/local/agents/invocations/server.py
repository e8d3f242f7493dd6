"""A program that is a server: it is started once, watched, and given one task after the other."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Any

from outrider.core.errors import DeadlineExceededError, ExecutionFailedError, OutriderError
from outrider.core.http.limits import Limits
from outrider.local.agents.invocations.invocation import Ending, Task
from outrider.local.agents.launching import Launcher
from outrider.local.agents.starters.starter import Reach, Running
from outrider.local.agents.streams import MOST_OUTPUT, Relay
from outrider.ports.http.client import Client

READY_SECONDS, PROBE_SECONDS, LOOK_SECONDS, LAST_SECONDS = 60.0, 0.05, 2.0, 0.5
_LATE = 124
_SHOWN = 500


class ServerInvocation(ABC):
    """See Invocation; modes differ in how they see that it is ready, and in how a task is given.

    Args:
        launcher: Starts the program.

    Attributes:
        expects: What the program is, in words.
    """

    expects = "a server"

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher
        self._settings = launcher.workload.invocation
        self._relay = Relay()
        self._server: RunningServer | None = None

    @abstractmethod
    async def look(self, server: "RunningServer") -> str:
        """Return why a server does not take work yet; empty where it does.

        Raises:
            OutriderError: It does not answer.
        """

    @abstractmethod
    async def deliver(self, server: "RunningServer", task: Task) -> Ending:
        """Give a task to a server, and wait for what comes of it.

        Raises:
            OutriderError: Nothing does.
        """

    async def run(self, task: Task) -> Ending:
        """Start the server where it does not run, post the task, and wait for the answer."""
        with self._relay.into(task.folder / "stderr", task.stderr):
            if self._server is not None and self._server.ended:
                await self.close()
            if self._server is None:
                self._server = await self._start()
            ending = await self._ask(self._server, task)
        (task.folder / "stdout").write_bytes(b"")
        return ending

    async def close(self) -> None:
        """End the server."""
        server, self._server = self._server, None
        if server is not None:
            await server.close()
        self._launcher.sidecar.close_doors()

    async def _start(self) -> "RunningServer":
        launcher, port = self._launcher, self._settings.port
        assert port is not None  # a server has one
        try:
            program = await launcher.launch({})
            server = RunningServer(program, self._relay)
            try:
                await self._reach(server, program, port)
                await self._wait_until_ready(server)
            except BaseException:
                await server.close()
                raise
        except BaseException:
            launcher.sidecar.close_doors()
            raise
        return server

    async def _reach(self, server: "RunningServer", program: Running, port: int) -> None:
        path = self._launcher.home.files.control / "program.sock"
        try:
            server.reached(await self._launcher.starter.reach(program, port, path))
        except ExecutionFailedError as error:
            if await server.has_ended():
                raise self._not_ready(server, error.message) from error
            raise

    async def _wait_until_ready(self, server: "RunningServer") -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_SECONDS
        last = "no answer"
        while loop.time() < deadline and not server.ended:
            try:
                last = await self.look(server)
                if not last:
                    return
            except OutriderError as error:
                last = error.message
            await asyncio.sleep(PROBE_SECONDS)
        raise self._not_ready(server, last)

    def _not_ready(self, server: "RunningServer", last: str) -> ExecutionFailedError:
        said = self._relay.last.decode("utf-8", "replace").strip()[-_SHOWN:]
        return ExecutionFailedError(
            f"the program ended before it answered: {server.how}" if server.ended else f"the program was not ready within {READY_SECONDS:g} s",
            path="spec.invocation", found=said or last, expected=f"{self.expects} on 127.0.0.1:{self._settings.port}",
            suggestions=["let it listen on PORT, on 127.0.0.1 or on every address"],
        )  # fmt: skip

    async def _ask(self, server: "RunningServer", task: Task) -> Ending:
        """Give a task; who asks waits no longer than until the server, or the sidecar, has ended."""
        limit, sidecar = self._settings.timeout, self._launcher.sidecar
        await server.connect_anew()
        asking = asyncio.ensure_future(self.deliver(server, task))
        waiting: set[asyncio.Future[Any]] = {asking, server.ending, sidecar.exited}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done() and not sidecar.ended:
                await asyncio.wait({asking}, timeout=LAST_SECONDS)  # its last words may be on their way
            if not asking.done():
                reason = f"its sidecar ended; see {self._launcher.home.files.log}" if sidecar.ended else server.how
                return Ending("failed", 1, None, reason)
            return asking.result()
        except DeadlineExceededError:
            return Ending("timed_out", _LATE, None, f"it took longer than {limit}")
        except OutriderError as error:
            return Ending("failed", 1, None, server.how if await server.has_ended() else error.message)
        finally:
            asking.cancel()
            with suppress(asyncio.CancelledError, OutriderError):
                await asking


class RunningServer:
    """A program that serves: it is watched, and what it writes is passed on."""

    def __init__(self, program: Running, relay: Relay) -> None:
        self._program = program
        loop = asyncio.get_running_loop()
        self.ending = loop.create_task(program.wait())
        self._reading = [loop.create_task(relay.follow(stream)) for stream in (program.stdout, program.stderr)]
        self._reach: Reach | None = None
        self.client: Client

    @property
    def base(self) -> str:
        """Its address, as a client takes it."""
        assert self._reach is not None  # it was ready
        return self._reach.base

    def reached(self, reach: Reach) -> None:
        """Take the way to it."""
        self._reach = reach
        self.client = Client(reach.base, limits=Limits(body=MOST_OUTPUT))

    async def connect_anew(self) -> None:
        """Keep no connection: a task on one that the program closes just then would fail, as none is given twice."""
        assert self._reach is not None  # it was ready
        await self.client.close()
        self.reached(self._reach)

    @property
    def ended(self) -> bool:
        """Whether it serves no more."""
        return self.ending.done()

    async def has_ended(self) -> bool:
        """Return whether it has ended, or ends right now: a connection may end before its process."""
        await asyncio.wait({self.ending}, timeout=LAST_SECONDS)
        return self.ended

    @property
    def how(self) -> str:
        """How it ended."""
        return self._program.exceeded or f"the program ended with exit code {self.ending.result()}"

    async def close(self) -> None:
        """End it, and read what it wrote last."""
        if self._reach is not None:
            await self.client.close()
            await self._reach.close()
        await self._program.kill()
        await asyncio.wait([self.ending, *self._reading], timeout=PROBE_SECONDS)
        for task in self._reading:
            task.cancel()
