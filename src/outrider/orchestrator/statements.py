"""The statements of the way of an event.

Parameters of a WHERE clause begin with `key_`, so that they cannot be mistaken for values.
"""

import sqlalchemy as sa

from outrider.core.machines.lease import Lease
from outrider.orchestrator.tables import (
    attempts,
    changes,
    eligible,
    events,
    facts,
    instructions,
    outbox,
    rule_windows,
    runs,
)
from outrider.ports.store import Prepared, upsert

LEASE_COLUMNS = Lease.__struct_fields__


def _key(table: sa.Table, *columns: str) -> sa.ColumnElement[bool]:
    return sa.and_(*(table.c[column] == sa.bindparam(f"key_{column}") for column in columns))


def _values(*columns: str) -> dict[str, sa.BindParameter[object]]:
    return {column: sa.bindparam(column) for column in columns}


INSERT_EVENT = Prepared(upsert(events).on_conflict_do_nothing())
SELECT_EVENT = Prepared(sa.select(events.c.document).where(_key(events, "tenant", "id")))
SELECT_DECISIONS = Prepared(sa.select(events.c.decisions).where(_key(events, "tenant", "id")))
DECIDE_EVENT = Prepared(events.update().where(_key(events, "tenant", "id")).values(**_values("decisions")))

INSERT_OUTGOING = Prepared(outbox.insert())

SELECT_WINDOW = Prepared(
    sa.select(rule_windows.c.generation, rule_windows.c.state).where(_key(rule_windows, "tenant", "rule_uid", "key"))
)
_window = upsert(rule_windows)
UPSERT_WINDOW = Prepared(
    _window.on_conflict_do_update(
        index_elements=["tenant", "rule_uid", "key"],
        set_={column: _window.excluded[column] for column in ("generation", "state", "due", "oldest", "expires")},
    )
)
DELETE_WINDOW = Prepared(rule_windows.delete().where(_key(rule_windows, "tenant", "rule_uid", "key")))
_fact = upsert(facts)
UPSERT_FACT = Prepared(
    _fact.on_conflict_do_update(index_elements=["tenant", "source"], set_={"data": _fact.excluded.data})
)
SELECT_FACTS = Prepared(sa.select(facts.c.source, facts.c.data).where(_key(facts, "tenant")))

SELECT_CHANGES = Prepared(sa.select(changes.c.number).where(_key(changes, "tenant")))

INSERT_RUN = Prepared(runs.insert())
SELECT_RUN = Prepared(sa.select(runs).where(_key(runs, "tenant", "id")))
ADVANCE_RUN = Prepared(runs.update().where(_key(runs, "tenant", "id")).values(**_values("step")))
COMPENSATE_RUN = Prepared(runs.update().where(_key(runs, "tenant", "id")).values(**_values("state", "message")))
END_RUN = Prepared(runs.update().where(_key(runs, "tenant", "id")).values(**_values("state", "message", "finished")))

INSERT_INSTRUCTION = Prepared(instructions.insert())
SELECT_STEPS = Prepared(
    sa.select(instructions.c.step, instructions.c.state, instructions.c.name, instructions.c.result)
    .where(_key(instructions, "tenant", "run"))
    .order_by(instructions.c.step)
)
SELECT_INSTRUCTION = Prepared(sa.select(instructions).where(_key(instructions, "tenant", "id")))
SELECT_CLAIMABLE = Prepared(
    sa.select(instructions)
    .join(eligible, sa.and_(eligible.c.tenant == instructions.c.tenant, eligible.c.instruction == instructions.c.id))
    .where(
        _key(eligible, "tenant", "agent"),
        instructions.c.state == "pending",
        instructions.c.not_before <= sa.bindparam("now"),
    )
    .order_by(instructions.c.created, instructions.c.step)
    .limit(sa.bindparam("at_most"))
)
SELECT_WAITING = Prepared(
    sa.select(eligible.c.agent)
    .distinct()
    .join(
        instructions, sa.and_(eligible.c.tenant == instructions.c.tenant, eligible.c.instruction == instructions.c.id)
    )
    .where(
        _key(eligible, "tenant"), instructions.c.state == "pending", instructions.c.not_before <= sa.bindparam("now")
    )
)
_unchanged = _key(instructions, "tenant", "id", "epoch", "state")
UPDATE_LEASE = Prepared(instructions.update().where(_unchanged).values(**_values(*LEASE_COLUMNS)))
END_INSTRUCTION = Prepared(
    instructions.update().where(_unchanged).values(**_values(*LEASE_COLUMNS, "result", "finished"))
)

INSERT_ELIGIBLE = Prepared(eligible.insert())
SELECT_ELIGIBLE = Prepared(sa.select(eligible.c.agent).where(_key(eligible, "tenant", "instruction")))
DELETE_ELIGIBLE = Prepared(eligible.delete().where(_key(eligible, "tenant", "instruction")))

_attempt = _key(attempts, "tenant", "instruction", "epoch")
INSERT_ATTEMPT = Prepared(attempts.insert())
START_ATTEMPT = Prepared(attempts.update().where(_attempt).values(**_values("status", "started")))
END_ATTEMPT = Prepared(attempts.update().where(_attempt).values(**_values("status", "finished", "document")))
LOSE_ATTEMPT = Prepared(attempts.update().where(_attempt).values(**_values("status", "finished")))
