"""Keys and values in SQL."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from outrider.sidecar.memory.limits import (
    MAX_LISTED,
    check_number,
    check_time,
    exceeds,
    expiry,
    json_bytes,
    plain_bytes,
    readable,
    text_bytes,
)
from outrider.sidecar.memory.model import Entry, Scope, Usage
from outrider.sidecar.memory.records import EXPORT_ROWS, after_prefix, entry_from, exported
from outrider.sidecar.memory.refusals import wrong_version
from outrider.sidecar.memory.sql import memories
from outrider.sidecar.memory.sql.database import Connection
from outrider.sidecar.memory.sql.memories import Memory
from outrider.sidecar.memory.sql.schema import ENTRIES
from outrider.sidecar.memory.sql.store import SqlStore
from outrider.sidecar.memory.store import DEFAULT_LIMIT

_ALIVE = "(expires IS NULL OR expires > ?)"
_EXPIRED = "expires <= ?"
_UPSERT = """INSERT INTO memory_entries (memory, key, version, expires, written, size, value) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (memory, key) DO UPDATE SET version = excluded.version, expires = excluded.expires,
    written = excluded.written, size = excluded.size, value = excluded.value"""


class SqlKeyValues(SqlStore):
    """A `KeyValueStore`."""

    kind = ENTRIES
    table = "memory_entries"

    async def get(self, scope: Scope, key: str) -> Entry | None:
        """Return the entry of a key, or nothing."""
        name, now = text_bytes(key, "key"), self._clock.now()

        def body(connection: Connection, memory: Memory) -> Entry | None:
            row = connection.execute(
                f"SELECT key, value, version, expires FROM memory_entries WHERE memory = ? AND key = ? AND {_ALIVE}",  # noqa: S608 - our own words
                (memory.number, name, now),
            ).fetchone()
            return entry_from(*row) if row is not None else None

        return await self._read(scope, body, None)

    async def put(
        self, scope: Scope, key: str, value: Any, *, ttl: float | None = None, if_version: int | None = None
    ) -> Entry:
        """Write the value of a key."""
        name, data, now = text_bytes(key, "key"), json_bytes(value, "value"), self._clock.now()
        expires, size = expiry(ttl, now), len(name) + len(data)

        def body(connection: Connection) -> int:
            memory = memories.lock(connection, self.kind, scope)
            before, version = _find(connection, memory, name, now)
            _check_version(key, version, if_version)
            growth = Usage(1, size) if before is None else Usage(0, size - before)
            if exceeds(self._quota, memory.use, growth):
                # What nobody sees any more must not keep anybody from writing.
                memory, _ = self._remove(connection, memory, f"{_EXPIRED} AND key <> ?", (now, name))
            memory = memories.grown(memory, growth, scope=scope, quota=self._quota)
            memory = memory._replace(counter=memory.counter + 1)
            connection.execute(_UPSERT, (memory.number, name, memory.counter, expires, now, size, data))
            memories.save(connection, memory)
            return memory.counter

        version = await self._database.write(body)
        return Entry(key=key, value=value, version=version, expires=expires)

    async def delete(self, scope: Scope, key: str, *, if_version: int | None = None) -> bool:
        """Delete a key."""
        name, now = text_bytes(key, "key"), self._clock.now()

        def body(connection: Connection) -> bool:
            memory = memories.lock_known(connection, self.kind, scope)
            if memory is None:
                _check_version(key, 0, if_version)
                return False
            _, version = _find(connection, memory, name, now)
            _check_version(key, version, if_version)
            memory, _ = self._remove(connection, memory, "key = ?", (name,))
            memories.save(connection, memory)
            return version > 0

        return await self._destroy(body)

    async def list(
        self, scope: Scope, prefix: str = "", *, limit: int = DEFAULT_LIMIT, after: str = ""
    ) -> Sequence[Entry]:
        """Return entries whose keys begin with a prefix."""
        check_number(limit, "limit", most=MAX_LISTED)
        begin, behind = plain_bytes(prefix, "prefix"), plain_bytes(after, "after")
        # One bound on each side: of two SQLite takes one for its index, and goes through all keys up to the other.
        above = f"memory = ? AND key {'>' if behind >= begin else '>='} ?"
        first, now = max(begin, behind), self._clock.now()

        def body(connection: Connection, memory: Memory) -> Sequence[Entry]:
            rows = connection.execute(
                f"SELECT key, size FROM memory_entries WHERE {above} AND key < ? AND {_ALIVE} ORDER BY key LIMIT ?",  # noqa: S608 - our own words
                (memory.number, first, after_prefix(begin), now, limit),
            ).fetchall()
            upto = readable(rows)
            if upto is None:
                return []
            found = connection.execute(
                f"SELECT key, value, version, expires FROM memory_entries WHERE {above} AND key <= ? AND {_ALIVE} ORDER BY key",  # noqa: S608 - our own words
                (memory.number, first, upto[0], now),
            )
            return [entry_from(*row) for row in found]

        return await self._read(scope, body, [])

    async def usage(self, scope: Scope) -> Usage:
        """Return how much a memory holds that has not expired."""
        now = self._clock.now()

        def body(connection: Connection, memory: Memory) -> Usage:
            gone = memories.measured(connection, memory, self.table, condition=_EXPIRED, values=(now,))
            return Usage(memory.entries - gone.entries, memory.bytes - gone.bytes)

        return await self._read(scope, body, Usage())

    async def expire(self, scope: Scope, before: float) -> int:
        """Delete what is too old, and whose time has come."""
        check_time(before, "before")
        return await self._delete(scope, f"(written < ? OR {_EXPIRED})", (before, self._clock.now()))

    async def export(self, scope: Scope) -> AsyncIterator[dict[str, Any]]:
        """Yield every entry."""
        at = ""
        while found := await self.list(scope, limit=EXPORT_ROWS, after=at):
            for entry in found:
                yield exported("entry", entry)
            at = found[-1].key


def _find(connection: Connection, memory: Memory, key: bytes, now: float) -> tuple[int | None, int]:
    """Return the size of what there is of a key, expired or not, and the version that a caller sees: 0 is none."""
    row = connection.execute(
        "SELECT version, size, expires FROM memory_entries WHERE memory = ? AND key = ?", (memory.number, key)
    ).fetchone()
    if row is None:
        return None, 0
    alive = row[2] is None or row[2] > now
    return row[1], row[0] if alive else 0


def _check_version(key: str, found: int, expected: int | None) -> None:
    if expected is not None and found != expected:
        raise wrong_version(key, found, expected)
