"""The statements of the way of an event, each built once: with SQLAlchemy the building costs more than the running.

Parameters of a WHERE clause begin with `key_`, so that they cannot be mistaken for values.
"""

import sqlalchemy as sa

from outrider.core.machines.lease import Lease
from outrider.orchestrator.tables import attempts, eligible, events, facts, instructions, runs
from outrider.ports.store import upsert

LEASE_COLUMNS = Lease.__struct_fields__


def _key(table: sa.Table, *columns: str) -> sa.ColumnElement[bool]:
    return sa.and_(*(table.c[column] == sa.bindparam(f"key_{column}") for column in columns))


def _values(*columns: str) -> dict[str, sa.BindParameter[object]]:
    return {column: sa.bindparam(column) for column in columns}


INSERT_EVENT = upsert(events).on_conflict_do_nothing()
_fact = upsert(facts)
UPSERT_FACT = _fact.on_conflict_do_update(index_elements=["tenant", "source"], set_={"data": _fact.excluded.data})
SELECT_FACTS = sa.select(facts.c.source, facts.c.data).where(_key(facts, "tenant"))

INSERT_RUN = runs.insert()
SELECT_RUN = sa.select(runs).where(_key(runs, "tenant", "id"))
ADVANCE_RUN = runs.update().where(_key(runs, "tenant", "id")).values(**_values("step"))
END_RUN = runs.update().where(_key(runs, "tenant", "id")).values(**_values("state", "message", "finished"))

INSERT_INSTRUCTION = instructions.insert()
SELECT_INSTRUCTION = sa.select(instructions).where(_key(instructions, "tenant", "id"))
SELECT_CLAIMABLE = (
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
SELECT_WAITING = (
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
UPDATE_LEASE = instructions.update().where(_unchanged).values(**_values(*LEASE_COLUMNS))
END_INSTRUCTION = instructions.update().where(_unchanged).values(**_values(*LEASE_COLUMNS, "result", "finished"))

INSERT_ELIGIBLE = eligible.insert()
SELECT_ELIGIBLE = sa.select(eligible.c.agent).where(_key(eligible, "tenant", "instruction"))
DELETE_ELIGIBLE = eligible.delete().where(_key(eligible, "tenant", "instruction"))

_attempt = _key(attempts, "tenant", "instruction", "epoch")
INSERT_ATTEMPT = attempts.insert()
START_ATTEMPT = attempts.update().where(_attempt).values(**_values("status", "started"))
END_ATTEMPT = attempts.update().where(_attempt).values(**_values("status", "finished", "document"))
LOSE_ATTEMPT = attempts.update().where(_attempt).values(**_values("status", "finished"))
