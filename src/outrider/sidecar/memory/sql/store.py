"""What the SQL stores of all types have in common."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

from outrider.ports.clock import Clock
from outrider.sidecar.memory.limits import check_time
from outrider.sidecar.memory.model import Quota, Scope, Usage
from outrider.sidecar.memory.sql import memories
from outrider.sidecar.memory.sql.database import Connection, Database
from outrider.sidecar.memory.sql.memories import Memory

T = TypeVar("T")


class SqlStore:
    """A store of one type in a SQL database.

    Args:
        database: Its own; `close` closes it.
        clock: Tells what has expired.
        quota: Of each memory.
    """

    kind: ClassVar[str]
    table: ClassVar[str]

    def __init__(self, database: Database, clock: Clock, quota: Quota) -> None:
        self._database = database
        self._clock = clock
        self._quota = quota

    async def usage(self, scope: Scope) -> Usage:
        """Return how much a memory holds."""
        return await self._read(scope, lambda _, memory: memory.use, Usage())

    async def delete_all(self, scope: Scope) -> int:
        """Delete a memory and all that is known of it."""

        def body(connection: Connection) -> int:
            memory = memories.lock_known(connection, self.kind, scope)
            if memory is None:
                return 0
            _, deleted = self._remove(connection, memory, "1 = 1", ())
            memories.drop(connection, memory)
            return deleted

        return await self._destroy(body)

    async def expire(self, scope: Scope, before: float) -> int:
        """Delete what is too old."""
        check_time(before, "before")
        return await self._delete(scope, "written < ?", (before,))

    async def close(self) -> None:
        """Finish what is under way and close."""
        await self._database.close()

    async def _read(self, scope: Scope, body: Callable[[Connection, Memory], T], nothing: T) -> T:
        """Read of a memory; where there is none the answer is `nothing`."""

        def read(connection: Connection) -> T:
            memory = memories.find(connection, self.kind, scope)
            return body(connection, memory) if memory is not None else nothing

        return await self._database.read(read)

    async def _delete(self, scope: Scope, condition: str, values: Sequence[Any], *, inner: bool = False) -> int:
        """Delete what meets a condition, whose first value is the memory's number where it is an `inner` one; return how much it was."""

        def body(connection: Connection) -> int:
            memory = memories.lock_known(connection, self.kind, scope)
            if memory is None:
                return 0
            known = (memory.number, *values) if inner else values
            memory, deleted = self._remove(connection, memory, condition, known)
            memories.save(connection, memory)
            return deleted

        return await self._destroy(body)

    async def _destroy(self, body: Callable[[Connection], T]) -> T:
        """Run what deletes, and let what was deleted be nowhere any more."""
        result = await self._database.write(body)
        await self._database.forget()
        return result

    def _remove(
        self, connection: Connection, memory: Memory, condition: str, values: Sequence[Any]
    ) -> tuple[Memory, int]:
        return memories.remove(connection, memory, self.table, condition=condition, values=values)
