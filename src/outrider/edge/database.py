"""A small SQLite file of the agent's own: WAL, synchronous FULL, one writer; work runs outside the event loop."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from outrider.core.errors import ExecutionFailedError, OutriderError, UnavailableError
from outrider.ports.telemetry import logger

T = TypeVar("T")
_log = logger(__name__)


class Database:
    """One file.

    Args:
        path: The file; a damaged one is set aside, never deleted.
        schema: Statements that create what is missing.
    """

    def __init__(self, path: Path, schema: Sequence[str]) -> None:
        self._path = path
        self._lock = threading.Lock()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._connection = self._open(schema)
        except sqlite3.DatabaseError as error:
            if "malformed" not in str(error) and "not a database" not in str(error):
                raise self._translate(error) from error
            self._set_aside()
            self._connection = self._open(schema)

    def _open(self, schema: Sequence[str]) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=5.0)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            for statement in schema:
                connection.execute(statement)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _set_aside(self) -> None:
        aside = self._path.with_suffix(f".damaged-{int(time.time())}")
        self._path.rename(aside)
        _log.error("the file was damaged and is set aside", extra={"path": str(self._path), "aside": str(aside)})

    async def write(self, body: Callable[[sqlite3.Connection], T], *, relaxed: bool = False) -> T:
        """Run `body` in a transaction; it is on disk when this returns.

        With `relaxed` it survives the end of every process, but maybe not that of the machine until a later one.

        Raises:
            UnavailableError: The disk is full or the file is locked; a later try may work.
            ExecutionFailedError: Anything else that SQLite refuses.
        """
        return await asyncio.to_thread(self.write_now, body, relaxed=relaxed)

    def write_now(self, body: Callable[[sqlite3.Connection], T], *, relaxed: bool = False) -> T:
        """The same, in the calling thread."""
        with self._lock:
            try:
                self._connection.execute(f"PRAGMA synchronous={'NORMAL' if relaxed else 'FULL'}")
                self._connection.execute("BEGIN IMMEDIATE")
                result = body(self._connection)
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise self._translate(error) from error
        return result

    def _translate(self, error: sqlite3.Error) -> OutriderError:
        text = str(error)
        if "full" in text or "locked" in text or "disk I/O" in text:
            return UnavailableError(
                f"{self._path.name}: {text}",
                found=str(self._path),
                suggestions=[
                    f"free space on the disk of {self._path.parent}" if "full" in text else "stop who holds the file"
                ],
                retry_after=1.0,
            )
        return ExecutionFailedError(
            f"{self._path.name}: {text}", found=str(self._path), suggestions=["check owner and mode of the file"]
        )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
