"""The orchestrator process: store, engine and API on one address."""

import argparse
import asyncio
import os
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from outrider.core.codec import decode
from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.http.headers import Headers
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Request, Response
from outrider.core.objects import DEFAULT_TENANT
from outrider.core.secrets import SecretValue
from outrider.orchestrator.agent_api import AgentApi
from outrider.orchestrator.engine import Engine
from outrider.orchestrator.metrics import EngineMetrics, QueueMetrics
from outrider.orchestrator.opening import open_secret, open_store
from outrider.orchestrator.queue_api import QueueApi
from outrider.orchestrator.retention import keep_pruning
from outrider.orchestrator.settings import AUTHORITY_FILE, OrchestratorSettings
from outrider.orchestrator.sharing import CHANNEL
from outrider.orchestrator.user_api import UserApi
from outrider.ports.certificates.authority import Authority, ensure_authority
from outrider.ports.certificates.tls import load_identity, server_context
from outrider.ports.clock import SystemClock
from outrider.ports.http.routing import Router
from outrider.ports.http.server import Server
from outrider.ports.process import LIFELINE_VARIABLE, watch_lifeline
from outrider.ports.secrets.private_files import write_private
from outrider.ports.store import PostgresqlStore
from outrider.ports.telemetry import Metrics, configure_logging, logger, start_tracing
from outrider.runtime.audit import AuditLog, keep_pruned
from outrider.runtime.plugins.catalogue import catalogue

if TYPE_CHECKING:
    from outrider.orchestrator.queue_desk import QueueDesk
    from outrider.orchestrator.queue_link import QueueLink

TRUST_DOMAIN = "outrider.local"
BODY_LIMIT = 8 * 1024 * 1024
STOP_SECONDS = 2.0
CLOCK_SECONDS = 60.0
RENEWAL_CHECK_SECONDS = 3600.0
_METRICS_TYPE = Headers({"content-type": "text/plain; version=0.0.4; charset=utf-8"})
_log = logger(__name__)


class Orchestrator:
    """Everything of one orchestrator, wired together."""

    def __init__(self, settings: OrchestratorSettings) -> None:
        self._settings = settings
        self._clock = SystemClock()
        self._metrics = Metrics(enabled=True)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ask for a clean end."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until `stop`."""
        state = self._settings.state
        host = self._settings.listen.rpartition(":")[0]
        shared = self._settings.authority or state / "authority"
        authority = ensure_authority(shared, TRUST_DOMAIN, self._clock.now(), [host])
        write_private(state / AUTHORITY_FILE, authority.ca_pem.encode())
        store = open_store(self._settings)
        audit = AuditLog(state / "audit.jsonl", self._settings.name, self._clock)
        engine = Engine(
            DEFAULT_TENANT,
            store,
            self._clock,
            audit=audit,
            catalogue=catalogue(self._settings.folder),
            metrics=EngineMetrics(self._metrics),
        )
        await engine.set_clock()
        await engine.open()
        try:
            await self._serve(engine, authority)
        finally:
            await store.close()
            audit.close()

    async def _serve(self, engine: Engine, authority: Authority) -> None:
        host, _, port = self._settings.listen.rpartition(":")
        identity = self._settings.state / "server.pem"
        issued = authority.issue_server(identity, [host], self._clock.now())
        tls = server_context(identity, authority.ca_pem, require_client=False)
        queue = self._queue(engine)
        server = Server(self._router(engine, authority, queue), limits=Limits(body=BODY_LIMIT), tls=tls)
        bound = await server.start_tcp(host, int(port))
        _log.info("orchestrator listens on %s:%d", host, bound)

        async def renew() -> None:
            nonlocal issued
            while True:
                await self._clock.sleep(max(1.0, min(RENEWAL_CHECK_SECONDS, issued.renew_at - self._clock.now())))
                if self._clock.now() >= issued.renew_at:
                    issued = authority.issue_server(identity, [host], self._clock.now())
                    load_identity(tls, identity)  # new connections show it

        loop = asyncio.get_running_loop()
        tasks = {
            loop.create_task(work)
            for work in (
                engine.sweep(),
                keep_pruning(engine),
                self._prune_audit(engine),
                self._share(engine),
                queue.run() if queue is not None else asyncio.Event().wait(),
                renew(),
                self._until_stopped(),
            )
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                await task
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await server.stop(STOP_SECONDS)

    async def _prune_audit(self, engine: Engine) -> None:
        await keep_pruned(engine.audit, self._clock, lambda: float(engine.world.platform.retention.audit))

    async def _share(self, engine: Engine) -> None:
        """Hear what other orchestrators on the same store tell, and go by its clock."""
        if not isinstance(engine.store, PostgresqlStore):
            await asyncio.Event().wait()
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(engine.store.listen(CHANNEL, engine.hear))
            while True:
                await self._clock.sleep(CLOCK_SECONDS)
                try:
                    await engine.set_clock()
                except OutriderError as error:
                    _log.warning("the store's clock cannot be read: %s", error.message)

    async def _until_stopped(self) -> None:
        await self._stopping.wait()

    def _queue(self, engine: Engine) -> "QueueLink | None":
        if self._settings.queue is None:
            return None
        from outrider.orchestrator.queue_link import QueueLink  # noqa: PLC0415 - only who has a queue has nats-py

        return QueueLink(
            engine, self._settings.queue, partial(open_secret, self._settings), QueueMetrics(self._metrics)
        )

    def _router(self, engine: Engine, authority: Authority, queue: "QueueLink | None") -> Router:
        token = SecretValue(self._settings.token_file.read_text().strip())
        if not token.reveal():
            raise InvalidConfigError(f"{self._settings.token_file}: the token file is empty")
        router = Router(_log)
        AgentApi(engine, authority, TRUST_DOMAIN).add_routes(router)
        users = UserApi(engine, authority, token)
        users.add_routes(router)
        QueueApi(
            self._desk(engine, queue), users.authenticate, needed=lambda: engine.world.queue_use is not None
        ).add_routes(router)
        router.add("GET", "/health", _health)
        router.add("GET", "/metrics", self._metrics_page)
        return router

    def _desk(self, engine: Engine, queue: "QueueLink | None") -> "QueueDesk | None":
        if queue is None:
            return None
        from outrider.orchestrator.queue_desk import QueueDesk  # noqa: PLC0415 - as above

        return QueueDesk(engine, queue)

    async def _metrics_page(self, _: Request) -> Response:
        return Response(200, _METRICS_TYPE, self._metrics.render_metrics())


async def _health(_: Request) -> Response:
    return Response(200, body=b'{"status":"ok"}\n')


async def _main(settings: OrchestratorSettings) -> None:
    orchestrator = Orchestrator(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, orchestrator.stop)
    lifeline = os.environ.pop(LIFELINE_VARIABLE, None)
    if lifeline is not None:
        watch_lifeline(loop, int(lifeline), orchestrator.stop)
    await orchestrator.run()


def serve(arguments: list[str]) -> None:
    """Run the orchestrator: `outrider orchestrator serve --settings FILE`."""
    parser = argparse.ArgumentParser(prog="outrider orchestrator serve")
    parser.add_argument("--settings", required=True, type=Path, help="settings file of the orchestrator (JSON)")
    path: Path = parser.parse_args(arguments).settings
    os.umask(0o077)
    configure_logging()
    start_tracing()
    asyncio.run(_main(decode(path.read_bytes(), OrchestratorSettings)))
