"""Conversations in SQL. A message's place is a number that grows within its memory; a summary takes the place of the last it replaces."""

from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import Any

from outrider.sidecar.memory.limits import (
    MAX_BATCH,
    MAX_LISTED,
    MAX_WINDOW,
    check_number,
    check_time,
    plain_bytes,
    readable,
    text_bytes,
)
from outrider.sidecar.memory.model import Message, Scope, Session, Usage
from outrider.sidecar.memory.records import EXPORT_ROWS, MessageRecord, exported, message_from, message_records
from outrider.sidecar.memory.refusals import changed_messages, known_message, split_turn, unknown_message
from outrider.sidecar.memory.sql import memories
from outrider.sidecar.memory.sql.database import Connection
from outrider.sidecar.memory.sql.memories import Memory
from outrider.sidecar.memory.sql.schema import CONVERSATIONS
from outrider.sidecar.memory.sql.store import SqlStore
from outrider.sidecar.memory.store import DEFAULT_LIMIT
from outrider.sidecar.memory.turns import Measured, newest_that_fit

_INSERT = """INSERT INTO memory_messages (memory, session, place, head, id, role, tokens, time, calls, size, content)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (memory, session, id) DO NOTHING"""
_MESSAGE = "id, role, content, tokens, time"
_MOST_PLACES = 2**62
_OF_SESSION = "memory = ? AND session = ?"


