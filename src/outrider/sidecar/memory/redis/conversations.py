"""Conversations in Redis: of each session a sorted set of the ids by their place, and hashes of texts and facts by id."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from outrider.ports.clock import Clock
from outrider.sidecar.memory.limits import (
    MAX_BATCH,
    MAX_LISTED,
    MAX_READ_BYTES,
    MAX_WINDOW,
    check_number,
    check_time,
    plain_bytes,
    quota_error,
    text_bytes,
)
from outrider.sidecar.memory.model import Message, Quota, Scope, Session, Usage
from outrider.sidecar.memory.records import EXPORT_ROWS, MessageRecord, exported, message_from, message_records
from outrider.sidecar.memory.redis.database import RedisDatabase, most, prefix
from outrider.sidecar.memory.refusals import changed_messages, known_message, split_turn, unknown_message
from outrider.sidecar.memory.store import DEFAULT_LIMIT

_OF_MEMORY, _OF_SESSION = (b"use", b"sessions", b"tokens"), (b"order:", b"texts:", b"facts:")


class RedisConversations:
    """A `ConversationStore`.

    Args:
        database: Its own; `close` closes it.
        clock: Says when a message was stored.
        quota: Of each memory.
    """

    def __init__(self, database: RedisDatabase, clock: Clock, quota: Quota) -> None:
        self._database = database
        self._clock = clock
        self._quota = quota

    async def append(self, scope: Scope, session: str, messages: Sequence[Message]) -> list[Message]:
        """Append messages, all or none."""
        if not messages:
            return []
        name, records = text_bytes(session, "session"), message_records(messages, self._clock.now())
        words = [word for record in records for word in (*_words(record), int(record.result))]
        answer = await self._database.change("append", _keys(scope, name), name, *most(self._quota), *words)
        self._check(answer, scope, session)
        return [record.message for record in records]

    async def window(
        self, scope: Scope, session: str, *, tokens: int | None = None, last: int | None = None
    ) -> list[Message]:
        """Return the newest messages that fit, oldest first."""
        name = text_bytes(session, "session")
        check_number(last, "last", least=0, most=MAX_WINDOW)
        if last == 0:
            return []
        room = "" if tokens is None else tokens
        rows = await self._database.read("window", _keys(scope, name), room, last or MAX_WINDOW, MAX_READ_BYTES)
        return [_message(*row) for row in rows]

    async def sessions(self, scope: Scope, *, limit: int = DEFAULT_LIMIT, after: str = "") -> list[Session]:
        """Return sessions by name."""
        check_number(limit, "limit", most=MAX_LISTED)
        found = []
        for name in await self._names(scope, plain_bytes(after, "after"), limit):
            known = await self._session(scope, name)
            if known is not None:  # it was deleted meanwhile
                found.append(known)
        return found

    async def session(self, scope: Scope, session: str) -> Session | None:
        """Return what is known of one session."""
        return await self._session(scope, text_bytes(session, "session"))

    async def _session(self, scope: Scope, name: bytes) -> Session | None:
        known = await self._database.read("session", _keys(scope, name), name)
        if known is None:
            return None
        time = float(msgspec.msgpack.decode(known[2])[3])
        return Session(name=name.decode(), messages=known[0], tokens=known[1], updated=time)

    async def oldest(self, scope: Scope, session: str) -> list[Message]:
        """Return the oldest messages of a session."""
        keys = _keys(scope, text_bytes(session, "session"))
        return [_message(*row) for row in await self._database.read("messages", keys, 0, MAX_BATCH, MAX_READ_BYTES)]

    async def replace(
        self, scope: Scope, session: str, *, up_to: str, summary: Message, summed: Sequence[Message] = ()
    ) -> Message:
        """Put a summary in the place of a session's messages up to one of them."""
        name, last = text_bytes(session, "session"), text_bytes(up_to, "up_to")
        (record,) = message_records([summary], self._clock.now())
        expected = [word for one in message_records(summed, self._clock.now()) for word in (one.id, _text(one))]
        words = (name, *most(self._quota), last, *_words(record), *expected)
        answer = await self._database.change("replace", _keys(scope, name), *words)
        if answer[0] == b"unknown":
            raise unknown_message(session, up_to)
        if answer[0] == b"split":
            raise split_turn(session, up_to)
        if answer[0] == b"changed":
            raise changed_messages(session, up_to)
        self._check(answer, scope, session)
        return record.message

    async def delete(self, scope: Scope, session: str | None) -> int:
        """Delete a session, or all of them."""
        if session is None:
            return await self._forget_all(scope, "")
        return await self._forget(scope, text_bytes(session, "session"), "")

    async def usage(self, scope: Scope) -> Usage:
        """Return how much a memory holds."""
        entries, size = await self._database.command("HMGET", _keys(scope, b"")[0], "entries", "bytes")
        return Usage(int(entries or 0), int(size or 0))

    async def export(self, scope: Scope) -> AsyncIterator[dict[str, Any]]:
        """Yield every message."""
        name = b""
        while names := await self._names(scope, name, EXPORT_ROWS):
            for name in names:
                at, keys = 0, _keys(scope, name)
                while rows := await self._database.read("messages", keys, at, EXPORT_ROWS, MAX_READ_BYTES):
                    for row in rows:
                        yield exported("message", _message(*row), session=name.decode())
                    at = msgspec.msgpack.decode(rows[-1][2])[0]

    async def expire(self, scope: Scope, before: float) -> int:
        """Delete what is too old, and what belongs to it; one session after the other, so that others wait for one at most."""
        check_time(before, "before")
        return await self._forget_all(scope, repr(before))

    async def delete_all(self, scope: Scope) -> int:
        """Delete a memory and all that is known of it."""
        deleted = await self._forget_all(scope, "")
        while not await self._database.change("end", _keys(scope, b"")[:2]):
            deleted += await self._forget_all(scope, "")  # a session was begun meanwhile
        return deleted

    async def close(self) -> None:
        """Close the connections."""
        await self._database.close()

    async def _names(self, scope: Scope, behind: bytes, limit: int) -> list[bytes]:
        words = (_keys(scope, b"")[1], b"(" + behind, b"+", "LIMIT", 0, limit)
        names: list[bytes] = await self._database.command("ZRANGEBYLEX", *words)
        return names

    async def _forget(self, scope: Scope, name: bytes, before: str) -> int:
        return int(await self._database.change("forget", _keys(scope, name), name, before))

    async def _forget_all(self, scope: Scope, before: str) -> int:
        deleted, name = 0, b""
        while names := await self._names(scope, name, MAX_LISTED):
            for name in names:
                deleted += await self._forget(scope, name, before)
        return deleted

    def _check(self, answer: Any, scope: Scope, session: str) -> None:
        if answer[0] == b"known":
            raise known_message(session, answer[1].decode())
        if answer[0] == b"quota":
            raise quota_error(scope, self._quota, Usage(*answer[1:]))


def _keys(scope: Scope, session: bytes) -> list[bytes]:
    begin = prefix("conversations", scope)
    return [*(begin + part for part in _OF_MEMORY), *(begin + part + session for part in _OF_SESSION)]


def _text(record: MessageRecord) -> bytes:
    return msgspec.msgpack.encode((record.role, record.content))


def _words(record: MessageRecord) -> tuple[Any, ...]:
    return (record.id, _text(record), record.message.tokens, repr(record.message.time), int(record.call), record.size)


def _message(ident: bytes, text: bytes, facts: bytes) -> Message:
    role, content = msgspec.msgpack.decode(text)
    _, _, tokens, time, *_ = msgspec.msgpack.decode(facts)
    return message_from(ident, role, content, tokens=tokens, time=float(time))
