"""A plugin of type `tool`: one tool, in a confined process that is kept warm."""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any

from outrider.core.codec import encode
from outrider.core.confinement import SandboxSpec
from outrider.core.errors import (
    ConflictError,
    DeadlineExceededError,
    DeniedError,
    ExecutionFailedError,
    LimitedError,
    NotFoundError,
    collected,
    did_you_mean,
)
from outrider.core.mcp.tools import ToolResult
from outrider.core.tool_settings import PluginServerSettings
from outrider.ports.clock import Clock
from outrider.ports.secrets import Resolver
from outrider.ports.telemetry import logger
from outrider.runtime.plugin_host.host import PluginHost
from outrider.runtime.plugin_host.launch import HostLauncher
from outrider.runtime.plugin_host.protocol import MAX_LINE, PluginCall
from outrider.runtime.plugin_host.supervision import READY_SECONDS, SupervisedHost
from outrider.runtime.plugins.catalogue import catalogue
from outrider.runtime.plugins.configuration import declared_faults, open_secrets, schema_faults, with_defaults
from outrider.runtime.plugins.manifest import Plugin, PluginManifest
from outrider.sidecar.tools.servers.wire import LIST_SECONDS
from outrider.sidecar.tools.tool_server import Definition

# Of a line of the protocol, for what stands around the arguments.
_WRAPPING = 4096
_log = logger(__name__)