class SqlConversations(SqlStore):
    """A `ConversationStore`."""

    kind = CONVERSATIONS
    table = "memory_messages"

    async def append(self, scope: Scope, session: str, messages: Sequence[Message]) -> list[Message]:
        """Append messages, all or none."""
        if not messages:
            return []
        name = text_bytes(session, "session")
        records = message_records(messages, self._clock.now())
        growth = Usage(len(records), sum(record.size for record in records))

        def body(connection: Connection) -> None:
            memory = memories.lock(connection, self.kind, scope)
            head = _last_head(connection, memory, name) if records[0].result else None
            rows = []
            for place, record in enumerate(records, memory.counter + 1):
                head = head if record.result and head is not None else place
                rows.append(_row(memory, name, place, head, record=record))
            _insert(connection, session, records, rows)  # first: of a repeated call it is told that it was stored
            memory = memories.grown(memory, growth, scope=scope, quota=self._quota)
            memories.save(connection, memory._replace(counter=memory.counter + len(rows)))

        await self._database.write(body)
        return [record.message for record in records]

    async def window(
        self, scope: Scope, session: str, *, tokens: int | None = None, last: int | None = None
    ) -> list[Message]:
        """Return the newest messages that fit, oldest first."""
        name = text_bytes(session, "session")
        check_number(last, "last", least=0, most=MAX_WINDOW)

        def body(connection: Connection, memory: Memory) -> list[Message]:
            rows: list[Any] = []
            measured = (Measured(row[1], row[2], row[0] == row[3]) for row in _newest(connection, memory, name, rows))
            kept = newest_that_fit(measured, tokens, last)
            if not kept:
                return []
            found = connection.execute(
                f"SELECT {_MESSAGE} FROM memory_messages WHERE {_OF_SESSION} AND place BETWEEN ? AND ? ORDER BY place",  # noqa: S608 - our own words
                (memory.number, name, rows[kept - 1][0], rows[0][0]),
            )
            return [_message(row) for row in found]

        return await self._read(scope, body, [])

    async def sessions(self, scope: Scope, *, limit: int = DEFAULT_LIMIT, after: str = "") -> list[Session]:
        """Return sessions by name."""
        check_number(limit, "limit", most=MAX_LISTED)
        return await self._sessions(scope, "session > ?", plain_bytes(after, "after"), limit)

    async def session(self, scope: Scope, session: str) -> Session | None:
        """Return what is known of one session."""
        found = await self._sessions(scope, "session = ?", text_bytes(session, "session"), 1)
        return found[0] if found else None

    async def _sessions(self, scope: Scope, condition: str, name: bytes, limit: int) -> list[Session]:
        def body(connection: Connection, memory: Memory) -> list[Session]:
            rows = connection.execute(
                f"""SELECT session, count(*), sum(tokens), max(place) FROM memory_messages
                    WHERE memory = ? AND {condition} GROUP BY session ORDER BY session LIMIT ?""",  # noqa: S608 - our own words
                (memory.number, name, limit),
            ).fetchall()
            return [
                Session(
                    name=row[0].decode(), messages=row[1], tokens=int(row[2]), updated=_time(connection, memory, row)
                )
                for row in rows
            ]

        return await self._read(scope, body, [])

    async def oldest(self, scope: Scope, session: str) -> list[Message]:
        """Return the oldest messages of a session."""
        name = text_bytes(session, "session")

        def body(connection: Connection, memory: Memory) -> list[Message]:
            rows = connection.execute(
                f"SELECT place, size FROM memory_messages WHERE {_OF_SESSION} ORDER BY place LIMIT ?",  # noqa: S608 - our own words
                (memory.number, name, MAX_BATCH),
            ).fetchall()
            last = readable(rows)
            if last is None:
                return []
            return [_message(row) for row in _up_to(connection, memory, name, last[0], most=MAX_BATCH)]

        return await self._read(scope, body, [])

    async def replace(
        self, scope: Scope, session: str, *, up_to: str, summary: Message, summed: Sequence[Message] = ()
    ) -> Message:
        """Put a summary in the place of a session's messages up to one of them."""
        name = text_bytes(session, "session")
        text_bytes(up_to, "up_to")
        (record,) = message_records([summary], self._clock.now())
        expected = message_records(summed, self._clock.now())

        def body(connection: Connection) -> None:
            memory = memories.lock(connection, self.kind, scope)
            place = _end_of_turn(connection, memory, session, up_to)
            if expected and not _stand_there(connection, memory, name, place, expected=expected):
                raise changed_messages(session, up_to)
            less, replaced = self._remove(connection, memory, "session = ? AND place <= ?", (name, place))
            growth = Usage(1 - replaced, less.bytes + record.size - memory.bytes)
            _insert(connection, session, [record], [_row(memory, name, place, place, record=record)])
            memories.save(connection, memories.grown(memory, growth, scope=scope, quota=self._quota))

        await self._destroy(body)
        return record.message

    async def delete(self, scope: Scope, session: str | None) -> int:
        """Delete a session, or all of them."""
        if session is None:
            return await self._delete(scope, "1 = 1", ())
        return await self._delete(scope, "session = ?", (text_bytes(session, "session"),))

    async def expire(self, scope: Scope, before: float) -> int:
        """Delete what is too old, and what belongs to it."""
        check_time(before, "before")
        # The memory is named by its number: a query that looks at the row outside would be run for each row.
        old = "head IN (SELECT head FROM memory_messages WHERE memory = ? AND time < ?)"
        return await self._delete(scope, old, (before,), inner=True)

    async def export(self, scope: Scope) -> AsyncIterator[dict[str, Any]]:
        """Yield every message."""
        at, nothing = (b"", 0), list[Any]()
        while rows := await self._read(scope, partial(_part, at=at), nothing):
            for row in rows:
                yield exported("message", _message(row[2:]), session=row[0].decode())
            at = (rows[-1][0], rows[-1][1])


def _newest(connection: Connection, memory: Memory, session: bytes, seen: list[Any]) -> Iterator[Any]:
    """Yield what counts of a session's messages, newest first and as far as somebody wants to know, and keep it in `seen`."""
    place, part = _MOST_PLACES, 64
    while rows := connection.execute(
        "SELECT place, tokens, size, head FROM memory_messages WHERE memory = ? AND session = ? AND place < ?"
        " ORDER BY place DESC LIMIT ?",
        (memory.number, session, place, part),
    ).fetchall():
        for row in rows:
            seen.append(row)
            yield row
        place, part = rows[-1][0], part * 2


