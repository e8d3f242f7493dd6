"""Runs: created by a rule's match, advanced stage by stage, undone where they fail. All inside writing transactions."""

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa

from outrider.core.audit import AuditEntry
from outrider.core.codec import decode, encode
from outrider.core.errors import OutriderError
from outrider.core.events import Event, InstructionState, Result
from outrider.core.identifiers import derived
from outrider.core.timestamps import timestamp
from outrider.core.trace import is_trace_id, new_trace_id
from outrider.kinds.rule.model import Outcome, RuleSpec
from outrider.kinds.rule.steps import STEP_VARIABLES
from outrider.orchestrator.evaluation import load_facts
from outrider.orchestrator.instructions import Actor, Draft, Drafter, Run
from outrider.orchestrator.program import (
    COMPENSATION_STEP,
    REPORT_STEP,
    Leaf,
    end_state,
    failure,
    leaves,
    results,
    to_undo,
    undone,
)
from outrider.orchestrator.reports import draft_report, report, routed
from outrider.orchestrator.rules import CompiledRule, variables
from outrider.orchestrator.statements import (
    ADVANCE_RUN,
    COMPENSATE_RUN,
    END_RUN,
    INSERT_RUN,
    SELECT_RUN,
    SELECT_STEPS,
)
from outrider.orchestrator.tables import events
from outrider.orchestrator.transaction import Transaction
from outrider.orchestrator.world import World
from outrider.runtime.expressions import compiled

# Begins the source of the events of scheduled calls: no trigger has a name with a colon.
SCHEDULE_SOURCE = "schedule:"
# The same of what AI agents ask for.
AGENT_SOURCE = "agent:"
USER_SOURCE = "user:"
# And of tasks that come through the queue.
QUEUE_SOURCE = "queue:"
_ACTORS: dict[str, Actor] = {
    SCHEDULE_SOURCE: "schedule", AGENT_SOURCE: "agent", USER_SOURCE: "user", QUEUE_SOURCE: "queue",
}  # fmt: skip
# How many events of a match its steps see, the newest.
EVENTS_SHOWN = 16
RUNNING, COMPENSATING = "running", "compensating"


