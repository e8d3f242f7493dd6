"""The supervisor process of one platform: starts what its objects need, in order, and stops all of it."""

import argparse
import asyncio
import fcntl
import os
import secrets
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from outrider.core.codec import encode
from outrider.core.errors import ConflictError, OutriderError, UnavailableError
from outrider.edge.settings import AgentSettings
from outrider.kinds.platform.model import PlatformSpec, Service
from outrider.kinds.platform.queue import Queue
from outrider.local.control import Control, ReloadAnswer, SupervisorStatus
from outrider.local.layout import Layout
from outrider.local.log_bounds import keep_bounded
from outrider.local.orchestrators import orchestrator_settings, own_variables
from outrider.local.parts import Part, PartSpec, PartStatus
from outrider.local.preconditions import check_live, free_port
from outrider.local.queues import access_of, answers, check_client, embedded
from outrider.local.registries import registry_services
from outrider.orchestrator.queue_use import queue_use, with_queue
from outrider.orchestrator.settings import QueueAccess
from outrider.orchestrator.wire import ApplyAnswer, ApplyRequest, QueueAnswer, StatusAnswer, TokenAnswer, TokenRequest
from outrider.ports.clock import Clock, SystemClock
from outrider.ports.http.server import Server
from outrider.ports.process import LIFELINE_VARIABLE, base_environment, watch_lifeline
from outrider.ports.secrets.private_files import write_private
from outrider.ports.telemetry import configure_logging, logger
from outrider.runtime.client import PlatformClient
from outrider.runtime.contexts import Contexts, Endpoint, PlatformContext, cache_folder
from outrider.runtime.folders import ObjectFolder, objects_digest
from outrider.runtime.objects import ObjectSet

READY_SECONDS = 30.0
PROBE_SECONDS = 0.03
DEFAULT_NAME = "platform"
_log = logger(__name__)


