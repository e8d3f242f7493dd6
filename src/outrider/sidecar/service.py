"""The sidecar process: `outrider sidecar serve --settings FILE`."""

import argparse
import asyncio
import gc
import os
import signal
import socket
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from outrider.core.codec import decode
from outrider.core.errors import MissingRequirementError, NotFoundError, OutriderError
from outrider.core.sidecar_settings import SidecarSettings
from outrider.ports.clock import SystemClock
from outrider.ports.http.server import Server
from outrider.ports.process import LIFELINE_VARIABLE, watch_lifeline
from outrider.ports.secrets import Resolver
from outrider.ports.secrets.private_files import write_private
from outrider.ports.telemetry import configure_logging, logger, traces
from outrider.sidecar.activity import ActivityFeed
from outrider.sidecar.control import CONTROL_SOCKET, DOORS_SOCKET, Control, SidecarStatus, Task, wrapper_status
from outrider.sidecar.doors import Doors
from outrider.sidecar.generation import LONGEST_CALL, Generation, Lasting
from outrider.sidecar.llm.ledger import Ledger
from outrider.sidecar.proxy.exchange import Exchange
from outrider.sidecar.proxy.proxy import Proxy
from outrider.sidecar.spans import Spans
from outrider.sidecar.task_door import TaskDoor, open_door
from outrider.sidecar.tools.status import Decision
from outrider.sidecar.totals import Totals

if TYPE_CHECKING:
    from outrider.sidecar.egress.egress import Egress

ADDRESS_FILE = "address"
DRAIN_SECONDS = 10.0
# How often is looked whether there are other settings.
LOOK_SECONDS = 1.0
GARBAGE_THRESHOLD = 50_000
# Those of settings that still serve calls, and some more.
MOST_RESOLVERS = 16
Mark = tuple[int, ...]
_log = logger(__name__)


