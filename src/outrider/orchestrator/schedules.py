"""Scheduled calls: each becomes a run at its times, and the time that comes next is on disk."""

from typing import Any

import msgspec
import sqlalchemy as sa

from outrider.core.codec import encode
from outrider.core.events import Event
from outrider.core.machines.windows import Limits
from outrider.core.timestamps import timestamp
from outrider.core.trace import new_trace_id
from outrider.kinds.operatorcall.call import read_call
from outrider.kinds.operatorcall.model import OperatorCallSpec
from outrider.kinds.rule.model import Condition, Retry, RuleSpec, Step, When
from outrider.orchestrator.desk import Desk
from outrider.orchestrator.holds import Holds
from outrider.orchestrator.rules import CompiledRule
from outrider.orchestrator.runs import SCHEDULE_SOURCE, RunStarter
from outrider.orchestrator.statements import INSERT_EVENT
from outrider.orchestrator.tables import runs, schedules
from outrider.orchestrator.transaction import Transaction
from outrider.orchestrator.world import Applied
from outrider.ports.store import upsert
from outrider.runtime.schedule import Schedule


class ScheduledCall(msgspec.Struct, frozen=True):
    """An OperatorCall, ready to be started."""

    rule: CompiledRule
    schedule: Schedule
    spec: OperatorCallSpec


def compile_call(entry: Applied) -> ScheduledCall:
    """Return an applied OperatorCall as a rule of one step with its schedule."""
    spec: OperatorCallSpec = entry.item.spec
    call = read_call(spec.operator)
    step = Step(
        call=call.name,
        parameters=call.params,
        mode="apply" if spec.mode == "apply" else None,
        run_on=spec.run_on,
        timeout=spec.timeout,
        retry=Retry(attempts=spec.retry_policy.max_retries + 1, backoff=spec.retry_policy.backoff),
        on_lost="retry" if spec.retry_policy.max_retries else None,
    )
    source = f"{SCHEDULE_SOURCE}{entry.item.name}"
    rule_spec = RuleSpec(when=When(any=[Condition(trigger=source)]), do=[step], report=spec.report)
    metadata = entry.item.metadata
    rule = CompiledRule(
        entry.item.name, metadata.uid, metadata.generation, entry.applied_by, rule_spec, limits=Limits(), key=None
    )
    return ScheduledCall(rule, Schedule(spec.schedule, spec.time_zone), spec)


class Scheduler:
    """Starts what is due; its methods run inside a writing transaction.

    Args:
        tenant: Whose calls.
        calls: The applied ones.
        starter: Creates runs.
        desk: Cancels them.
        holds: Whether the platform is paused.
    """

    def __init__(
        self, tenant: str, calls: list[ScheduledCall], starter: RunStarter, *, desk: Desk, holds: Holds
    ) -> None:
        self._tenant = tenant
        self._holds = holds
        self._calls = calls
        self._starter = starter
        self._desk = desk
        # What comes next, as it is on disk; looked up there once.
        self._due: dict[str, float] = {}

    def due(self, work: Transaction, wall: float) -> None:
        """Start the calls whose time has come.

        Args:
            work: The transaction.
            wall: Seconds since the epoch by the machine's clock: that is what people mean by a time.
        """
        for call in self._calls:
            due = self._next(work, call, wall)
            if due <= wall:
                self._pass(work, call, due, wall)

    def forget(self) -> None:
        """Look up what comes next on disk again: a transaction was lost."""
        self._due.clear()

    def _next(self, work: Transaction, call: ScheduledCall, wall: float) -> float:
        uid = call.rule.uid
        if uid not in self._due:
            row = work.connection.execute(sa.select(schedules).where(self._is(uid))).first()
            if row is None or row.generation != call.rule.generation:
                self._keep(work, call, call.schedule.next_after(wall))
            else:
                self._due[uid] = row.due
        return self._due[uid]

    def _pass(self, work: Transaction, call: ScheduledCall, due: float, wall: float) -> None:
        """Pass a time, and those that went by unseen while nothing ran: the last of them stands for all."""
        missed = 0
        while (following := call.schedule.next_after(due)) <= wall and missed < 1000:
            due, missed = following, missed + 1
        self._keep(work, call, call.schedule.next_after(wall))
        if call.spec.suspend:
            return
        if self._holds.paused(work.now):
            work.timeline("schedule", call.rule.name, "left out: the platform is paused")
            return
        running = self._running(work, call.rule.uid)
        if running and call.spec.concurrency_policy == "Forbid":
            work.timeline("schedule", call.rule.name, "left out: the last call still runs", run=running[0])
            return
        for run in running if call.spec.concurrency_policy == "Replace" else []:
            self._desk.cancel(work, run)
        self._start(work, call, due, missed)

    def _start(self, work: Transaction, call: ScheduledCall, due: float, missed: int) -> None:
        at = timestamp(due)
        summary = f"{at}" + (f", and {missed} earlier times that were missed" if missed else "")
        event = Event(
            id=f"{call.rule.uid}-{int(due)}",
            source=f"{SCHEDULE_SOURCE}{call.rule.name}",
            type="schedule",
            time=at,
            severity="low",
            data={"scheduled": at, "missed": missed, "summary": summary},
            trace_id=new_trace_id(),
        )
        row = {"tenant": self._tenant, "id": event.id, "source": event.source, "received": work.now}
        if INSERT_EVENT.run(work.connection, {**row, "document": encode(event).decode()}) == 0:
            return  # the clock was set back: this time has been
        work.timeline("event", event.source, summary, event=event.id)
        self._starter.start(work, call.rule, event)

    def _running(self, work: Transaction, uid: str) -> list[str]:
        query = sa.select(runs.c.id).where(
            runs.c.tenant == self._tenant, runs.c.rule_uid == uid, runs.c.state == "running"
        )
        return list(work.connection.scalars(query))

    def _keep(self, work: Transaction, call: ScheduledCall, due: float) -> None:
        values = {"due": due, "generation": call.rule.generation}
        work.connection.execute(
            upsert(schedules)
            .values(tenant=self._tenant, uid=call.rule.uid, **values)
            .on_conflict_do_update(index_elements=["tenant", "uid"], set_=values)
        )
        self._due[call.rule.uid] = due

    def _is(self, uid: str) -> Any:
        return sa.and_(schedules.c.tenant == self._tenant, schedules.c.uid == uid)
