"""Rules tried on recorded events: the evaluation of the orchestrator itself, on a store in memory and a clock of its own.

Nothing is started. Time is that of the events' arrival, so windows, debounces and limits do what they would have done.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from outrider.core.codec import decode, encode
from outrider.core.errors import OutriderError
from outrider.core.events import Event
from outrider.core.objects import DEFAULT_TENANT
from outrider.core.timestamps import parse_timestamp, timestamp
from outrider.kinds.rule.steps import STEP_VARIABLES
from outrider.orchestrator.decisions import Decision
from outrider.orchestrator.evaluation import Evaluator, load_facts
from outrider.orchestrator.holds import Holds
from outrider.orchestrator.ingest import Ingest, insert_event
from outrider.orchestrator.program import leaves
from outrider.orchestrator.rules import CompiledRule, RuleIndex, variables
from outrider.orchestrator.schedules import Timed, scheduled_event, timed_rule
from outrider.orchestrator.tables import events, metadata, rule_keys, rule_windows
from outrider.orchestrator.transaction import Transaction
from outrider.orchestrator.verdicts import Rehearsed
from outrider.orchestrator.windows import Windows
from outrider.orchestrator.wire import EventRow
from outrider.runtime.objects import ObjectSet
from outrider.runtime.templates import Template

OWNER = "user:owner"
WOULD_START = "would start"


class Rehearsal:
    """Tries the rules of some objects.

    Args:
        objects: Where the rules are among; others are not looked at.
    """

    def __init__(self, objects: ObjectSet) -> None:
        rules = objects.of_kind("Rule")
        for item in rules:
            item.metadata.uid = item.name  # as applied ones have one
        self._engine = sa.create_engine("sqlite://")
        index = RuleIndex((item, OWNER) for item in rules)
        self._timed = [timed_rule(rule) for rule in index.scheduled]
        self._rows: list[Rehearsed] = []
        recorder = _Recorder()
        self._evaluator = Evaluator(DEFAULT_TENANT, index, recorder, Holds(), windows=Windows(DEFAULT_TENANT))
        self._ingest = Ingest(DEFAULT_TENANT, self._evaluator)
        self._recorder = recorder

    def run(self, recorded: Iterable[EventRow], *, then: float = 0.0) -> list[Rehearsed]:
        """Return what the rules would have done.

        Args:
            recorded: Events in the order of their arrival.
            then: Seconds that pass after the last one.
        """
        with self._engine.connect() as connection:
            metadata.create_all(connection)
            now: float | None = None
            for row in recorded:
                came = parse_timestamp(row.received)
                self._pass(connection, came if now is None else now, came)
                now = came if now is None else max(now, came)
                self._see(connection, row.event, now)
            if now is not None:
                self._pass(connection, now, now + then)
        return self._rows

    def _see(self, connection: sa.Connection, event: Event, now: float) -> None:
        work = Transaction(connection, now)
        self._ingest.store(work, [event])
        mine = sa.and_(events.c.tenant == DEFAULT_TENANT, events.c.id == event.id)
        text = connection.scalar(sa.select(events.c.decisions).where(mine))
        self._note(now, decode(text, list[Decision]) if text else [], event)

    def _pass(self, connection: sa.Connection, now: float, until: float) -> None:
        """Let time pass: waits end and schedules come at their very time."""
        while (moment := self._next(connection, now, until)) is not None:
            work = Transaction(connection, moment)
            self._note(moment, self._evaluator.due(work))
            for timed in self._timed:
                if timed.schedule.next_after(now) == moment:
                    self._start_timed(work, timed, moment)
            now = moment

    def _next(self, connection: sa.Connection, now: float, until: float) -> float | None:
        """Return the next time at which something is due that no event brings."""
        due = [connection.scalar(sa.select(sa.func.min(table.c.due))) for table in (rule_windows, rule_keys)]
        times = [moment for moment in due if moment is not None]
        times += [timed.schedule.next_after(now) for timed in self._timed]
        return min((moment for moment in times if moment <= until), default=None)

    def _start_timed(self, work: Transaction, timed: Timed, moment: float) -> None:
        event = scheduled_event(timed.rule, moment, missed=0)
        if insert_event(work, DEFAULT_TENANT, event, encode(event).decode()):
            self._note(moment, self._evaluator.scheduled(work, timed.rule, event), event)

    def _note(self, now: float, decisions: list[Decision], event: Event | None = None) -> None:
        started = self._recorder.take()
        for decision in decisions:
            self._rows.append(
                Rehearsed(
                    time=timestamp(now),
                    rule=decision.rule,
                    outcome=WOULD_START if decision.outcome == "started" else decision.outcome,
                    reason=decision.reason,
                    key=decision.key,
                    events=decision.events or ([event.id] if event is not None else []),
                    does=started.get((decision.rule, *decision.events), []),
                )
            )


class _Recorder:
    """Stands where runs are started, and starts none."""

    def __init__(self) -> None:
        self._started: dict[tuple[str, ...], list[str]] = {}

    def start(self, work: Transaction, rule: CompiledRule, event: Event, matched: list[str]) -> str:
        """Note what would be done for a match."""
        self._started[rule.name, *matched] = list(_describe(work, rule, event, matched))
        return ""

    def take(self) -> dict[tuple[str, ...], list[str]]:
        """Return what was noted since, by rule and events."""
        started, self._started = self._started, {}
        return started


def _describe(work: Transaction, rule: CompiledRule, event: Event, matched: list[str]) -> Iterator[str]:
    seen = variables(event, load_facts(work.connection, DEFAULT_TENANT))
    rows = work.connection.execute(
        sa.select(events.c.document).where(events.c.id.in_(matched)).order_by(events.c.sequence)
    )
    shown = [variables(decode(row.document, Event), {})["event"] for row in rows]
    run = {"id": "", "rule": rule.name, "created": timestamp(work.now)}
    for leaf in leaves(rule.spec):
        template = Template(leaf.step.parameters, STEP_VARIABLES)
        parameters: Any = leaf.step.parameters
        try:
            parameters = template.render({**seen, "events": shown, "steps": {}, "run": run})
        except OutriderError:
            parameters = leaf.step.parameters  # it needs what an earlier step gives
        condition = f" if {leaf.step.condition}" if leaf.step.condition else ""
        yield f"{leaf.step.subject} {encode(parameters).decode()}{condition}"
