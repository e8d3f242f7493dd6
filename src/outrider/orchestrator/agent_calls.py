"""Tasks that users and the queue give to AI agents, and operations that these ask for: each is a run of one step, with its approval, the agent that does it, and its audit."""

from typing import Any

import msgspec
import sqlalchemy as sa

from outrider.core.codec import decode, encode
from outrider.core.errors import ConflictError, DeniedError, ErrorBody, NotFoundError
from outrider.core.events import CallAnswer, CallRequest, Event, InstructionState, Result
from outrider.core.operation import Effect
from outrider.core.policy import ApprovalTerms
from outrider.core.timestamps import timestamp
from outrider.core.trace import new_trace_id
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.agenttype.tools import ToolUse
from outrider.kinds.rule.model import RuleSpec
from outrider.kinds.rule.steps import Step
from outrider.kinds.rule.when import Condition, When
from outrider.orchestrator.ingest import QUEUE_EVENT, insert_event
from outrider.orchestrator.rules import CompiledRule
from outrider.orchestrator.runs import AGENT_SOURCE, QUEUE_SOURCE, USER_SOURCE, RunStarter
from outrider.orchestrator.tables import approvals, events, instructions, runs
from outrider.orchestrator.transaction import Transaction
from outrider.orchestrator.wire import TaskRequest
from outrider.orchestrator.world import Applied
from outrider.runtime.discovery import registry
from outrider.runtime.templates import literal

LONGEST_QUESTION, LONGEST_NAME = 300, 200
_REFUSALS = {"rejected": "{} rejected the call", "expired": "nobody approved the call in time"}


def start_task(
    work: Transaction, tenant: str, starter: RunStarter, agent: Applied, request: TaskRequest, *, source: str = USER_SOURCE
) -> str:  # fmt: skip
    """Start a task that a user, or with QUEUE_SOURCE the queue, gives to an AI agent, and return the run.

    Raises:
        ConflictError: It was given already.
    """
    name = agent.item.name
    spec: AgentTypeSpec = agent.item.spec
    step = Step(agent=name, parameters=literal(request.input_data), timeout=spec.invocation.timeout)
    rule = _single(agent, f"{source}{name}", step)
    data = {"agent": name, "summary": f"gives {name} a task"} | (
        {"session": request.session} if request.session else {}
    )
    return _start(work, tenant, starter, rule, key=request.id, data=data)


def take_task(work: Transaction, tenant: str, starter: RunStarter, agent: Applied, request: TaskRequest) -> str:
    """Start a task of the queue, and return the run; of one that was delivered before it is the same.

    Raises:
        ConflictError: Its run is kept no more.
    """
    uid = agent.item.metadata.uid
    event = _event_id(QUEUE_SOURCE, uid, request.id)
    begun = sa.select(runs.c.id).where(runs.c.tenant == tenant, runs.c.matched == encode([event]).decode())
    own: str | None = work.connection.execute(begun.where(runs.c.rule_uid == uid)).scalar()
    if own is not None:
        return own
    known = sa.select(events.c.id).where(events.c.tenant == tenant, events.c.id == event)
    if work.connection.execute(known).first() is None:
        return start_task(work, tenant, starter, agent, request, source=QUEUE_SOURCE)
    earlier: str | None = work.connection.execute(begun).scalar()  # of the agent before it was made anew
    if earlier is None:
        raise ConflictError("this task was done already, and its run is kept no more", found=request.id)
    return earlier


def start_call(
    work: Transaction, tenant: str, starter: RunStarter, agent: Applied, request: CallRequest, *, demanded: list[ApprovalTerms]
) -> str:  # fmt: skip
    """Start what an AI agent asks for, and return the run; `demanded` is whom Tools want to be asked, whoever calls them.

    Raises:
        DeniedError: Its AgentType does not name the operation, or nobody has to approve the tool.
        ConflictError: It was asked for already.
    """
    if request.tool:
        step = _question(agent, request, demanded)
        data = {"tool": request.tool, "summary": f"wants to use {request.tool}"}
    else:
        step = _call(agent, request)
        data = {"operation": request.operation, "summary": f"asks for {request.operation}"}
    rule = _single(agent, f"{AGENT_SOURCE}{agent.item.name}", step)
    return _start(work, tenant, starter, rule, key=request.id, data=data)