class ToolHosts:
    """Where the processes of tools run: they ask for no operations.

    Args:
        launcher: Starts confined processes.
        clock: Paces restarts.
        secrets: Opens what is secret of a configuration.
    """

    def __init__(self, launcher: HostLauncher, clock: Clock, secrets: Resolver) -> None:
        self.launcher, self.clock, self._secrets = launcher, clock, secrets

    async def open_secrets(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return a configuration with its secret references opened, for the pipe to the plugin and for nothing else."""
        return await open_secrets(config, self._secrets)

    async def call(self, plugin: Plugin, call: PluginCall) -> Any:
        """Refuse an operation.

        Raises:
            DeniedError: Always.
        """
        raise DeniedError(
            f"plugin '{plugin.manifest.id}' may not call {call.operation}: a tool asks for no operations",
            found=call.operation, expected="no operation", suggestions=["grant the operation to the AgentType"],
        )  # fmt: skip


class PluginServer:
    """The server of one tool.

    Args:
        settings: Which plugin, and its configuration.
        hosts: Where it runs.

    Attributes:
        version: As its plugin.yaml says, once that is read.
    """

    def __init__(self, settings: PluginServerSettings, hosts: ToolHosts) -> None:
        self.name, self.version = settings.name, settings.version
        self.left_out: Mapping[str, str] = {}
        self._settings, self._hosts = settings, hosts
        hosts.launcher.use(SandboxSpec(min_level=settings.min_level))
        self._starting = asyncio.Lock()
        self._host: SupervisedHost | None = None
        self._turns = asyncio.Semaphore(1)

    async def list_tools(self) -> list[Definition]:
        """Return the definition of the tool; its process is started where it does not run yet.

        Raises:
            OutriderError: There is no such plugin, or it does not start: not confined firmly enough, say.
        """
        try:
            async with asyncio.timeout(LIST_SECONDS):
                host = await self._supervised()
                await host.tried()
        except TimeoutError as error:
            raise DeadlineExceededError(
                f"server '{self.name}': its plugin does not start within {LIST_SECONDS:g} s",
                suggestions=["try it: outrider plugin test FOLDER"],
            ) from error
        return [_definition(host.plugin.manifest)]

    async def call(self, definition: Definition, params: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Have the plugin execute, and return its result; a call waits for its turn within its time.

        Args:
            definition: Of the tool.
            params: `arguments`; nothing else is sent.
            timeout: Seconds.

        Raises:
            OutriderError: The arguments do not fit, or there is no result; also the error that the plugin answered.
        """
        supervised = await self._supervised()
        manifest = supervised.plugin.manifest
        if definition["name"] != manifest.id:
            raise NotFoundError(
                f"server '{self.name}' has no such tool", found=definition["name"], expected=manifest.id,
                suggestions=did_you_mean(definition["name"], [manifest.id]),
            )  # fmt: skip
        given = with_defaults(manifest.input, params["arguments"])
        await asyncio.to_thread(_check_arguments, manifest, given)
        loop = asyncio.get_running_loop()
        end = loop.time() + min(timeout, float(manifest.limits.execution_time))
        try:
            async with asyncio.timeout_at(end) as turn, self._turns:
                turn.reschedule(None)  # it has come; what follows ends in time by itself
                host = await supervised.ready(min(READY_SECONDS, end - loop.time()))
                result = await _execute(host, given, end - loop.time())
        except TimeoutError as error:
            raise DeadlineExceededError(
                f"tool '{manifest.id}': other calls took all of the time", expected=f"at most {manifest.concurrency} at a time",
                suggestions=["call it less often, or raise concurrency in its plugin.yaml"],
            ) from error  # fmt: skip
        if manifest.output is not None:
            await asyncio.to_thread(_check_result, manifest, manifest.output, result)
        return ToolResult(result).body()

    async def close(self) -> None:
        """End the process."""
        async with self._starting:
            if self._host is not None:
                await self._host.stop()

    async def _supervised(self) -> SupervisedHost:
        async with self._starting:
            if self._host is None:
                self._host = await self._start()
            return self._host

    async def _start(self) -> SupervisedHost:
        """Begin to keep the plugin running.

        Raises:
            OutriderError: There is none, or another one.
        """
        plugin = await asyncio.to_thread(self._find)
        manifest = plugin.manifest
        host = SupervisedHost(
            self._hosts, plugin, config=self._settings.config, name=self.name,
            on_log=lambda text, _: _log.info("%s", text, extra={"plugin": self.name}),
        )  # fmt: skip
        self.version, self._turns = manifest.version, asyncio.Semaphore(manifest.concurrency)
        host.start()
        return host

    def _find(self) -> Plugin:
        plugin = catalogue(self._settings.base).find("tool", self._settings.plugin)
        manifest, wanted = plugin.manifest, self._settings.version
        if wanted not in ("", manifest.version):
            raise ConflictError(
                f"plugin '{manifest.id}' has another version", found=manifest.version, expected=wanted,
                suggestions=["write the version that it has, after a look at what has changed"],
            )  # fmt: skip
        if faults := [error for _, error in declared_faults(manifest)]:
            raise collected(faults)
        return plugin


def _definition(manifest: PluginManifest) -> Definition:
    """Return what a plugin says of its tool."""
    hints = {"readOnlyHint": manifest.read_only, "idempotentHint": manifest.idempotent}
    said = {"name": manifest.id, "description": manifest.summary, "inputSchema": manifest.input, "annotations": hints}
    return said if manifest.output is None else {**said, "outputSchema": manifest.output}


async def _execute(host: PluginHost, given: dict[str, Any], timeout: float) -> dict[str, Any]:
    params = {"input": given, "context": {}, "attempt": 1, "idempotency_key": secrets.token_hex(16)}
    number, answer = host.execute("execute", params, timeout)
    return await host.finish(number, answer, timeout)


def _check_arguments(manifest: PluginManifest, given: dict[str, Any]) -> None:
    """Refuse arguments that the plugin does not take.

    Raises:
        OutriderError: They do not fit its schema, or into a line.
    """
    size, most = len(encode(given)), MAX_LINE - _WRAPPING
    if size > most:
        raise LimitedError(
            f"tool '{manifest.id}': its arguments are too long", found=f"{size} bytes", expected=f"at most {most} bytes",
            suggestions=["send less"],
        )  # fmt: skip
    if faults := [error for _, error in schema_faults(manifest.input, given, ("arguments",), secrets=False)]:
        raise collected(faults)


def _check_result(manifest: PluginManifest, schema: dict[str, Any], result: dict[str, Any]) -> None:
    """Refuse a result that is not what the plugin says that it gives: clients rely on that.

    Raises:
        ExecutionFailedError: It does not fit.
    """
    for _, fault in schema_faults(schema, result, ("result",), secrets=False):
        raise ExecutionFailedError(
            f"tool '{manifest.id}': its result is not what its plugin.yaml says: {fault.message}", found=fault.found,
            expected=fault.expected, suggestions=["correct the plugin, or output in its plugin.yaml"],
        )  # fmt: skip
