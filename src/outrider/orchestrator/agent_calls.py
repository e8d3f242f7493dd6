"""Operations that AI agents ask for: each is a run of one step, with its approval, the agent that does it, and its audit."""

import sqlalchemy as sa

from outrider.core.codec import decode, encode
from outrider.core.errors import ConflictError, DeniedError, ErrorBody, NotFoundError
from outrider.core.events import CallAnswer, CallRequest, Event, Result
from outrider.core.timestamps import timestamp
from outrider.core.trace import new_trace_id
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.agenttype.tools import ToolUse
from outrider.kinds.rule.model import RuleSpec
from outrider.kinds.rule.steps import Step
from outrider.kinds.rule.when import Condition, When
from outrider.orchestrator.ingest import insert_event
from outrider.orchestrator.rules import CompiledRule
from outrider.orchestrator.runs import AGENT_SOURCE, RunStarter
from outrider.orchestrator.tables import approvals, instructions, runs
from outrider.orchestrator.transaction import Transaction
from outrider.orchestrator.world import Applied

_REFUSALS = {"rejected": "{} rejected the call", "expired": "nobody approved the call in time"}


def start_call(work: Transaction, tenant: str, starter: RunStarter, agent: Applied, request: CallRequest) -> str:
    """Start what an AI agent asks for, and return the run.

    Raises:
        DeniedError: Its AgentType does not name the operation.
        ConflictError: It was asked for already.
    """
    use = _granted(agent, request.operation)
    rule = _rule(agent, use, request)
    event = Event(
        id=f"{rule.uid}-{request.id}",
        source=f"{AGENT_SOURCE}{agent.item.name}",
        type="call",
        time=timestamp(work.now),
        severity="low",
        data={"operation": request.operation, "summary": f"asks for {request.operation}"},
        trace_id=new_trace_id(),
    )
    if not insert_event(work, tenant, event, encode(event).decode()):
        raise ConflictError("this was asked for already", found=request.id)
    return starter.start(work, rule, event, [event.id])


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


def _rule(agent: Applied, use: ToolUse, request: CallRequest) -> CompiledRule:
    """Return the call as a rule of one step."""
    step = Step(
        call=request.operation,
        mode="apply",
        parameters=request.input_data,
        run_on=use.run_on,
        timeout=use.limits.timeout,
        require_approval=use.require_approval,
    )
    metadata = agent.item.metadata
    when = When(any=[Condition(trigger=f"{AGENT_SOURCE}{agent.item.name}")])
    return CompiledRule(
        name=agent.item.name, uid=metadata.uid, generation=metadata.generation, applied_by=agent.applied_by,
        spec=RuleSpec(when=when, do=[step]),
    )  # fmt: skip


def call_state(connection: sa.Connection, tenant: str, agent: str, run: str) -> CallAnswer:
    """Return what became of what an agent has asked for.

    Raises:
        NotFoundError: It has not asked for that.
    """
    mine = sa.and_(runs.c.tenant == tenant, runs.c.id == run, runs.c.rule == agent)
    row = connection.execute(sa.select(runs).where(mine)).one_or_none()
    if row is None or not decode(row.event, Event).source.startswith(AGENT_SOURCE):
        raise NotFoundError(f"agent '{agent}' has not asked for '{run}'", found=run)
    if row.state == "running":
        return CallAnswer(run=run)
    step = connection.execute(
        sa.select(instructions.c.result, approvals.c.decision, approvals.c.decided_by)
        .outerjoin(
            approvals,
            sa.and_(approvals.c.tenant == instructions.c.tenant, approvals.c.instruction == instructions.c.id),
        )
        .where(instructions.c.tenant == tenant, instructions.c.run == run)
    ).first()
    result = decode(step.result, Result) if step is not None and step.result else None
    if row.state == "completed" and result is not None:
        return CallAnswer(run=run, state=row.state, result=result.result)
    if result is not None and result.error is not None:
        return CallAnswer(run=run, state=row.state, error=result.error)
    code, message = "EXECUTION_FAILED", row.message or row.state
    if step is None:  # it was not even begun: a policy, or parameters that do not fit
        code = "DENIED"
    elif step.decision in _REFUSALS:
        code, message = "DENIED", _REFUSALS[step.decision].format(step.decided_by)
    return CallAnswer(run=run, state=row.state, error=ErrorBody(code=code, message=message))
