"""Rules, compiled and indexed by the triggers and types of events that can meet them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from outrider.core.errors import OutriderError
from outrider.core.events import Event
from outrider.core.machines.correlation import Measure, Shape
from outrider.core.machines.windows import Limits
from outrider.core.objects import Object
from outrider.kinds.rule.model import RuleSpec
from outrider.kinds.rule.when import VARIABLES, Aggregate, Condition, When
from outrider.ports.telemetry import logger
from outrider.runtime.expressions import Expression, compiled

_log = logger(__name__)
KEY_LIMIT = 512


class CompiledRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule ready to be evaluated.

    Attributes:
        shape: What its windows wait for; None where each event stands for itself.
        key: `oncePer.key`.
        value: `aggregate.of`.
        needs_facts: Whether one of its expressions looks at `state`.
    """

    name: str
    uid: str
    generation: int
    applied_by: str
    spec: RuleSpec
    limits: Limits = Limits()
    shape: Shape | None = None
    key: Expression | None = None
    value: Expression | None = None
    needs_facts: bool = False

    def key_of(self, variables: Mapping[str, Any]) -> str:
        """Return the value of `oncePer.key` for an event, as text; an error gives the empty key."""
        if self.key is None:
            return ""
        try:
            return str(self.key.evaluate(variables))[:KEY_LIMIT]
        except OutriderError as error:
            _log.warning("oncePer.key: %s", error.message, extra={"rule": self.name})
            return ""


class CompiledCondition(msgspec.Struct, frozen=True, kw_only=True):
    """One condition of a rule: the `number`th that it waits for, or one that must not follow (None)."""

    rule: CompiledRule
    number: int | None
    expression: Expression | None
    by: Expression | None

    def holds(self, variables: Mapping[str, Any]) -> bool:
        """Return whether the event meets it; an expression that fails (a missing field) does not hold."""
        return self.expression is None or self.expression.met(variables)

    def key_of(self, variables: Mapping[str, Any]) -> str:
        """Return the value of `by` for an event, as text.

        Raises:
            ExecutionFailedError: It cannot be told.
        """
        return "" if self.by is None else str(self.by.evaluate(variables))[:KEY_LIMIT]


class RuleIndex:
    """The rules of one tenant by trigger and type.

    Attributes:
        by_uid: The enabled ones.
        scheduled: Those of them that start at times.
    """

    def __init__(self, rules: Iterable[tuple[Object, str]]) -> None:
        self._by_source: dict[str, list[CompiledCondition]] = defaultdict(list)
        self._by_type: dict[str, list[CompiledCondition]] = defaultdict(list)
        self.by_uid: dict[str, CompiledRule] = {}
        self.scheduled: list[CompiledRule] = []
        for item, applied_by in rules:
            if item.spec.enabled:
                self._add(compile_rule(item, applied_by))

    def _add(self, rule: CompiledRule) -> None:
        self.by_uid[rule.uid] = rule
        if rule.spec.when.join == "schedule":
            self.scheduled.append(rule)
        for declared, condition in compile_conditions(rule):
            if declared.trigger is not None:
                self._by_source[declared.trigger].append(condition)
            else:
                self._by_type[declared.type or ""].append(condition)

    def conditions(self, event: Event) -> list[CompiledCondition]:
        """Return the conditions that an event can meet, as far as its trigger and type say."""
        of_source = self._by_source.get(event.source, [])
        of_type = self._by_type.get(event.type)
        return of_source if of_type is None else [*of_source, *of_type]


def compile_rule(item: Object, applied_by: str) -> CompiledRule:
    """Return an applied rule ready to be evaluated."""
    spec: RuleSpec = item.spec
    when = spec.when
    texts = [text for one in (*when.conditions, *refuting(when)) for text in (one.condition, one.by)]
    texts += [
        when.by,
        when.condition,
        spec.once_per.key if spec.once_per else "",
        when.aggregate.of if when.aggregate else "",
    ]
    return CompiledRule(
        name=item.name,
        uid=item.metadata.uid,
        generation=item.metadata.generation,
        applied_by=applied_by,
        spec=spec,
        limits=_limits(spec),
        shape=_shape(when),
        key=compiled(spec.once_per.key, VARIABLES) if spec.once_per else None,
        value=_value(when.aggregate),
        needs_facts=any("state" in text for text in texts),
    )


def compile_conditions(rule: CompiledRule) -> list[tuple[Condition, CompiledCondition]]:
    """Return what a rule waits for, and what must not follow, as declared and compiled."""
    when = rule.spec.when
    numbered: list[tuple[int | None, Condition]] = list(enumerate(when.conditions))
    numbered += [(None, declared) for declared in refuting(when)]
    return [
        (
            declared,
            CompiledCondition(
                rule=rule,
                number=number,
                expression=compiled(declared.condition, VARIABLES) if declared.condition else None,
                by=compiled(declared.by or when.by, VARIABLES) if declared.by or when.by else None,
            ),
        )
        for number, declared in numbered
    ]


def refuting(when: When) -> list[Condition]:
    """Return the conditions of events that must not follow."""
    return when.not_within.any if when.not_within is not None else []


def variables(event: Event, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what conditions of events see."""
    return {
        "event": {
            "id": event.id,
            "source": event.source,
            "type": event.type,
            "time": event.time,
            "severity": event.severity,
            "data": event.data,
            "labels": event.labels,
            "count": event.count,
            "trace_id": event.trace_id,
        },
        "state": facts,
        "labels": event.labels,
    }


def _shape(when: When) -> Shape | None:
    if not when.over_time or when.join == "schedule":
        return None
    aggregate = when.aggregate
    return Shape(
        join=when.join,
        conditions=len(when.conditions),
        within=float(when.within or 0.0),
        count=when.count or 1,
        measure=Measure(
            function=aggregate.function, above=aggregate.above, below=aggregate.below, minimum=aggregate.minimum
        )
        if aggregate
        else None,
        not_within=float(when.not_within.period) if when.not_within else 0.0,
    )


def _value(aggregate: Aggregate | None) -> Expression | None:
    return compiled(aggregate.of, VARIABLES) if aggregate else None


def _limits(spec: RuleSpec) -> Limits:
    return Limits(
        debounce=float(spec.debounce),
        once_period=float(spec.once_per.period) if spec.once_per else 0.0,
        rate_count=spec.rate_limit.count if spec.rate_limit else None,
        rate_period=float(spec.rate_limit.period) if spec.rate_limit else 0.0,
    )
