"""Items in SQL. Where their vectors stand, and how near ones are found, is said by the database."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

from outrider.sidecar.memory.limits import (
    MAX_BATCH,
    MAX_LISTED,
    MAX_MATCHES,
    check_batch,
    check_number,
    readable,
    text_bytes,
)
from outrider.sidecar.memory.model import Item, Match, Scope, Usage
from outrider.sidecar.memory.records import (
    EXPORT_ROWS,
    ItemRecord,
    check_dimension,
    exported,
    floats,
    item_records,
    labels,
    metadata_from,
)
from outrider.sidecar.memory.refusals import neither_nor
from outrider.sidecar.memory.sql import memories
from outrider.sidecar.memory.sql.database import Connection
from outrider.sidecar.memory.sql.memories import Memory
from outrider.sidecar.memory.sql.schema import VECTORS
from outrider.sidecar.memory.sql.store import SqlStore
from outrider.sidecar.memory.store import DEFAULT_MATCHES

_UPSERT = """INSERT INTO memory_items (memory, id, text, metadata, norm, written, size) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (memory, id) DO UPDATE SET text = excluded.text, metadata = excluded.metadata, norm = excluded.norm,
    written = excluded.written, size = excluded.size RETURNING number"""
_LABEL = "INSERT INTO memory_labels (memory, label, item) VALUES (?, ?, ?)"


class SqlVectors(SqlStore, ABC):
    """A `VectorStore`.

    Attributes:
        parts: Into how many a memory is divided, which are searched at the same time.
    """

    kind = VECTORS
    table = "memory_items"
    parts = 1

    @abstractmethod
    def _put_vector(
        self, connection: Connection, memory: Memory, number: int, *, record: ItemRecord, new: bool
    ) -> None:
        """Write the vector of an item."""

    @abstractmethod
    def _drop_vectors(self, connection: Connection, memory: Memory, condition: str, values: Sequence[Any]) -> None:
        """Delete the vectors of the items that meet a condition."""

    @abstractmethod
    def _nearest(
        self, connection: Connection, memory: Memory, record: ItemRecord, *, k: int, part: int
    ) -> dict[int, float]:
        """Return the numbers of the items nearest to a vector in a part that have its labels, and their scores."""

    @abstractmethod
    def _vector(self, connection: Connection, memory: Memory, number: int, norm: float) -> list[float]:
        """Return the vector of an item."""

    async def upsert(self, scope: Scope, items: Sequence[Item]) -> None:
        """Write items, all or none."""
        if not items:
            return
        records, now = item_records(items), self._clock.now()
        dimension = len(records[0].vector)

        def body(connection: Connection) -> None:
            memory = memories.lock(connection, self.kind, scope)
            if memory.entries:
                check_dimension(dimension, memory.dimension)
            known = [_size(connection, memory, record.id) for record in records]
            growth = Usage(known.count(None), sum(record.size for record in records) - sum(size or 0 for size in known))
            memory = memories.grown(memory, growth, scope=scope, quota=self._quota)._replace(dimension=dimension)
            for record, size in zip(records, known, strict=True):
                self._put(connection, memory, record, now=now, new=size is None)
            memories.save(connection, memory)

        await self._database.write(body)

    async def search(
        self, scope: Scope, vector: Sequence[float], *, k: int = DEFAULT_MATCHES, where: Mapping[str, Any] | None = None
    ) -> list[Match]:
        """Return the items nearest to a vector, best first."""
        check_number(k, "k", most=MAX_MATCHES)
        packed, norm = floats(vector)
        record = ItemRecord(b"", b"", b"", packed, norm, labels(where or {}), 0)

        parts = [
            self._read(scope, partial(self._matches, record=record, k=k, part=part), list[Match]())
            for part in range(self.parts)
        ]
        found = [match for matches in await asyncio.gather(*parts) for match in matches]
        return sorted(found, key=lambda match: (-match.score, match.id))[:k]

    def _matches(self, connection: Connection, memory: Memory, *, record: ItemRecord, k: int, part: int) -> list[Match]:
        if not memory.entries:
            return []
        check_dimension(len(record.vector), memory.dimension)
        scores = self._nearest(connection, memory, record, k=k, part=part)
        rows = (
            connection.execute(
                f"SELECT number, id, text, metadata FROM memory_items WHERE number IN ({', '.join('?' * len(scores))})",  # noqa: S608 - question marks
                list(scores),
            ).fetchall()
            if scores
            else []
        )
        return [
            Match(id=row[1].decode(), text=row[2].decode(), metadata=metadata_from(row[3]), score=scores[row[0]])
            for row in rows
        ]

    async def get(self, scope: Scope, ids: Sequence[str]) -> list[Item]:
        """Return the items of these ids that are there."""
        names = _names(ids)

        def body(connection: Connection, memory: Memory) -> list[Item]:
            rows = [_item_row(connection, memory, name) for name in names]
            check_batch([row[-1] for row in rows if row is not None], "items")
            return [self._item(connection, memory, row) for row in rows if row is not None]

        return await self._read(scope, body, [])

    async def delete(
        self, scope: Scope, *, ids: Sequence[str] | None = None, where: Mapping[str, Any] | None = None
    ) -> int:
        """Delete the items of these ids, or those with this metadata."""
        if (ids is None) == (not where):
            raise neither_nor()
        if ids is None:
            return await self._delete(scope, *_with_labels(labels(where or {})))
        names = _names(ids)
        return await self._delete(scope, f"id IN ({', '.join('?' * len(names))})", names) if names else 0

    async def count(self, scope: Scope, where: Mapping[str, Any] | None = None) -> int:
        """Return how many items there are, or how many with this metadata."""
        condition, values = _with_labels(labels(where or {}))

        def body(connection: Connection, memory: Memory) -> int:
            return memories.measured(connection, memory, self.table, condition=condition, values=values).entries

        return await self._read(scope, body, 0)

    async def export(self, scope: Scope) -> AsyncIterator[dict[str, Any]]:
        """Yield every item."""
        at, nothing = b"", list[Item]()
        while items := await self._read(scope, partial(self._part, at=at), nothing):
            for item in items:
                yield exported("item", item)
            at = items[-1].id.encode()

    def _part(self, connection: Connection, memory: Memory, *, at: bytes) -> list[Item]:
        rows = connection.execute(
            "SELECT id, size FROM memory_items WHERE memory = ? AND id > ? ORDER BY id LIMIT ?",
            (memory.number, at, EXPORT_ROWS),
        ).fetchall()
        upto = readable(rows)
        names = [row[0] for row in rows if row[0] <= upto[0]]
        return [self._item(connection, memory, _item_row(connection, memory, name)) for name in names]

    def _put(self, connection: Connection, memory: Memory, record: ItemRecord, *, now: float, new: bool) -> None:
        values = (memory.number, record.id, record.text, record.metadata, record.norm, now, record.size)
        (number,) = connection.execute(_UPSERT, values).fetchone()
        if not new:
            connection.execute("DELETE FROM memory_labels WHERE item = ?", (number,))
        if record.labels:
            connection.executemany(_LABEL, [(memory.number, label, number) for label in record.labels])
        self._put_vector(connection, memory, number, record=record, new=new)

    def _remove(
        self, connection: Connection, memory: Memory, condition: str, values: Sequence[Any]
    ) -> tuple[Memory, int]:
        self._drop_vectors(connection, memory, condition, values)
        return super()._remove(connection, memory, condition, values)

    def _item(self, connection: Connection, memory: Memory, row: Any) -> Item:
        number, ident, text, metadata, norm, _ = row
        vector = self._vector(connection, memory, number, norm)
        return Item(id=ident.decode(), text=text.decode(), metadata=metadata_from(metadata), vector=vector)


def labelled(wanted: Sequence[bytes]) -> str:
    """Return a statement that gives the numbers of the items of a memory that have all labels."""
    return " INTERSECT ".join(["SELECT item FROM memory_labels WHERE memory = ? AND label = ?"] * len(wanted))


def labelled_values(memory: Memory, wanted: Sequence[bytes]) -> list[Any]:
    """Return its parameters."""
    return [value for label in wanted for value in (memory.number, label)]


def _with_labels(wanted: Sequence[bytes]) -> tuple[str, Sequence[Any]]:
    """Return a condition on the items of a memory."""
    if not wanted:
        return "1 = 1", ()
    having = " AND ".join(
        ["EXISTS (SELECT 1 FROM memory_labels WHERE item = memory_items.number AND label = ?)"] * len(wanted)
    )
    return f"({having})", list(wanted)


def _names(ids: Sequence[str]) -> list[bytes]:
    check_number(len(ids), "ids", least=0, most=min(MAX_BATCH, MAX_LISTED))
    return [text_bytes(ident, "id") for ident in ids]


def _size(connection: Connection, memory: Memory, ident: bytes) -> int | None:
    row = connection.execute(
        "SELECT size FROM memory_items WHERE memory = ? AND id = ?", (memory.number, ident)
    ).fetchone()
    return row[0] if row is not None else None


def _item_row(connection: Connection, memory: Memory, ident: bytes) -> Any:
    return connection.execute(
        "SELECT number, id, text, metadata, norm, size FROM memory_items WHERE memory = ? AND id = ?",
        (memory.number, ident),
    ).fetchone()
