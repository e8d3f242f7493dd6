"""The sidecar process: `outrider sidecar serve --settings FILE`."""

import argparse
import asyncio
import gc
import os
import signal
import socket
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
from outrider.sidecar.activity import ActivityFeed, ToolUse
from outrider.sidecar.control import CONTROL_SOCKET, DOORS_SOCKET, Control, SidecarStatus, Task, wrapper_status
from outrider.sidecar.doors import Doors
from outrider.sidecar.llm.agent import Agent
from outrider.sidecar.llm.building import (
    build_budget,
    build_cache,
    build_guard,
    build_limits,
    build_routes,
    build_samples,
    build_shares,
)
from outrider.sidecar.llm.dialects import client_key
from outrider.sidecar.llm.gate import LlmGate
from outrider.sidecar.llm.ledger import Entry, Ledger
from outrider.sidecar.llm.prices import known_prices
from outrider.sidecar.llm.routes import Route
from outrider.sidecar.llm.script import read_script
from outrider.sidecar.proxy.exchange import Exchange
from outrider.sidecar.proxy.proxy import Proxy
from outrider.sidecar.spans import Spans
from outrider.sidecar.tools.status import Decision, ToolsStatus
from outrider.sidecar.totals import Totals

if TYPE_CHECKING:
    from outrider.sidecar.egress.egress import Egress
    from outrider.sidecar.llm.shares.shares import Shares
    from outrider.sidecar.otlp import OtlpGate
    from outrider.sidecar.tools.building import Tools
    from outrider.sidecar.tools.gate import ToolGate

OTLP_PATHS = (b"/v1/traces", b"/v1/metrics", b"/v1/logs")
TOOL_PATHS = (b"/mcp", b"/v1/tools")
ADDRESS_FILE = "address"
DRAIN_SECONDS = 10.0
KEY_SECONDS = 30.0
GARBAGE_THRESHOLD = 50_000
_log = logger(__name__)


