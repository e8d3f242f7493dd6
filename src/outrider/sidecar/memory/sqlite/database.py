"""A SQLite file: one thread writes, others read, each with a connection of its own (WAL, synchronous FULL)."""

import asyncio
import contextlib
import os
import queue
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from outrider.core.errors import ExecutionFailedError, OutriderError, UnavailableError
from outrider.sidecar.memory.sql.database import Connection

T = TypeVar("T")
READERS = 2
BUSY_SECONDS = 5.0
PAGE_BYTES = 4096
_PASSING = ("locked", "busy", "full", "disk I/O")
_REMEDIES = {
    "locked": "stop the other program that holds the file (see fuser)",
    "busy": "stop the other program that holds the file (see fuser)",
    "full": "free space on its disk",
    "disk I/O": "check the disk; dmesg may say more",
    "readonly": "check owner and mode of the file and its folder",
    "unable to open": "check owner and mode of the file and its folder",
    "malformed": "move the file aside and restore a backup",
    "not a database": "move the file aside and restore a backup",
}


class SqliteDatabase:
    """One file.

    Args:
        path: Made where it is not there, readable by its owner only.
        driver: `sqlite3`, or another module with its interface.
        page_bytes: Of a new file.
        prepare: Called with each new connection.

    Raises:
        OutriderError: It cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        *,
        driver: Any = sqlite3,
        page_bytes: int = PAGE_BYTES,
        prepare: Callable[[Any], None] | None = None,
    ) -> None:
        self.name = path.name
        self._path = path
        self._driver = driver
        self._page_bytes = page_bytes
        self._prepare = prepare
        self._free: queue.LifoQueue[Any] = queue.LifoQueue()
        with self._translated():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # What it remembers is its owner's business; the files beside it take the mode of this one.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._writing = self._connect()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="memory-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="memory-reader")

    async def write(self, body: Callable[[Connection], T]) -> T:
        """Run `body` in a transaction and return its result once it is on disk."""
        return await self._run(self._writer, self.write_now, body)

    def write_now(self, body: Callable[[Connection], T]) -> T:
        """The same, in the calling thread, before anything else is under way."""
        with self._translated():
            self._writing.execute("BEGIN IMMEDIATE")
            try:
                result = body(self._writing)
                self._writing.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(self._driver.Error):  # a full disk has undone it already
                    self._writing.execute("ROLLBACK")
                raise
        return result

    async def read(self, body: Callable[[Connection], T]) -> T:
        """Run `body` on one view of the database."""
        return await self._run(self._readers, self._read, body)

    async def forget(self) -> None:
        """Bring what was written into the file and empty the log beside it, in which deleted rows still stand."""
        await self._run(self._writer, lambda _: self._checkpoint(), None)

    async def close(self) -> None:
        """Finish what is under way and close."""
        await asyncio.to_thread(self.close_now)

    async def _run(self, threads: ThreadPoolExecutor, run: Callable[[Any], T], body: Any) -> T:
        try:
            future = threads.submit(run, body)
        except RuntimeError as error:
            raise UnavailableError(f"memory {self.name}: it was closed", found=str(error)) from error
        return await asyncio.wrap_future(future)

    def _read(self, body: Callable[[Connection], T]) -> T:
        with self._translated():
            try:
                connection = self._free.get_nowait()
            except queue.Empty:
                connection = self._connect()
            try:
                connection.execute("BEGIN")
                return body(connection)
            finally:
                with contextlib.suppress(self._driver.Error):
                    connection.execute("ROLLBACK")
                self._free.put(connection)

    def _connect(self) -> Any:
        connection = self._driver.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS
        )
        try:
            connection.execute(f"PRAGMA page_size={self._page_bytes}")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA secure_delete=ON")  # what an agent was told to forget is overwritten
            if self._prepare is not None:
                self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _checkpoint(self) -> None:
        with self._translated():
            self._writing.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close_now(self) -> None:
        """The same, in the calling thread."""
        self._writer.shutdown()
        self._readers.shutdown()
        while not self._free.empty():
            self._free.get_nowait().close()
        self._writing.close()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._driver.Error as error:
            raise self._error(error) from error
        except OSError as error:
            raise ExecutionFailedError(
                f"memory {self.name}: {error.strerror}", found=str(self._path),
                suggestions=["check owner and mode of its folder"],
            ) from error  # fmt: skip

    def _error(self, error: Exception) -> OutriderError:
        text = str(error)
        sign = next((sign for sign in _REMEDIES if sign in text), "")
        kind = UnavailableError if sign in _PASSING else ExecutionFailedError
        return kind(
            f"memory {self.name}: {text}", found=str(self._path),
            suggestions=[_REMEDIES[sign]] if sign else [], retry_after=1.0 if kind is UnavailableError else None,
        )  # fmt: skip
