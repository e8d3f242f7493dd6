"""Near vectors in SQLite: sqlite-vec compares with every vector of the memory, so that nothing is missed.

Vectors stand there with length 1: the smaller the distance, the larger the cosine, and sqlite-vec is faster at distances.
"""

from array import array
from collections.abc import Sequence
from typing import Any

from outrider.sidecar.memory.records import ItemRecord, unit
from outrider.sidecar.memory.sql.database import Connection
from outrider.sidecar.memory.sql.memories import Memory
from outrider.sidecar.memory.sql.vectors import SqlVectors, labelled, labelled_values
from outrider.sidecar.memory.sqlite.database import READERS

# Found with 100,000 vectors of 768 dimensions. Most of the time goes into the comparison, for which sqlite-vec's builds use no vector
# instructions, and the rest into reading: with pages of 32 KiB the whole takes a quarter less than with those of 4. Two threads halve
# it on two cores. Smaller codes were tried. 8-bit numbers take as long. Single bits take a third, but with the best 200 compared anew
# they find 6 of the ten nearest in clusters of 1,000, and 3 where no vectors are alike. Eight bits for each number find 8 to 10, and
# with the new comparison they take as long.
PAGE_BYTES = 32_768
# A memory has at least one chunk in each part.
CHUNK = 64


class SqliteVectors(SqlVectors):
    """A `VectorStore`, with one table of vectors for each dimension."""

    parts = READERS

    def _put_vector(
        self, connection: Connection, memory: Memory, number: int, *, record: ItemRecord, new: bool
    ) -> None:
        vector = unit(record.vector, record.norm).tobytes()
        table = _table(memory.dimension)
        if not new:
            connection.execute(f"UPDATE {table} SET vector = ? WHERE rowid = ?", (vector, number))  # noqa: S608 - a number
            return
        connection.execute(
            f"CREATE VIRTUAL TABLE IF NOT EXISTS {table} USING vec0("
            f"part INTEGER PARTITION KEY, vector FLOAT[{memory.dimension}], chunk_size={CHUNK})"
        )
        connection.execute(
            f"INSERT INTO {table} (rowid, part, vector) VALUES (?, ?, ?)",  # noqa: S608 - a number
            (number, self._part_of(memory, number), vector),
        )

    def _part_of(self, memory: Memory, number: int) -> int:
        return memory.number * self.parts + number % self.parts

    def _drop_vectors(self, connection: Connection, memory: Memory, condition: str, values: Sequence[Any]) -> None:
        if memory.entries:
            connection.execute(
                f"DELETE FROM {_table(memory.dimension)} WHERE rowid IN"  # noqa: S608 - a number and our own words
                f" (SELECT number FROM memory_items WHERE memory = ? AND {condition})",
                (memory.number, *values),
            )

    def _nearest(
        self, connection: Connection, memory: Memory, record: ItemRecord, *, k: int, part: int
    ) -> dict[int, float]:
        among = f" AND rowid IN ({labelled(record.labels)})" if record.labels else ""
        vector = unit(record.vector, record.norm).tobytes()
        rows = connection.execute(
            f"SELECT rowid, distance FROM {_table(memory.dimension)} WHERE part = ? AND vector MATCH ? AND k = ?{among}",  # noqa: S608 - a number and our own words
            (self._part_of(memory, part), vector, k, *labelled_values(memory, record.labels)),
        ).fetchall()
        return {row[0]: 1.0 - row[1] * row[1] / 2 for row in rows}

    def _vector(self, connection: Connection, memory: Memory, number: int, norm: float) -> list[float]:
        (data,) = connection.execute(
            f"SELECT vector FROM {_table(memory.dimension)} WHERE rowid = ?",  # noqa: S608 - a number
            (number,),
        ).fetchone()
        return array("f", [value * norm for value in array("f", data)]).tolist()


def _table(dimension: int) -> str:
    return f"memory_vectors_{dimension:d}"