class Sidecar:
    """A sidecar: what serves by its settings, and by those that come later.

    Args:
        path: The file of the settings; it is read again when it changes.
        settings: What it said.
        mark: Of the file when it did.
    """

    def __init__(self, path: Path, settings: SidecarSettings, mark: Mark) -> None:
        self._path, self._settings, self._mark = path, settings, mark
        self._clock = SystemClock()
        self._stopping = asyncio.Event()
        self._feed, self._totals = ActivityFeed(), Totals()
        self._spans = Spans(settings.agent, settings.traceparent) if traces() else None
        self._opened: deque[Resolver] = deque(maxlen=MOST_RESOLVERS)
        self._lasting: Lasting
        self._now: Generation
        self._ending: set[asyncio.Task[None]] = set()
        self._refused = ""
        self._egress: Egress | None = None
        self._door: TaskDoor | None = None

    def mask(self, text: str) -> str:
        """Return a text without the secrets that were opened: what plugins say comes into the log."""
        for secrets in self._opened:
            text = secrets.mask(text)
        return text

    def stop(self) -> None:
        """Ask for a clean end: what is in flight is answered."""
        self._stopping.set()

    def decide(self, exchange: Exchange) -> None:
        """Refuse a request that comes before anything serves; from then on that decides itself."""
        exchange.refuse(503, "starting", "the sidecar is starting")

    async def run(self) -> None:
        """Serve until `stop`."""
        ledger = Ledger(self._settings.state / "ledger")
        proxy = Proxy(self)
        self._lasting = Lasting(
            clock=self._clock, proxy=proxy, ledger=ledger, feed=self._feed, totals=self._totals, spans=self._spans
        )  # fmt: skip
        opened: Generation | None = None
        try:
            opened = self._now = self._made(1, self._settings)
            await self._now.open()
            proxy.gate = self._now
            async with self._with_egress(proxy):
                try:
                    await self._serve(proxy)
                finally:
                    await self._end_tools()
        finally:
            try:
                await proxy.close(DRAIN_SECONDS)
                if opened is not None:  # the last calls have ended, and what they have cost is known
                    await self._now.close_gate()
                    await opened.close_shares()
            finally:
                await asyncio.to_thread(ledger.close)

    def _made(self, number: int, settings: SidecarSettings, before: Generation | None = None) -> Generation:
        """Return a generation that is not open yet; what it opens of secrets is masked from now on."""
        made = Generation(number, settings, self._lasting, before)
        if made.secrets not in self._opened:
            self._opened.append(made.secrets)
        return made

    async def _end_tools(self) -> None:
        """End calls of tools, those by older settings at once."""
        for task in self._ending:
            task.cancel()
        if self._ending:
            await asyncio.wait(self._ending)
        await self._now.close(grace=DRAIN_SECONDS)

    async def _keep_reloading(self) -> None:
        """Read the settings again when their file has changed, until cancelled."""
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            mark = _mark(self._path)
            if mark != self._mark:
                self._mark = mark
                await self._reload()

    async def _reload(self) -> None:
        """Serve by what the file says now; where that cannot be, by what it said last."""
        try:
            settings = decode(await asyncio.to_thread(self._path.read_bytes), SidecarSettings)
            if settings == self._now.settings:
                self._refused = ""
                return
            after = self._made(self._now.number + 1, settings, self._now)
            try:
                await after.open(self._now)
            except BaseException:
                await after.discard(self._now)
                raise
        except (OutriderError, OSError) as error:
            self._refused = error.message if isinstance(error, OutriderError) else str(error)
            _log.error("the settings are not taken over, and the old ones hold: %s", self._refused)
            return
        before, self._now, self._refused = self._now, after, ""
        self._lasting.proxy.gate = after
        after.follow(before)
        after.begin()
        task = asyncio.get_running_loop().create_task(before.close(after, grace=LONGEST_CALL))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        _log.info("serves by generation %d of the settings", after.number)

    @asynccontextmanager
    async def _with_egress(self, proxy: Proxy) -> AsyncIterator[None]:
        """Open tunnels, where the agent may reach anything besides."""
        settings = self._settings
        if not settings.egress:
            yield
            return
        from outrider.sidecar.egress.egress import Egress  # noqa: PLC0415 - most agents have none

        egress = Egress(settings.egress, agent=settings.agent, state=settings.state, clock=self._clock)
        proxy.tunnels, self._egress = egress, egress
        try:
            yield
        finally:
            await egress.close()

    async def _serve(self, proxy: Proxy) -> None:
        address = ""
        if self._settings.listen:
            host, _, port = self._settings.listen.rpartition(":")
            listening = socket.create_server((host, int(port)), backlog=1024)
            listening.setblocking(False)
            address = "{}:{}".format(*listening.getsockname()[:2])
            await proxy.listen(listening)
        async with (
            self._controlled(proxy),
            open_door(self._settings.tasks) as self._door,
            self._watched(),
        ):
            write_private(self._settings.state / ADDRESS_FILE, address.encode())
            _log.info("sidecar of %s listens on %s", self._settings.agent, address or "doors")
            await self._until_stopped()

    async def _until_stopped(self) -> None:
        # What there is now stays: collections need not look at it, and a call leaves no cycles behind.
        gc.freeze()
        gc.set_threshold(GARBAGE_THRESHOLD, 10, 10)
        self._now.begin()
        reloading = asyncio.get_running_loop().create_task(self._keep_reloading())
        try:
            await self._stopping.wait()
        finally:
            reloading.cancel()
            await asyncio.wait({reloading})

    @asynccontextmanager
    async def _controlled(self, proxy: Proxy) -> AsyncIterator[None]:
        """Listen to whoever runs the agent, if anybody does."""
        folder = self._settings.control
        if folder is None:
            yield
            return
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        doors = Doors(proxy, folder / DOORS_SOCKET)
        server = Server(self._told().router())
        try:
            await server.start_unix(folder / CONTROL_SOCKET)
            yield
        finally:
            doors.close()
            await server.stop(0)

    def _told(self) -> Control:
        program = self._door.problem if self._door is not None else None
        return Control(self.status, self._feed, self.decide_question, self._metrics, self._begin_task, program=program)

    def _begin_task(self, task: Task) -> None:
        if self._spans is not None:
            self._spans.parent = task.traceparent

    def _metrics(self) -> bytes:
        return self._totals.render(self._now.gate.status(), self._now.currency)

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """Tell health and metrics to whoever watches the machine, if anybody does."""
        if not self._settings.admin:
            yield
            return
        host, _, port = self._settings.admin.rpartition(":")
        server = Server(self._told().admin())
        await server.start_tcp(host, int(port))
        try:
            yield
        finally:
            await server.stop(0)

    def decide_question(self, question: str, decision: Decision) -> None:
        """Answer a call of a tool that waits for a person.

        Raises:
            NotFoundError: It does not wait.
        """
        if self._now.tools is None:
            raise NotFoundError("this agent has no tools", found=question)
        self._now.tools.approvals.decide(question, decision)

    def status(self) -> SidecarStatus:
        """Return how the sidecar does."""
        now = self._now
        wrapper, models = wrapper_status(now.settings.wrapper), now.gate.status()
        problem = models.ledger
        if now.settings.wrapper is not None and now.settings.wrapper.required and wrapper.state != "seen":
            problem = problem or "the wrapper was not seen in the agent's program"
        return SidecarStatus(
            problem=problem, generation=now.number, refused=self._refused, currency=now.currency, cost=self._totals.cost, wrapper=wrapper,
            models=models, tools=now.tools_status(), egress=dict(self._egress.totals) if self._egress is not None else {},
        )  # fmt: skip


def _mark(path: Path) -> Mark:
    """Return what is another one when a file, or what a link leads to, is."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_ino, found.st_size


def serve(arguments: list[str]) -> None:
    """Run the sidecar."""
    parser = argparse.ArgumentParser(prog="outrider sidecar serve")
    parser.add_argument("--settings", required=True, type=Path, help="settings file of the sidecar (JSON)")
    path: Path = parser.parse_args(arguments).settings
    os.umask(0o077)
    configure_logging()
    mark = _mark(path)
    settings = decode(path.read_bytes(), SidecarSettings)
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    _run(_main(Sidecar(path, settings, mark)))


async def _main(sidecar: Sidecar) -> None:
    configure_logging(mask=sidecar.mask)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, sidecar.stop)
    lifeline = os.environ.pop(LIFELINE_VARIABLE, None)
    if lifeline is not None:
        watch_lifeline(loop, int(lifeline), sidecar.stop)
    await sidecar.run()


def _run(main: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop  # noqa: PLC0415 - only who has a sidecar has it
    except ModuleNotFoundError as error:
        main.close()
        raise MissingRequirementError(
            "the sidecar needs uvloop and httptools", found=str(error), expected="the extra `sidecar`",
            suggestions=["pip install 'outrider[sidecar]'"],
        ) from error  # fmt: skip
    uvloop.run(main)
