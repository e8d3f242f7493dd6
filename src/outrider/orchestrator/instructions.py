"""From a step to an instruction: who may do it, with what parameters, and whether somebody must be asked."""

from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec

from outrider.core.codec import decode, encode
from outrider.core.errors import NotFoundError, collected
from outrider.core.events import Instruction, InstructionState, InstructionType
from outrider.core.identifiers import derived
from outrider.core.identity import Principal
from outrider.core.machines.lease import Lease
from outrider.core.operation import Effect
from outrider.core.policy import AccessRequest, ApprovalTerms, Verdict, decide_all, denied
from outrider.core.visible import visible
from outrider.kinds.rule.steps import STEP_VARIABLES, Action
from outrider.orchestrator.statements import INSERT_ELIGIBLE, INSERT_INSTRUCTION
from outrider.orchestrator.tables import approvals
from outrider.orchestrator.transaction import Transaction
from outrider.orchestrator.world import World
from outrider.runtime.calls import call_targets, validate_call
from outrider.runtime.plugins.catalogue import Catalogue
from outrider.runtime.plugins.configuration import schema_faults
from outrider.runtime.templates import Template

Actor = Literal["rule", "schedule", "agent", "user", "queue"]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `runs`; `spec`, `event` and `matched` are JSON, times in seconds since the epoch."""

    tenant: str
    id: str
    rule: str
    rule_uid: str
    rule_generation: int
    spec: str
    event: str
    matched: str = "[]"
    state: str = "running"
    step: int = 0
    message: str = ""
    trace_id: str
    created: float
    finished: float | None = None


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An instruction that is ready to be stored; `terms` say who must be asked first."""

    instruction: Instruction
    lease: Lease
    number: int
    agents: list[str]
    terms: ApprovalTerms | None = None
    start_within: float | None = None