def _start(
    work: Transaction, tenant: str, starter: RunStarter, rule: CompiledRule, *, key: str, data: dict[str, Any]
) -> str:  # fmt: skip
    """Start what a rule of one step does, as if its source had sent an event."""
    source = rule.spec.when.conditions[0].trigger or ""
    event = Event(
        id=_event_id(source, rule.uid, key), source=source, type="call", time=timestamp(work.now),
        severity="low", data=data, trace_id=new_trace_id(),
    )  # fmt: skip
    if not insert_event(work, tenant, event, encode(event).decode()):
        raise ConflictError("this was asked for already", found=key)
    return starter.start(work, rule, event, [event.id])


def _event_id(source: str, uid: str, key: str) -> str:
    """Return the id of the event that stands for a request; a message of the queue is the same for an agent that was made anew."""
    return f"{QUEUE_EVENT}{key}" if source.startswith(QUEUE_SOURCE) else f"{uid}-{key}"


def _granted(agent: Applied, operation: str) -> ToolUse:
    spec: AgentTypeSpec = agent.item.spec
    uses = [use for use in spec.tools if use.operation == operation]
    if uses:  # of several the one that asks somebody
        return max(uses, key=lambda use: use.require_approval is not None)
    raise DeniedError(
        f"{agent.item.ref} does not name the operation {operation}", found=operation,
        expected=", ".join(use.operation for use in spec.tools if use.operation) or "an operation in spec.tools",
        suggestions=[f"add {{operation: {operation}}} to its tools"],
    )  # fmt: skip


def _call(agent: Applied, request: CallRequest) -> Step:
    """Return an operation that is asked for as a step.

    Raises:
        DeniedError: The AgentType does not name it.
    """
    use = _granted(agent, request.operation)
    return Step(
        call=request.operation,
        mode="apply",
        parameters=literal(request.input_data),  # an agent writes no expressions
        run_on=use.run_on,
        timeout=use.limits.timeout,
        require_approval=use.require_approval or _asked_of_changes(agent, request.operation),
    )


def _asked_of_changes(agent: Applied, operation: str) -> ApprovalTerms | None:
    """Return who is asked because an operation does more than read."""
    spec: AgentTypeSpec = agent.item.spec
    if spec.approval is None:
        return None
    family, _, verb = operation.partition(".")
    # As declared: what the operation is made of need not be here.
    declaration, _ = registry().family(family)[0].operation(verb)
    return None if declaration.effect is Effect.READ else spec.approval


def _question(agent: Applied, request: CallRequest, demanded: list[ApprovalTerms]) -> Step:
    """Return the question whether a tool may be used as a step.

    The sidecar has found the grant; what is looked at here is that the AgentType has one, or a Tool, which asks these people.

    Raises:
        DeniedError: None does.
    """
    spec: AgentTypeSpec = agent.item.spec
    asking = [use.require_approval for use in spec.tools if use.operation is None and use.require_approval is not None]
    asking += [*demanded, *([spec.approval] if spec.approval is not None else [])]
    if request.approval is None or request.approval.groups not in [terms.groups for terms in asking]:
        raise DeniedError(
            f"{agent.item.ref} asks nobody of these for a tool of a server", found=str(request.approval and request.approval.groups),
            expected=" or ".join(str(terms.groups) for terms in asking) or "requireApproval at a tool in spec.tools",
            suggestions=["apply the AgentType again, and let its host take it"],
        )  # fmt: skip
    return Step(
        ask=request.tool[:LONGEST_NAME], parameters=literal(request.input_data), require_approval=request.approval
    )


def _single(agent: Applied, source: str, step: Step) -> CompiledRule:
    """Return a step as a rule for what comes from a source."""
    metadata = agent.item.metadata
    return CompiledRule(
        name=agent.item.name, uid=metadata.uid, generation=metadata.generation, applied_by=agent.applied_by,
        spec=RuleSpec(when=When(any=[Condition(trigger=source)]), do=[step]),
    )  # fmt: skip


