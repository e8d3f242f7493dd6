"""The action agent: fetches instructions, executes them, and brings their results home, whatever happens in between."""

import asyncio
import os
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, Protocol

from outrider.core.agent_config import AgentConfig, PluginConfig
from outrider.core.audit import AuditEntry
from outrider.core.calls import normalise
from outrider.core.codec import digest, to_builtins
from outrider.core.errors import ConflictError, DeniedError, NotFoundError, OutriderError
from outrider.core.events import Instruction, PluginHealth, Result
from outrider.core.identity import Principal, PrincipalKind
from outrider.core.machines.backoff import delay
from outrider.core.schema import convert
from outrider.edge.execution import Execution
from outrider.edge.hosts import HostFactory
from outrider.edge.journal import Journal
from outrider.edge.link import Link
from outrider.ports.clock import Clock
from outrider.ports.telemetry import logger, span
from outrider.runtime.audit import AuditLog
from outrider.runtime.invoker import CallOptions, Invoker
from outrider.runtime.plugin_host.supervision import SupervisedHost

REPORT_BASE = 0.2
REPORT_CAP = 15.0
_log = logger(__name__)
_HostKey = tuple[str, str, str]


class TaskRunner(Protocol):
    """Gives an AI agent its tasks."""

    async def configure(self, config: AgentConfig) -> None:
        """Take the objects that it is made of."""
        ...

    async def run(self, instruction: Instruction, log: Callable[[str], None]) -> dict[str, object]:
        """Run a task and return what it came to; cancelled when it must stop."""
        ...

    async def stop(self) -> None:
        """End everything; what runs has ended before."""
        ...