class Sidecar:
    """Everything of one sidecar, wired together."""

    def __init__(self, settings: SidecarSettings) -> None:
        self._settings = settings
        self._clock = SystemClock()
        self._stopping = asyncio.Event()
        self._secrets = Resolver.declared(settings.secret_sources, folder=settings.folder, store=settings.secrets)
        self._feed, self._totals = ActivityFeed(), Totals()
        self._spans = Spans(settings.agent, settings.traceparent) if traces() else None
        self._currency = known_prices(settings.llm.prices).currency
        self._gate: LlmGate
        self._tools: Tools | None = None
        self._tool_gate: ToolGate | None = None
        self._egress: Egress | None = None
        self._otlp: OtlpGate | None = None
        self._shares: Shares | None = None

    def stop(self) -> None:
        """Ask for a clean end: what is in flight is answered."""
        self._stopping.set()

    def decide(self, exchange: Exchange) -> None:
        """Hand a request to the gate of the models, or to that of the tools."""
        if self._tool_gate is not None and exchange.request.target.startswith(TOOL_PATHS):
            self._tool_gate.decide(exchange)
        elif self._otlp is not None and exchange.request.target.startswith(OTLP_PATHS):
            self._otlp.decide(exchange)
        else:
            self._gate.decide(exchange)

    async def run(self) -> None:
        """Serve until `stop`."""
        settings = self._settings.llm
        ledger = Ledger(self._settings.state / "ledger")
        proxy = Proxy(self)
        try:
            routes = build_routes(settings, proxy)
            self._shares = shares = await build_shares(
                settings, self._settings.agent, self._settings.state, self._secrets, self._clock
            )  # fmt: skip
            agent = Agent(
                self._settings.agent,
                frozenset([(await self._secrets.fetch(one.secret, one.key)).reveal().encode() for one in self._settings.keys]),
                build_limits(settings.limits, self._clock, shares),
                await asyncio.to_thread(build_budget, settings.budget, ledger, self._clock.now(), shares),
            )  # fmt: skip
            script = read_script(settings.offline) if settings.offline is not None else None
            if script is None:
                await self._open_keys(routes, first=True)
            self._gate = LlmGate(
                agent, routes, ledger, now=self._clock.monotonic, wall=self._clock.now,
                usual_answer=settings.usual_answer, script=script, told=self._called,
                trace=self._spans.called if self._spans is not None else None,
                currency=self._currency, guard=build_guard(settings), cache=build_cache(settings, self._clock),
                samples=build_samples(settings, self._settings.state, self._clock), shares=shares,
            )  # fmt: skip
            async with self._with_egress(proxy), self._with_otlp(agent, proxy), self._with_tools(agent, proxy):
                await self._serve(proxy, routes)
        finally:
            try:
                await proxy.close(DRAIN_SECONDS)
                if self._shares is not None:  # what the last calls have cost is known now
                    await self._shares.close()
            finally:
                await asyncio.to_thread(ledger.close)

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

    @asynccontextmanager
    async def _with_otlp(self, agent: Agent, proxy: Proxy) -> AsyncIterator[None]:
        """Hand on what the program sends of telemetry, where that goes anywhere."""
        settings = self._settings.telemetry
        if settings is None:
            yield
            return
        from outrider.sidecar.otlp import OtlpGate  # noqa: PLC0415 - most agents send none

        self._otlp = OtlpGate(
            settings,
            proxy,
            self._secrets,
            lambda request: agent.admits(client_key(request.key)),
            keyless=not agent.keys,
        )
        await self._otlp.open()
        async with _meanwhile(self._otlp.keep_open()):
            yield

    @asynccontextmanager
    async def _with_tools(self, agent: Agent, proxy: Proxy) -> AsyncIterator[None]:
        """Offer the tools, where any is granted; what they need is imported only then."""
        settings = self._settings
        if not settings.tools.grants and not settings.memories:
            yield
            return
        from outrider.sidecar.own_servers import own_servers  # noqa: PLC0415 - see above
        from outrider.sidecar.tools.building import Tools  # noqa: PLC0415 - see above

        own = await own_servers(settings, proxy, self._secrets, self._clock)
        self._tools = Tools(
            settings.tools, agent=settings.agent, state=settings.state, secrets=self._secrets, clock=self._clock,
            used=self._used, asked=self._feed.add, own=own, protected=settings.protected,
        )  # fmt: skip
        self._tool_gate = self._tools.gate(
            lambda request: agent.admits(client_key(request.key)), keyless=not agent.keys
        )
        try:
            async with _meanwhile(self._tools.keep_looking(), *(one.keep_up() for one in own)):
                yield
        finally:
            await self._tool_gate.close(DRAIN_SECONDS)
            await self._tools.close()

    async def _serve(self, proxy: Proxy, routes: dict[str, Route]) -> None:
        address = ""
        if self._settings.listen:
            host, _, port = self._settings.listen.rpartition(":")
            listening = socket.create_server((host, int(port)), backlog=1024)
            listening.setblocking(False)
            address = "{}:{}".format(*listening.getsockname()[:2])
            await proxy.listen(listening)
        async with self._controlled(proxy), self._watched():
            write_private(self._settings.state / ADDRESS_FILE, address.encode())
            _log.info("sidecar of %s listens on %s", self._settings.agent, address or "doors")
            await self._until_stopped(routes)

    async def _until_stopped(self, routes: dict[str, Route]) -> None:
        # What there is now stays: collections need not look at it, and a call leaves no cycles behind.
        gc.freeze()
        gc.set_threshold(GARBAGE_THRESHOLD, 10, 10)
        telling = [self._shares.keep_telling()] if self._shares is not None else []
        async with _meanwhile(self._renew_keys(routes), *telling):
            await self._stopping.wait()

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
        return Control(self.status, self._feed, self.decide_question, self._metrics, self._begin_task)

    def _begin_task(self, task: Task) -> None:
        if self._spans is not None:
            self._spans.parent = task.traceparent

    def _metrics(self) -> bytes:
        return self._totals.render(self._gate.status(), self._currency)

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

    def _called(self, entry: Entry) -> None:
        self._feed.add(entry)
        self._totals.called(entry)

    def _used(self, use: ToolUse) -> None:
        self._feed.add(use)
        self._totals.used(use)
        if self._spans is not None:
            self._spans.used(use, self._clock.now())

    def decide_question(self, question: str, decision: Decision) -> None:
        """Answer a call of a tool that waits for a person.

        Raises:
            NotFoundError: It does not wait.
        """
        if self._tools is None:
            raise NotFoundError("this agent has no tools", found=question)
        self._tools.approvals.decide(question, decision)

    def status(self) -> SidecarStatus:
        """Return how the sidecar does."""
        tools = self._tools.status() if self._tools is not None else ToolsStatus(tools=[], problems={})
        wrapper, models = wrapper_status(self._settings.wrapper), self._gate.status()
        problem = models.ledger
        if self._settings.wrapper is not None and self._settings.wrapper.required and wrapper.state != "seen":
            problem = problem or "the wrapper was not seen in the agent's program"
        return SidecarStatus(
            problem=problem,
            currency=self._currency,
            wrapper=wrapper,
            models=models,
            tools=tools,
            egress=dict(self._egress.totals) if self._egress is not None else {},
        )

    async def _renew_keys(self, routes: dict[str, Route]) -> None:
        while self._settings.llm.offline is None:
            await self._clock.sleep(KEY_SECONDS)
            await self._open_keys(routes, first=False)

    async def _open_keys(self, routes: dict[str, Route], *, first: bool) -> None:
        """Read the providers' keys; one that cannot be read later stays what it was.

        Raises:
            OutriderError: At first one cannot be read.
        """
        for route in self._settings.llm.routes:
            for settings, provider in zip(route.providers, routes[route.alias].providers, strict=True):
                if settings.key is None:
                    continue
                try:
                    provider.use_key(await self._secrets.fetch(settings.key.secret, settings.key.key))
                except (OutriderError, OSError) as error:
                    if first:
                        raise
                    _log.warning("the key of %s stays as it was: %s", settings.provider, error)


@asynccontextmanager
async def _meanwhile(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let work without an end go on as long as the block lasts."""
    loop = asyncio.get_running_loop()
    tasks = {loop.create_task(one) for one in work}
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def serve(arguments: list[str]) -> None:
    """Run the sidecar."""
    parser = argparse.ArgumentParser(prog="outrider sidecar serve")
    parser.add_argument("--settings", required=True, type=Path, help="settings file of the sidecar (JSON)")
    path: Path = parser.parse_args(arguments).settings
    os.umask(0o077)
    configure_logging()
    settings = decode(path.read_bytes(), SidecarSettings)
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    _run(_main(settings))


async def _main(settings: SidecarSettings) -> None:
    sidecar = Sidecar(settings)
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
