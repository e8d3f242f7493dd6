"""Instructions in the store: the lease machine's transitions as updates on the condition of the epoch read."""

from typing import Any

import msgspec
import sqlalchemy as sa

from outrider.core.errors import ConflictError, NotFoundError
from outrider.core.events import InstructionState
from outrider.core.machines.lease import Lease
from outrider.orchestrator.statements import (
    DELETE_ELIGIBLE,
    END_INSTRUCTION,
    LEASE_COLUMNS,
    SELECT_INSTRUCTION,
    UPDATE_LEASE,
)
from outrider.orchestrator.transaction import Transaction


def lease_of(row: Any) -> Lease:
    """Return the lease that a row of `instructions` holds."""
    values = {field: getattr(row, field) for field in LEASE_COLUMNS}
    values["state"], values["cancel_requested"] = InstructionState(row.state), bool(row.cancel_requested)
    return Lease(**values)


def load(connection: sa.Connection, tenant: str, instruction: str) -> Any:
    """Return the row of an instruction.

    Raises:
        NotFoundError: There is none.
    """
    row = SELECT_INSTRUCTION.first(connection, {"key_tenant": tenant, "key_id": instruction})
    if row is None:
        raise NotFoundError(f"no instruction is called '{instruction}'", found=instruction)
    return row


def store(work: Transaction, row: Any, lease: Lease, *, result: str | None = None) -> None:
    """Write a transition, on the condition that nobody else made one since the row was read.

    Args:
        work: The transaction.
        row: The instruction as it was read.
        lease: What it becomes.
        result: The result that ended it, as JSON.

    Raises:
        ConflictError: Somebody else did.
    """
    values = {
        "key_tenant": row.tenant,
        "key_id": row.id,
        "key_epoch": row.epoch,
        "key_state": row.state,
        **msgspec.structs.asdict(lease),
    }
    if lease.state.final:
        changed = END_INSTRUCTION.run(work.connection, {**values, "result": result, "finished": work.now})
        DELETE_ELIGIBLE.run(work.connection, {"key_tenant": row.tenant, "key_instruction": row.id})
    else:
        changed = UPDATE_LEASE.run(work.connection, values)
    if changed != 1:
        raise ConflictError(f"instruction {row.id} changed at the same time", context={"reason": "stale_lease"})