def call_state(connection: sa.Connection, tenant: str, agent: str, run: str, source: str = AGENT_SOURCE) -> CallAnswer:
    """Return what became of what an agent has asked for, or of a task that a user gave to it.

    Args:
        connection: To the store.
        tenant: Whose.
        agent: Name of the agent.
        run: That of the call or task.
        source: Who has asked: an agent, with USER_SOURCE a user, with QUEUE_SOURCE the queue.

    Raises:
        NotFoundError: There is none such.
    """
    mine = sa.and_(runs.c.tenant == tenant, runs.c.id == run, runs.c.rule == agent)
    row = connection.execute(sa.select(runs).where(mine)).one_or_none()
    event = decode(row.event, Event) if row is not None else None
    if row is None or event is None or not event.source.startswith(source):
        what = (
            f"agent '{agent}' has not asked for '{run}'"
            if source == AGENT_SOURCE
            else f"agent '{agent}' has no task '{run}'"
        )
        raise NotFoundError(what, found=run)
    session = str(event.data.get("session", ""))
    if row.state == "running":
        return CallAnswer(run=run, session=session)
    return msgspec.structs.replace(_ended(connection, tenant, row), session=session)


def _ended(connection: sa.Connection, tenant: str, row: Any) -> CallAnswer:
    """Return what a run that has ended came to."""
    run = row.id
    step = connection.execute(
        sa.select(instructions.c.result, approvals.c.decision, approvals.c.decided_by)
        .outerjoin(
            approvals,
            sa.and_(approvals.c.tenant == instructions.c.tenant, approvals.c.instruction == instructions.c.id),
        )
        .where(instructions.c.tenant == tenant, instructions.c.run == run)
    ).first()
    result = decode(step.result, Result) if step is not None and step.result else None
    by = step.decided_by or "" if step is not None else ""
    if row.state == "completed" and result is not None:
        return CallAnswer(run=run, state=row.state, result=result.result, decided_by=by)
    if result is not None and result.error is not None:
        return CallAnswer(run=run, state=row.state, error=result.error, decided_by=by)
    code, message = "EXECUTION_FAILED", row.message or row.state
    if step is None:  # it was not even begun: a policy, or parameters that do not fit
        code = "DENIED"
    elif step.decision in _REFUSALS:
        code, message = "DENIED", _REFUSALS[step.decision].format(step.decided_by)
    return CallAnswer(run=run, state=row.state, error=ErrorBody(code=code, message=message), decided_by=by)


def waits_for(connection: sa.Connection, tenant: str, run: str) -> str:
    """Return what a task waits for that runs: a person who approves it, or a call of its agent, or its turn; else nothing."""
    own = connection.execute(
        sa.select(instructions.c.state, runs.c.rule_uid)
        .join(runs, sa.and_(runs.c.tenant == instructions.c.tenant, runs.c.id == instructions.c.run))
        .where(instructions.c.tenant == tenant, instructions.c.run == run, instructions.c.finished.is_(None))
    ).first()
    if own is None:
        return ""
    if own.state == InstructionState.PENDING:
        return "waits for its turn"
    asked = connection.execute(
        sa.select(approvals.c.instruction, approvals.c.question, runs.c.id, runs.c.event)
        .join(
            instructions,
            sa.and_(instructions.c.tenant == approvals.c.tenant, instructions.c.id == approvals.c.instruction),
        )
        .join(runs, sa.and_(runs.c.tenant == instructions.c.tenant, runs.c.id == instructions.c.run))
        .where(approvals.c.tenant == tenant, approvals.c.decision == "", runs.c.rule_uid == own.rule_uid)
        .order_by(approvals.c.requested)
    )
    for one in asked:  # an agent has one task at a time, so a call of it belongs to the one that it works at
        is_call = own.state != InstructionState.AWAITING_APPROVAL and decode(one.event, Event).source.startswith(
            AGENT_SOURCE
        )
        if one.id == run or is_call:
            return f"waits for an approval of {one.question[:LONGEST_QUESTION]}: outrider approvals approve {one.instruction}"
    return ""
