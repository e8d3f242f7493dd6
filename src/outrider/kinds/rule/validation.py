from collections.abc import Iterator

from outrider.core.errors import InvalidConfigError, OutriderError, did_you_mean
from outrider.core.objects import Object
from outrider.core.source import Path
from outrider.kinds.rule.model import VARIABLES, Condition, RuleSpec, Step
from outrider.runtime.calls import validate_call
from outrider.runtime.expressions import Expression
from outrider.runtime.objects import Fault, ObjectSet
from outrider.runtime.plugins.configuration import schema_faults


def validate(item: Object, objects: ObjectSet) -> Iterator[Fault]:
    """Check expressions, and everything that the rule names: triggers, plugins, operations, agents, groups, outputs."""
    spec: RuleSpec = item.spec
    for index, condition in enumerate(spec.when.any):
        yield from _condition_faults(condition, ("spec", "when", "any", index), objects)
    if spec.once_per is not None:
        yield from _expression_faults(spec.once_per.key, ("spec", "oncePer", "key"))
    for index, step in enumerate(spec.do):
        yield from _step_faults(step, ("spec", "do", index), objects)
    for index, output in enumerate(spec.report):
        yield from objects.reference_fault("Output", output, ("spec", "report", index))


def _condition_faults(condition: Condition, path: Path, objects: ObjectSet) -> Iterator[Fault]:
    agent_name, _, trigger_name = condition.trigger.partition("/")
    agent = objects.find("SensorAgent", agent_name)
    if agent is None:
        yield from objects.reference_fault("SensorAgent", agent_name, (*path, "trigger"))
    else:
        names = [trigger.name for trigger in agent.spec.triggers]
        if trigger_name not in names:
            yield (
                (*path, "trigger"),
                InvalidConfigError(
                    f"SensorAgent/{agent_name} has no trigger '{trigger_name}'",
                    found=condition.trigger,
                    expected=", ".join(f"{agent_name}/{name}" for name in names),
                    suggestions=did_you_mean(trigger_name, names),
                ),
            )
    if condition.condition:
        yield from _expression_faults(condition.condition, (*path, "if"))


def _expression_faults(text: str, path: Path) -> Iterator[Fault]:
    try:
        Expression(text, VARIABLES)
    except OutriderError as error:
        yield path, error


def _step_faults(step: Step, path: Path, objects: ObjectSet) -> Iterator[Fault]:
    if step.plugin is not None:
        try:
            plugin = objects.catalogue.find("action", step.plugin)
        except OutriderError as error:
            yield (*path, "plugin"), error
        else:
            yield from schema_faults(plugin.manifest.input, step.parameters, (*path, "with"))
    elif step.call is not None:
        yield from _call_faults(step, path)
    if isinstance(step.run_on, str):
        yield from objects.reference_fault("ActionAgent", step.run_on, (*path, "runOn"))
    yield from _agent_faults(step, path, objects)
    if step.require_approval is not None:
        yield from _group_faults(step.require_approval.groups, (*path, "requireApproval", "from"), objects)


def _call_faults(step: Step, path: Path) -> Iterator[Fault]:
    try:
        operation = validate_call(step.call or "", step.parameters)
    except OutriderError as error:
        inner = "with" if error.path else "call"
        yield (*path, inner), error
        return
    if operation.effect.changes and step.mode != "apply":
        yield (
            (*path, "call"),
            InvalidConfigError(
                f"{step.call} changes things: a rule must say so",
                path="mode",
                found="no mode",
                expected="mode: apply",
                suggestions=["add mode: apply to this step"],
            ),
        )


def _agent_faults(step: Step, path: Path, objects: ObjectSet) -> Iterator[Fault]:
    if step.plugin is None or isinstance(step.run_on, dict):
        return
    agents = objects.of_kind("ActionAgent")
    candidates = [agent for agent in agents if step.run_on in (None, agent.name)]
    if candidates and not any(step.plugin == use.plugin for agent in candidates for use in agent.spec.uses()):
        where = f"ActionAgent/{step.run_on}" if step.run_on else "any ActionAgent"
        yield (
            (*path, "plugin"),
            InvalidConfigError(
                f"{where} does not list the plugin '{step.plugin}'",
                found=step.plugin,
                expected=", ".join(use.plugin for agent in candidates for use in agent.spec.uses())
                or "a plugin it lists",
                suggestions=[f"add '{step.plugin}' to spec.plugins of {candidates[0].ref}"],
            ),
        )
    if not agents:
        yield (
            (*path, "plugin"),
            InvalidConfigError("no ActionAgent is declared", suggestions=["declare an ActionAgent"]),
        )


def _group_faults(groups: list[str], path: Path, objects: ObjectSet) -> Iterator[Fault]:
    known = {name for platform in objects.of_kind("Platform") for name in platform.spec.groups}
    for index, group in enumerate(groups):
        if group not in known:
            yield (
                (*path, index),
                InvalidConfigError(
                    f"no group is called '{group}'",
                    found=group,
                    expected=", ".join(sorted(known)) or "a group of Platform.spec.groups",
                    suggestions=did_you_mean(group, known) or [f"add '{group}' to Platform.spec.groups"],
                ),
            )