class Supervisor:
    """One platform.

    Args:
        layout: Where its files are.
        clock: Paces restarts.
    """

    def __init__(self, layout: Layout, clock: Clock) -> None:
        self._layout = layout
        self._folder = ObjectFolder(layout.folder, layout.overlay)
        self._clock = clock
        self._reloading = asyncio.Lock()
        self._objects: ObjectSet
        self._parts: dict[str, Part] = {}
        self._services: dict[str, Part] = {}
        self._stopping = asyncio.Event()
        self._ready = False
        self._revoked: set[str] = set()
        self._url, self._queue_problem = "", ""
        self._begun_with: Queue | None = None
        self._queue: QueueAccess | None = None
        self._name = DEFAULT_NAME
        self._secret_variables: dict[str, str] = {}
        # Whoever holds the read end sees its end when this process is gone, however it went.
        self._lifeline, self._lifeline_end = os.pipe()

    def stop(self) -> None:
        """Ask for the end of the platform."""
        self._stopping.set()

    async def run(self) -> None:
        """Start everything, serve until `stop`, stop everything."""
        self._layout.create()
        lock = self._lock()
        try:
            self._objects = self._folder.read()
            self._name, spec = self._platform(self._objects)
            variables = [source.env for source in spec.secrets.values() if source.env]
            self._secret_variables = {name: os.environ[name] for name in variables if name in os.environ}
            await self._serve(spec)
        finally:
            os.close(lock)

    def _platform(self, objects: ObjectSet) -> tuple[str, PlatformSpec]:
        """Return the name and the spec of the platform; defaults where none is declared."""
        platforms = objects.of_kind("Platform")
        name, spec = (platforms[0].name, platforms[0].spec) if platforms else (self._layout.folder.name, PlatformSpec())
        return name, with_queue(spec, queue_use(spec, objects))

    def _lock(self) -> int:
        """Hold the state folder for this process alone."""
        file = os.open(self._layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(file)
            raise ConflictError(
                f"the platform of {self._layout.folder} is running already",
                found=str(self._layout.state),
                suggestions=["look at it: outrider status", "stop it: outrider down"],
            ) from error
        return file

    async def _serve(self, spec: PlatformSpec) -> None:
        control = Server(Control(self._status, self._services, stop=self.stop, reload=self.reload).router())
        await control.start_unix(self._layout.socket)
        starting = asyncio.get_running_loop().create_task(self._start_all(spec), name="start")
        ended = asyncio.get_running_loop().create_task(self._stopping.wait())
        bounds = asyncio.get_running_loop().create_task(keep_bounded(self._clock, self._logs))
        try:
            await asyncio.wait({starting, ended}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                await starting
                await ended
        finally:
            for task in (starting, ended, bounds):
                task.cancel()
            await asyncio.wait({starting, ended, bounds})
            await self._stop_all()
            await control.stop(1.0)
            self._layout.socket.unlink(missing_ok=True)
            self._layout.endpoint.unlink(missing_ok=True)

    def _logs(self) -> list[Path]:
        parts = [part.spec.log for part in (*self._parts.values(), *self._services.values())]
        return [self._layout.supervisor_log, *parts]

    async def _start_all(self, spec: PlatformSpec) -> None:
        self._token = self._read_or_make_token()
        host, _, port = spec.listen.rpartition(":")
        ports = [free_port(host, int(port) and int(port) + number) for number in range(spec.orchestrators)]
        self._url = ",".join(f"https://{host}:{number}" for number in ports)
        self._begun_with, self._queue = spec.queue, await self._start_queue(spec.queue)
        await asyncio.gather(
            *(self._start_service(service) for service in self._services_of(self._objects)),
            self._start_orchestrator(f"{host}:{ports[0]}", spec, number=1),
        )
        await self._until(self._has_authority, "the orchestrator does not come up", "orchestrator")
        for number, further in enumerate(ports[1:], 2):  # the first one has made the authority and the tables
            await self._start_orchestrator(f"{host}:{further}", spec, number=number)
        async with PlatformClient(self._url, self._layout.authority, self._token) as client:
            await self._start_agents(client)
            await self._wait_for_agents(client)
            if (use := queue_use(spec, self._objects)) is not None and use.any and use.queue.embedded is not None:
                await self._until(lambda: self._has_queue(client), "its queue cannot be used", "queue")
        endpoint = Endpoint(url=self._url, pid=os.getpid(), name=self._name, supervisor=self._layout.socket)
        write_private(self._layout.endpoint, encode(endpoint))
        context = PlatformContext(
            name=self._name,
            folder=self._layout.folder,
            state=self._layout.state,
            used=self._clock.now(),
            overlay=self._layout.overlay,
        )
        with suppress(OSError):  # the context is a convenience; a read-only home must not stop a platform
            Contexts().save(context)
        self._ready = True

    async def reload(self, digest: str) -> ReloadAnswer:
        """Take over the files of the folder: objects, services, agents. What has not changed goes on undisturbed.

        Args:
            digest: What `objects_digest` gives for the objects that are meant.

        Raises:
            InvalidConfigError: The objects are not valid; nothing was changed.
            ConflictError: The files say something else by now, or a change needs a new start.
        """
        async with self._reloading:
            objects = await asyncio.to_thread(self._folder.read)
            if objects_digest(objects) != digest:
                raise ConflictError("the files have changed since they were shown", suggestions=["look at them again"])
            check_live(self._platform(self._objects), self._platform(objects), queue=self._begun_with)
            async with PlatformClient(self._url, self._layout.authority, self._token) as client:
                body = ApplyRequest(objects=[item.document() for item in objects], prune=True)
                changes = (await client.post("/v1/objects", body, ApplyAnswer)).changes
                before, self._objects = self._objects, objects
                services = await self._reload_services(self._services_of(before), self._services_of(objects))
                agents = await self._reload_agents(client)
            for change in changes:
                _log.info("%s", change)
            return ReloadAnswer(changes=changes, started=[*services[0], *agents[0]], stopped=[*services[1], *agents[1]])

    def _services_of(self, objects: ObjectSet) -> list[Service]:
        """Return the services of a platform, its registries of packages among them."""
        return [*self._platform(objects)[1].services, *registry_services(objects, self._layout)]

    async def _reload_services(self, before: list[Service], after: list[Service]) -> tuple[list[str], list[str]]:
        """Stop the services that are gone, start new ones, start changed ones anew; return both names."""
        there = {service.name: service for service in before}
        declared = {service.name: service for service in after}
        gone = [name for name, service in there.items() if declared.get(name) != service]
        fresh = [name for name, service in declared.items() if there.get(name) != service]
        await asyncio.gather(*(self._services.pop(name).stop() for name in gone))
        await asyncio.gather(*(self._start_service(declared[name]) for name in fresh))
        return fresh, [name for name in gone if name not in declared]

    async def _reload_agents(self, client: PlatformClient) -> tuple[list[str], list[str]]:
        """Stop the agents that are not declared any more and start new ones; return both names."""
        expected = (await client.get("/v1/status", StatusAnswer)).expected_agents
        running = {name: part for name, part in self._parts.items() if part.spec.kind == "agent"}
        gone = [name for name in running if name not in expected]
        await asyncio.gather(*(self._parts.pop(name).stop() for name in gone))
        fresh = [name for name in expected if name not in running and name not in self._revoked]
        await asyncio.gather(*(self._start_agent(client, name, expected[name]) for name in fresh))
        return fresh, gone

    async def _start_service(self, service: Service) -> None:
        log = self._layout.folder / service.log if service.log else self._layout.log(f"service-{service.name}")
        spec = PartSpec(
            name=service.name,
            kind="service",
            argv=service.command,
            log=log,
            environment={**base_environment(), **service.environment},
            folder=self._layout.folder,
            restart=service.restart == "always",
            grace=float(service.stop_grace),
        )
        part = Part(spec, self._clock, changed=self._changed)
        self._services[service.name] = part
        await part.start()

    async def _start_queue(self, queue: Queue | None) -> QueueAccess | None:
        """Start the embedded queue, if it is that, and return how it is entered."""
        if queue is None:
            return None
        check_client()
        if queue.embedded is None:
            return access_of(queue, self._layout)
        access, spec = await asyncio.to_thread(embedded, queue.embedded, queue.prefix, self._layout)
        part = Part(spec, self._clock, changed=self._changed)
        self._parts[spec.name] = part
        await part.start()
        await self._until(lambda: answers(access), "its queue does not come up", spec.name)
        return access

    async def _start_orchestrator(self, listen: str, platform: PlatformSpec, *, number: int) -> None:
        settings = orchestrator_settings(self._layout, platform, listen=listen, number=number, queue=self._queue)
        settings.state.mkdir(mode=0o700, exist_ok=True)
        if settings.database and number == 1:
            from outrider.orchestrator.opening import check_store  # noqa: PLC0415 - 20 MB that other platforms do without

            # Who starts the platform is told at once what is wrong with it.
            await asyncio.to_thread(check_store, settings)
        await self._start_part(settings.name, "orchestrator", "orchestrator", settings)

    async def _start_part(self, name: str, kind: str, service: str, settings: msgspec.Struct) -> None:
        path = self._layout.state / f"{kind}-{name}.json"
        write_private(path, encode(settings))
        log, variables = self._layout.log(name), self._secret_variables
        log.unlink(missing_ok=True)
        spec = PartSpec(
            name=name,
            kind=kind,
            argv=[sys.executable, "-m", "outrider", service, "serve", "--settings", str(path)],
            log=log,
            # Agents open secrets themselves; an orchestrator those of its store and its queue.
            environment={
                **_own_environment(),
                **(variables if kind == "agent" else own_variables(self._platform(self._objects)[1], variables)),
                LIFELINE_VARIABLE: str(self._lifeline),
            },
            folder=self._layout.folder,
        )
        part = Part(spec, self._clock, pass_fds=(self._lifeline,), changed=self._changed)
        self._parts[name] = part
        await part.start()

    async def _start_agents(self, client: PlatformClient) -> None:
        await self._until(lambda: self._apply(client), "the orchestrator does not answer", "orchestrator")
        status = await client.get("/v1/status", StatusAnswer)
        self._revoked = {agent.name for agent in status.agents if agent.status == "revoked"}
        await asyncio.gather(
            *(
                self._start_agent(client, name, kind)
                for name, kind in status.expected_agents.items()
                if name not in self._revoked
            )
        )

    async def _has_authority(self) -> bool:
        return self._layout.authority.is_file()

    async def _has_queue(self, client: PlatformClient) -> bool:
        answer = await client.get("/v1/queue", QueueAnswer)
        self._queue_problem = answer.problem
        return answer.connected

    async def _apply(self, client: PlatformClient) -> bool:
        body = ApplyRequest(objects=[item.document() for item in self._objects], prune=True)
        try:
            answer = await client.post("/v1/objects", body, ApplyAnswer)
        except OutriderError as error:
            if error.retryable:
                return False
            raise
        for change in answer.changes:
            _log.info("%s", change)
        return True

    async def _start_agent(self, client: PlatformClient, name: str, kind: str) -> None:
        token = (await client.post("/v1/enrolment-tokens", TokenRequest(name, kind), TokenAnswer)).token
        settings = AgentSettings(
            name=name,
            kind=kind,  # type: ignore[arg-type]  # the orchestrator names these kinds only
            orchestrator=self._url,
            authority=self._layout.authority,
            token=token,
            folder=self._layout.folder,
            state=self._layout.agent(name),
            cache=cache_folder(),
            secrets=self._layout.secrets,
            supervisor=self._layout.socket,
        )
        await self._start_part(name, "agent", "agent-host" if kind == "agent" else "edge", settings)

    async def _wait_for_agents(self, client: PlatformClient) -> None:
        async def all_ready() -> bool:
            status = await client.get("/v1/status", StatusAnswer)
            healthy = {
                agent.name
                for agent in status.agents
                if agent.status == "online"
                and agent.name in self._parts
                and agent.health.pid == self._parts[agent.name].status.pid
                and all(plugin.status in ("running", "error") for plugin in agent.health.plugins.values())
            }
            return healthy >= status.expected_agents.keys() - self._revoked

        await self._until(all_ready, "not every agent came up", "agents")

    async def _until(self, check: Callable[[], Awaitable[bool]], problem: str, part: str) -> None:
        deadline = self._clock.monotonic() + READY_SECONDS
        while not await check():
            if self._clock.monotonic() > deadline or any(
                status.status.state == "crash-loop" for status in self._parts.values()
            ):
                causes = [status.status.problem for status in self._parts.values() if status.status.problem]
                raise UnavailableError(
                    f"the platform did not start: {problem}",
                    found="; ".join(causes) or self._queue_problem or f"{part}: no answer within {READY_SECONDS:.0f} s",
                    suggestions=[f"look into {self._layout.logs}"],
                )
            await self._clock.sleep(PROBE_SECONDS)

    def _read_or_make_token(self) -> str:
        with suppress(FileNotFoundError):
            return self._layout.token.read_text().strip()
        token = secrets.token_urlsafe(32)
        write_private(self._layout.token, f"{token}\n".encode())
        return token

    def _status(self) -> SupervisorStatus:
        parts = [part.status for part in (*self._parts.values(), *self._services.values())]
        return SupervisorStatus(
            name=self._name, url=self._url, ready=self._ready, parts=parts, overlay=self._layout.overlay
        )

    def _changed(self, status: PartStatus) -> None:
        _log.info("%s %s is %s", status.kind, status.name, status.state)

    async def _stop_all(self) -> None:
        """Stop agents first, so that they can say goodbye and bring their results home; each has what it needs to the end."""
        for kind in ("agent", "orchestrator", "queue"):
            await asyncio.gather(*(part.stop() for part in self._parts.values() if part.spec.kind == kind))
        await asyncio.gather(*(part.stop() for part in self._services.values()))


def _own_environment() -> dict[str, str]:
    """Return the environment of Outrider's own parts: paths, what configures telemetry, and where clusters are."""
    passed = {
        name: value for name, value in os.environ.items() if name.startswith(("OUTRIDER_", "OTEL_", "XDG_", "KUBE"))
    }
    passed.pop(LIFELINE_VARIABLE, None)
    return {**base_environment(), **passed, "PYTHONUNBUFFERED": "1"}


async def _main(layout: Layout) -> None:
    supervisor = Supervisor(layout, SystemClock())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.stop)
    lifeline = os.environ.pop(LIFELINE_VARIABLE, None)
    if lifeline is not None:
        watch_lifeline(loop, int(lifeline), supervisor.stop)
    await supervisor.run()


def serve(arguments: list[str]) -> None:
    """Run the supervisor: `outrider platform serve --folder DIR [--state DIR] [--overlay NAME]`."""
    parser = argparse.ArgumentParser(prog="outrider platform serve")
    parser.add_argument("--folder", required=True, type=Path, help="folder with the platform's objects")
    parser.add_argument("--state", type=Path, help="state folder")
    parser.add_argument("--overlay", default="", help="overlay that is merged over the objects")
    options = parser.parse_args(arguments)
    os.umask(0o077)
    configure_logging()
    asyncio.run(_main(Layout(options.folder, options.state, options.overlay)))