def _part(connection: Connection, memory: Memory, *, at: tuple[bytes, int]) -> list[Any]:
    """Return the next messages of an export, as many as may be read at once."""
    rows = connection.execute(
        """SELECT session, place, size FROM memory_messages WHERE memory = ? AND (session, place) > (?, ?)
            ORDER BY session, place LIMIT ?""",
        (memory.number, *at, EXPORT_ROWS),
    ).fetchall()
    upto = readable(rows)
    if upto is None:
        return []
    return connection.execute(
        f"""SELECT session, place, {_MESSAGE} FROM memory_messages
            WHERE memory = ? AND (session, place) > (?, ?) AND (session, place) <= (?, ?) ORDER BY session, place""",  # noqa: S608 - our own words
        (memory.number, *at, upto[0], upto[1]),
    ).fetchall()


def _row(memory: Memory, session: bytes, place: int, head: int, *, record: MessageRecord) -> tuple[Any, ...]:
    message = record.message
    return (memory.number, session, place, head, record.id, record.role, message.tokens, message.time,
            int(record.call), record.size, record.content)  # fmt: skip


def _message(row: Any) -> Message:
    return message_from(row[0], row[1], row[2], tokens=row[3], time=row[4])


def _up_to(connection: Connection, memory: Memory, session: bytes, place: int, *, most: int) -> list[Any]:
    """Read the messages of a session up to a place, oldest first."""
    return connection.execute(
        f"SELECT {_MESSAGE} FROM memory_messages WHERE {_OF_SESSION} AND place <= ? ORDER BY place LIMIT ?",  # noqa: S608 - our own words
        (memory.number, session, place, most),
    ).fetchall()


def _stand_there(
    connection: Connection, memory: Memory, session: bytes, place: int, *, expected: Sequence[MessageRecord]
) -> bool:
    """Return whether just these messages stand up to a place."""
    wanted = [(record.id, record.role, record.content) for record in expected]
    found = _up_to(connection, memory, session, place, most=len(wanted) + 1)
    return [(row[0], row[1], row[2]) for row in found] == wanted


def _last_head(connection: Connection, memory: Memory, session: bytes) -> int | None:
    row = connection.execute(
        "SELECT head FROM memory_messages WHERE memory = ? AND session = ? ORDER BY place DESC LIMIT 1",
        (memory.number, session),
    ).fetchone()
    return row[0] if row is not None else None


def _time(connection: Connection, memory: Memory, row: Any) -> float:
    """Return the time of a session's newest message."""
    found = connection.execute(
        "SELECT time FROM memory_messages WHERE memory = ? AND session = ? AND place = ?",
        (memory.number, row[0], row[3]),
    ).fetchone()
    return float(found[0])


def _insert(
    connection: Connection, session: str, records: Sequence[MessageRecord], rows: list[tuple[Any, ...]]
) -> None:
    if connection.executemany(_INSERT, rows).rowcount == len(rows):
        return
    # One insert for each tells which one is not taken; all of it is undone anyway.
    for record, row in zip(records, rows, strict=True):
        connection.execute("DELETE FROM memory_messages WHERE memory = ? AND place = ?", (row[0], row[2]))
        if connection.execute(_INSERT, row).rowcount == 0:
            raise known_message(session, record.message.id)


def _end_of_turn(connection: Connection, memory: Memory, session: str, ident: str) -> int:
    """Return the place of a message behind which no result of a tool is left without its call."""
    row = connection.execute(
        "SELECT place, calls FROM memory_messages WHERE memory = ? AND session = ? AND id = ?",
        (memory.number, session.encode(), ident.encode()),
    ).fetchone()
    if row is None:
        raise unknown_message(session, ident)
    place, calls = row
    following = connection.execute(
        "SELECT place, head FROM memory_messages WHERE memory = ? AND session = ? AND place > ? ORDER BY place LIMIT 1",
        (memory.number, session.encode(), place),
    ).fetchone()
    if (following is None and calls) or (following is not None and following[0] != following[1]):
        raise split_turn(session, ident)
    return int(place)
