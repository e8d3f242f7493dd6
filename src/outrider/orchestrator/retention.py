"""What is old goes: in small pieces, so that no transaction is long."""

import math
from typing import Any

import sqlalchemy as sa

from outrider.core.codec import decode
from outrider.core.errors import OutriderError
from outrider.core.machines.windows import KeyState
from outrider.kinds.operatorcall.model import OperatorCallSpec
from outrider.kinds.platform.model import Retention
from outrider.orchestrator.engine import Engine
from outrider.orchestrator.outbox import give_up_old
from outrider.orchestrator.tables import (
    approvals,
    attempts,
    eligible,
    events,
    instructions,
    log_lines,
    rule_keys,
    rule_windows,
    runs,
)
from outrider.orchestrator.transaction import Transaction
from outrider.orchestrator.world import Applied
from outrider.ports.telemetry import logger

# How many events and how many runs one transaction removes at most.
PIECE = 500
# How often is looked for more.
SECONDS = 10.0
_log = logger(__name__)


async def keep_pruning(engine: Engine) -> None:
    """Remove what is too old, a piece every ten seconds."""
    while True:
        await engine.clock.sleep(SECONDS)
        try:
            await prune_once(engine)
        except OutriderError as error:
            _log.warning("retention: %s", error.message)


async def prune_once(engine: Engine) -> int:
    """Remove one piece of what is too old, and return how many events, runs and windows that were."""
    retention, calls = engine.world.platform.retention, engine.world.scheduled_calls()
    live = engine.world.rules.by_uid

    def body(work: Transaction) -> int:
        return engine.windows.tidy(work, live, PIECE) + _prune(work, engine.tenant, retention, calls)

    return await engine.write(body)


def _prune(work: Transaction, tenant: str, retention: Retention, calls: list[Applied]) -> int:
    removed = _prune_events(work, tenant, _nothing_open_since(work, tenant, work.now - float(retention.events)))
    given_up = give_up_old(work, tenant, _published_since(work, retention), PIECE)
    if given_up:
        why = (
            "nothing is published any more"
            if work.outbox is None
            else "the queue was away for longer than events are kept"
        )
        _log.warning("%d messages were never published: %s", given_up, why)
    removed += given_up + _remove_runs(work, tenant, _old_runs(work, tenant, work.now - float(retention.runs)))
    for entry in calls:
        spec: OperatorCallSpec = entry.item.spec
        if spec.history_limit is not None:
            removed += _remove_runs(work, tenant, _beyond(work, tenant, entry.item.metadata.uid, spec.history_limit))
    return removed


def _published_since(work: Transaction, retention: Retention) -> float:
    """Return since when what waits may still be published."""
    return work.now - float(retention.events) if work.outbox is not None else math.inf


def _nothing_open_since(work: Transaction, tenant: str, before: float) -> float:
    """Return the time, or the earlier one of the first event that an open window may still name."""
    oldest = work.connection.scalar(
        sa.select(sa.func.min(rule_windows.c.oldest)).where(rule_windows.c.tenant == tenant)
    )
    return before if oldest is None else min(before, oldest)


def _prune_events(work: Transaction, tenant: str, before: float) -> int:
    """Remove old events, but for those that a rule's debounce still holds."""
    held = {
        state.held.event
        for row in work.connection.execute(sa.select(rule_keys.c.state).where(rule_keys.c.tenant == tenant))
        if (state := decode(row.state, KeyState)).held is not None
    }
    old = work.connection.execute(
        # They came in the order of their numbers, so the first ones are the oldest; looking at `received` would read them all.
        sa.select(events.c.sequence, events.c.id, events.c.received)
        .where(events.c.tenant == tenant)
        .order_by(events.c.sequence)
        .limit(PIECE)
    ).all()
    sequences = [row.sequence for row in old if row.received < before and row.id not in held]
    if sequences:
        work.connection.execute(events.delete().where(events.c.sequence.in_(sequences)))
    return len(sequences)


def _old_runs(work: Transaction, tenant: str, before: float) -> list[str]:
    old = sa.and_(runs.c.tenant == tenant, runs.c.created < before, runs.c.finished < before)  # `created` has an index
    query = sa.select(runs.c.id).where(old).limit(PIECE)
    return list(work.connection.scalars(query))


def _beyond(work: Transaction, tenant: str, uid: str, kept: int) -> list[str]:
    """Return the finished runs of a scheduled call that are older than the newest `kept`."""
    finished = sa.and_(runs.c.tenant == tenant, runs.c.rule_uid == uid, runs.c.finished.is_not(None))
    newest_first = sa.select(runs.c.id).where(finished).order_by(runs.c.created.desc(), runs.c.id.desc())
    return list(work.connection.scalars(newest_first.offset(kept).limit(PIECE)))


def _remove_runs(work: Transaction, tenant: str, found: list[str]) -> int:
    """Remove runs with everything that belongs to them, unless one of their reports is still to be sent."""
    if not found:
        return 0
    rows = work.connection.execute(
        sa.select(instructions.c.id, instructions.c.run, instructions.c.finished).where(
            instructions.c.tenant == tenant, instructions.c.run.in_(found)
        )
    ).all()
    busy = {row.run for row in rows if row.finished is None}
    gone = [run for run in found if run not in busy]
    steps = [row.id for row in rows if row.run not in busy]
    for table in (log_lines, attempts, eligible, approvals):
        _delete(work, table, tenant, table.c.instruction.in_(steps))
    _delete(work, instructions, tenant, instructions.c.id.in_(steps))
    _delete(work, runs, tenant, runs.c.id.in_(gone))
    return len(gone)


def _delete(work: Transaction, table: sa.Table, tenant: str, which: Any) -> None:
    work.connection.execute(table.delete().where(table.c.tenant == tenant, which))
