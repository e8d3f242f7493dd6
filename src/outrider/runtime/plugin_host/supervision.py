"""Plugin hosts under supervision: kept warm, restarted with growing delay, replaced when they fail."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from outrider.core.errors import InternalError, OutriderError, UnavailableError
from outrider.core.events import PluginHealth
from outrider.core.machines.backoff import RestartPolicy, RestartState, after_exit
from outrider.ports.clock import Clock
from outrider.ports.telemetry import logger
from outrider.runtime.plugin_host.host import HostCallbacks, PluginHost
from outrider.runtime.plugin_host.launch import HostLauncher, absolute_paths
from outrider.runtime.plugin_host.protocol import PluginCall, PluginEvent
from outrider.runtime.plugins.configuration import with_defaults
from outrider.runtime.plugins.manifest import Plugin

_log = logger(__name__)
READY_SECONDS = 15.0


class Hosts(Protocol):
    """Where plugins run.

    Attributes:
        launcher: Starts confined processes.
        clock: Paces restarts.
    """

    launcher: HostLauncher
    clock: Clock

    async def open_secrets(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return a configuration with its secret references opened, for the pipe to the plugin and for nothing else."""
        ...

    async def call(self, plugin: Plugin, call: PluginCall) -> Any:
        """Run an operation for a plugin, or refuse it."""
        ...


class SupervisedHost:
    """One plugin that should always run.

    Args:
        hosts: Where it runs.
        plugin: What runs.
        config: Its configuration as the object gives it; defaults are filled in here.
        name: The agent's name for it.
        credit: Events that a trigger may have uncommitted.
        on_event: Takes a trigger's events.
        on_down: Told when the process ended.
        on_log: Takes log lines that belong to an execution.
    """

    def __init__(
        self,
        hosts: Hosts,
        plugin: Plugin,
        *,
        config: dict[str, Any],
        name: str,
        credit: int = 0,
        on_event: Callable[[PluginEvent], None] = lambda _: None,
        on_down: Callable[[], None] = lambda: None,
        on_log: Callable[[str, int], None] = lambda _, __: None,
    ) -> None:
        self.plugin = plugin
        self.name = name
        self._hosts = hosts
        filled = with_defaults(self.plugin.manifest.configuration, config)
        self._config = absolute_paths(self.plugin.manifest, filled, hosts.launcher.folder)
        self._credit = credit
        self._on_event = on_event
        self._on_down = on_down
        self._on_log = on_log
        self._host: PluginHost | None = None
        self._ready, self._tried = asyncio.Event(), asyncio.Event()
        self._state = RestartState()
        self._problem: OutriderError | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to keep it running."""
        self._task = asyncio.get_running_loop().create_task(self._keep_running(), name=f"plugin {self.name}")

    async def tried(self) -> None:
        """Wait until it runs, or could not be started.

        Raises:
            OutriderError: Why it does not run now.
        """
        await self._tried.wait()
        if not self._ready.is_set() and self._problem is not None:
            raise self._problem

    async def ready(self, within: float = READY_SECONDS) -> PluginHost:
        """Return the running host; waits while it starts.

        Args:
            within: Seconds.

        Raises:
            UnavailableError: It does not come up; the reason is among the causes.
        """
        if self._host is not None and self._host.ended.is_set():
            self._ready.clear()  # it ended just now, and who supervises it has not seen that yet
        try:
            async with asyncio.timeout(within):
                await self._ready.wait()
        except TimeoutError as error:
            causes = [self._problem] if self._problem else []
            raise UnavailableError(
                f"plugin '{self.name}' does not start" + (f": {self._problem.message}" if self._problem else ""),
                suggestions=self._problem.suggestions if self._problem else [],
                causes=causes,
            ) from error
        assert self._host is not None
        return self._host

    def committed(self, local_id: str) -> None:
        """Give a trigger its credit back for an event that is on disk."""
        if self._host is not None and not self._host.ended.is_set():
            self._host.grant(1, [local_id] if local_id else [])

    def health(self) -> PluginHealth:
        """Return its state."""
        if self._ready.is_set() and self._host is not None:
            return PluginHealth(
                status="running",
                health="healthy",
                message=f"sandbox: {self._host.level}",
                restarts=self._state.failures,
            )
        if self._problem is None:
            return PluginHealth(status="starting")
        prefix = "crash loop: " if self._state.looping else ""
        found = f" (found: {self._problem.found})" if self._problem.found else ""
        remedy = f" - {self._problem.hint}" if self._problem.hint else ""
        message = f"{prefix}{self._problem.message}{found}{remedy}"
        return PluginHealth(status="error", health="unhealthy", message=message, restarts=self._state.failures)

    async def _keep_running(self) -> None:
        policy = RestartPolicy()
        clock = self._hosts.clock
        while True:
            began = clock.monotonic()
            await self._run_once()
            self._tried.set()
            chance = secrets.randbelow(1000) / 1000
            self._state = after_exit(self._state, policy, ran_for=clock.monotonic() - began, chance=chance)
            reason = f": {self._problem.message}" if self._problem else ""
            _log.warning("plugin '%s' ended%s, starts again in %.1f s", self.name, reason, self._state.delay)
            await clock.sleep(self._state.delay)

    async def _run_once(self) -> None:
        callbacks = HostCallbacks(event=self._on_event, call=self._call, log=self._log_line)
        try:
            config = await self._hosts.open_secrets(self._config)
        except OutriderError as error:
            self._problem = error
            return
        host = PluginHost(self.plugin, config, self._launch, callbacks)
        try:
            await host.start(credit=self._credit)
        except OutriderError as error:
            self._problem = host.fault or error
            return
        except Exception as error:  # noqa: BLE001 - the plugin host: a fault of one host must not end its supervision
            _log.exception("plugin '%s' could not be started", self.name)
            self._problem = InternalError(f"{type(error).__name__}: {error}")
            return
        self._host = host
        self._ready.set()
        self._tried.set()
        await host.ended.wait()
        self._ready.clear()
        self._problem = host.fault or UnavailableError(f"plugin '{self.name}': its process ended")
        self._on_down()
        await host.kill()

    def _launch(self) -> Awaitable[Any]:
        return self._hosts.launcher.launch(self.plugin, self._config, self.name)

    async def _call(self, call: PluginCall) -> Any:
        return await self._hosts.call(self.plugin, call)

    def _log_line(self, text: str, execution: int | None) -> None:
        if execution is not None:
            self._on_log(text, execution)
        else:
            _log.info("%s", text, extra={"plugin": self.name})

    async def stop(self) -> None:
        """Stop it for good."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._ready.clear()
        if self._host is not None:
            await self._host.stop()
