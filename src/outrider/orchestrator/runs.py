"""Runs: created by a rule's match, advanced step by step, reported at their end. All inside writing transactions."""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from outrider.core.audit import AuditEntry
from outrider.core.codec import decode, encode, to_builtins
from outrider.core.errors import NotFoundError, OutriderError
from outrider.core.events import Event, Instruction, InstructionState, Result
from outrider.core.identifiers import derived
from outrider.core.identity import Principal
from outrider.core.machines.lease import Lease
from outrider.core.operation import Effect
from outrider.core.policy import AccessRequest, ApprovalTerms, Verdict, decide, denied
from outrider.core.timestamps import timestamp
from outrider.core.trace import is_trace_id, new_trace_id
from outrider.kinds.rule.model import RuleSpec, Step
from outrider.orchestrator.rules import CompiledRule
from outrider.orchestrator.statements import (
    ADVANCE_RUN,
    END_RUN,
    INSERT_ELIGIBLE,
    INSERT_INSTRUCTION,
    INSERT_RUN,
    SELECT_RUN,
)
from outrider.orchestrator.tables import approvals, instructions
from outrider.orchestrator.transaction import Transaction
from outrider.orchestrator.world import WORKER, World
from outrider.runtime.calls import call_target
from outrider.runtime.plugins.catalogue import Catalogue