class ActionAgent:
    """Executes action plugins, outputs and operations, and tasks of AI agents.

    Args:
        link: The orchestrator.
        factory: Makes plugin hosts.
        journal: What was begun.
        invoker: Runs operations.
        audit: Intent and outcome of each execution.
        clock: Measures claims.
        tenant: Whose instructions.
        tasks: Runs the tasks of an AI agent, where this is one.
    """

    def __init__(
        self,
        *,
        link: Link,
        factory: HostFactory,
        journal: Journal,
        invoker: Invoker,
        audit: AuditLog,
        clock: Clock,
        tenant: str,
        tasks: TaskRunner | None = None,
    ) -> None:
        self._link = link
        self._factory = factory
        self._journal = journal
        self._invoker = invoker
        self._audit = audit
        self._clock = clock
        self._tenant = tenant
        self._tasks = tasks
        self._config = AgentConfig(generation=0)
        self._hosts: dict[_HostKey, SupervisedHost] = {}
        self._log_sinks: dict[tuple[_HostKey, int], Callable[[str], None]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._free = asyncio.Event()
        self._draining = False

    async def configure(self, config: AgentConfig) -> None:
        """Keep the named plugins warm; stop those that are gone."""
        self._config = config
        if self._tasks is not None:
            await self._tasks.configure(config)
        self._free.set()
        wanted = {_key(plugin): plugin for plugin in config.plugins}
        for key in [key for key in self._hosts if key not in wanted]:
            await self._hosts.pop(key).stop()
        for key, plugin in wanted.items():
            if key not in self._hosts:
                self._hosts[key] = self._host(key, plugin)
                self._hosts[key].start()

    def _host(self, key: _HostKey, plugin: PluginConfig) -> SupervisedHost:
        def on_log(text: str, execution: int) -> None:
            sink = self._log_sinks.get((key, execution))
            if sink is not None:
                sink(text)

        kind: Any = plugin.type
        return SupervisedHost(
            self._factory,
            self._factory.catalogue.find(kind, plugin.plugin),
            config=plugin.config,
            name=plugin.plugin,
            on_log=on_log,
        )

    def health(self) -> dict[str, PluginHealth]:
        """Return the state of each plugin."""
        return {host.name: host.health() for host in self._hosts.values()}

    @property
    def running(self) -> int:
        """Executions in progress."""
        return len(self._running)

    async def run(self) -> None:
        """Bring home what an earlier process left, then fetch and execute until cancelled."""
        await self._settle_left_over()
        failures = 0
        while not self._draining:
            slots = self._config.concurrency - len(self._running)
            if slots <= 0:
                self._free.clear()
                await self._free.wait()
                continue
            try:
                instructions = await self._link.poll(slots)
                failures = 0
            except OutriderError as error:
                failures += 1
                if failures in (1, 10):
                    _log.warning("no instructions: %s", error.message)
                await self._clock.sleep(max(_pause(failures), error.retry_after or 0.0))
                continue
            for instruction in instructions:
                self._begin(self._execute(instruction), instruction.id)

    def _begin(self, work: Any, name: str) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work, name=f"instruction {name}")
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._free.set()
        if not task.cancelled() and task.exception() is not None:
            _log.error("execution failed", exc_info=task.exception())

    async def drain(self, grace: float) -> None:
        """Take nothing new and let what runs end, for at most `grace` seconds; then stop the plugins."""
        self._draining = True
        if self._running:
            await asyncio.wait(set(self._running), timeout=grace)
        for task in set(self._running):
            task.cancel()
        if self._running:
            await asyncio.wait(set(self._running))
        await asyncio.gather(*(host.stop() for host in self._hosts.values()))
        if self._tasks is not None:
            await self._tasks.stop()

    async def _execute(self, instruction: Instruction) -> None:
        attributes = {"outrider.instruction": instruction.id, "outrider.attempt": instruction.attempt}
        with span(f"{instruction.instruction_type} {instruction.plugin_id}", attributes, trace_id=instruction.trace_id):
            await self._attempt(instruction)

    async def _attempt(self, instruction: Instruction) -> None:
        execution = Execution(instruction, self._link, self._clock, self._work, self._record_begin)
        result = await execution.run()
        if result is None:
            await self._withdraw_begin(instruction)
            return
        outcome = result.error.code if result.error is not None else "ok"
        await asyncio.gather(
            self._journal.finished(instruction, result), self._audit_outcome(instruction, outcome, result.status)
        )
        await self._report(instruction, result)

    async def _record_begin(self, instruction: Instruction) -> None:
        """Put journal and audit intent on disk at the same time; without both nothing is done."""
        entry = _entry(instruction, "intent", "", {"input": instruction.input_data, "attempt": instruction.attempt})
        await asyncio.gather(self._journal.started(instruction), self._audit.append_synced(entry))

    async def _withdraw_begin(self, instruction: Instruction) -> None:
        """Say on record that nothing was done after all."""
        try:
            await self._journal.withdraw(instruction)
        except OutriderError as error:
            _log.error("the journal keeps what was not begun: %s", error.message, extra={"instruction": instruction.id})
        await self._audit_outcome(instruction, "CANCELLED", "not begun")

    async def _audit_outcome(self, instruction: Instruction, outcome: str, status: str) -> None:
        try:
            await self._audit.append_synced(_entry(instruction, "outcome", outcome, {"status": status}))
        except OutriderError as error:
            _log.error(
                "the outcome is not in the audit chain: %s", error.message, extra={"instruction": instruction.id}
            )

    async def _work(self, instruction: Instruction, log: Callable[[str], None]) -> dict[str, object]:
        if instruction.instruction_type == "call":
            return await self._call(instruction)
        if instruction.instruction_type == "task":
            return await self._task(instruction, log)
        plugin_type = "output" if instruction.instruction_type == "output" else "action"
        key = self._find_host(plugin_type, instruction)
        host = await self._hosts[key].ready()
        params = {
            "input": instruction.input_data,
            "context": instruction.context,
            "attempt": instruction.attempt,
            "idempotency_key": instruction.idempotency_key,
            "lease_epoch": instruction.lease_epoch,
        }
        method = "send" if plugin_type == "output" else "execute"
        seconds = min(instruction.timeout_seconds, float(host.plugin.manifest.limits.execution_time))
        number, answer = host.execute(method, params, seconds)
        self._log_sinks[key, number] = log
        try:
            return await host.finish(number, answer, seconds)
        finally:
            del self._log_sinks[key, number]

    async def _task(self, instruction: Instruction, log: Callable[[str], None]) -> dict[str, object]:
        if self._tasks is None:
            raise NotFoundError(f"this is not the agent '{instruction.plugin_id}'", found=instruction.plugin_id)
        return await self._tasks.run(instruction, log)

    def _find_host(self, plugin_type: str, instruction: Instruction) -> _HostKey:
        for key in self._hosts:
            same_config = plugin_type == "action" or key[2] == digest(instruction.plugin_configuration)
            if key[:2] == (plugin_type, instruction.plugin_id) and same_config:
                return key
        raise NotFoundError(
            f"this agent does not offer the {plugin_type} plugin '{instruction.plugin_id}'",
            found=", ".join(key[1] for key in self._hosts) or "no plugin",
            suggestions=["add it to spec.plugins of the ActionAgent"],
        )

    async def _call(self, instruction: Instruction) -> dict[str, object]:
        call = normalise(self._invoker.registry, instruction.plugin_id, [instruction.input_data])
        if not any(fnmatchcase(call.name, pattern) for pattern in self._config.operations):
            raise DeniedError(
                f"this agent does not offer the operation {call.name}",
                found=call.name,
                expected=", ".join(self._config.operations) or "no operation",
                suggestions=[f"add {call.name} to spec.operations of the ActionAgent"],
            )
        kind, _, name = instruction.principal.partition(":")
        principal = Principal(self._tenant, convert(kind, PrincipalKind), name)  # type: ignore[arg-type]  # a Literal is a type form
        options = CallOptions(
            principal=principal,
            granted=True,
            approved=True,
            owner=bool(instruction.context.get("owner")),
            timeout=instruction.timeout_seconds,
            trace_id=instruction.trace_id,
            idempotency_key=instruction.idempotency_key,
            attempt=instruction.attempt,
        )
        plans = instruction.context.get("mode") == "plan" and self._invoker.prepare(call, options).effect.changes
        done = self._invoker.plan(call, options) if plans else self._invoker.run(call, options)
        result: dict[str, object] = to_builtins(await done)
        return result

    async def _report(self, instruction: Instruction, result: Result) -> None:
        """Deliver a result until it is acknowledged, or refused because the claim was lost."""
        failures = 0
        while True:
            try:
                await self._link.result(instruction.id, result)
                break
            except ConflictError as error:
                _log.warning("result refused: %s", error.message, extra={"instruction": instruction.id})
                break
            except NotFoundError:
                _log.warning("the orchestrator does not know the instruction", extra={"instruction": instruction.id})
                break
            except OutriderError as error:
                failures += 1
                if failures in (1, 10):
                    _log.warning("result waits: %s", error.message, extra={"instruction": instruction.id})
                await self._clock.sleep(max(_pause(failures), error.retry_after or 0.0))
        self._journal.acknowledged(instruction)

    async def _settle_left_over(self) -> None:
        """Report what an earlier process finished or left in the middle; nothing is run again without being told."""
        for entry in await self._journal.left_over():
            result = entry.result or Result(
                status="unknown_outcome", lease_epoch=entry.instruction.lease_epoch, attempt=entry.instruction.attempt
            )
            self._begin(self._report(entry.instruction, result), entry.instruction.id)


def _key(plugin: PluginConfig) -> _HostKey:
    return plugin.type, plugin.plugin, digest(plugin.config)


def _pause(failures: int) -> float:
    return delay(failures, base=REPORT_BASE, cap=REPORT_CAP, chance=int.from_bytes(os.urandom(2), "big") / 65536)


def _entry(instruction: Instruction, phase: str, outcome: str, details: dict[str, Any]) -> AuditEntry:
    kind = {"call": "", "task": "agent."}.get(instruction.instruction_type, "plugin.")
    return AuditEntry(
        phase=phase,
        principal=instruction.principal,
        action=f"{kind}{instruction.plugin_id}",
        target=f"instruction/{instruction.id}",
        outcome=outcome,
        trace_id=instruction.trace_id,
        details=details,
    )
