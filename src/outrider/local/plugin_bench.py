"""A plugin tried alone: started in its sandbox as an agent starts it, spoken to, and looked at."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, OutriderError, collected
from outrider.core.timestamps import timestamp
from outrider.edge.hosts import HostFactory
from outrider.ports.clock import SystemClock
from outrider.runtime.audit import AuditLog
from outrider.runtime.invoker import Invoker
from outrider.runtime.plugin_host.host import HostCallbacks, PluginHost
from outrider.runtime.plugin_host.launch import HostLauncher, absolute_paths
from outrider.runtime.plugin_host.protocol import PluginEvent
from outrider.runtime.plugins.catalogue import Catalogue
from outrider.runtime.plugins.configuration import schema_faults, with_defaults
from outrider.runtime.plugins.manifest import Plugin, read_plugin

CREDIT = 64
EXECUTION_SECONDS = 30.0
NOT_MESSAGES = b'no json\n[]\n\n{"method":"cancel","params":{"id":999}}\n'
_NO_SUCH_METHOD = "no-such-method"


class Check(msgspec.Struct, kw_only=True):
    """What was looked at; `note` where it is neither right nor wrong."""

    check: str
    state: str
    detail: str = ""


class PluginBench:
    """One plugin on the bench.

    Args:
        plugin: The plugin.
        config: Its configuration; secrets in it are opened.
        factory: Launches it and runs what it asks for.
        line: Sees the dialogue.
        log: Gets its log.
    """

    def __init__(
        self,
        plugin: Plugin,
        config: dict[str, Any],
        factory: HostFactory,
        *,
        line: Callable[[bytes, bool], None] | None = None,
        log: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.plugin = plugin
        self.events: list[PluginEvent] = []
        self.came = asyncio.Event()
        callbacks = HostCallbacks(
            event=self._event, call=lambda call: factory.call(plugin, call), log=lambda text, _: log(text), line=line
        )
        launcher = factory.launcher
        self.host = PluginHost(plugin, config, lambda: launcher.launch(plugin, config, "bench"), callbacks)

    def _event(self, event: PluginEvent) -> None:
        self.events.append(event)
        self.host.grant(1, [event.id])
        self.came.set()

    async def execute(self, given: dict[str, Any]) -> dict[str, Any]:
        """Run one execution of an action or a tool, or send one report.

        Raises:
            OutriderError: What the plugin answered; or its result is not what plugin.yaml says.
        """
        method = "send" if self.plugin.manifest.type == "output" else "execute"
        params = {"input": given, "context": {}, "attempt": 1, "idempotency_key": "bench-1", "lease_epoch": 1}
        number, answer = self.host.execute(method, params, EXECUTION_SECONDS)
        result = await self.host.finish(number, answer, EXECUTION_SECONDS)
        check_fits(self.plugin.manifest.output or {}, result, "result")
        return result


@asynccontextmanager
async def bench(
    folder: Path, config: dict[str, Any] | None, invoker: Invoker, state: Path, **words: Any
) -> AsyncIterator[PluginBench]:
    """Put a plugin on the bench; `start` of its host is the caller's.

    Args:
        folder: Of the plugin.
        config: Its configuration; made from the examples of its schema if absent.
        invoker: Runs what it asks for, under its permissions.
        state: A folder of its own: relative paths begin there.
        words: As PluginBench.

    Raises:
        InvalidConfigError: plugin.yaml or the configuration is wrong.
    """
    plugin = read_plugin(folder)
    given = sample(plugin.manifest.configuration) if config is None else config
    filled = with_defaults(plugin.manifest.configuration, given)
    check_fits(plugin.manifest.configuration, filled, "config")
    _make_room(state)
    audit = AuditLog(state / "audit.jsonl", "bench", SystemClock())
    launcher = HostLauncher(
        folder=state / "work", state=state, protected=[state / "protected"], cache=state, audit=audit
    )  # fmt: skip
    factory = HostFactory(Catalogue([]), launcher, invoker, "default", SystemClock())
    opened = await factory.open_secrets(absolute_paths(plugin.manifest, filled, launcher.folder))
    made = PluginBench(plugin, opened, factory, **words)
    try:
        yield made
    finally:
        await made.host.stop()
        audit.close()


def _make_room(state: Path) -> None:
    """Make the folders; the plugin runs under a uid of its own and must reach the one that it works in."""
    state.chmod(0o711)
    (state / "work").mkdir()
    (state / "protected").mkdir()


def check_fits(schema: dict[str, Any], value: dict[str, Any], name: str) -> None:
    """Refuse what does not fit a schema.

    Raises:
        InvalidConfigError: With every fault.
    """
    faults = [error for _, error in schema_faults(schema, value, (name,))]
    if faults:
        raise collected(faults)


def sample(schema: dict[str, Any]) -> dict[str, Any]:
    """Return values for the required fields of a schema, from their examples, defaults and enumerations.

    Raises:
        InvalidConfigError: A field has none.
    """
    fields = schema.get("properties", {})
    return {name: _sample_of(name, fields.get(name, {})) for name in schema.get("required", [])}


def _sample_of(name: str, field: dict[str, Any]) -> Any:
    for values in (field.get("examples"), [field["default"]] if "default" in field else None, field.get("enum")):
        if values:
            return values[0]
    raise InvalidConfigError(
        f"{name}: there is no example of it", path=name, expected="`examples` in its schema, or a value of yours",
        suggestions=["add examples: [...] in plugin.yaml", "give the values: --config JSON, --input JSON"],
    )  # fmt: skip


def sample_report() -> dict[str, Any]:
    """Return a report as outputs get it."""
    now = timestamp(time.time())
    event = {"id": "event-1", "source": "eyes/web", "type": "http-probe", "time": now, "severity": "high",
             "data": {"state": "down", "summary": "down: connection refused"}}  # fmt: skip
    step = {"name": "service-restart", "step": None, "undoes": None, "state": "failed", "agent": "hands", "attempts": 1,
            "result": None}  # fmt: skip
    return {
        "run": "01M8FM9M8CZTSPZQY3Z2GJD5EY", "rule": "restart-web", "state": "failed", "message": "it does not start",
        "started": now, "finished": now, "event": event, "matched": ["event-1"], "steps": [step],
        "trace_id": "280289b036cdbcc650a0bf62d3385576",
    }  # fmt: skip


async def check_plugin(made: PluginBench, given: dict[str, Any] | None, seconds: float) -> list[Check]:
    """Start a plugin, use it, annoy it, stop it, and say how that went.

    Args:
        made: The plugin, not started yet.
        given: Input of an action, an output or a tool; a sample if absent.
        seconds: How long to wait for an event of a trigger.
    """
    checks = list(_declarations(made.plugin))
    began = time.monotonic()
    try:
        await made.host.start(credit=CREDIT)
    except OutriderError as error:
        return [*checks, Check(check="starts", state="failed", detail=f"{error.code}: {error.message}")]
    took = (time.monotonic() - began) * 1000
    checks.append(Check(check="starts", state="passed", detail=f"ready in {took:.0f} ms, sandbox: {made.host.level}"))
    checks.append(await _used(made, given, seconds))
    checks.append(await _annoyed(made))
    checks.append(await _stopped(made))
    return checks


def _declarations(plugin: Plugin) -> Iterator[Check]:
    open_ones = [name for name, schema in _schemas(plugin) if schema.get("additionalProperties") is not False]
    yield _judged("schemas are closed", open_ones, "additionalProperties: false is missing in")
    fields = [(name, field) for _, schema in _schemas(plugin) for name, field in schema.get("properties", {}).items()]
    yield _judged(
        "fields are described", [name for name, field in fields if not field.get("description")], "not described:"
    )
    readme = plugin.folder / "README.md"
    text = readme.read_text(errors="replace") if readme.is_file() else ""
    yield _judged("README names every field", [name for name, _ in fields if f"`{name}`" not in text], "not named:")


def _schemas(plugin: Plugin) -> list[tuple[str, dict[str, Any]]]:
    return [("configuration", plugin.manifest.configuration), *plugin.manifest.exchanged()]


def _judged(check: str, missing: list[str], words: str) -> Check:
    if missing:
        return Check(check=check, state="failed", detail=f"{words} {', '.join(missing)}")
    return Check(check=check, state="passed")


async def _used(made: PluginBench, given: dict[str, Any] | None, seconds: float) -> Check:
    if made.plugin.manifest.type == "trigger":
        try:
            async with asyncio.timeout(seconds):
                await made.came.wait()
        except TimeoutError:
            return Check(check="reports", state="note", detail=f"no event within {seconds:g} s")
        return Check(
            check="reports", state="passed", detail=str(made.events[0].data.get("summary", made.events[0].data))
        )
    what = "sends a report" if made.plugin.manifest.type == "output" else "executes"
    value = given
    if value is None:
        value = sample_report() if made.plugin.manifest.type == "output" else sample(made.plugin.manifest.input)
    try:
        result = await made.execute(value)
    except OutriderError as error:
        # With a sample that may be right: the service that it names is not there.
        return Check(check=what, state="note" if given is None else "failed", detail=f"{error.code}: {error.message}")
    return Check(check=what, state="passed", detail=str(result.get("summary", result)))


async def _annoyed(made: PluginBench) -> Check:
    """Send lines that are no messages, and a method that there is not: it must answer, and live."""
    name = "survives what is no message"
    made.host.send_raw(NOT_MESSAGES)
    number, answer = made.host.execute(_NO_SUCH_METHOD, {}, EXECUTION_SECONDS)
    try:
        await made.host.finish(number, answer, 5.0)
    except OutriderError as error:
        if error.code == "UNSUPPORTED":
            return Check(check=name, state="passed")
        return Check(check=name, state="failed", detail=f"expected UNSUPPORTED, found {error.code}: {error.message}")
    return Check(check=name, state="failed", detail=f"it answered to the method '{_NO_SUCH_METHOD}'")


async def _stopped(made: PluginBench) -> Check:
    began = time.monotonic()
    await made.host.stop()
    fault = made.host.fault
    if fault is not None:
        return Check(check="stops when asked", state="failed", detail=fault.message)
    return Check(check="stops when asked", state="passed", detail=f"in {(time.monotonic() - began) * 1000:.0f} ms")
