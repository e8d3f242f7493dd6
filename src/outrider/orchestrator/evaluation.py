"""From an event to the runs that it starts: conditions, windows, limits. All inside the transaction of the event."""

from collections.abc import Iterable
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa

from outrider.core.codec import decode, encode
from outrider.core.errors import ExecutionFailedError, OutriderError
from outrider.core.events import Event
from outrider.core.machines.correlation import advance, ripen
from outrider.core.machines.windows import FIRE, Verdict, on_clear, on_due, on_match
from outrider.kinds.rule.when import VARIABLES
from outrider.orchestrator.decisions import Decision
from outrider.orchestrator.holds import Holds
from outrider.orchestrator.limits import RuleLimits
from outrider.orchestrator.rules import CompiledCondition, CompiledRule, RuleIndex, variables
from outrider.orchestrator.statements import DECIDE_EVENT, SELECT_DECISIONS, SELECT_EVENT, SELECT_FACTS
from outrider.orchestrator.tables import rule_keys
from outrider.orchestrator.transaction import Transaction
from outrider.orchestrator.windows import Windows
from outrider.runtime.expressions import compiled

# How many waits one transaction ends at most.
DUE_AT_ONCE = 500


class Starter(Protocol):
    """Who makes something of a match."""

    def start(self, work: Transaction, rule: CompiledRule, event: Event, matched: list[str]) -> str:
        """Start a run for the events of a match, `event` the last of them, and return its id."""
        ...


class _Met(msgspec.Struct):
    """What an event is to one rule: the numbers of the conditions that it meets, in the window of a key."""

    rule: CompiledRule
    key: str
    numbers: set[int]
    refuted: bool = False


