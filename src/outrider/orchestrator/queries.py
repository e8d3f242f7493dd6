"""What users read: events, runs, agents, approvals. Used by the API, and by the CLI on a platform that is not running."""

from typing import Any

import sqlalchemy as sa

from outrider.core.audit import ChainHead
from outrider.core.codec import decode
from outrider.core.errors import NotFoundError
from outrider.core.events import Event, Heartbeat, Instruction, Result
from outrider.core.schema import convert
from outrider.core.timestamps import timestamp
from outrider.kinds.operatorcall.call import read_call
from outrider.kinds.operatorcall.model import OperatorCallSpec
from outrider.kinds.rule.model import RuleSpec
from outrider.orchestrator.program import COMPENSATION_STEP, REPORT_STEP, leaf_of, leaves
from outrider.orchestrator.tables import (
    agents,
    approvals,
    attempts,
    audit_heads,
    events,
    instructions,
    log_lines,
    metadata,
    objects,
    runs,
    schedules,
)
from outrider.orchestrator.wire import (
    AgentRow,
    ApprovalRow,
    AttemptRow,
    EventRow,
    ObjectRow,
    RunDetail,
    RunRow,
    ScheduleRow,
    StepRow,
)

MAX_ROWS = 500


def list_events(
    connection: sa.Connection, tenant: str, *, after: int | None = None, limit: int = 50, source: str = ""
) -> list[EventRow]:
    """Return the newest events, oldest first; with `after` the first that came after a sequence number."""
    query = sa.select(events).where(events.c.tenant == tenant, events.c.sequence > (after or 0))
    if source:
        query = query.where(events.c.source == source)
    order = events.c.sequence.desc() if after is None else events.c.sequence.asc()
    rows = connection.execute(query.order_by(order).limit(min(limit, MAX_ROWS))).all()
    return [
        EventRow(sequence=row.sequence, received=timestamp(row.received), event=decode(row.document, Event))
        for row in (reversed(rows) if after is None else rows)
    ]


def list_objects(connection: sa.Connection, tenant: str, *, kind: str = "", name: str = "") -> list[ObjectRow]:
    """Return the applied objects by kind and name: all, those of one kind, or one."""
    query = sa.select(objects).where(objects.c.tenant == tenant)
    if kind:
        query = query.where(objects.c.kind == kind)
    if name:
        query = query.where(objects.c.name == name)
    return [
        ObjectRow(
            kind=row.kind,
            name=row.name,
            generation=row.generation,
            applied=timestamp(row.applied),
            applied_by=row.applied_by,
            document=decode(row.document, dict),
        )
        for row in connection.execute(query.order_by(objects.c.kind, objects.c.name))
    ]


def agent_work(connection: sa.Connection, tenant: str, agent: str) -> int:
    """Return how many instructions an agent has taken and not finished."""
    taken = sa.and_(
        instructions.c.tenant == tenant,
        instructions.c.agent == agent,
        instructions.c.state.in_(("delivered", "executing")),
    )
    return connection.scalar(sa.select(sa.func.count()).where(taken)) or 0


def list_schedules(connection: sa.Connection, tenant: str) -> list[ScheduleRow]:
    """Return the scheduled calls by name, with what became of them."""
    rows = connection.execute(
        sa.select(objects, schedules.c.due)
        .outerjoin(schedules, sa.and_(schedules.c.tenant == objects.c.tenant, schedules.c.uid == objects.c.uid))
        .where(objects.c.tenant == tenant, objects.c.kind == "OperatorCall")
        .order_by(objects.c.name)
    ).all()
    return [_schedule_row(connection, tenant, row) for row in rows]


def _schedule_row(connection: sa.Connection, tenant: str, row: Any) -> ScheduleRow:
    spec = convert(decode(row.document, dict)["spec"], OperatorCallSpec)
    mine = sa.and_(runs.c.tenant == tenant, runs.c.rule_uid == row.uid)
    count, errors = connection.execute(
        sa.select(sa.func.count(), sa.func.sum(sa.case((runs.c.state.in_(("failed", "unknown")), 1), else_=0))).where(
            mine
        )
    ).one()
    last = connection.execute(
        sa.select(runs).where(mine).order_by(runs.c.created.desc(), runs.c.id.desc()).limit(1)
    ).first()
    return ScheduleRow(
        name=row.name,
        operation=read_call(spec.operator).name,
        schedule=spec.schedule,
        time_zone=spec.time_zone,
        suspended=spec.suspend,
        next="" if spec.suspend or row.due is None else timestamp(row.due),
        last=timestamp(last.created) if last else "",
        last_state=last.state if last else "",
        last_message=last.message if last else "",
        executions=count,
        errors=errors or 0,
    )


def list_runs(
    connection: sa.Connection, tenant: str, *, limit: int = 50, rule: str = "", state: str = ""
) -> list[RunRow]:
    """Return the newest runs, newest first."""
    query = sa.select(runs).where(runs.c.tenant == tenant)
    if rule:
        query = query.where(runs.c.rule == rule)
    if state:
        query = query.where(runs.c.state == state)
    rows = connection.execute(query.order_by(runs.c.created.desc(), runs.c.id.desc()).limit(min(limit, MAX_ROWS)))
    return [_run_row(row) for row in rows]


