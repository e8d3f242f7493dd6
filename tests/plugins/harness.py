"""Starts plugins for tests through PluginHost, as plain processes without a sandbox."""

import asyncio
import importlib.util
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from outrider.core.errors import OutriderError, UnknownOperationError
from outrider.edge.hosts import HostFactory
from outrider.ports.clock import SystemClock
from outrider.ports.secrets import Resolver
from outrider.runtime.audit import AuditLog
from outrider.runtime.context import Environment
from outrider.runtime.discovery import registry
from outrider.runtime.invoker import Invoker
from outrider.runtime.plugin_host import host as host_module
from outrider.runtime.plugin_host.host import HostCallbacks, PluginHost
from outrider.runtime.plugin_host.launch import HostLauncher
from outrider.runtime.plugin_host.protocol import MAX_LINE, PluginCall, PluginEvent
from outrider.runtime.plugins.catalogue import Catalogue
from outrider.runtime.plugins.configuration import schema_faults, with_defaults
from outrider.runtime.plugins.manifest import Plugin, read_plugin
from outrider.runtime.plugins.requirements import library_folders

GUEST = Path(host_module.__file__).parent / "guest"
PLUGINS = Path(__file__).parents[2] / "plugins"
RUN_PYTHON = "import runpy, sys; sys.path[:0] = sys.argv[2:]; runpy.run_path(sys.argv[1], run_name='__main__')"
Operation = Callable[[dict[str, Any]], Any]
HostCall = Callable[[Plugin, PluginCall], Awaitable[Any]]


class PlainProcess:
    """A plugin's process with its group."""

    level = "none"
    exceeded = ""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self.stdin, self.stdout, self.stderr = process.stdin, process.stdout, process.stderr
        self.pid = process.pid

    async def wait(self) -> int:
        return await self._process.wait()

    async def kill(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        finally:
            await self._process.wait()


def command(plugin: Plugin) -> list[str]:
    """Return how a plugin is started."""
    entry = str(plugin.entry_point)
    if plugin.manifest.runtime.type == "python":
        folders = [GUEST, plugin.folder, *library_folders(plugin.manifest)]
        return [sys.executable, "-I", "-S", "-B", "-c", RUN_PYTHON, entry, *map(str, folders)]
    if plugin.manifest.runtime.type == "sh":
        return ["sh", entry]
    node = shutil.which("node")
    if node is None:
        pytest.fail("node is not in PATH: the plugins for Node.js need it, install nodejs")
    return [node, entry]


async def start_process(arguments: list[str]) -> PlainProcess:
    """Start a plugin's process."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *arguments, stdin=pipe, stdout=pipe, stderr=pipe, limit=MAX_LINE, start_new_session=True,
        env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")},
    )  # fmt: skip
    return PlainProcess(process)


class Running:
    """A running plugin: its events, its log and the operations that it may call."""

    def __init__(self, plugin: Plugin, config: dict[str, Any], operations: dict[str, Operation]) -> None:
        self.plugin = plugin
        self.events: list[PluginEvent] = []
        self.lines: list[str] = []
        self.calls: list[PluginCall] = []
        self.operations = operations
        self.commit = True
        self.host_call: HostCall | None = None
        self.process: PlainProcess | None = None
        full = with_defaults(plugin.manifest.configuration, config)
        faults = [error for _, error in schema_faults(plugin.manifest.configuration, full, ("config",))]
        assert not faults, faults
        callbacks = HostCallbacks(event=self._event, call=self._call, log=lambda text, _: self.lines.append(text))
        self.host = PluginHost(plugin, full, self._start, callbacks)

    async def _start(self) -> PlainProcess:
        self.process = await start_process(command(self.plugin))
        return self.process

    def _event(self, event: PluginEvent) -> None:
        self.events.append(event)
        if self.commit:
            self.host.grant(1, [event.id])

    async def _call(self, call: PluginCall) -> Any:
        self.calls.append(call)
        if self.host_call is not None:
            return await self.host_call(self.plugin, call)
        operation = self.operations.get(call.operation)
        if operation is None:
            raise UnknownOperationError(f"no operation {call.operation}")
        answer = operation(call.params)
        if isinstance(answer, OutriderError):
            raise answer
        return answer

    async def execute(self, given: Any, *, timeout: float = 10.0, method: str = "execute", **params: Any) -> Any:
        """Run one execution."""
        request = {"input": given, "context": {}, "attempt": 1, "idempotency_key": "key-1", **params}
        number, answer = self.host.execute(method, request, timeout)
        return await self.host.finish(number, answer, timeout)

    async def send(self, report: Any, **params: Any) -> Any:
        """Hand a report to an output."""
        return await self.execute(report, method="send", **params)

    async def seen(self, count: int, *, within: float = 5.0) -> list[PluginEvent]:
        """Wait for a number of events."""
        await until(lambda: len(self.events) >= count, within=within)
        return self.events


async def until(condition: Callable[[], bool], *, within: float = 5.0) -> None:
    """Poll until the condition holds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def running(
    folder: str,
    config: dict[str, Any],
    *,
    credit: int = 100,
    commit: bool = True,
    operations: dict[str, Operation] | None = None,
) -> AsyncIterator[Running]:
    """Start a plugin of the catalogue and stop it at the end."""
    plugin = Running(read_plugin(PLUGINS / folder), config, operations or {})
    plugin.commit = commit
    await plugin.host.start(credit=credit)
    try:
        yield plugin
    finally:
        began = time.monotonic()
        await plugin.host.stop()
        assert time.monotonic() - began < 1.5, "it did not stop by itself"


async def refusal(folder: str, config: dict[str, Any]) -> OutriderError:
    """Return the error with which a plugin refuses a configuration that fits its schema."""
    plugin = Running(read_plugin(PLUGINS / folder), config, {})
    with pytest.raises(OutriderError) as caught:
        await plugin.host.start(credit=1)
    return caught.value


def faults(folder: str, config: dict[str, Any]) -> list[str]:
    """Return the messages for a configuration that does not fit the schema."""
    schema = read_plugin(PLUGINS / folder).manifest.configuration
    return [error.message for _, error in schema_faults(schema, config, ("config",))]


def module(folder: str, name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load a Python file of a plugin without starting the plugin."""
    monkeypatch.syspath_prepend(str(PLUGINS / folder))
    monkeypatch.syspath_prepend(str(GUEST))
    import outrider_plugin

    monkeypatch.setattr(outrider_plugin, "main", lambda _: None)
    spec = importlib.util.spec_from_file_location(f"{folder}.{name}", PLUGINS / folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def guest_module(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load a module that plugins import."""
    monkeypatch.syspath_prepend(str(GUEST))
    return importlib.import_module(name)


@asynccontextmanager
async def on_this_host(
    folder: str, config: dict[str, Any], state: Path, *, supervisor: Path | None = None
) -> AsyncIterator[Running]:
    """Start a plugin whose calls reach this host's own operations, under the permissions of its plugin.yaml."""
    clock = SystemClock()
    where = Environment(clock=clock, state=state, secrets=Resolver({}), supervisor=supervisor)
    audit = AuditLog(state / "audit.jsonl", "test", clock)
    launcher = HostLauncher(folder=state, state=state, protected=[state], cache=state, audit=audit)
    invoker = Invoker(registry(), where, audit)
    plugin = Running(read_plugin(PLUGINS / folder), config, {})
    plugin.host_call = HostFactory(Catalogue([PLUGINS]), launcher, invoker, "default", clock).call
    await plugin.host.start(credit=20)
    try:
        yield plugin
    finally:
        await plugin.host.stop()
        audit.close()
