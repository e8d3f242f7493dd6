"""The agent process: enrolled, configured, alive until it is told to stop."""

import argparse
import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from outrider.core.agent_config import AgentConfig, PolicyConfig
from outrider.core.errors import OutriderError
from outrider.core.events import Heartbeat, PluginHealth
from outrider.core.policy import PolicyRule, Verdict
from outrider.core.schema import convert
from outrider.core.timestamps import timestamp
from outrider.edge.action import ActionAgent, TaskRunner
from outrider.edge.enrolment import Certificate
from outrider.edge.hosts import HostFactory
from outrider.edge.journal import Journal
from outrider.edge.link import Link
from outrider.edge.outbox import EventOutbox
from outrider.edge.sensor import SensorAgent
from outrider.edge.settings import AgentSettings, read_settings
from outrider.ports.certificates.tls import client_context, load_identity
from outrider.ports.clock import Clock, SystemClock
from outrider.ports.http.failover import FailoverClient
from outrider.ports.process import LIFELINE_VARIABLE, watch_lifeline
from outrider.ports.secrets import Resolver
from outrider.ports.telemetry import configure_logging, logger, start_tracing
from outrider.runtime.audit import AuditLog, keep_pruned
from outrider.runtime.client import read_authority
from outrider.runtime.context import AllowedCommand, Environment
from outrider.runtime.discovery import registry
from outrider.runtime.invoker import Invoker
from outrider.runtime.plugin_host.launch import HostLauncher
from outrider.runtime.plugins.catalogue import catalogue
from outrider.version import __version__

DRAIN_SECONDS = 5.0
RETRY_SECONDS = 1.0
# While plugins start, the next sign of life says soon whether they are up.
SETTLING_SECONDS = 0.1
RENEWAL_CHECK_SECONDS = 30.0
# Each call of an AI agent that waits for a person holds one; renewals must not wait for them.
MOST_CONNECTIONS = 256
_log = logger(__name__)


# Makes what runs the tasks of an AI agent.
TaskMaker = Callable[[AgentSettings, Link, Clock], TaskRunner]