REPORT_STEP = 1000
Actor = Literal["rule", "schedule"]
# Begins the source of the events of scheduled calls: no trigger has a name with a colon.
SCHEDULE_SOURCE = "schedule:"
ENDED = {
    InstructionState.COMPLETED: "completed",
    InstructionState.FAILED: "failed",
    InstructionState.TIMEOUT: "failed",
    InstructionState.CANCELLED: "cancelled",
    InstructionState.UNKNOWN: "unknown",
}


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `runs`; `spec` and `event` are JSON, times in seconds since the epoch."""

    tenant: str
    id: str
    rule: str
    rule_uid: str
    rule_generation: int
    spec: str
    event: str
    state: str = "running"
    step: int = 0
    message: str = ""
    trace_id: str
    created: float
    finished: float | None = None


class RunStarter:
    """Creates runs and their instructions.

    Args:
        tenant: Whose runs.
        world: What the objects say.
    """

    def __init__(self, tenant: str, world: World) -> None:
        self._tenant = tenant
        self._world = world

    def start(self, work: Transaction, rule: CompiledRule, event: Event) -> None:
        """Create the run of a match; a repetition of the same match creates nothing."""
        run_id = derived(work.now, rule.uid, rule.generation, event.id)
        trace_id = event.trace_id if is_trace_id(event.trace_id) else new_trace_id()
        run = Run(
            tenant=self._tenant,
            id=run_id,
            rule=rule.name,
            rule_uid=rule.uid,
            rule_generation=rule.generation,
            spec=encode(rule.spec).decode(),
            event=encode(event).decode(),
            trace_id=trace_id,
            created=work.now,
        )
        INSERT_RUN.run(work.connection, msgspec.structs.asdict(run))
        work.timeline("rule", rule.name, "matched", event=event.id, run=run_id)
        work.audit.append(
            AuditEntry(
                phase="fact",
                principal=rule.applied_by,
                action="rule.match",
                target=f"rule/{rule.name}",
                outcome="ok",
                trace_id=trace_id,
                details={"run": run_id, "event": event.id, "source": event.source},
            )
        )
        self._advance(work, run)

    def _load(self, work: Transaction, run_id: str) -> Run:
        key = {"key_tenant": self._tenant, "key_id": run_id}
        return Run(**SELECT_RUN.first(work.connection, key)._asdict())

    def _advance(self, work: Transaction, run: Run) -> None:
        """Create the run's next step, or end the run where none is left."""
        spec = decode(run.spec, RuleSpec)
        if run.step >= len(spec.do):
            self._end(work, run, spec, "completed", "")
            return
        step = spec.do[run.step]
        try:
            self._create_step(work, run, step, _actor(spec))
        except OutriderError as error:
            self._end(work, run, spec, "failed", error.message)

    def finished(self, work: Transaction, row: Any, state: InstructionState, result: Result | None) -> None:
        """React to the final state of an instruction: the next step, or the end of its run."""
        if row.step >= REPORT_STEP:
            return
        run = self._load(work, row.run)
        if run.state != "running":
            return
        if state is InstructionState.COMPLETED:
            key = {"key_tenant": self._tenant, "key_id": run.id}
            following = msgspec.structs.replace(run, step=run.step + 1)
            ADVANCE_RUN.run(work.connection, {**key, "step": following.step})
            self._advance(work, following)
            return
        message = result.error.message if result is not None and result.error is not None else str(state)
        self._end(work, run, decode(run.spec, RuleSpec), ENDED[state], f"{row.name}: {message}")

    def _create_step(self, work: Transaction, run: Run, step: Step, actor: Actor) -> None:
        name = step.plugin or step.call or ""
        agents = self._world.agents_for(step)
        if not agents:
            raise NotFoundError(
                f"no agent may do '{name}'",
                expected="an ActionAgent that lists it",
                suggestions=["add it to an ActionAgent"],
            )
        principal = Principal(self._tenant, actor, run.rule)
        terms = self._approval(principal, step, name)
        instruction = Instruction(
            id=derived(run.created, run.id, run.step),
            instruction_type="execute" if step.plugin else "call",
            plugin_id=name,
            input_data=step.parameters,
            context={
                "event": decode(run.event, dict),
                "rule": run.rule,
                "run": run.id,
                "mode": step.mode or "plan",  # for what only reads it makes no difference
            },
            timeout_seconds=float(step.timeout),
            max_retries=step.retry.attempts - 1,
            correlation_id=run.id,
            idempotency_key=f"{run.id}-{run.step}",
            on_lost=step.on_lost or self._on_lost(step),
            trace_id=run.trace_id,
            principal=f"{actor}:{run.rule}",
        )
        lease = Lease(
            state=InstructionState.AWAITING_APPROVAL if terms else InstructionState.PENDING,
            attempts=step.retry.attempts,
            on_lost=instruction.on_lost,
            backoff=float(step.retry.backoff),
        )
        self._store(work, instruction, lease, step=run.step, agents=agents)
        if terms is not None:
            self._ask(work, instruction, terms)

    def _store(
        self, work: Transaction, instruction: Instruction, lease: Lease, *, step: int, agents: list[str]
    ) -> None:
        row = {
            "tenant": self._tenant,
            "id": instruction.id,
            "run": instruction.correlation_id,
            "step": step,
            "name": instruction.plugin_id,
            "document": encode(instruction).decode(),
            "created": work.now,
            "finished": None,
            "result": None,
            **msgspec.structs.asdict(lease),
        }
        INSERT_INSTRUCTION.run(work.connection, row)
        rows = [{"tenant": self._tenant, "agent": agent, "instruction": instruction.id} for agent in agents]
        INSERT_ELIGIBLE.run_many(work.connection, rows)
        if lease.state is InstructionState.PENDING:
            work.wake.update(agents)

    def _approval(self, actor: Principal, step: Step, name: str) -> ApprovalTerms | None:
        """Judge a step: naming it in a rule is the grant; a Policy may deny it or ask for an approval.

        Raises:
            DeniedError: A Policy denies it.
        """
        terms = step.require_approval
        for principal, operation in self._questions(actor, step, name):
            request = AccessRequest(
                principal=principal,
                operation=operation,
                effect=Effect.WRITE,
                target=_target(step, self._world.catalogue),
                params=step.parameters,
                granted=True,
            )
            decision = decide(self._world.policies, request)
            if decision.verdict is Verdict.DENY:
                raise denied(request, decision)
            if decision.verdict is Verdict.REQUIRE_APPROVAL:
                terms = terms or decision.approval or ApprovalTerms()
        return terms

    def _questions(self, actor: Principal, step: Step, name: str) -> Iterator[tuple[Principal, str]]:
        """Yield who would do what: the rule or schedule its step, and a plugin the operations that it may ask its agent for."""
        if step.plugin is None:
            yield actor, name
            return
        yield actor, f"plugin.{name}"
        manifest = self._world.catalogue.find("action", step.plugin).manifest
        yield from (
            (Principal(self._tenant, "plugin", name), operation) for operation in manifest.permissions.operations
        )

    def _ask(self, work: Transaction, instruction: Instruction, terms: ApprovalTerms) -> None:
        question = f"{instruction.plugin_id} {encode(instruction.input_data).decode()}"
        work.connection.execute(
            approvals.insert().values(
                tenant=self._tenant,
                instruction=instruction.id,
                groups=encode(terms.groups).decode(),
                question=question,
                requested=work.now,
                expires=work.now + float(terms.expire),
                decision="",
                decided_by="",
            )
        )
        work.timeline(
            "approval",
            instruction.plugin_id,
            f"waits for {', '.join(terms.groups) or 'the owner'}: outrider approvals approve {instruction.id}",
            run=instruction.correlation_id,
            instruction=instruction.id,
        )

    def _on_lost(self, step: Step) -> Any:
        if step.plugin is None:
            return "fail"
        return self._world.catalogue.find("action", step.plugin).manifest.on_lost

    def _end(self, work: Transaction, run: Run, spec: RuleSpec, state: str, message: str) -> None:
        values = {"state": state, "message": message, "finished": work.now}
        END_RUN.run(work.connection, {"key_tenant": self._tenant, "key_id": run.id, **values})
        if state != "completed":
            work.timeline("run", run.rule, f"{state}: {message}", run=run.id)
        for index, output in enumerate(spec.report):
            try:
                self._report(work, run, output, index, {"state": state, "message": message})
            except OutriderError as error:
                work.timeline("output", output, f"not sent: {error.message}", run=run.id)

    def _report(self, work: Transaction, run: Run, output: str, index: int, outcome: dict[str, str]) -> None:
        spec = self._world.output(output)
        plugin = self._world.catalogue.find("output", spec.plugin)
        instruction = Instruction(
            id=derived(run.created, run.id, REPORT_STEP + index),
            instruction_type="output",
            plugin_id=spec.plugin,
            plugin_configuration=spec.config,
            input_data=_report_document(work, run, outcome),
            context={"output": output, "run": run.id, "rule": run.rule},
            timeout_seconds=float(spec.timeout),
            max_retries=spec.attempts - 1,
            correlation_id=run.id,
            idempotency_key=f"{run.id}-{output}",
            on_lost="retry" if plugin.manifest.idempotent else plugin.manifest.on_lost,
            trace_id=run.trace_id,
            principal=f"output:{output}",
        )
        lease = Lease(attempts=spec.attempts, on_lost=instruction.on_lost)
        self._store(work, instruction, lease, step=REPORT_STEP + index, agents=[spec.run_on or WORKER])


