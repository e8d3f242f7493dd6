"""Near vectors in PostgreSQL: pgvector compares with every vector of the memory, so that nothing is missed.

Its indexes are not used: they want one dimension for a whole table, and those who ask for metadata get fewer items than there are.
"""

import json
from collections.abc import Sequence
from typing import Any

from outrider.sidecar.memory.records import ItemRecord
from outrider.sidecar.memory.sql.database import Connection
from outrider.sidecar.memory.sql.memories import Memory
from outrider.sidecar.memory.sql.vectors import SqlVectors, labelled, labelled_values

TABLE = [[
    """CREATE TABLE memory_vectors (
        item BIGINT PRIMARY KEY REFERENCES memory_items (number) ON DELETE CASCADE, memory BIGINT NOT NULL, vector vector NOT NULL)""",
    "CREATE INDEX memory_vectors_memory ON memory_vectors (memory)",
]]  # fmt: skip


class PostgresqlVectors(SqlVectors):
    """A `VectorStore`."""

    def _put_vector(
        self,
        connection: Connection,
        memory: Memory,
        number: int,
        *,
        record: ItemRecord,
        new: bool,  # noqa: ARG002 - the statement finds out
    ) -> None:
        connection.execute(
            """INSERT INTO memory_vectors (item, memory, vector) VALUES (?, ?, ?::vector)
                ON CONFLICT (item) DO UPDATE SET vector = excluded.vector""",
            (number, memory.number, _text(record)),
        )

    def _drop_vectors(self, connection: Connection, memory: Memory, condition: str, values: Sequence[Any]) -> None:
        """Nothing: they go with their items."""

    def _nearest(
        self,
        connection: Connection,
        memory: Memory,
        record: ItemRecord,
        *,
        k: int,
        part: int,  # noqa: ARG002 - there is one
    ) -> dict[int, float]:
        among = f" AND item IN ({labelled(record.labels)})" if record.labels else ""
        rows = connection.execute(
            f"""SELECT item, vector <=> ?::vector AS distance FROM memory_vectors WHERE memory = ?{among}
                ORDER BY distance LIMIT ?""",  # noqa: S608 - our own words
            (_text(record), memory.number, *labelled_values(memory, record.labels), k),
        ).fetchall()
        return {row[0]: 1.0 - row[1] for row in rows}

    def _vector(self, connection: Connection, memory: Memory, number: int, norm: float) -> list[float]:  # noqa: ARG002 - one table holds all as they are
        (text,) = connection.execute("SELECT vector::text FROM memory_vectors WHERE item = ?", (number,)).fetchone()
        vector: list[float] = json.loads(text)
        return vector


def _text(record: ItemRecord) -> str:
    return str(record.vector.tolist())
