import re
from collections.abc import Collection, Iterator

from outrider.core.errors import InvalidConfigError, OutriderError, did_you_mean
from outrider.core.source import Path, format_path
from outrider.kinds.rule.steps import STEP_VARIABLES, Action, SingleStep, Step
from outrider.runtime.calls import validate_call
from outrider.runtime.expressions import Expression
from outrider.runtime.objects import Fault, ObjectSet
from outrider.runtime.plugins.configuration import schema_faults
from outrider.runtime.templates import Template

_STEP_NAMED = re.compile(r"\bsteps(?:\.([A-Za-z_]\w*)|\[[\"'](\w+)[\"']\])")

_USUAL = Action(ask="?")


def step_faults(steps: list[Step], path: Path, objects: ObjectSet) -> Iterator[Fault]:
    """Check the steps of a rule, and that each names only steps that come before it."""
    earlier: list[str] = []
    for index, step in enumerate(steps):
        place = (*path, index)
        yield from _expression_faults(step.condition, (*place, "if"), earlier)
        if step.parallel is None:
            yield from _single_faults(step, place, earlier, objects)
        for number, leaf in enumerate(step.parallel or []):
            yield from _expression_faults(leaf.condition, (*place, "parallel", number, "if"), earlier)
            yield from _single_faults(leaf, (*place, "parallel", number), earlier, objects)
        for leaf in step.leaves:
            if leaf.name in earlier:
                yield place, InvalidConfigError(
                    f"two steps are called '{leaf.name}'", found=leaf.name, expected="a name of its own for each",
                    suggestions=["rename one of them"],
                )  # fmt: skip
            earlier += [leaf.name] if leaf.name else []


def _single_faults(step: SingleStep, path: Path, earlier: list[str], objects: ObjectSet) -> Iterator[Fault]:
    yield from _action_faults(step, path, earlier, objects)
    if step.compensate is not None:
        own = [step.name] if step.name else []
        yield from _action_faults(step.compensate, (*path, "compensate"), [*earlier, *own], objects)


def _expression_faults(text: str, path: Path, earlier: Collection[str]) -> Iterator[Fault]:
    if not text:
        return
    try:
        Expression(text, STEP_VARIABLES)
    except OutriderError as error:
        yield path, error
    yield from _unknown_steps(text, path, earlier)


def _unknown_steps(text: str, path: Path, earlier: Collection[str]) -> Iterator[Fault]:
    for match in _STEP_NAMED.finditer(text):
        name = match[1] or match[2]
        if name not in earlier:
            yield path, InvalidConfigError(
                f"no earlier step is called '{name}'", found=match[0],
                expected=", ".join(f"steps.{known}" for known in earlier) or "a step before this one that has a name",
                suggestions=did_you_mean(name, earlier) or ["give an earlier step that name"],
            )  # fmt: skip


def _action_faults(action: Action, path: Path, earlier: Collection[str], objects: ObjectSet) -> Iterator[Fault]:
    try:
        template = Template(action.parameters, STEP_VARIABLES)
    except OutriderError as error:
        error.path, inner = "", error.path
        yield (*path, "with", *_keys(inner, action)), error
        return
    for text_path, text in template.sources:
        yield from _unknown_steps(text, (*path, "with", *text_path), earlier)
    if action.plugin is not None:
        yield from _plugin_faults(action, path, template.paths, objects)
    elif action.call is not None:
        yield from _call_faults(action, path, template.paths)
    elif action.agent is not None:
        yield from objects.reference_fault("AgentType", action.agent, (*path, "agent"))
        if action.run_on is not None or action.mode is not None:
            yield path, InvalidConfigError(
                "an AI agent runs where it is", found="runOn or mode beside agent", expected="agent and with",
                suggestions=["remove runOn and mode"],
            )  # fmt: skip
            return
    elif action.ask is not None and (fault := _question_fault(action, action.ask)) is not None:
        yield path, fault
        return
    if isinstance(action.run_on, str):
        yield from objects.reference_fault("ActionAgent", action.run_on, (*path, "runOn"))
    yield from _agent_faults(action, path, objects)
    if action.require_approval is not None:
        yield from _group_faults(action.require_approval.groups, (*path, "requireApproval", "from"), objects)


def _question_fault(action: Action, question: str) -> InvalidConfigError | None:
    """Return what a question has that means nothing for one."""
    given = {
        "runOn": action.run_on is not None, "mode": action.mode is not None, "timeout": action.timeout != _USUAL.timeout,
        "startWithin": action.start_within is not None, "retry": action.retry != _USUAL.retry, "onLost": action.on_lost is not None,
        # A no ends the run, whatever a step says of failures; a question knows no other one.
        "onFailure": isinstance(action, SingleStep) and action.on_failure != "stop",
    }  # fmt: skip
    if any(given.values()):
        names = ", ".join(name for name, there in given.items() if there)
        return InvalidConfigError(
            "a question runs nowhere", found=f"{names} beside ask", expected="ask, with and requireApproval",
            suggestions=[f"remove {names}", "requireApproval.expire says how long it stands"],
        )  # fmt: skip
    if "${" in question:
        return InvalidConfigError(
            "a question is asked as it stands", found=question, expected="a text without ${...}",
            suggestions=["put the facts into with: they are shown beside it"],
        )  # fmt: skip
    return None


def _keys(dotted: str, action: Action) -> Path:
    """Return the first part of a path inside the parameters, as far as it is a key of theirs."""
    first = re.split(r"[.\[]", dotted, maxsplit=1)[0]
    return (first,) if first in action.parameters else ()


def _plugin_faults(action: Action, path: Path, unknown: list[Path], objects: ObjectSet) -> Iterator[Fault]:
    try:
        plugin = objects.catalogue.find("action", action.plugin or "")
    except OutriderError as error:
        yield (*path, "plugin"), error
        return
    base = (*path, "with")
    left_open = {(*base, *inner) for inner in unknown}
    for fault in schema_faults(plugin.manifest.input, action.parameters, base):
        if fault[0] not in left_open:
            yield fault


def _call_faults(action: Action, path: Path, unknown: list[Path]) -> Iterator[Fault]:
    try:
        operation = validate_call(action.call or "", action.parameters, unknown=unknown)
    except OutriderError as error:
        inner = "with" if error.path else "call"
        for fault in error.causes or [error]:
            if fault.path:
                fault.path = f"{format_path(path)}.{fault.path}"
        yield (*path, inner), error
        return
    if operation.effect.changes and action.mode != "apply":
        yield (
            (*path, "call"),
            InvalidConfigError(
                f"{action.call} changes things: a rule must say so",
                path="mode",
                found="no mode",
                expected="mode: apply",
                suggestions=["add mode: apply to this step"],
            ),
        )


def _agent_faults(action: Action, path: Path, objects: ObjectSet) -> Iterator[Fault]:
    if action.plugin is None or isinstance(action.run_on, dict):
        return
    agents = objects.of_kind("ActionAgent")
    candidates = [agent for agent in agents if action.run_on in (None, agent.name)]
    if candidates and not any(action.plugin == use.plugin for agent in candidates for use in agent.spec.uses()):
        where = f"ActionAgent/{action.run_on}" if action.run_on else "any ActionAgent"
        yield (
            (*path, "plugin"),
            InvalidConfigError(
                f"{where} does not list the plugin '{action.plugin}'",
                found=action.plugin,
                expected=", ".join(use.plugin for agent in candidates for use in agent.spec.uses())
                or "a plugin it lists",
                suggestions=[f"add '{action.plugin}' to spec.plugins of {candidates[0].ref}"],
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