class Evaluator:
    """Evaluates the rules of one tenant; its methods run inside a writing transaction.

    Args:
        tenant: Whose events.
        index: The rules.
        starter: Starts runs.
        holds: Which rules are held back.
        windows: The windows of the rules over time.
    """

    def __init__(self, tenant: str, index: RuleIndex, starter: Starter, holds: Holds, *, windows: Windows) -> None:
        self._tenant = tenant
        self._index = index
        self._starter = starter
        self._holds = holds
        self._windows = windows
        self._limits = RuleLimits(tenant)

    def concerns(self, event: Event) -> bool:
        """Return whether any rule listens to an event."""
        return bool(self._index.conditions(event))

    def evaluate(self, work: Transaction, event: Event) -> list[Decision]:
        """Evaluate the rules on an event that was just stored, and return what those made of it that it concerns."""
        conditions = self._index.conditions(event)
        if not conditions:
            return []
        seen = self._seen(work, event, any(condition.rule.needs_facts for condition in conditions))
        met, unmet, decisions = _sort(conditions, seen)
        for left_out in decisions:
            work.timeline("rule", left_out.rule, f"left out: {left_out.reason}", event=event.id)
        for found in met:
            decisions += self._met(work, found, event, seen)
        for rule in unmet:
            self._cleared(work, rule, rule.key_of(seen))
        return decisions

    def scheduled(self, work: Transaction, rule: CompiledRule, event: Event) -> list[Decision]:
        """Start a rule whose time has come, if its condition holds."""
        seen = self._seen(work, event, rule.needs_facts)
        text = rule.spec.when.condition
        if text and not compiled(text, VARIABLES).met(seen):
            work.timeline("schedule", rule.name, f"left out: `{text}` does not hold", event=event.id)
            return [Decision(rule.name, "left out", f"`{text}` does not hold")]
        return [self._match(work, rule, event, [event.id], seen)]

    def due(self, work: Transaction) -> list[Decision]:
        """Fire the rules whose debounce has passed, and those whose refuting events have not come.

        What is decided stands beside the event that began it, and is returned.
        """
        decided = self._due_debounced(work)
        for row in self._windows.due(work, DUE_AT_ONCE):
            rule = self._index.by_uid.get(row.rule_uid)
            if rule is None or rule.shape is None or rule.generation != row.generation:
                self._windows.drop(work, row.rule_uid, row.key)
                continue
            before = self._windows.load(work, rule, row.key)
            step = ripen(rule.shape, before, now=work.now)
            self._windows.save(work, rule, row.key, before, step.window)
            decided += self._fire(work, rule, step.matches, key=row.key)
        for decision in decided:
            self._note(work, decision)
        return decided

    def _note(self, work: Transaction, decision: Decision) -> None:
        """Add a decision to those of its event."""
        key = {"key_tenant": self._tenant, "key_id": decision.events[-1]}
        row = SELECT_DECISIONS.first(work.connection, key)
        earlier = decode(row.decisions, list[Decision]) if row is not None and row.decisions else []
        DECIDE_EVENT.run(work.connection, {**key, "decisions": encode([*earlier, decision]).decode()})

    def _met(self, work: Transaction, found: _Met, event: Event, seen: dict[str, Any]) -> list[Decision]:
        rule = found.rule
        held = self._holds.silences(rule.name, event.source, work.now)
        if held:
            if found.numbers:
                work.timeline("rule", rule.name, f"matched, not run: {held}", event=event.id)
            if not found.refuted:  # the windows stay as they were, as if the event had not been
                return [Decision(rule.name, "held back", held)]
            found.numbers.clear()
        if rule.shape is None:
            return [self._match(work, rule, event, [event.id], seen)]
        return self._correlate(work, found, event, seen)

    def _correlate(self, work: Transaction, found: _Met, event: Event, seen: dict[str, Any]) -> list[Decision]:
        """Take an event into the window of its key."""
        rule, key, shape = found.rule, found.key, found.rule.shape
        assert shape is not None
        try:
            value = _number(rule, seen) if rule.value is not None and found.numbers else 1.0
        except OutriderError as error:
            work.timeline("rule", rule.name, f"left out: {error.message}", event=event.id)
            return [Decision(rule.name, "left out", error.message)]
        before = self._windows.load(work, rule, key)
        step = advance(
            shape, before, event.id, met=found.numbers, refuted=found.refuted, now=work.now, value=value
        )  # fmt: skip
        if not self._windows.save(work, rule, key, before, step.window):
            return [Decision(rule.name, "left out", "the rule has as many open windows as it may", key=key)]
        decisions = self._fire(work, rule, step.matches, key=key, seen_for=event)
        if step.progress:
            decisions.append(Decision(rule.name, "waiting", step.progress, key=key))
        return decisions

    def _fire(
        self,
        work: Transaction,
        rule: CompiledRule,
        matches: list[list[str]],
        *,
        key: str,
        seen_for: Event | None = None,
    ) -> list[Decision]:
        decisions = []
        for matched in matches:
            last = matched[-1]
            event = seen_for if seen_for is not None and seen_for.id == last else self._event(work, last)
            if event is not None:
                seen = self._seen(work, event, rule.needs_facts)
                decision = self._match(work, rule, event, matched, seen)
                decisions.append(msgspec.structs.replace(decision, key=key))
        return decisions

    def _match(
        self, work: Transaction, rule: CompiledRule, event: Event, matched: list[str], seen: dict[str, Any]
    ) -> Decision:
        limits, key = rule.limits, rule.key_of(seen)
        key_state, rate = self._limits.load(work, rule, key)
        verdict, new_key, new_rate = on_match(limits, key_state, rate, event=event.id, now=work.now)
        self._limits.save(work, rule, key, (key_state, rate), (new_key, new_rate))
        return self._conclude(work, rule, verdict, event, matched)

    def _due_debounced(self, work: Transaction) -> list[Decision]:
        decided = []
        rows = work.connection.execute(
            sa.select(rule_keys).where(rule_keys.c.tenant == self._tenant, rule_keys.c.due <= work.now)
        ).all()
        for row in rows:
            rule = self._index.by_uid.get(row.rule_uid)
            held = self._limits.held(row)
            if rule is None or held is None:
                self._limits.drop(work, row.rule_uid, row.key)
                continue
            event = self._event(work, held.event)
            key_state, rate = self._limits.load(work, rule, row.key)
            verdict, new_key, new_rate = on_due(rule.limits, key_state, rate, now=work.now)
            self._limits.save(work, rule, row.key, (key_state, rate), (new_key, new_rate))
            if event is not None:
                decided.append(self._conclude(work, rule, verdict, event, [event.id]))
        return decided

    def _conclude(
        self, work: Transaction, rule: CompiledRule, verdict: Verdict, event: Event, matched: list[str]
    ) -> Decision:
        held = self._holds.silences(rule.name, event.source, work.now) if verdict == FIRE else ""
        if held:
            work.timeline("rule", rule.name, f"matched, not run: {held}", event=event.id)
            return Decision(rule.name, "held back", held, events=matched)
        if verdict == FIRE and rule.spec.shadow:
            work.timeline("rule", rule.name, f"shadow: would have run {_of(matched)}".rstrip(), event=event.id)
            return Decision(rule.name, "shadow", "it would have run", events=matched)
        if verdict == FIRE:
            return Decision(rule.name, "started", run=self._starter.start(work, rule, event, matched), events=matched)
        if verdict.action == "suppress":
            work.timeline("rule", rule.name, f"matched, not run: {verdict.reason}", event=event.id)
            return Decision(rule.name, "limited", verdict.reason, events=matched)
        return Decision(
            rule.name, "waiting", f"debounce: the condition must hold for {rule.spec.debounce}", events=matched
        )

    def _cleared(self, work: Transaction, rule: CompiledRule, key: str) -> None:
        key_state, rate = self._limits.load(work, rule, key)
        self._limits.save(work, rule, key, (key_state, rate), (on_clear(key_state), rate))

    def _seen(self, work: Transaction, event: Event, with_facts: bool) -> dict[str, Any]:
        return variables(event, load_facts(work.connection, self._tenant) if with_facts else {})

    def _event(self, work: Transaction, event_id: str) -> Event | None:
        row = SELECT_EVENT.first(work.connection, {"key_tenant": self._tenant, "key_id": event_id})
        return decode(row.document, Event) if row is not None else None


