from collections.abc import Iterator

from outrider.core.errors import InvalidConfigError, OutriderError, did_you_mean
from outrider.core.objects import Object
from outrider.core.source import Path
from outrider.kinds.rule.model import RuleSpec
from outrider.kinds.rule.step_validation import step_faults
from outrider.kinds.rule.when import VARIABLES, Condition, When
from outrider.runtime.expressions import Expression
from outrider.runtime.objects import Fault, ObjectSet
from outrider.runtime.schedule import Schedule


def validate(item: Object, objects: ObjectSet) -> Iterator[Fault]:
    """Check expressions, and everything that the rule names: triggers, plugins, operations, agents, groups, outputs."""
    spec: RuleSpec = item.spec
    yield from _when_faults(spec.when, ("spec", "when"), objects)
    if spec.debounce > 0 and (spec.when.over_time or spec.when.join == "schedule"):
        yield ("spec", "debounce"), InvalidConfigError(
            "spec.debounce: a condition that lasts is one of single events",
            found=str(spec.debounce), expected="`any` without a time", suggestions=["remove debounce; use within or notWithin"],
        )  # fmt: skip
    if spec.once_per is not None:
        yield from _expression_faults(spec.once_per.key, ("spec", "oncePer", "key"))
    yield from step_faults(spec.do, ("spec", "do"), objects)
    for index, route in enumerate(spec.routes):
        yield from objects.reference_fault("Output", route.output, ("spec", "report", index))


def _when_faults(when: When, path: Path, objects: ObjectSet) -> Iterator[Fault]:
    if when.schedule is not None:
        try:
            Schedule(when.schedule, when.time_zone)
        except OutriderError as error:
            field, error.path = error.path, ""
            yield (*path, field), error
    for index, condition in enumerate(when.conditions):
        yield from _condition_faults(condition, (*path, when.join, index), objects)
    if when.not_within is not None:
        for index, condition in enumerate(when.not_within.any):
            yield from _condition_faults(condition, (*path, "notWithin", "any", index), objects)
    yield from _expression_faults(when.by, (*path, "by"))
    yield from _expression_faults(when.condition, (*path, "if"))
    if when.aggregate is not None:
        yield from _expression_faults(when.aggregate.of, (*path, "aggregate", "of"))


def _condition_faults(condition: Condition, path: Path, objects: ObjectSet) -> Iterator[Fault]:
    if condition.trigger is not None:
        yield from _trigger_faults(condition.trigger, (*path, "trigger"), objects)
    yield from _expression_faults(condition.condition, (*path, "if"))
    yield from _expression_faults(condition.by, (*path, "by"))


def _trigger_faults(trigger: str, path: Path, objects: ObjectSet) -> Iterator[Fault]:
    agent_name, _, trigger_name = trigger.partition("/")
    agent = objects.find("SensorAgent", agent_name)
    if agent is None:
        yield from objects.reference_fault("SensorAgent", agent_name, path)
        return
    names = [trigger.name for trigger in agent.spec.triggers]
    if trigger_name not in names:
        yield (
            path,
            InvalidConfigError(
                f"SensorAgent/{agent_name} has no trigger '{trigger_name}'",
                found=trigger,
                expected=", ".join(f"{agent_name}/{name}" for name in names),
                suggestions=did_you_mean(trigger_name, names),
            ),
        )


def _expression_faults(text: str, path: Path) -> Iterator[Fault]:
    if not text:
        return
    try:
        Expression(text, VARIABLES)
    except OutriderError as error:
        yield path, error
