"""Rules, compiled and indexed by the trigger that can meet them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from outrider.core.codec import to_builtins
from outrider.core.errors import OutriderError
from outrider.core.events import Event
from outrider.core.machines.windows import Limits
from outrider.core.objects import Object
from outrider.kinds.rule.model import VARIABLES, Condition, RuleSpec
from outrider.ports.telemetry import logger
from outrider.runtime.expressions import Expression

_log = logger(__name__)


class CompiledRule(msgspec.Struct, frozen=True):
    """A rule ready to be evaluated."""

    name: str
    uid: str
    generation: int
    applied_by: str
    spec: RuleSpec
    limits: Limits
    key: Expression | None

    def key_of(self, variables: Mapping[str, Any]) -> str:
        """Return the value of `oncePer.key` for an event, as text; an error gives the empty key."""
        if self.key is None:
            return ""
        try:
            return str(self.key.evaluate(variables))[:512]
        except OutriderError as error:
            _log.warning("oncePer.key: %s", error.message, extra={"rule": self.name})
            return ""


class CompiledCondition(msgspec.Struct, frozen=True):
    """One `when` entry of a rule."""

    rule: CompiledRule
    expression: Expression | None

    def holds(self, variables: Mapping[str, Any]) -> bool:
        """Return whether the event meets it; an expression that fails (a missing field) does not hold."""
        if self.expression is None:
            return True
        try:
            return self.expression.holds(variables)
        except OutriderError as error:
            _log.debug("condition does not hold: %s", error.message, extra={"rule": self.rule.name})
            return False


class RuleIndex:
    """The rules of one tenant by trigger."""

    def __init__(self, rules: Iterable[tuple[Object, str]]) -> None:
        self._by_source: dict[str, list[CompiledCondition]] = defaultdict(list)
        self.by_uid: dict[str, CompiledRule] = {}
        self.needs_facts = False
        for item, applied_by in rules:
            self._add(item, applied_by)

    def _add(self, item: Object, applied_by: str) -> None:
        spec: RuleSpec = item.spec
        if not spec.enabled:
            return
        rule = CompiledRule(
            item.name,
            item.metadata.uid,
            item.metadata.generation,
            applied_by,
            spec,
            _limits(spec),
            Expression(spec.once_per.key, VARIABLES) if spec.once_per else None,
        )
        self.by_uid[rule.uid] = rule
        for condition in spec.when.any:
            self._by_source[condition.trigger].append(CompiledCondition(rule, _compile(condition)))
            self.needs_facts = self.needs_facts or "state" in condition.condition

    def conditions(self, source: str) -> list[CompiledCondition]:
        """Return the conditions that events of a trigger can meet."""
        return self._by_source.get(source, [])


def variables(event: Event, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what expressions see."""
    return {
        "event": to_builtins(event) | {"data": event.data, "count": event.count},
        "state": facts,
        "labels": event.labels,
    }


def _compile(condition: Condition) -> Expression | None:
    return Expression(condition.condition, VARIABLES) if condition.condition else None


def _limits(spec: RuleSpec) -> Limits:
    return Limits(
        debounce=float(spec.debounce),
        once_period=float(spec.once_per.period) if spec.once_per else 0.0,
        rate_count=spec.rate_limit.count if spec.rate_limit else None,
        rate_period=float(spec.rate_limit.period) if spec.rate_limit else 0.0,
    )
