"""Scheduled calls and rules: each starts at its times, and the time that comes next is on disk."""

from typing import Any

import msgspec
import sqlalchemy as sa

from outrider.core.codec import encode
from outrider.core.events import Event
from outrider.core.timestamps import timestamp
from outrider.core.trace import new_trace_id
from outrider.kinds.operatorcall.call import read_call
from outrider.kinds.operatorcall.model import OperatorCallSpec
from outrider.kinds.rule.model import RuleSpec
from outrider.kinds.rule.steps import Retry, Step
from outrider.kinds.rule.when import Condition, When
from outrider.orchestrator.desk import Desk
from outrider.orchestrator.evaluation import Evaluator, Starter
from outrider.orchestrator.holds import Holds
from outrider.orchestrator.ingest import insert_event
from outrider.orchestrator.rules import CompiledRule
from outrider.orchestrator.runs import SCHEDULE_SOURCE
from outrider.orchestrator.statements import DECIDE_EVENT
from outrider.orchestrator.tables import runs, schedules
from outrider.orchestrator.transaction import Transaction
from outrider.orchestrator.world import Applied
from outrider.ports.store import upsert
from outrider.runtime.schedule import Schedule


class Timed(msgspec.Struct, frozen=True, kw_only=True):
    """A rule or a scheduled call, ready to be started at its times."""

    rule: CompiledRule
    schedule: Schedule
    suspend: bool = False
    concurrency: str = "Allow"


def timed_rule(rule: CompiledRule) -> Timed:
    """Return a rule that waits for times with its schedule."""
    when = rule.spec.when
    return Timed(rule=rule, schedule=Schedule(when.schedule or "", when.time_zone))


def timed_call(entry: Applied) -> Timed:
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
    rule_spec = RuleSpec(when=When(any=[Condition(trigger=source)]), do=[step], report=[*spec.report])
    metadata = entry.item.metadata
    rule = CompiledRule(
        name=entry.item.name,
        uid=metadata.uid,
        generation=metadata.generation,
        applied_by=entry.applied_by,
        spec=rule_spec,
    )
    schedule = Schedule(spec.schedule, spec.time_zone)
    return Timed(rule=rule, schedule=schedule, suspend=spec.suspend, concurrency=spec.concurrency_policy)


def scheduled_event(rule: CompiledRule, due: float, missed: int) -> Event:
    """Return the event of a time, which stands for `missed` earlier ones too."""
    at = timestamp(due)
    return Event(
        id=f"{rule.uid}-{int(due)}",
        source=f"{SCHEDULE_SOURCE}{rule.name}",
        type="schedule",
        time=at,
        severity="low",
        data={
            "scheduled": at,
            "missed": missed,
            "summary": at + (f", and {missed} earlier times that were missed" if missed else ""),
        },
        trace_id=new_trace_id(),
    )


class Scheduler:
    """Starts what is due; its methods run inside a writing transaction.

    Args:
        tenant: Whose calls.
        timed: What starts at times.
        evaluator: Starts the rules.
        starter: Starts the calls.
        desk: Cancels runs.
        holds: Whether the platform is paused.
        alone: Whether nobody else starts them, so that what comes next can be remembered.
    """

    def __init__(
        self,
        tenant: str,
        timed: list[Timed],
        *,
        evaluator: Evaluator,
        starter: Starter,
        desk: Desk,
        holds: Holds,
        alone: bool = True,
    ) -> None:
        self._tenant = tenant
        self._holds = holds
        self._timed = timed
        self._alone = alone
        self._evaluator = evaluator
        self._starter = starter
        self._desk = desk
        # What comes next, as it is on disk; looked up there once.
        self._due: dict[str, float] = {}

    def due(self, work: Transaction, wall: float) -> None:
        """Start what is due.

        Args:
            work: The transaction.
            wall: Seconds since the epoch by the machine's clock: that is what people mean by a time.
        """
        for call in self._timed:
            due = self._next(work, call, wall)
            if due <= wall:
                self._pass(work, call, due, wall)

    @property
    def idle(self) -> bool:
        """Whether nothing starts at times."""
        return not self._timed

    def plan(self, work: Transaction, wall: float) -> None:
        """Put on disk when each comes next, where that is not there yet; `due` starts what has come.

        Args:
            work: The transaction.
            wall: Seconds since the epoch by the machine's clock.
        """
        for call in self._timed:
            self._next(work, call, wall)

    def forget(self) -> None:
        """Look up what comes next on disk again: a transaction was lost."""
        self._due.clear()

    def _next(self, work: Transaction, call: Timed, wall: float) -> float:
        uid = call.rule.uid
        if uid not in self._due or not self._alone:
            row = work.connection.execute(sa.select(schedules).where(self._is(uid))).first()
            if row is None or row.generation != call.rule.generation:
                self._keep(work, call, call.schedule.next_after(wall))
            else:
                self._due[uid] = row.due
        return self._due[uid]

    def _pass(self, work: Transaction, call: Timed, due: float, wall: float) -> None:
        """Pass a time, and those that went by unseen while nothing ran: the last of them stands for all."""
        missed = 0
        while (following := call.schedule.next_after(due)) <= wall and missed < 1000:
            due, missed = following, missed + 1
        self._keep(work, call, call.schedule.next_after(wall))
        if call.suspend:
            return
        if self._holds.paused(work.now):
            work.timeline("schedule", call.rule.name, "left out: the platform is paused")
            return
        running = self._running(work, call.rule.uid)
        if running and call.concurrency == "Forbid":
            work.timeline("schedule", call.rule.name, "left out: the last call still runs", run=running[0])
            return
        for run in running if call.concurrency == "Replace" else []:
            self._desk.cancel(work, run)
        self._start(work, call, due, missed)

    def _start(self, work: Transaction, call: Timed, due: float, missed: int) -> None:
        event = scheduled_event(call.rule, due, missed)
        if not insert_event(work, self._tenant, event, encode(event).decode()):
            return  # the clock was set back: this time has been
        work.timeline("event", event.source, event.data["summary"], event=event.id)
        if call.rule.spec.when.schedule is None:
            self._starter.start(work, call.rule, event, [event.id])
            return
        decisions = encode(self._evaluator.scheduled(work, call.rule, event)).decode()
        DECIDE_EVENT.run(work.connection, {"key_tenant": self._tenant, "key_id": event.id, "decisions": decisions})

    def _running(self, work: Transaction, uid: str) -> list[str]:
        query = sa.select(runs.c.id).where(
            runs.c.tenant == self._tenant, runs.c.rule_uid == uid, runs.c.state == "running"
        )
        return list(work.connection.scalars(query))

    def _keep(self, work: Transaction, call: Timed, due: float) -> None:
        values = {"due": due, "generation": call.rule.generation}
        work.connection.execute(
            upsert(schedules)
            .values(tenant=self._tenant, uid=call.rule.uid, **values)
            .on_conflict_do_update(index_elements=["tenant", "uid"], set_=values)
        )
        self._due[call.rule.uid] = due

    def _is(self, uid: str) -> Any:
        return sa.and_(schedules.c.tenant == self._tenant, schedules.c.uid == uid)
