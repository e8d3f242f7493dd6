"""Instructions in the store: the lease machine's transitions as updates on the condition of the epoch read."""

from typing import Any

import msgspec
import sqlalchemy as sa

from outrider.core.errors import ConflictError, NotFoundError
from outrider.core.events import InstructionState
from outrider.core.machines.lease import Lease
from outrider.orchestrator.tables import eligible, instructions

_FIELDS = tuple(field for field in Lease.__struct_fields__)


def lease_of(row: Any) -> Lease:
    """Return the lease that a row of `instructions` holds."""
    values = {field: getattr(row, field) for field in _FIELDS}
    values["state"] = InstructionState(row.state)
    return Lease(**values)


def load(connection: sa.Connection, tenant: str, instruction: str) -> Any:
    """Return the row of an instruction.

    Raises:
        NotFoundError: There is none.
    """
    row = connection.execute(
        sa.select(instructions).where(instructions.c.tenant == tenant, instructions.c.id == instruction)
    ).one_or_none()
    if row is None:
        raise NotFoundError(f"no instruction is called '{instruction}'", found=instruction)
    return row


def store(connection: sa.Connection, row: Any, lease: Lease, **columns: Any) -> None:
    """Write a transition, on the condition that nobody else made one since the row was read.

    Raises:
        ConflictError: Somebody did.
    """
    changed = connection.execute(
        instructions.update()
        .where(
            instructions.c.tenant == row.tenant,
            instructions.c.id == row.id,
            instructions.c.epoch == row.epoch,
            instructions.c.state == row.state,
        )
        .values(**msgspec.structs.asdict(lease), **columns)
    )
    if changed.rowcount != 1:
        raise ConflictError(f"instruction {row.id} changed at the same time", context={"reason": "stale_lease"})
    if lease.state.final:
        connection.execute(eligible.delete().where(eligible.c.tenant == row.tenant, eligible.c.instruction == row.id))
