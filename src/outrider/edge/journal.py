"""What the action agent did, on disk before it does it, so that after a crash it can say what it does not know."""

import sqlite3
from pathlib import Path

import msgspec

from outrider.core.codec import decode, encode
from outrider.core.errors import OutriderError
from outrider.core.events import Instruction, Result
from outrider.edge.database import Database

_TABLE = """
CREATE TABLE IF NOT EXISTS journal (
    instruction TEXT, epoch INTEGER, document BLOB NOT NULL, result BLOB, PRIMARY KEY (instruction, epoch)
) WITHOUT ROWID
"""
_DELETE = "DELETE FROM journal WHERE instruction = ? AND epoch = ?"


class JournalEntry(msgspec.Struct, frozen=True):
    """An execution that was begun; `result` is None where its end was never seen."""

    instruction: Instruction
    result: Result | None


class Journal:
    """Begun executions and results that the orchestrator has not acknowledged yet."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, (_TABLE,))
        self._settled: list[tuple[str, int]] = []

    async def started(self, instruction: Instruction) -> None:
        """Note that an execution is about to begin; no end of this process can take that away.

        The end of the machine can. The orchestrator then has the claim, and its lease ends without a renewal.
        """
        row = (instruction.id, instruction.lease_epoch, encode(instruction))
        settled, self._settled = self._settled, []

        def body(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO journal (instruction, epoch, document) VALUES (?, ?, ?)", row)
            connection.executemany(_DELETE, settled)

        try:
            await self._database.write(body, relaxed=True)
        except OutriderError:
            self._settled += settled
            raise

    async def finished(self, instruction: Instruction, result: Result) -> None:
        """Note how it ended."""
        row = (encode(result), instruction.id, instruction.lease_epoch)
        await self._database.write(
            lambda c: c.execute("UPDATE journal SET result = ? WHERE instruction = ? AND epoch = ?", row)
        )

    async def withdraw(self, instruction: Instruction) -> None:
        """Forget a beginning that did not take place: a later process must not report it."""
        key = (instruction.id, instruction.lease_epoch)
        await self._database.write(lambda c: c.execute(_DELETE, key))

    def acknowledged(self, instruction: Instruction) -> None:
        """Forget an execution whose result the orchestrator has.

        It leaves the disk with the next beginning: after a crash in between its result is reported once more, which the
        orchestrator knows how to take.
        """
        self._settled.append((instruction.id, instruction.lease_epoch))

    async def left_over(self) -> list[JournalEntry]:
        """Return what an earlier process left."""
        return await self._database.write(_entries)

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _entries(connection: sqlite3.Connection) -> list[JournalEntry]:
    rows = connection.execute("SELECT document, result FROM journal ORDER BY instruction, epoch")
    return [JournalEntry(decode(row[0], Instruction), decode(row[1], Result) if row[1] else None) for row in rows]
