"""Items in Redis: a hash for each, among which the search of the server (Redis 8, or its module RediSearch) finds near vectors.

It compares with every vector of the memory, so that nothing is missed. Each memory has an index of its own, made with its first items.
"""

from array import array
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from outrider.core.errors import InternalError, UnavailableError
from outrider.ports.clock import Clock
from outrider.sidecar.memory.limits import (
    MAX_BATCH,
    MAX_MATCHES,
    check_batch,
    check_number,
    check_time,
    quota_error,
    readable,
    text_bytes,
)
from outrider.sidecar.memory.model import Item, Match, Quota, Scope, Usage
from outrider.sidecar.memory.records import (
    EXPORT_ROWS,
    check_dimension,
    exported,
    floats,
    item_records,
    labels,
    metadata_from,
)
from outrider.sidecar.memory.redis.database import RedisDatabase, most, prefix
from outrider.sidecar.memory.refusals import neither_nor
from outrider.sidecar.memory.store import DEFAULT_MATCHES

_PARTS = (b"use", b"sizes", b"order", b"written")
_MILLISECONDS = 10_000


class RedisVectors:
    """A `VectorStore`.

    Args:
        database: Its own; `close` closes it.
        clock: Says when an item was written.
        quota: Of each memory.
    """

    def __init__(self, database: RedisDatabase, clock: Clock, quota: Quota) -> None:
        self._database = database
        self._clock = clock
        self._quota = quota

    async def upsert(self, scope: Scope, items: Sequence[Item]) -> None:
        """Write items, all or none."""
        if not items:
            return
        records = item_records(items)
        dimension = len(records[0].vector)
        await self._make_index(scope, dimension)
        words: list[Any] = [*most(self._quota), dimension, repr(self._clock.now())]
        for record in records:
            words += [
                record.id,
                record.text,
                record.metadata,
                record.vector.tobytes(),
                _tags(record.labels),
                record.size,
            ]
        keys = [*_keys(scope), *(_item_key(scope, dimension, record.id) for record in records)]
        outcome, *facts = await self._database.change("upsert", keys, *words)
        if outcome == b"dimension":
            check_dimension(dimension, facts[0])
        if outcome == b"quota":
            raise quota_error(scope, self._quota, Usage(*facts))

    async def search(
        self, scope: Scope, vector: Sequence[float], *, k: int = DEFAULT_MATCHES, where: Mapping[str, Any] | None = None
    ) -> list[Match]:
        """Return the items nearest to a vector, best first."""
        check_number(k, "k", most=MAX_MATCHES)
        (packed, _), among = floats(vector), _query(labels(where or {}))
        dimension = await self._dimension(scope)
        if not dimension:
            return []
        check_dimension(len(packed), dimension)
        answer = await self._search(
            scope, dimension, f"({among})=>[KNN {k} @vector $vector AS distance]", "PARAMS", 2, "vector", packed.tobytes(),
            "SORTBY", "distance", "RETURN", 1, "distance", "LIMIT", 0, k,
        )  # fmt: skip
        scores = {key: 1.0 - float(fields[1]) for key, fields in zip(answer[1::2], answer[2::2], strict=True)}
        rows = await self._database.together([("HMGET", key, "text", "metadata") for key in scores])
        begin = len(_item_key(scope, dimension, b""))
        found = [
            Match(id=key[begin:].decode(), text=text.decode(), metadata=metadata_from(metadata), score=scores[key])
            for key, (text, metadata) in zip(scores, rows, strict=True)
            if text is not None  # it was deleted meanwhile
        ]
        return sorted(found, key=lambda match: (-match.score, match.id))

    async def get(self, scope: Scope, ids: Sequence[str]) -> list[Item]:
        """Return the items of these ids that are there."""
        names = _names(ids)
        if names:
            sizes = await self._database.command("HMGET", _keys(scope)[1], *names)
            check_batch([int(size) for size in sizes if size is not None], "items")
        return await self._items(scope, names)

    async def delete(
        self, scope: Scope, *, ids: Sequence[str] | None = None, where: Mapping[str, Any] | None = None
    ) -> int:
        """Delete the items of these ids, or those with this metadata."""
        if (ids is None) == (not where):
            raise neither_nor()
        if ids is not None:
            return await self._discard(scope, _names(ids))
        wanted, deleted = labels(where or {}), 0
        dimension = await self._dimension(scope)
        begin = len(_item_key(scope, dimension, b""))
        while dimension:
            query = (scope, dimension, _query(wanted), "NOCONTENT", "LIMIT", 0, MAX_BATCH)
            names = [key[begin:] for key in (await self._search(*query))[1:]]
            gone = await self._discard(scope, names, having=wanted)
            deleted += gone
            if not gone:
                break
        return deleted

    async def count(self, scope: Scope, where: Mapping[str, Any] | None = None) -> int:
        """Return how many items there are, or how many with this metadata."""
        if not where:
            return (await self.usage(scope)).entries
        wanted, dimension = labels(where), await self._dimension(scope)
        return int((await self._search(scope, dimension, _query(wanted), "LIMIT", 0, 0))[0]) if dimension else 0

    async def usage(self, scope: Scope) -> Usage:
        """Return how much a memory holds."""
        entries, size = await self._database.command("HMGET", _keys(scope)[0], "entries", "bytes")
        return Usage(int(entries or 0), int(size or 0))

    async def export(self, scope: Scope) -> AsyncIterator[dict[str, Any]]:
        """Yield every item."""
        _, sizes, order, _ = _keys(scope)
        at = b""
        while names := await self._database.command("ZRANGEBYLEX", order, b"(" + at, b"+", "LIMIT", 0, EXPORT_ROWS):
            known = await self._database.command("HMGET", sizes, *names)
            at = readable([(name, int(size or 0)) for name, size in zip(names, known, strict=True)])[0]
            for item in await self._items(scope, [name for name in names if name <= at]):
                yield exported("item", item)

    async def expire(self, scope: Scope, before: float) -> int:
        """Delete what is too old."""
        check_time(before, "before")
        words = (_keys(scope)[3], "-inf", f"({before!r}", "LIMIT", 0, MAX_BATCH)
        deleted = 0
        while names := await self._database.command("ZRANGEBYSCORE", *words):
            deleted += await self._discard(scope, names, before=repr(before))
        return deleted

    async def delete_all(self, scope: Scope) -> int:
        """Delete a memory and all that is known of it."""
        deleted = 0
        while names := await self._database.command("ZRANGE", _keys(scope)[2], 0, MAX_BATCH - 1):
            deleted += await self._discard(scope, names)
        begin = _index(scope)
        for name in await self._database.command("FT._LIST"):
            if name.startswith(begin):
                await self._drop_index(name)
        return deleted

    async def close(self) -> None:
        """Close the connections."""
        await self._database.close()

    async def _make_index(self, scope: Scope, dimension: int) -> None:
        begin = _item_key(scope, dimension, b"")
        try:
            await self._database.command(
                "FT.CREATE", _index(scope, dimension), "ON", "HASH", "PREFIX", 1, begin,
                "SCHEMA", "labels", "TAG", "SEPARATOR", ",",
                "vector", "VECTOR", "FLAT", 6, "TYPE", "FLOAT32", "DIM", dimension, "DISTANCE_METRIC", "COSINE",
            )  # fmt: skip
        except InternalError as error:
            if "already exists" not in error.message:
                raise

    async def _drop_index(self, name: bytes) -> None:
        try:
            await self._database.command("FT.DROPINDEX", name)
        except InternalError as error:
            if not _has_no_index(error):  # somebody else drops it too
                raise

    async def _search(self, scope: Scope, dimension: int, query: str, *more: Any) -> Any:
        words = ("FT.SEARCH", _index(scope, dimension), query, *more, "TIMEOUT", _MILLISECONDS, "DIALECT", 2)
        try:
            return await self._database.command(*words)
        except InternalError as error:
            if not _has_no_index(error):
                raise
            # As after a restore from a copy that has keys only: the server fills a new index behind our backs.
            await self._make_index(scope, dimension)
            raise UnavailableError(f"{error.message}: it is made again", retry_after=1.0) from error

    async def _dimension(self, scope: Scope) -> int:
        """Return the dimension of a memory; 0 where it has no items."""
        entries, dimension = await self._database.command("HMGET", _keys(scope)[0], "entries", "dimension")
        return int(dimension) if int(entries or 0) else 0

    async def _items(self, scope: Scope, names: Sequence[bytes]) -> list[Item]:
        dimension = await self._dimension(scope)
        keys = [_item_key(scope, dimension, name) for name in names]
        rows = await self._database.together([("HMGET", key, "text", "metadata", "vector") for key in keys])
        return [
            Item(id=name.decode(), text=text.decode(), metadata=metadata_from(data), vector=array("f", vector).tolist())
            for name, (text, data, vector) in zip(names, rows, strict=True)
            if text is not None
        ]

    async def _discard(
        self, scope: Scope, names: Sequence[bytes], *, before: str = "", having: Sequence[bytes] = ()
    ) -> int:
        labelled = "".join(label.hex() for label in having)
        while names:
            dimension = await self._dimension(scope)
            keys = [*_keys(scope), *(_item_key(scope, dimension, name) for name in names)]
            deleted = int(await self._database.change("discard", keys, dimension, before, labelled, *names))
            if deleted >= 0:
                return deleted
        return 0


def _has_no_index(error: InternalError) -> bool:
    """Return whether an index is not there; the words are those of RediSearch 2, of its commands for indexes, and of Redis 8.8."""
    return any(words in error.message.lower() for words in ("no such index", "unknown index name", "index not found"))


def _keys(scope: Scope) -> list[bytes]:
    begin = prefix("vectors", scope)
    return [begin + part for part in _PARTS]


def _item_key(scope: Scope, dimension: int, ident: bytes) -> bytes:
    return prefix("vectors", scope) + b"item:%d:" % dimension + ident


def _index(scope: Scope, dimension: int | None = None) -> bytes:
    """Return the name of a memory's index, or what the names of all its indexes begin with."""
    return prefix("vectors", scope) + b"index:" + (b"" if dimension is None else b"%d" % dimension)


def _tags(wanted: Sequence[bytes]) -> str:
    return ",".join(label.hex() for label in wanted)


def _query(wanted: Sequence[bytes]) -> str:
    return " ".join(f"@labels:{{{label.hex()}}}" for label in wanted) or "*"


def _names(ids: Sequence[str]) -> list[bytes]:
    check_number(len(ids), "ids", least=0, most=MAX_BATCH)
    return [text_bytes(ident, "id") for ident in ids]
