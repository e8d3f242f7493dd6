"""The transaction of an event: stored, matched and turned into runs, or nothing of it."""

from typing import Any

import sqlalchemy as sa

from outrider.core.codec import decode, encode
from outrider.core.errors import InvalidConfigError
from outrider.core.events import MAX_EVENT_BYTES, Event, EventOutcome
from outrider.core.machines.windows import FIRE, KeyState, Limits, RateState, Verdict, on_clear, on_due, on_match
from outrider.core.timestamps import parse_timestamp
from outrider.orchestrator.holds import Holds
from outrider.orchestrator.rules import CompiledCondition, CompiledRule, RuleIndex, variables
from outrider.orchestrator.runs import RunStarter
from outrider.orchestrator.statements import INSERT_EVENT, SELECT_FACTS, UPSERT_FACT
from outrider.orchestrator.tables import events, rule_keys, rule_rates
from outrider.orchestrator.transaction import Transaction
from outrider.ports.store import upsert
from outrider.ports.telemetry import span

MAX_ID = 64


class Ingest:
    """Stores events and evaluates the rules on them; its methods run inside a writing transaction.

    Args:
        tenant: Whose events.
        index: The rules.
        starter: Creates runs.
        holds: Which rules are held back.
    """

    def __init__(self, tenant: str, index: RuleIndex, starter: RunStarter, holds: Holds) -> None:
        self._tenant = tenant
        self._index = index
        self._starter = starter
        self._holds = holds

    def store(self, work: Transaction, batch: list[Event]) -> list[EventOutcome]:
        """Store a batch; an event that is known already changes nothing."""
        return [self._store_one(work, event) for event in batch]

    def _store_one(self, work: Transaction, event: Event) -> EventOutcome:
        document = encode(event)
        refusal = _refusal(event, len(document))
        if refusal:
            return EventOutcome(event.id, "rejected", refusal)
        row = {"tenant": self._tenant, "id": event.id, "source": event.source, "received": work.now}
        if INSERT_EVENT.run(work.connection, {**row, "document": document.decode()}) == 0:
            return EventOutcome(event.id, "duplicate")
        work.timeline("event", event.source, _describe(event), event=event.id)
        with span(f"event {event.type}", {"outrider.event": event.id}, trace_id=event.trace_id):
            self._remember_fact(work, event)
            self._evaluate(work, event)
        return EventOutcome(event.id, "accepted")

    def _remember_fact(self, work: Transaction, event: Event) -> None:
        row = {"tenant": self._tenant, "source": event.source, "data": encode(event.data).decode()}
        UPSERT_FACT.run(work.connection, row)

    def _evaluate(self, work: Transaction, event: Event) -> None:
        conditions = self._index.conditions(event.source)
        if not conditions:
            return
        seen = variables(event, self._facts(work) if self._index.needs_facts else {})
        met: dict[str, CompiledCondition] = {}
        unmet: dict[str, CompiledCondition] = {}
        for condition in conditions:
            (met if condition.holds(seen) else unmet)[condition.rule.uid] = condition
        for uid, condition in met.items():
            self._matched(work, condition.rule, condition.rule.key_of(seen), event)
            unmet.pop(uid, None)
        for condition in unmet.values():
            if condition.rule.limits.debounce > 0:
                self._cleared(work, condition.rule, condition.rule.key_of(seen))

    def _matched(self, work: Transaction, rule: CompiledRule, key: str, event: Event) -> None:
        held = self._holds.silences(rule.name, event.source, work.now)
        if held:  # its windows stay as they were, as if the event had not been
            work.timeline("rule", rule.name, f"matched, not run: {held}", event=event.id)
            return
        key_state, rate = self._load(work, rule, key)
        verdict, new_key, new_rate = on_match(rule.limits, key_state, rate, event=event.id, now=work.now)
        self._save(work, rule, key, (key_state, rate), (new_key, new_rate))
        self._conclude(work, rule, verdict, event)

    def due(self, work: Transaction) -> None:
        """Fire the rules whose debounce has passed."""
        rows = work.connection.execute(
            sa.select(rule_keys).where(rule_keys.c.tenant == self._tenant, rule_keys.c.due <= work.now)
        ).all()
        for row in rows:
            rule = self._index.by_uid.get(row.rule_uid)
            key_state, rate = decode(row.state, KeyState), RateState()
            if rule is None or key_state.held is None:
                work.connection.execute(rule_keys.delete().where(_key_is(self._tenant, row.rule_uid, row.key)))
                continue
            event = self._event(work, key_state.held.event)
            _, rate = self._load(work, rule, row.key)
            verdict, new_key, new_rate = on_due(rule.limits, key_state, rate, now=work.now)
            self._save(work, rule, row.key, (key_state, rate), (new_key, new_rate))
            if event is not None:
                self._conclude(work, rule, verdict, event)

    def _conclude(self, work: Transaction, rule: CompiledRule, verdict: Verdict, event: Event) -> None:
        held = self._holds.silences(rule.name, event.source, work.now) if verdict == FIRE else ""
        if held:
            work.timeline("rule", rule.name, f"matched, not run: {held}", event=event.id)
        elif verdict == FIRE:
            self._starter.start(work, rule, event)
        elif verdict.action == "suppress":
            work.timeline("rule", rule.name, f"matched, not run: {verdict.reason}", event=event.id)

    def _cleared(self, work: Transaction, rule: CompiledRule, key: str) -> None:
        key_state, rate = self._load(work, rule, key)
        self._save(work, rule, key, (key_state, rate), (on_clear(key_state), rate))

    def _load(self, work: Transaction, rule: CompiledRule, key: str) -> tuple[KeyState, RateState]:
        if rule.limits == Limits():
            return KeyState(), RateState()
        state = work.connection.scalar(sa.select(rule_keys.c.state).where(_key_is(self._tenant, rule.uid, key)))
        rate = None
        if rule.limits.rate_count is not None:
            rate = work.connection.scalar(
                sa.select(rule_rates.c.state).where(
                    rule_rates.c.tenant == self._tenant, rule_rates.c.rule_uid == rule.uid
                )
            )
        return (decode(state, KeyState) if state else KeyState()), (decode(rate, RateState) if rate else RateState())

    def _save(
        self,
        work: Transaction,
        rule: CompiledRule,
        key: str,
        before: tuple[KeyState, RateState],
        after: tuple[KeyState, RateState],
    ) -> None:
        if rule.limits == Limits():
            return
        if after[0] != before[0]:
            values = {"state": encode(after[0]).decode(), "due": after[0].held.due if after[0].held else None}
            work.connection.execute(
                upsert(rule_keys)
                .values(tenant=self._tenant, rule_uid=rule.uid, key=key, **values)
                .on_conflict_do_update(index_elements=["tenant", "rule_uid", "key"], set_=values)
            )
        if after[1] != before[1]:
            values = {"state": encode(after[1]).decode()}
            work.connection.execute(
                upsert(rule_rates)
                .values(tenant=self._tenant, rule_uid=rule.uid, **values)
                .on_conflict_do_update(index_elements=["tenant", "rule_uid"], set_=values)
            )

    def _facts(self, work: Transaction) -> dict[str, Any]:
        rows = SELECT_FACTS.all(work.connection, {"key_tenant": self._tenant})
        return {row.source: decode(row.data, dict) for row in rows}

    def _event(self, work: Transaction, event_id: str) -> Event | None:
        document = work.connection.scalar(
            sa.select(events.c.document).where(events.c.tenant == self._tenant, events.c.id == event_id)
        )
        return decode(document, Event) if document else None


def _key_is(tenant: str, rule_uid: str, key: str) -> Any:
    return sa.and_(rule_keys.c.tenant == tenant, rule_keys.c.rule_uid == rule_uid, rule_keys.c.key == key)


def _refusal(event: Event, size: int) -> str:
    """Return why an event can never be stored; empty where it can."""
    if size > MAX_EVENT_BYTES:
        return f"{size} bytes; at most {MAX_EVENT_BYTES} are taken"
    if not 0 < len(event.id) <= MAX_ID:
        return f"id: {len(event.id)} characters; 1 to {MAX_ID} are taken"
    try:
        parse_timestamp(event.time)
    except InvalidConfigError as error:
        return f"time: {error.message}"
    return ""


def _describe(event: Event) -> str:
    """Return the event on one line: what plugins put into `summary`, else the data."""
    summary = event.data.get("summary")
    text = str(summary) if summary else encode(event.data).decode()
    repeated = f" (still, {event.count}. report)" if event.count > 1 else ""
    return f"{text[:160]}{repeated}"
