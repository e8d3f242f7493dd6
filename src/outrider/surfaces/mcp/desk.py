"""Runs the tools: operations as they are called, and the two that apply and show plans."""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from outrider.core.calls import normalise
from outrider.core.codec import to_builtins
from outrider.core.errors import DeniedError, OutriderError, UnknownOperationError, did_you_mean
from outrider.core.identity import Principal
from outrider.core.mcp.tools import Annotations, Tool, ToolResult
from outrider.core.objects import DEFAULT_TENANT
from outrider.core.plans import Plan, PlanState
from outrider.core.policy import PolicyRule, Verdict
from outrider.core.quantities import Duration, duration
from outrider.core.schema import convert, json_schema
from outrider.core.secrets import masked
from outrider.runtime.invoker import CallOptions
from outrider.surfaces.door import Door
from outrider.surfaces.mcp.catalogue import arguments_schema, operation_tool, operation_tools

LONGEST_WAIT = 300.0
_LOOK_SECONDS = 0.25


class PlanReference(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A plan, named.

    Attributes:
        plan: Its id, or the first six characters or more.
        wait: How long to wait for a person who applies it, such as 60s; at most 5m.
    """

    plan: str
    wait: Duration = duration("0s")


_PLAN_APPLY = Tool(
    name="plan_apply",
    title="Apply a plan",
    description="Does exactly what a plan says, once. Where no policy lets agents do that, it waits for a person to apply it.",
    input_schema=arguments_schema(PlanReference),
    output_schema=json_schema(PlanState),
    annotations=Annotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True),
)
_PLAN_SHOW = Tool(
    name="plan_show",
    title="Show a plan",
    description="Shows a plan and what became of it; with wait it returns when somebody has applied it.",
    input_schema=arguments_schema(PlanReference),
    output_schema=json_schema(PlanState),
    annotations=Annotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True),
)


class ToolDesk:
    """Tools of one AI agent.

    Args:
        door: Runs operations.
        agent: The agent's name; policies know it as `agent:NAME`.
    """

    def __init__(self, door: Door, agent: str) -> None:
        self._door = door
        self._options = CallOptions(principal=Principal(DEFAULT_TENANT, "agent", agent), granted=True)
        self._operations = operation_tools(door.invoker.registry)
        self._tools = {name: operation_tool(name, found) for name, found in self._operations.items()}
        self._hidden_by: Sequence[PolicyRule] | None = None
        self._hidden_names: Collection[str] = ()

    def tools(self) -> list[Tool]:
        """Return the tools that this agent may see: all but those that a policy always denies it."""
        with suppress(OutriderError):  # the list stays as it was; every call says what is wrong with the policies
            self._door.refresh()
        hidden = self._hidden()
        return [tool for name, tool in self._tools.items() if name not in hidden] + [_PLAN_APPLY, _PLAN_SHOW]

    async def call(self, name: str, arguments: dict[str, Any], trace_id: str = "") -> ToolResult:
        """Call a tool; a failure is a result too, so that the model can correct itself."""
        options = msgspec.structs.replace(self._options, trace_id=trace_id)
        mask = self._door.invoker.environment.secrets.mask
        try:
            self._door.refresh()
            result = await self._run(name, arguments, options)
        except OutriderError as error:
            return ToolResult(masked(to_builtins(error.body()), mask), failed=True)
        return ToolResult(masked(to_builtins(result), mask))

    async def _run(self, name: str, arguments: dict[str, Any], options: CallOptions) -> Any:
        if name == _PLAN_APPLY.name:
            return await self._apply(convert(arguments, PlanReference), options)
        if name == _PLAN_SHOW.name:
            return await self._show(convert(arguments, PlanReference))
        family, _, verb = name.partition("_")
        hidden = self._hidden()
        if name in hidden or (hidden and name not in self._operations):  # near names would tell of hidden tools
            known = [tool.name for tool in self.tools()]
            raise UnknownOperationError(
                f"no tool is called '{name}'", found=name, suggestions=did_you_mean(name, known)
            )
        return await self._door.perform(
            normalise(self._door.invoker.registry, f"{family}.{verb}", [arguments]), options
        )

    async def _apply(self, reference: PlanReference, options: CallOptions) -> PlanState:
        plan = self._door.planner.stored(reference.plan)
        options = msgspec.structs.replace(options, granted=False)
        verdict = self._door.verdict(plan, options)
        if verdict is Verdict.DENY:
            raise DeniedError(
                f"a Policy forbids agents to apply plan {plan.id}",
                suggestions=[f"have a person apply it: outrider apply {plan.id}"],
            )
        if verdict is Verdict.ALLOW:
            await self._door.planner.apply(plan, options)
            return self._door.planner.state(plan)
        state = await self._waited(plan, reference.wait)
        if state.state != "planned":
            return state
        return msgspec.structs.replace(
            state, state="waiting", next=f"a person must apply it: outrider apply {plan.id}; then call plan_show"
        )

    async def _show(self, reference: PlanReference) -> PlanState:
        return await self._waited(self._door.planner.stored(reference.plan), reference.wait)

    async def _waited(self, plan: Plan, seconds: float) -> PlanState:
        clock = self._door.invoker.environment.clock
        end = clock.monotonic() + min(seconds, LONGEST_WAIT)
        while True:
            state = await asyncio.to_thread(self._door.planner.state, plan)
            left = end - clock.monotonic()
            if state.state != "planned" or left <= 0:
                return state
            await clock.sleep(min(_LOOK_SECONDS, left))

    def _hidden(self) -> Collection[str]:
        policies = self._door.invoker.policies
        if self._hidden_by is not policies:
            rules = [rule for rule in policies if self._always_denies(rule)]
            self._hidden_names = {
                name
                for name, operation in self._operations.items()
                if any(rule.covers(operation.name) for rule in rules)
            }
            self._hidden_by = policies
        return self._hidden_names

    def _always_denies(self, rule: PolicyRule) -> bool:
        return rule.verdict is Verdict.DENY and rule.unconditional and rule.speaks_of(self._options.principal)
