"""The row that each memory has: what it holds, and the lock of all that is written in it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from outrider.sidecar.memory.limits import check_scope, exceeds, quota_error
from outrider.sidecar.memory.model import Quota, Scope, Usage
from outrider.sidecar.memory.sql.database import Connection

_COLUMNS = "number, entries, bytes, counter, dimension"
_KEY = "type = ? AND tenant = ? AND agent = ? AND name = ?"


class Memory(NamedTuple):
    """A memory as it is within a transaction."""

    number: int
    entries: int
    bytes: int
    counter: int
    dimension: int

    @property
    def use(self) -> Usage:
        """What it holds."""
        return Usage(self.entries, self.bytes)


def find(connection: Connection, kind: str, scope: Scope) -> Memory | None:
    """Return the memory of a scope, if anything was written to it."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM memory_scopes WHERE {_KEY}", _key(kind, scope)).fetchone()  # noqa: S608 - our own words
    return Memory(*row) if row is not None else None


def lock(connection: Connection, kind: str, scope: Scope) -> Memory:
    """Return the memory of a scope, made where it is not there; nobody else writes in it until the transaction ends."""
    known = lock_known(connection, kind, scope)
    if known is not None:
        return known
    row = connection.execute(
        f"""INSERT INTO memory_scopes (type, tenant, agent, name) VALUES (?, ?, ?, ?)
            ON CONFLICT (type, tenant, agent, name) DO UPDATE SET counter = memory_scopes.counter RETURNING {_COLUMNS}""",  # noqa: S608 - our own words
        _key(kind, scope),
    ).fetchone()
    return Memory(*row)


def lock_known(connection: Connection, kind: str, scope: Scope) -> Memory | None:
    """Return the memory of a scope in the same way, if anything was written to it."""
    # An update, even of nothing, waits for the transaction that holds the row, and then sees what that one did.
    row = connection.execute(
        f"UPDATE memory_scopes SET counter = counter WHERE {_KEY} RETURNING {_COLUMNS}",  # noqa: S608 - our own words
        _key(kind, scope),
    ).fetchone()
    return Memory(*row) if row is not None else None


def save(connection: Connection, memory: Memory) -> None:
    """Write what has become of a memory that is locked."""
    connection.execute(
        "UPDATE memory_scopes SET entries = ?, bytes = ?, counter = ?, dimension = ? WHERE number = ?",
        (memory.entries, memory.bytes, memory.counter, memory.dimension, memory.number),
    )


def grown(memory: Memory, growth: Usage, *, scope: Scope, quota: Quota) -> Memory:
    """Return a memory with more in it.

    Raises:
        LimitedError: That would exceed the quota.
    """
    if exceeds(quota, memory.use, growth):
        raise quota_error(scope, quota, memory.use)
    return memory._replace(entries=memory.entries + growth.entries, bytes=memory.bytes + growth.bytes)


def measured(connection: Connection, memory: Memory, table: str, *, condition: str, values: Sequence[Any]) -> Usage:
    """Return how much of a table meets a condition."""
    row = connection.execute(
        f"SELECT count(*), coalesce(sum(size), 0) FROM {table} WHERE memory = ? AND {condition}",  # noqa: S608 - our own words
        (memory.number, *values),
    ).fetchone()
    return Usage(int(row[0]), int(row[1]))


def remove(
    connection: Connection, memory: Memory, table: str, *, condition: str, values: Sequence[Any]
) -> tuple[Memory, int]:
    """Delete the rows that meet a condition; return the memory without them, not yet saved, and how many they were."""
    found = measured(connection, memory, table, condition=condition, values=values)
    if found.entries:
        connection.execute(
            f"DELETE FROM {table} WHERE memory = ? AND {condition}",  # noqa: S608 - our own words
            (memory.number, *values),
        )
    less = memory._replace(entries=memory.entries - found.entries, bytes=memory.bytes - found.bytes)
    return less, found.entries


def drop(connection: Connection, memory: Memory) -> None:
    """Delete the row itself."""
    connection.execute("DELETE FROM memory_scopes WHERE number = ?", (memory.number,))


def _key(kind: str, scope: Scope) -> tuple[str, bytes, bytes, bytes]:
    check_scope(scope)
    return kind, scope.tenant.encode(), scope.agent.encode(), scope.name.encode()