class RunStarter:
    """Creates runs and their instructions.

    Args:
        tenant: Whose runs.
        world: What the objects say.
    """

    def __init__(self, tenant: str, world: World) -> None:
        self._tenant = tenant
        self._world = world
        self._drafter = Drafter(tenant, world)

    def start(self, work: Transaction, rule: CompiledRule, event: Event, matched: list[str]) -> str:
        """Create the run of a match and return its id; a repetition of the same match creates nothing.

        Args:
            work: The transaction.
            rule: The rule.
            event: The last event of the match.
            matched: Ids of all its events.
        """
        run_id = derived(work.now, rule.uid, rule.generation, *matched)
        trace_id = event.trace_id if is_trace_id(event.trace_id) else new_trace_id()
        run = Run(
            tenant=self._tenant,
            id=run_id,
            rule=rule.name,
            rule_uid=rule.uid,
            rule_generation=rule.generation,
            spec=encode(rule.spec).decode(),
            event=encode(event).decode(),
            matched=encode(matched).decode(),
            trace_id=trace_id,
            created=work.now,
        )
        INSERT_RUN.run(work.connection, msgspec.structs.asdict(run))
        of = f" {len(matched)} events" if len(matched) > 1 else ""
        actor = _actor(rule.spec)
        if actor in ("agent", "user", "queue"):
            work.timeline(actor, rule.name, str(event.data.get("summary", "")), event=event.id, run=run_id)
        else:
            work.timeline("rule", rule.name, f"matched{of}", event=event.id, run=run_id)
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
        return run_id

    def finished(self, work: Transaction, row: Any, state: InstructionState, result: Result | None) -> None:
        """React to the final state of an instruction: what follows of its run, or the run's end."""
        if row.step >= REPORT_STEP:
            return
        key = {"key_tenant": self._tenant, "key_id": row.run}
        run = Run(**SELECT_RUN.first(work.connection, key)._asdict())
        spec = decode(run.spec, RuleSpec)
        if run.state == COMPENSATING:
            self._undo(work, run, spec, cancelled=state is InstructionState.CANCELLED)
        elif run.state == RUNNING:
            message = result.error.message if result is not None and result.error is not None else str(state)
            self._stage_step_finished(work, run, spec, f"{row.name}: {message}")

    def _stage_step_finished(self, work: Transaction, run: Run, spec: RuleSpec, message: str) -> None:
        stage = [leaf for leaf in leaves(spec) if leaf.stage == run.step]
        rows = self._rows(work, run)
        if any(leaf.number in rows and not InstructionState(rows[leaf.number].state).final for leaf in stage):
            return  # others of the same stage are still at work
        failed = failure(stage, rows)
        if failed is None:
            following = msgspec.structs.replace(run, step=run.step + 1)
            self._advance(work, following)
            return
        leaf, row = failed
        if len(stage) > 1:
            message = f"{leaf.label}: {_message(row)}"
        self._fail(work, run, spec, message)

    def _advance(self, work: Transaction, run: Run) -> None:
        """Create the instructions of the next stage that has any to do, or end the run where none is left."""
        spec = decode(run.spec, RuleSpec)
        for stage in range(run.step, len(spec.do)):
            run = msgspec.structs.replace(run, step=stage)
            try:
                drafts = self._drafts(work, run, spec)
            except OutriderError as error:
                self._move(work, run)
                self._fail(work, run, spec, error.message)
                return
            if drafts:
                self._move(work, run)
                for draft in drafts:
                    self._drafter.store(work, draft)
                return
        self._end(work, run, spec, "completed", "")

    def _move(self, work: Transaction, run: Run) -> None:
        if run.step:
            key = {"key_tenant": self._tenant, "key_id": run.id}
            ADVANCE_RUN.run(work.connection, {**key, "step": run.step})

    def _drafts(self, work: Transaction, run: Run, spec: RuleSpec) -> list[Draft]:
        """Return the instructions of the run's stage, without those whose conditions do not hold.

        Raises:
            OutriderError: A condition cannot be evaluated, or a step cannot be made an instruction.
        """
        seen, actor = self._seen(work, run, spec), _actor(spec)
        whole = spec.do[run.step]
        if whole.condition and not compiled(whole.condition, STEP_VARIABLES).holds(seen()):
            return []
        found = []
        for leaf in (leaf for leaf in leaves(spec) if leaf.stage == run.step):
            step = leaf.step
            if step is whole or not step.condition or compiled(step.condition, STEP_VARIABLES).holds(seen()):
                found.append(self._drafter.draft(run, leaf.number, step, actor=actor, seen=seen))
        return found

    def _seen(self, work: Transaction, run: Run, spec: RuleSpec) -> Callable[[], dict[str, Any]]:
        """Return what gives the variables of steps; they are gathered when the first expression asks."""

        @cache
        def gather() -> dict[str, Any]:
            event = decode(run.event, Event)
            return {
                **variables(event, load_facts(work.connection, self._tenant)),
                "events": [variables(one, {})["event"] for one in self._matched(work, run, event)],
                "steps": results(spec, self._rows(work, run), run.step),
                "run": {"id": run.id, "rule": run.rule, "created": timestamp(run.created)},
            }

        return gather

    def _matched(self, work: Transaction, run: Run, event: Event) -> list[Event]:
        """Return the events of a match, in order; those that are gone already are left out."""
        ids = decode(run.matched, list[str])[-EVENTS_SHOWN:]
        if len(ids) <= 1:
            return [event]
        rows = work.connection.execute(
            sa.select(events.c.id, events.c.document).where(events.c.tenant == self._tenant, events.c.id.in_(ids))
        ).all()
        found = {row.id: decode(row.document, Event) for row in rows}
        return [found[one] for one in ids if one in found]

    def _rows(self, work: Transaction, run: Run) -> dict[int, Any]:
        key = {"key_tenant": self._tenant, "key_run": run.id}
        return {row.step: row for row in SELECT_STEPS.all(work.connection, key)}

    def _fail(self, work: Transaction, run: Run, spec: RuleSpec, message: str) -> None:
        """Undo what was done, where the rule says how, and end the run."""
        failing = msgspec.structs.replace(run, state=COMPENSATING, message=message)
        if any(leaf.step.compensate is not None for leaf in leaves(spec)):
            key = {"key_tenant": self._tenant, "key_id": run.id}
            COMPENSATE_RUN.run(work.connection, {**key, "state": COMPENSATING, "message": message})
            self._undo(work, failing, spec, cancelled=False)
        else:
            self._end(work, failing, spec, end_state(spec, self._rows(work, run)), message)

    def _undo(self, work: Transaction, run: Run, spec: RuleSpec, *, cancelled: bool) -> None:
        """Start what undoes the last completed step that is not undone yet, or end the run where none is left."""
        rows = self._rows(work, run)
        said = [run.message]
        for leaf in to_undo(spec, rows) if not cancelled else []:
            try:
                self._drafter.store(work, self._compensation(work, run, spec, leaf))
            except OutriderError as error:
                said.append(f"NOT undone: {leaf.label}: {error.message}")
            else:
                work.timeline("run", run.rule, f"{run.message}: undoes {leaf.label}", run=run.id)
                return
        said += [told] if (told := undone(spec, rows)) else []
        self._end(work, run, spec, end_state(spec, rows), "; ".join(said))

    def _compensation(self, work: Transaction, run: Run, spec: RuleSpec, leaf: Leaf) -> Draft:
        assert leaf.step.compensate is not None
        number = COMPENSATION_STEP + leaf.number
        seen = self._seen(work, msgspec.structs.replace(run, step=run.step + 1), spec)
        return self._drafter.draft(run, number, leaf.step.compensate, actor=_actor(spec), seen=seen)

    def _end(self, work: Transaction, run: Run, spec: RuleSpec, state: Outcome, message: str) -> None:
        values = {"state": state, "message": message, "finished": work.now}
        END_RUN.run(work.connection, {"key_tenant": self._tenant, "key_id": run.id, **values})
        if state != "completed":
            work.timeline("run", run.rule, f"{state}: {message}", run=run.id)
        outcome = {"state": state, "message": message}
        if work.outbox is not None and work.outbox.takes("runs"):
            work.outbox.add_run(work, run, report(work, run, outcome))
        for index, route in routed(spec, run, state):
            try:
                self._drafter.store(
                    work, draft_report(work, self._world, run, route.output, index=index, outcome=outcome)
                )
            except OutriderError as error:
                work.timeline("output", route.output, f"not sent: {error.message}", run=run.id)


def _actor(spec: RuleSpec) -> Actor:
    """Return as what a run acts. Only scheduled calls, AI agents and users wait for a source with a colon in its name."""
    conditions = spec.when.conditions
    trigger = (conditions[0].trigger if conditions else None) or ""
    return next((actor for begin, actor in _ACTORS.items() if trigger.startswith(begin)), "rule")


def _message(row: Any) -> str:
    result = decode(row.result, Result) if row.result else None
    return result.error.message if result is not None and result.error is not None else str(row.state)
