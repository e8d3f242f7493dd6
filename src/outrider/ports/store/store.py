"""One thread writes, and commits what has come together at once; others read.

A commit waits for the disk. While it does, further writes gather and share the next one: the cost of the disk is per group, not
per write. A relaxed write does not wait, where the database offers that: it survives the end of every process, but maybe not
that of the machine, until a later one has waited. `unbroken` says whether that can have happened.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from outrider.core.errors import LimitedError, OutriderError, UnavailableError
from outrider.ports.store.errors import translate
from outrider.ports.store.migrations import Migration, migrate

T = TypeVar("T")
GROUP = 256
MAX_WAITING = 10_000
READERS = 2


class _Work:
    """One write and who waits for it."""

    __slots__ = ("body", "future", "loop", "outcome", "relaxed")

    def __init__(self, body: Callable[[sa.Connection], Any], loop: asyncio.AbstractEventLoop, *, relaxed: bool) -> None:
        self.body = body
        self.relaxed = relaxed
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.outcome: tuple[Any, BaseException | None] = (None, None)

    def resolve(self) -> None:
        if self.future.done():
            return
        value, error = self.outcome
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(value)


class Store:
    """A SQL database.

    Args:
        engine: SQLAlchemy engine, in autocommit mode.
        name: Shown in errors.
        begin: Statements that begin a writing transaction, in which no other writer is at work.
        begin_reading: Statements that begin a transaction with one view of everything.
        path: File whose disappearance is noticed, for SQLite; only there is a write relaxed.
        unbroken: Whether relaxed writes of those who had it before are surely in it.
        shared: Whether other processes may write to it at the same time.
    """

    def __init__(
        self,
        engine: sa.Engine,
        *,
        name: str,
        begin: Sequence[str],
        begin_reading: Sequence[str],
        path: Path | None = None,
        unbroken: bool = False,
        shared: bool = False,
    ) -> None:
        self.unbroken = unbroken
        self.shared = shared
        self._engine = engine
        self._name = name
        self._begin = begin
        self._begin_reading = begin_reading
        self._path = path
        self._waiting: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._relaxed = False
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._writer = threading.Thread(target=self._write_all, name="store-writer", daemon=True)
        # What a statement may raise: SQLAlchemy's errors, and the driver's where it was asked directly.
        self._faults = (SQLAlchemyError, engine.dialect.loaded_dbapi.Error)
        self._inode = path.stat().st_ino if path else 0
        self._writer.start()

    async def write(self, body: Callable[[sa.Connection], T]) -> T:
        """Run `body` in a transaction and return its result once it is on disk.

        `body` runs in the writer's thread, alone; what it raises undoes its own statements only.

        Raises:
            LimitedError: Too many writes are waiting.
            OutriderError: What the database refused.
        """
        return await self.submit(body)

    def submit(self, body: Callable[[sa.Connection], T], *, relaxed: bool = False) -> "asyncio.Future[T]":
        """Do the same, and return what will have the result; `relaxed` does not wait for the disk.

        Raises:
            LimitedError: Too many writes are waiting.
        """
        if self._waiting.qsize() >= MAX_WAITING:
            raise LimitedError(f"store {self._name}: {MAX_WAITING} writes are waiting", retry_after=1.0)
        work = _Work(body, asyncio.get_running_loop(), relaxed=relaxed)
        self._waiting.put(work)
        return work.future

    async def read(self, body: Callable[[sa.Connection], T]) -> T:
        """Run `body` on a consistent view of the database and return its result."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, body)

    def read_now(self, body: Callable[[sa.Connection], T]) -> T:
        """The same, in the calling thread."""
        try:
            with self._engine.connect() as connection, self._reading(connection):
                return body(connection)
        except self._faults as error:
            raise translate(error, self._name) from error

    @contextlib.contextmanager
    def _reading(self, connection: sa.Connection) -> Iterator[None]:
        _run(connection, self._begin_reading)
        try:
            yield
        finally:
            with contextlib.suppress(*self._faults):  # it has read only: whether that ends well tells nothing
                connection.exec_driver_sql("ROLLBACK")

    def migrate(self, owner: str, steps: Sequence[Migration]) -> None:
        """Bring an owner's tables to the newest version, before the store is used."""
        try:
            with self._engine.connect() as connection:
                _run(connection, self._begin)
                migrate(connection, owner, steps)
                connection.exec_driver_sql("COMMIT")
        except self._faults as error:
            raise translate(error, self._name) from error

    async def close(self) -> None:
        """Finish the writes that wait, then close."""
        await asyncio.to_thread(self.close_now)

    def close_now(self) -> None:
        """The same, in the calling thread."""
        self._waiting.put(None)
        self._writer.join()
        self._readers.shutdown()
        self._engine.dispose()

    def _write_all(self) -> None:
        connection = None
        last = False
        while not last and (first := self._waiting.get()) is not None:
            group, last = self._gather(first)
            connection = self._write_group(connection, group)
            _resolve(group)
        if connection is not None:
            connection.close()

    def _gather(self, first: _Work) -> tuple[list[_Work], bool]:
        group = [first]
        while len(group) < GROUP:
            try:
                work = self._waiting.get_nowait()
            except queue.Empty:
                break
            if work is None:
                return group, True
            group.append(work)
        return group, False

    def _write_group(self, connection: sa.Connection | None, group: list[_Work]) -> sa.Connection | None:
        """Write a group and return the connection for the next; none where it was lost, so that a new one is made."""
        try:
            self._check_present()
            connection = self._begun(connection, relaxed=all(work.relaxed for work in group))
            for work in group:
                self._write_one(connection, work, alone=len(group) == 1)
            if len(group) > 1 or group[0].outcome[1] is None:
                connection.exec_driver_sql("COMMIT")
        except (*self._faults, OutriderError) as error:
            fault = error if isinstance(error, OutriderError) else translate(error, self._name)
            for work in group:
                work.outcome = (None, work.outcome[1] or fault)
            return self._after_fault(connection)
        return connection

    def _begun(self, connection: sa.Connection | None, *, relaxed: bool) -> sa.Connection:
        """Return a connection with a transaction begun; where the old one was lost since the last group, a new one."""
        if connection is not None:
            try:
                self._relax(connection, relaxed=relaxed)
                _run(connection, self._begin)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                connection.close()
            else:
                return connection
        connection = self._engine.connect()
        self._relax(connection, relaxed=relaxed)
        _run(connection, self._begin)
        return connection

    def _after_fault(self, connection: sa.Connection | None) -> sa.Connection | None:
        if connection is None:
            return None
        try:
            connection.exec_driver_sql("ROLLBACK")
        except self._faults:
            with contextlib.suppress(*self._faults):
                connection.invalidate()
                connection.close()
            return None
        return connection

    def _relax(self, connection: sa.Connection, *, relaxed: bool) -> None:
        if relaxed != self._relaxed and self._path is not None:
            connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if relaxed else 'FULL'}")
            self._relaxed = relaxed

    def _write_one(self, connection: sa.Connection, work: _Work, *, alone: bool) -> None:
        """Run one write; one that fails is undone to where it began, unless it is alone in its transaction anyway."""
        if not alone:
            connection.exec_driver_sql("SAVEPOINT one")
        try:
            work.outcome = (work.body(connection), None)
        except Exception as error:  # noqa: BLE001 - the task runner of the store: a fault belongs to the one who waits
            work.outcome = (None, translate(error, self._name) if isinstance(error, self._faults) else error)
            connection.exec_driver_sql("ROLLBACK" if alone else "ROLLBACK TO one")
        if not alone:
            connection.exec_driver_sql("RELEASE one")

    def _check_present(self) -> None:
        """Notice that the file was removed: SQLite itself would go on writing into a file that nobody can open again."""
        if self._path is None:
            return
        try:
            present = self._path.stat().st_ino == self._inode
        except OSError:
            present = False
        if not present:
            raise UnavailableError(
                f"store {self._name}: its file is gone",
                found=f"{self._path} was removed or replaced",
                suggestions=["restore the file from a backup and start the platform again"],
            )


def _run(connection: sa.Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)


def _resolve(group: list[_Work]) -> None:
    """Give every waiting caller its outcome, with one wake-up of each event loop."""
    for loop in {work.loop for work in group}:
        mine = [work for work in group if work.loop is loop]
        with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits there any more
            loop.call_soon_threadsafe(_resolve_all, mine)


def _resolve_all(group: list[_Work]) -> None:
    for work in group:
        work.resolve()