def load_facts(connection: sa.Connection, tenant: str) -> dict[str, Any]:
    """Return the last data of every trigger."""
    return {row.source: decode(row.data, dict) for row in SELECT_FACTS.all(connection, {"key_tenant": tenant})}


def _sort(
    conditions: Iterable[CompiledCondition], seen: dict[str, Any]
) -> tuple[list[_Met], list[CompiledRule], list[Decision]]:
    """Return whom the event concerns, the debounced rules whose conditions it does not meet, and whom it cannot concern."""
    met: dict[tuple[str, str], _Met] = {}
    unmet: dict[str, CompiledRule] = {}
    left_out: list[Decision] = []
    for condition in conditions:
        rule = condition.rule
        if not condition.holds(seen):
            if rule.limits.debounce > 0:
                unmet[rule.uid] = rule
            continue
        try:
            key = condition.key_of(seen)
        except OutriderError as error:
            left_out.append(Decision(rule.name, "left out", f"by: {error.message}"))
            continue
        found = met.get((rule.uid, key))
        if found is None:
            found = met[rule.uid, key] = _Met(rule, key, set())
        if condition.number is None:
            found.refuted = True
        else:
            found.numbers.add(condition.number)
    concerned = {uid for uid, _ in met}
    return list(met.values()), [rule for uid, rule in unmet.items() if uid not in concerned], left_out


def _number(rule: CompiledRule, seen: dict[str, Any]) -> float:
    """Return the value that an event adds to an aggregate.

    Raises:
        ExecutionFailedError: It cannot be told.
    """
    assert rule.value is not None
    value = rule.value.evaluate(seen)
    if isinstance(value, int | float):
        return float(value)
    raise ExecutionFailedError(
        f"aggregate.of: `{rule.value.text}` is no number", found=repr(value)[:80], expected="a number"
    )


def _of(matched: list[str]) -> str:
    return f"for {len(matched)} events" if len(matched) > 1 else ""