class AgentProcess:
    """Everything of one agent, wired together.

    Args:
        settings: What it is told.
        clock: Time.
        make_tasks: Makes what runs its tasks, where it is an AI agent.
    """

    def __init__(self, settings: AgentSettings, clock: Clock, make_tasks: TaskMaker | None = None) -> None:
        self._settings = settings
        self._make_tasks = make_tasks
        self._clock = clock
        self._certificate = Certificate(settings, clock)
        self._audit = AuditLog(settings.state / "audit.jsonl", f"{settings.kind}/{settings.name}", clock)
        self._launcher = HostLauncher(
            protected=[settings.secrets.parent],
            folder=settings.folder,
            state=settings.state,
            cache=settings.cache,
            audit=self._audit,
        )
        self._generation = -1
        self._audit_seconds = AgentConfig(generation=0).audit_seconds
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Serve until `stop`."""
        await self._enrol()
        self._tls = client_context(read_authority(self._settings.authority), self._certificate.identity)
        self._client = FailoverClient(
            self._settings.orchestrator.split(","), tls=self._tls, max_connections=MOST_CONNECTIONS
        )  # fmt: skip
        self._link = Link(self._client, self._settings.name)
        try:
            config = await self._first_config()
            self._build(config)
            await self._configure(config)
            await self._serve()
        finally:
            await self._say_goodbye()
            await self._client.close()
            self._audit.close()

    def stop(self) -> None:
        """Ask for a clean end."""
        self._stopping.set()

    async def _enrol(self) -> None:
        while not self._certificate.valid():
            try:
                await self._certificate.enrol()
            except OutriderError as error:
                if not error.retryable:
                    raise
                _log.warning("not enrolled yet: %s", error.message)
                await self._clock.sleep(RETRY_SECONDS)

    async def _first_config(self) -> AgentConfig:
        while True:
            try:
                return await self._link.config()
            except OutriderError as error:
                if not error.retryable:
                    raise
                _log.warning("no configuration yet: %s", error.message)
                await self._clock.sleep(RETRY_SECONDS)

    def _build(self, config: AgentConfig) -> None:
        """Make the agent's parts, once its first configuration is known."""
        plugins = catalogue(self._settings.folder)
        self._launcher.use(config.sandbox)
        self._invoker = Invoker(registry(), self._environment(config), self._audit, _policies(config.policies))
        factory = HostFactory(plugins, self._launcher, self._invoker, self._settings.tenant, self._clock)
        self._sensor: SensorAgent | None = None
        self._action: ActionAgent | None = None
        if self._settings.kind == "sensor":
            self._outbox = EventOutbox(self._settings.state / "outbox.db", self._link, self._clock)
            self._sensor = SensorAgent(self._settings.name, factory, self._outbox, self._clock)
        else:
            make_tasks = self._make_tasks
            self._action = ActionAgent(
                link=self._link,
                factory=factory,
                journal=Journal(self._settings.state / "journal.db"),
                invoker=self._invoker,
                audit=self._audit,
                clock=self._clock,
                tenant=self._settings.tenant,
                tasks=make_tasks(self._settings, self._link, self._clock) if make_tasks is not None else None,
            )

    def _environment(self, config: AgentConfig) -> Environment:
        resolver = Resolver.declared(config.secrets, folder=self._settings.folder, store=self._settings.secrets)
        configure_logging(mask=resolver.mask)
        return Environment(
            clock=self._clock,
            state=self._settings.state,
            secrets=resolver,
            supervisor=self._settings.supervisor,
            commands={
                name: AllowedCommand(command.argv, command.arguments) for name, command in config.commands.items()
            },
        )

    async def _configure(self, config: AgentConfig) -> None:
        self._launcher.use(config.sandbox)
        self._invoker.environment = self._environment(config)
        self._invoker.policies = _policies(config.policies)
        part = self._sensor or self._action
        assert part is not None
        await part.configure(config)
        self._generation = config.generation
        self._audit_seconds = config.audit_seconds

    async def _serve(self) -> None:
        part = self._sensor or self._action
        assert part is not None
        async with asyncio.TaskGroup() as tasks:
            work = [
                tasks.create_task(part.run()),
                tasks.create_task(self._beat_all()),
                tasks.create_task(self._renew_all()),
                tasks.create_task(keep_pruned(self._audit, self._clock, lambda: self._audit_seconds)),
            ]
            await self._stopping.wait()
            if self._sensor is not None:
                await self._sensor.stop()
            if self._action is not None:
                await self._action.drain(DRAIN_SECONDS)
            for task in work:
                task.cancel()

    async def _beat_all(self) -> None:
        """Give signs of life, whatever the plugins do, and follow changes of the configuration."""
        while True:
            beat = self._heartbeat("online")
            try:
                answer = await self._link.heartbeat(beat)
                if answer.config_generation != self._generation:
                    await self._configure(await self._link.config())
            except OutriderError as error:
                _log.warning("heartbeat: %s", error.message)
            settling = any(health.status == "starting" for health in beat.plugins.values())
            await self._clock.sleep(SETTLING_SECONDS if settling else self._settings.heartbeat)

    def _health(self) -> dict[str, PluginHealth]:
        part = self._sensor or self._action
        return part.health() if part is not None else {}

    def _heartbeat(self, status: str) -> Heartbeat:
        return convert(
            {
                "timestamp": timestamp(self._clock.now()),
                "status": status,
                "version": __version__,
                "pid": os.getpid(),
                "running": self._action.running if self._action else 0,
                "outbox": len(self._outbox) if self._sensor else 0,
                "sandbox": self._launcher.level,
                "config_generation": self._generation,
                "plugins": self._health(),
                "audit_head": self._audit.head,
            },
            Heartbeat,
        )

    async def _renew_all(self) -> None:
        while True:
            await self._clock.sleep(max(1.0, min(RENEWAL_CHECK_SECONDS, self._certificate.seconds_until_renewal())))
            if self._certificate.seconds_until_renewal() > 0:
                continue
            try:
                await self._certificate.renew(self._client)
                # New connections use the new certificate; open ones end with their keep-alive.
                load_identity(self._tls, self._certificate.identity)
            except OutriderError as error:
                _log.warning("certificate not renewed: %s", error.message)

    async def _say_goodbye(self) -> None:
        if hasattr(self, "_sensor"):
            with suppress(OutriderError):
                async with asyncio.timeout(1.0):
                    await self._link.heartbeat(self._heartbeat("offline"))


def _policies(configs: list[PolicyConfig]) -> list[PolicyRule]:
    return [
        PolicyRule(
            name=config.name,
            principals=config.principals,
            operations=config.operations,
            targets=config.targets,
            verdict=Verdict(config.verdict),
        )
        for config in configs
    ]


async def _run(settings: AgentSettings, make_tasks: TaskMaker | None) -> None:
    """Run an agent until it is told to stop."""
    process = AgentProcess(settings, SystemClock(), make_tasks)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stop)
    lifeline = os.environ.pop(LIFELINE_VARIABLE, None)
    if lifeline is not None:
        watch_lifeline(loop, int(lifeline), process.stop)
    await process.run()


def serve(arguments: list[str], *, name: str = "edge", make_tasks: TaskMaker | None = None) -> None:
    """Run an agent: `outrider edge serve --settings FILE`; the host of an AI agent has another name, and makes its tasks."""
    parser = argparse.ArgumentParser(prog=f"outrider {name} serve")
    parser.add_argument("--settings", required=True, type=Path, help="settings file of the agent (JSON)")
    settings = read_settings(parser.parse_args(arguments).settings)
    configure_logging()
    start_tracing()
    asyncio.run(_run(settings, make_tasks))
