"""Plugin hosts under supervision: kept warm, restarted with growing delay, replaced when they fail."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from typing import Any

from outrider.core.calls import normalise
from outrider.core.errors import DeniedError, InternalError, OutriderError, UnavailableError
from outrider.core.events import PluginHealth
from outrider.core.identity import Principal
from outrider.core.machines.backoff import RestartPolicy, RestartState, after_exit
from outrider.ports.clock import Clock
from outrider.ports.telemetry import logger
from outrider.runtime.invoker import CallOptions, Invoker
from outrider.runtime.plugin_host.host import HostCallbacks, PluginHost
from outrider.runtime.plugin_host.launch import HostLauncher, absolute_paths
from outrider.runtime.plugin_host.protocol import PluginCall, PluginEvent
from outrider.runtime.plugins.catalogue import Catalogue
from outrider.runtime.plugins.configuration import map_secrets, with_defaults
from outrider.runtime.plugins.manifest import Plugin, PluginType

_log = logger(__name__)
READY_SECONDS = 15.0


class HostFactory:
    """Makes the hosts of one agent.

    Args:
        catalogue: The plugins at hand.
        launcher: Starts confined processes.
        invoker: Runs what plugins ask for.
        tenant: Whose plugins.
        clock: Paces restarts.
    """

    def __init__(
        self, catalogue: Catalogue, launcher: HostLauncher, invoker: Invoker, tenant: str, clock: Clock
    ) -> None:
        self.catalogue = catalogue
        self.launcher = launcher
        self.clock = clock
        self._invoker = invoker
        self._tenant = tenant

    async def open_secrets(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return a configuration with its secret references opened, for the pipe to the plugin and for nothing else."""
        resolver = self._invoker.environment.secrets

        def opened() -> dict[str, Any]:
            result: dict[str, Any] = map_secrets(config, lambda ref, _: resolver.resolve(ref.secret, ref.key).reveal())
            return result

        return await asyncio.to_thread(opened)

    async def call(self, plugin: Plugin, call: PluginCall) -> Any:
        """Run an operation for a plugin: plugin.yaml must list it, and no Policy may deny it."""
        allowed = plugin.manifest.permissions.operations
        normalised = normalise(self._invoker.registry, call.operation, [call.params])
        if not any(fnmatchcase(normalised.name, pattern) for pattern in allowed):
            raise DeniedError(
                f"plugin '{plugin.manifest.id}' may not call {normalised.name}",
                found=normalised.name,
                expected=", ".join(allowed) or "no operation",
                suggestions=[f"add {normalised.name} to permissions.operations in its plugin.yaml"],
            )
        # An action is delivered only when the approvals of what its plugin may ask for have been given.
        options = CallOptions(
            principal=Principal(self._tenant, "plugin", plugin.manifest.id),
            granted=True,
            approved=plugin.manifest.type == "action",
            timeout=call.timeout,
        )
        return await self._invoker.run(normalised, options)


class SupervisedHost:
    """One plugin that should always run.

    Args:
        factory: Makes its hosts.
        config: Its configuration as the object gives it; defaults are filled in here.
        name: The agent's name for it.
        credit: Events that a trigger may have uncommitted.
        on_event: Takes a trigger's events.
        on_down: Told when the process ended.
        on_log: Takes log lines that belong to an execution.
    """

    def __init__(
        self,
        factory: HostFactory,
        *,
        plugin_type: PluginType,
        plugin_id: str,
        config: dict[str, Any],
        name: str,
        credit: int = 0,
        on_event: Callable[[PluginEvent], None] = lambda _: None,
        on_down: Callable[[], None] = lambda: None,
        on_log: Callable[[str, int], None] = lambda _, __: None,
    ) -> None:
        self.plugin = factory.catalogue.find(plugin_type, plugin_id)
        self.name = name
        self._factory = factory
        filled = with_defaults(self.plugin.manifest.configuration, config)
        self._config = absolute_paths(self.plugin.manifest, filled, factory.launcher.folder)
        self._credit = credit
        self._on_event = on_event
        self._on_down = on_down
        self._on_log = on_log
        self._host: PluginHost | None = None
        self._ready = asyncio.Event()
        self._state = RestartState()
        self._problem: OutriderError | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to keep it running."""
        self._task = asyncio.get_running_loop().create_task(self._keep_running(), name=f"plugin {self.name}")

    async def ready(self) -> PluginHost:
        """Return the running host; waits while it starts.

        Raises:
            UnavailableError: It does not come up; the reason is among the causes.
        """
        try:
            async with asyncio.timeout(READY_SECONDS):
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
        clock = self._factory.clock
        while True:
            began = clock.monotonic()
            await self._run_once()
            chance = secrets.randbelow(1000) / 1000
            self._state = after_exit(self._state, policy, ran_for=clock.monotonic() - began, chance=chance)
            reason = f": {self._problem.message}" if self._problem else ""
            _log.warning("plugin '%s' ended%s, starts again in %.1f s", self.name, reason, self._state.delay)
            await clock.sleep(self._state.delay)

    async def _run_once(self) -> None:
        callbacks = HostCallbacks(event=self._on_event, call=self._call, log=self._log_line)
        try:
            config = await self._factory.open_secrets(self._config)
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
        await host.ended.wait()
        self._ready.clear()
        self._problem = host.fault or UnavailableError(f"plugin '{self.name}': its process ended")
        self._on_down()
        await host.kill()

    def _launch(self) -> Awaitable[Any]:
        return self._factory.launcher.launch(self.plugin, self._config, self.name)

    async def _call(self, call: PluginCall) -> Any:
        return await self._factory.call(self.plugin, call)

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