def _actor(spec: RuleSpec) -> Actor:
    """Return as what a run acts. Only a scheduled call waits for a source with a colon in its name."""
    return "schedule" if spec.when.any[0].trigger.startswith(SCHEDULE_SOURCE) else "rule"


def _report_document(work: Transaction, run: Run, outcome: dict[str, str]) -> dict[str, Any]:
    """Return what an output sends: the run, its event and its steps."""
    rows = work.connection.execute(
        sa.select(instructions)
        .where(instructions.c.tenant == run.tenant, instructions.c.run == run.id, instructions.c.step < REPORT_STEP)
        .order_by(instructions.c.step)
    ).all()
    return {
        "run": run.id,
        "rule": run.rule,
        **outcome,
        "started": timestamp(run.created),
        "finished": timestamp(work.now),
        "event": decode(run.event, dict),
        "steps": [
            {
                "name": row.name,
                "state": row.state,
                "agent": row.agent,
                "attempts": row.attempt,
                "result": to_builtins(decode(row.result, Result)) if row.result else None,
            }
            for row in rows
        ],
        "trace_id": run.trace_id,
    }


def _target(step: Step, catalogue: Catalogue) -> str:
    """Return what a step acts on, as `kind/name`, for policies."""
    if step.plugin is not None:
        return catalogue.find("action", step.plugin).manifest.target_of(step.parameters)
    return call_target(step.call or "", step.parameters)