class Drafter:
    """Makes instructions of steps and stores them.

    Args:
        tenant: Whose.
        world: What the objects say.
    """

    def __init__(self, tenant: str, world: World) -> None:
        self._tenant = tenant
        self._world = world

    def draft(self, run: Run, number: int, action: Action, *, actor: Actor, seen: Callable[[], Any]) -> Draft:
        """Return the instruction of a step.

        Args:
            run: The run.
            number: The step's.
            action: What is to be done.
            actor: As what the run acts.
            seen: Gives what templates see.

        Raises:
            NotFoundError: No agent may do it.
            DeniedError: A Policy denies it.
            InvalidConfigError: With the values in place the parameters do not fit.
            ExecutionFailedError: A template cannot be evaluated.
        """
        name = action.subject
        agents = self._world.agents_for(action)
        if not agents and action.ask is None:
            raise NotFoundError(
                f"no agent may do '{name}'",
                expected="an ActionAgent that lists it",
                suggestions=["add it to an ActionAgent"],
            )
        filled = self._fill(action, seen)
        terms = self._approval(Principal(self._tenant, actor, run.rule), filled, name)
        instruction = Instruction(
            id=derived(run.created, run.id, number),
            instruction_type=_type(action),
            plugin_id=name,
            input_data=filled.parameters,
            context={
                "event": decode(run.event, dict),
                "rule": run.rule,
                "run": run.id,
                "mode": action.mode or "plan",  # for what only reads it makes no difference
            },
            timeout_seconds=float(action.timeout),
            max_retries=action.retry.attempts - 1,
            correlation_id=run.id,
            idempotency_key=f"{run.id}-{number}",
            on_lost=action.on_lost or self._on_lost(action),
            trace_id=run.trace_id,
            principal=f"{actor}:{run.rule}",
        )
        lease = Lease(
            state=InstructionState.AWAITING_APPROVAL if terms else InstructionState.PENDING,
            attempts=action.retry.attempts,
            on_lost=instruction.on_lost,
            backoff=float(action.retry.backoff),
        )
        return Draft(
            instruction=instruction, lease=lease, number=number, agents=agents, terms=terms,
            start_within=float(action.start_within) if action.start_within is not None else None,
        )  # fmt: skip

    def store(self, work: Transaction, draft: Draft) -> None:
        """Store an instruction, and wake or ask who is to act on it."""
        instruction, lease = draft.instruction, draft.lease
        row = {
            "tenant": self._tenant,
            "id": instruction.id,
            "run": instruction.correlation_id,
            "step": draft.number,
            "name": instruction.plugin_id,
            "document": encode(instruction).decode(),
            "created": work.now,
            "finished": None,
            "result": None,
            "start_by": work.now + draft.start_within if draft.start_within is not None else None,
            **msgspec.structs.asdict(lease),
        }
        INSERT_INSTRUCTION.run(work.connection, row)
        rows = [{"tenant": self._tenant, "agent": agent, "instruction": instruction.id} for agent in draft.agents]
        INSERT_ELIGIBLE.run_many(work.connection, rows)
        if lease.state is InstructionState.PENDING:
            work.wake.update(draft.agents)
        if draft.terms is not None:
            self._ask(work, instruction, draft.terms)

    def _fill(self, action: Action, seen: Callable[[], Any]) -> Action:
        """Return the action with the values of its templates, which must fit like any other parameters."""
        template = Template(action.parameters, STEP_VARIABLES)
        if not template.paths:
            return msgspec.structs.replace(action, parameters=template.render({}))
        parameters = template.render(seen())
        if action.plugin is not None:
            schema = self._world.catalogue.find("action", action.plugin).manifest.input
            faults = [error for _, error in schema_faults(schema, parameters, ("with",))]
            if faults:
                raise collected(faults)
        elif action.call is not None:
            validate_call(action.call, parameters)
        return msgspec.structs.replace(action, parameters=parameters)

    def _approval(self, actor: Principal, action: Action, name: str) -> ApprovalTerms | None:
        """Judge a step: naming it in a rule is the grant; a Policy may deny it or ask for an approval.

        Raises:
            DeniedError: A Policy denies it.
        """
        terms = action.require_approval or (ApprovalTerms() if action.ask is not None else None)
        for principal, operation in self._questions(actor, action, name):
            decision, request = decide_all(
                self._world.policies,
                [
                    AccessRequest(
                        principal=principal,
                        operation=operation,
                        effect=Effect.WRITE,
                        target=target,
                        params=action.parameters,
                        granted=True,
                    )
                    for target in _targets(action, self._world.catalogue)
                ],
            )
            if decision.verdict is Verdict.DENY:
                raise denied(request, decision)
            if decision.verdict is Verdict.REQUIRE_APPROVAL:
                terms = terms or decision.approval or ApprovalTerms()
        return terms

    def _questions(self, actor: Principal, action: Action, name: str) -> Iterator[tuple[Principal, str]]:
        """Yield who would do what: the rule or schedule its step, and a plugin the operations that it may ask its agent for."""
        if action.ask is not None:
            return
        if action.plugin is None:
            yield actor, name if action.agent is None else f"agent.{name}"
            return
        yield actor, f"plugin.{name}"
        manifest = self._world.catalogue.find("action", action.plugin).manifest
        yield from (
            (Principal(self._tenant, "plugin", name), operation) for operation in manifest.permissions.operations
        )

    def _ask(self, work: Transaction, instruction: Instruction, terms: ApprovalTerms) -> None:
        given = encode(instruction.input_data).decode() if instruction.input_data else ""
        question = visible(f"{instruction.plugin_id} {given}".rstrip())
        work.connection.execute(
            approvals.insert().values(
                tenant=self._tenant,
                instruction=instruction.id,
                groups=encode(terms.groups).decode(),
                question=question,
                requested=work.now,
                expires=work.now + float(terms.expire),
                decision="",
                decided_by="",
            )
        )
        work.timeline(
            "approval",
            instruction.plugin_id,
            f"waits for {', '.join(terms.groups) or 'the owner'}: outrider approvals approve {instruction.id}",
            run=instruction.correlation_id,
            instruction=instruction.id,
        )

    def _on_lost(self, action: Action) -> Any:
        if action.plugin is None:
            return "fail"
        return self._world.catalogue.find("action", action.plugin).manifest.on_lost


def _type(action: Action) -> InstructionType:
    if action.ask is not None:
        return "question"
    return "execute" if action.plugin else "call" if action.call else "task"


def _targets(action: Action, catalogue: Catalogue) -> tuple[str, ...]:
    """Return what a step acts on, each as `kind/name`, for policies."""
    if action.agent is not None:
        return (f"agent/{action.agent}",)
    if action.plugin is not None:
        return (catalogue.find("action", action.plugin).manifest.target_of(action.parameters),)
    return call_targets(action.call or "", action.parameters)
