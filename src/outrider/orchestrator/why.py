"""Why each rule did something about an event, or did not: what was decided when it came, and what its conditions say."""

import re
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from outrider.core.codec import decode, encode
from outrider.core.errors import NotFoundError, OutriderError
from outrider.core.events import Event
from outrider.core.timestamps import timestamp
from outrider.kinds.rule.model import RuleSpec
from outrider.kinds.rule.when import VARIABLES, Condition
from outrider.orchestrator.decisions import Decision
from outrider.orchestrator.evaluation import load_facts
from outrider.orchestrator.objects import load_objects
from outrider.orchestrator.rules import refuting, variables
from outrider.orchestrator.tables import events
from outrider.orchestrator.wire import EventRow, WhyAnswer, WhyRow
from outrider.runtime.expressions import compiled

NEWEST = "last"
_FIELD = re.compile(r"""\b(?:event|state|labels)(?:\.[A-Za-z_]\w*(?!\s*\()|\[(?:"[^"]*"|'[^']*')\])+""")
_VALUE_LIMIT = 60


def explain_event(connection: sa.Connection, tenant: str, event: str) -> WhyAnswer:
    """Return what every rule made of an event.

    Args:
        connection: The store's.
        tenant: Whose event.
        event: Its id, the beginning of it, or `last`.

    Raises:
        NotFoundError: There is no such event, or more than one.
    """
    row = _find(connection, tenant, event)
    found = decode(row.document, Event)
    decisions = decode(row.decisions, list[Decision]) if row.decisions else []
    seen = variables(found, load_facts(connection, tenant))
    rows: list[WhyRow] = []
    for entry in load_objects(connection, tenant):
        if entry.item.kind == "Rule":
            made = [one for one in decisions if one.rule == entry.item.name]
            rows += _rows(entry.item.name, entry.item.spec, found, made, seen)
    gone = {one.rule for one in decisions} - {one.rule for one in rows}
    rows += [_decided(one, ["the rule is not there any more"]) for one in decisions if one.rule in gone]
    shown = EventRow(sequence=row.sequence, received=timestamp(row.received), event=found)
    return WhyAnswer(event=shown, rules=rows)


def _find(connection: sa.Connection, tenant: str, event: str) -> Any:
    query = sa.select(events).where(events.c.tenant == tenant)
    if event == NEWEST:
        rows = connection.execute(query.order_by(events.c.sequence.desc()).limit(1)).all()
    else:
        rows = connection.execute(query.where(events.c.id == event)).all()
        rows = rows or connection.execute(query.where(events.c.id.startswith(event, autoescape=True)).limit(2)).all()
    if len(rows) != 1:
        raise NotFoundError(
            f"no event is called '{event}'" if not rows else f"'{event}' begins the names of several events",
            found=event,
            suggestions=["list them with their ids: outrider events"],
        )
    return rows[0]


def _rows(name: str, spec: RuleSpec, event: Event, decisions: list[Decision], seen: dict[str, Any]) -> Iterator[WhyRow]:
    listening = [one for one in (*spec.when.conditions, *refuting(spec.when)) if _listens(one, event)]
    checks = [_check(one, seen) for one in listening]
    if decisions:
        yield from (_decided(one, checks) for one in decisions)
    elif not spec.enabled:
        yield WhyRow(rule=name, outcome="disabled", reason="spec.enabled is false", checks=checks)
    elif not listening:
        yield WhyRow(rule=name, outcome="other events", reason=f"waits for {_waits_for(spec)}")
    elif all(not _holds(one, seen) for one in listening):
        yield WhyRow(rule=name, outcome="not met", reason="no condition holds", checks=checks)
    else:
        reason = "a condition holds now and did not then: the rule was changed or enabled since, or `state` was"
        yield WhyRow(rule=name, outcome="not met", reason=reason, checks=checks)


def _decided(decision: Decision, checks: list[str]) -> WhyRow:
    return WhyRow(
        rule=decision.rule, outcome=decision.outcome, reason=decision.reason, run=decision.run, key=decision.key,
        events=decision.events, checks=checks,
    )  # fmt: skip


def _listens(condition: Condition, event: Event) -> bool:
    return condition.trigger == event.source if condition.trigger is not None else condition.type == event.type


def _waits_for(spec: RuleSpec) -> str:
    if spec.when.schedule is not None:
        return f"its times: {spec.when.schedule} {spec.when.time_zone}"
    named = [one.trigger or f"type {one.type}" for one in spec.when.conditions]
    return ", ".join(dict.fromkeys(named))


def _holds(condition: Condition, seen: dict[str, Any]) -> bool:
    return not condition.condition or compiled(condition.condition, VARIABLES).met(seen)


def _check(condition: Condition, seen: dict[str, Any]) -> str:
    """Return what a condition says, with the values of the fields that it names."""
    if not condition.condition:
        return "holds: every event of it"
    expression = compiled(condition.condition, VARIABLES)
    try:
        verdict = "holds" if expression.holds(seen) else "does not hold"
    except OutriderError as error:
        return f"does not hold: {error.message}"
    values = [_value(field, seen) for field in dict.fromkeys(_FIELD.findall(condition.condition))]
    return f"{verdict}: {condition.condition}" + (f"  ({', '.join(values)})" if values else "")


def _value(field: str, seen: dict[str, Any]) -> str:
    try:
        value = compiled(field, VARIABLES).evaluate(seen)
    except OutriderError:
        return f"{field} is not there"
    text = encode(value).decode()
    return f"{field} is {text if len(text) <= _VALUE_LIMIT else text[:_VALUE_LIMIT] + '…'}"