def show_run(connection: sa.Connection, tenant: str, prefix: str) -> RunDetail:
    """Return the run whose id, or one of whose instructions' ids, begins with `prefix`.

    Raises:
        NotFoundError: There is none, or more than one.
    """
    matches = connection.execute(
        sa.select(runs).where(runs.c.tenant == tenant, runs.c.id.startswith(prefix.upper(), autoescape=True)).limit(2)
    ).all()
    if not matches:
        matches = connection.execute(
            sa.select(runs)
            .join(instructions, sa.and_(instructions.c.tenant == runs.c.tenant, instructions.c.run == runs.c.id))
            .where(runs.c.tenant == tenant, instructions.c.id.startswith(prefix.upper(), autoescape=True))
            .distinct()
            .limit(2)
        ).all()
    if len(matches) != 1:
        raise NotFoundError(
            f"no run is called '{prefix}'" if not matches else f"'{prefix}' begins the names of several runs",
            found=prefix,
            suggestions=["list them: outrider runs list"],
        )
    run = matches[0]
    rows = connection.execute(
        sa.select(instructions)
        .where(instructions.c.tenant == tenant, instructions.c.run == run.id)
        .order_by(instructions.c.created, instructions.c.step)
    ).all()
    spec = decode(run.spec, RuleSpec)
    there = {row.step for row in rows}
    return RunDetail(
        run=_run_row(run),
        event=decode(run.event, Event),
        matched=decode(run.matched, list[str]),
        trace_id=run.trace_id,
        steps=[_step_row(connection, run, spec, row) for row in rows],
        skipped=[leaf.label for leaf in leaves(spec) if leaf.stage < run.step and leaf.number not in there],
    )


def _run_row(row: Any) -> RunRow:
    return RunRow(
        id=row.id,
        rule=row.rule,
        state=row.state,
        created=timestamp(row.created),
        seconds=round(row.finished - row.created, 6) if row.finished else None,
        source=decode(row.event, Event).source,
        message=row.message,
    )


def _step_row(connection: sa.Connection, run: Any, spec: RuleSpec, row: Any) -> StepRow:
    leaf = leaf_of(spec, row.step) if row.step < REPORT_STEP else None
    instruction = decode(row.document, Instruction)
    mine = sa.and_(attempts.c.tenant == row.tenant, attempts.c.instruction == row.id)
    tries = connection.execute(sa.select(attempts).where(mine).order_by(attempts.c.epoch)).all()
    lines = connection.scalars(
        sa.select(log_lines.c.text)
        .where(log_lines.c.tenant == row.tenant, log_lines.c.instruction == row.id)
        .order_by(log_lines.c.epoch, log_lines.c.sequence)
        .limit(MAX_ROWS)
    )
    return StepRow(
        step=(leaf.step.name or "") if leaf is not None else "",
        undoes=leaf.label if leaf is not None and row.step >= COMPENSATION_STEP else "",
        instruction=row.id,
        kind=instruction.instruction_type,
        name=str(instruction.context.get("output", row.name)),
        state=row.state,
        attempts=[_attempt_row(attempt) for attempt in tries],
        result=decode(row.result, Result) if row.result else None,
        log=list(lines),
        offset=round(row.created - run.created, 6),
        seconds=round(row.finished - row.created, 6) if row.finished else None,
    )


def _attempt_row(row: Any) -> AttemptRow:
    return AttemptRow(
        attempt=row.attempt,
        agent=row.agent,
        status=row.status,
        claimed=timestamp(row.claimed),
        started=timestamp(row.started) if row.started else "",
        finished=timestamp(row.finished) if row.finished else "",
    )


def list_agents(connection: sa.Connection, tenant: str) -> list[AgentRow]:
    """Return every agent that ever came in, by name."""
    rows = connection.execute(sa.select(agents).where(agents.c.tenant == tenant).order_by(agents.c.name))
    return [
        AgentRow(
            name=row.name,
            kind=row.kind,
            status=row.status,
            last_seen=timestamp(row.last_seen),
            health=decode(row.health, Heartbeat),
        )
        for row in rows
    ]


def list_approvals(connection: sa.Connection, tenant: str, *, all_states: bool = False) -> list[ApprovalRow]:
    """Return the questions that wait, oldest first; with `all_states` the answered ones too."""
    query = sa.select(approvals).where(approvals.c.tenant == tenant)
    if not all_states:
        query = query.where(approvals.c.decision == "")
    rows = connection.execute(query.order_by(approvals.c.requested).limit(MAX_ROWS))
    return [
        ApprovalRow(
            instruction=row.instruction,
            question=row.question,
            groups=decode(row.groups, list[str]),
            requested=timestamp(row.requested),
            expires=timestamp(row.expires),
            decision=row.decision,
            decided_by=row.decided_by,
        )
        for row in rows
    ]


def table_sizes(connection: sa.Connection) -> dict[str, int]:
    """Return how many rows each table has."""
    return {
        name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        for name, table in metadata.tables.items()
    }


def anchored_heads(connection: sa.Connection, tenant: str) -> list[ChainHead]:
    """Return the furthest head seen of each writer's audit chain."""
    rows = connection.execute(
        sa.select(audit_heads).where(audit_heads.c.tenant == tenant).order_by(audit_heads.c.writer)
    )
    return [ChainHead(row.writer, row.sequence, row.hash) for row in rows]
