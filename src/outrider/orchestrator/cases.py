"""Cases of rules: events at their times, and what the rules are expected to start. Each case has a rehearsal of its own."""

from collections.abc import Iterator
from typing import Any

import msgspec

from outrider.core.codec import to_builtins
from outrider.core.events import Event, Severity
from outrider.core.quantities import Duration, duration
from outrider.core.timestamps import timestamp
from outrider.orchestrator.rehearsal import WOULD_START, Rehearsal
from outrider.orchestrator.verdicts import Judged, Rehearsed
from outrider.orchestrator.wire import EventRow
from outrider.runtime.objects import ObjectSet

BEGIN = 1_767_225_600.0  # 2026-01-01T00:00:00Z: a case begins at midnight of a Thursday
# Outcomes that a case does not list unless it expects them: nothing follows from them.
_QUIET = frozenset({"waiting", "limited", "left out", "held back"})


class CaseEvent(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An event, `at` so long after the case has begun."""

    at: Duration = duration("0s")
    source: str
    type: str = "sent"
    severity: Severity = "medium"
    data: dict[str, Any] = {}
    labels: dict[str, str] = {}


class Expected(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a rule is expected to do; fields that are absent may be anything.

    Attributes:
        does: The steps, as `plugin {"parameter":"value"}`.
    """

    rule: str
    outcome: str = WOULD_START
    at: Duration | None = None
    key: str | None = None
    does: list[str] | None = None


class Case(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A case.

    Attributes:
        events: In the order of their times.
        then: Time that passes after the last one.
        expect: Everything that the rules start, in order.
    """

    name: str
    events: list[CaseEvent]
    then: Duration = duration("0s")
    expect: list[Expected] = []


def judge(case: Case, objects: ObjectSet) -> Judged:
    """Rehearse a case and compare."""
    rows = Rehearsal(objects).run(_recorded(case), then=float(case.then))
    named = {expected.outcome for expected in case.expect}
    found = [row for row in rows if row.outcome not in _QUIET or row.outcome in named]
    faults = list(_compare(case.expect, found))
    return Judged(case=case.name, passed=not faults, faults=faults)


def _recorded(case: Case) -> Iterator[EventRow]:
    for number, one in enumerate(case.events):
        at = timestamp(BEGIN + float(one.at))
        event = Event(
            id=f"event-{number + 1}", source=one.source, type=one.type, time=at, severity=one.severity, data=one.data,
            labels=one.labels,
        )  # fmt: skip
        yield EventRow(sequence=number, received=at, event=event)


def _compare(expected: list[Expected], found: list[Rehearsed]) -> Iterator[str]:
    for number, (want, got) in enumerate(zip(expected, found, strict=False)):
        seen = {"rule": got.rule, "outcome": got.outcome, "key": got.key, "does": got.does, "at": got.time}
        wanted = to_builtins(want)
        if want.at is not None:
            wanted["at"] = timestamp(BEGIN + float(want.at))
        for field in wanted:
            if seen[field] != wanted[field]:
                yield f"expect[{number}].{field}: expected {wanted[field]}, found {seen[field]}"
    for want in expected[len(found) :]:
        yield f"expected and not found: {want.rule} {want.outcome}"
    for got in found[len(expected) :]:
        yield f"found and not expected: {got.time} {got.rule} {got.outcome} {got.reason}".rstrip()
