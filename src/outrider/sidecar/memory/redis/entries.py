"""Keys and values in Redis: hashes of values and facts by key, and sorted sets of the keys by name, expiry and age."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from outrider.ports.clock import Clock
from outrider.sidecar.memory.limits import (
    MAX_LISTED,
    MAX_READ_BYTES,
    check_number,
    check_time,
    expiry,
    json_bytes,
    plain_bytes,
    quota_error,
    text_bytes,
)
from outrider.sidecar.memory.model import Entry, Quota, Scope, Usage
from outrider.sidecar.memory.records import EXPORT_ROWS, after_prefix, entry_from, exported
from outrider.sidecar.memory.redis.database import RedisDatabase, most, prefix
from outrider.sidecar.memory.refusals import wrong_version
from outrider.sidecar.memory.store import DEFAULT_LIMIT

_PARTS = (b"use", b"values", b"facts", b"order", b"expiry", b"written")


class RedisKeyValues:
    """A `KeyValueStore`.

    Args:
        database: Its own; `close` closes it.
        clock: Tells what has expired.
        quota: Of each memory.
    """

    def __init__(self, database: RedisDatabase, clock: Clock, quota: Quota) -> None:
        self._database = database
        self._clock = clock
        self._quota = quota

    async def get(self, scope: Scope, key: str) -> Entry | None:
        """Return the entry of a key, or nothing."""
        name, (_, values, facts, *_) = text_bytes(key, "key"), _keys(scope)
        value, known = await self._database.together([("HGET", values, name), ("HGET", facts, name)])
        if known is None:
            return None
        entry = _entry(name, value, known)
        return entry if entry.expires is None or entry.expires > self._clock.now() else None

    async def put(
        self, scope: Scope, key: str, value: Any, *, ttl: float | None = None, if_version: int | None = None
    ) -> Entry:
        """Write the value of a key."""
        name, data, now = text_bytes(key, "key"), json_bytes(value, "value"), self._clock.now()
        expires = expiry(ttl, now)
        outcome, *facts = await self._database.change(
            "put", _keys(scope), name, data, len(name) + len(data), repr(now), "" if expires is None else repr(expires),
            "" if if_version is None else if_version, *most(self._quota),
        )  # fmt: skip
        if outcome == b"version":
            raise wrong_version(key, facts[0], if_version or 0)
        if outcome == b"quota":
            raise quota_error(scope, self._quota, Usage(*facts))
        return Entry(key=key, value=value, version=facts[0], expires=expires)

    async def delete(self, scope: Scope, key: str, *, if_version: int | None = None) -> bool:
        """Delete a key."""
        expected = "" if if_version is None else if_version
        outcome, found, *_ = await self._remove(scope, "key", text_bytes(key, "key"), expected)
        if outcome == b"version":
            raise wrong_version(key, found, if_version or 0)
        return bool(found)

    async def list(
        self, scope: Scope, prefix: str = "", *, limit: int = DEFAULT_LIMIT, after: str = ""
    ) -> Sequence[Entry]:
        """Return entries whose keys begin with a prefix."""
        check_number(limit, "limit", most=MAX_LISTED)
        begin, behind = plain_bytes(prefix, "prefix"), plain_bytes(after, "after")
        first = b"(" + behind if behind >= begin else b"[" + begin
        rows = await self._database.read(
            "list", _keys(scope)[:4], first, b"(" + after_prefix(begin), limit, repr(self._clock.now()), MAX_READ_BYTES
        )
        return [_entry(*row) for row in rows]

    async def usage(self, scope: Scope) -> Usage:
        """Return how much a memory holds that has not expired."""
        return Usage(*await self._database.read("alive", _keys(scope)[:5], repr(self._clock.now())))

    async def export(self, scope: Scope) -> AsyncIterator[dict[str, Any]]:
        """Yield every entry."""
        at = ""
        while found := await self.list(scope, limit=EXPORT_ROWS, after=at):
            for entry in found:
                yield exported("entry", entry)
            at = found[-1].key

    async def expire(self, scope: Scope, before: float) -> int:
        """Delete what is too old, and whose time has come."""
        check_time(before, "before")
        return int((await self._remove(scope, "old", repr(before)))[2])

    async def delete_all(self, scope: Scope) -> int:
        """Delete a memory and all that is known of it."""
        return int((await self._remove(scope, "all"))[2])

    async def close(self) -> None:
        """Close the connections."""
        await self._database.close()

    async def _remove(self, scope: Scope, what: str, *more: Any) -> Any:
        return await self._database.change("remove", _keys(scope), repr(self._clock.now()), what, *more)


def _keys(scope: Scope) -> list[bytes]:
    begin = prefix("entries", scope)
    return [begin + part for part in _PARTS]


def _entry(key: bytes, value: bytes, known: bytes) -> Entry:
    version, expires, _ = msgspec.msgpack.decode(known)
    return entry_from(key, value, version, float(expires) if expires else None)
