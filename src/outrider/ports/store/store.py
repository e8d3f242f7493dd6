"""One thread writes, and commits what has come together at once; others read.

A commit waits for the disk (SQLite: WAL, synchronous FULL). While it does, further writes gather and share the next one:
the cost of the disk is per group, not per write. A relaxed write does not wait (synchronous NORMAL): it survives the end of
every process, but maybe not that of the machine, until a later one has waited. `unbroken` says whether that can have happened.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from outrider.core.errors import LimitedError, OutriderError, UnavailableError
from outrider.ports.secrets.private_files import read_private, write_private
from outrider.ports.store.errors import translate
from outrider.ports.store.migrations import Migration, migrate

T = TypeVar("T")
GROUP = 256
MAX_WAITING = 10_000
READERS = 2
BUSY_MILLISECONDS = 5000
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


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
        engine: SQLAlchemy engine.
        name: Shown in errors.
        begin: Statement that begins a writing transaction.
        path: File whose disappearance is noticed, for SQLite.
        unbroken: Whether relaxed writes of those who had it before are surely in it.
    """

    def __init__(
        self, engine: sa.Engine, *, name: str, begin: str, path: Path | None = None, unbroken: bool = False
    ) -> None:
        self.unbroken = unbroken
        self._engine = engine
        self._name = name
        self._begin = begin
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
            with self._engine.connect() as connection, connection.begin():
                return body(connection)
        except self._faults as error:
            raise translate(error, self._name) from error

    def migrate(self, owner: str, steps: Sequence[Migration]) -> None:
        """Bring an owner's tables to the newest version, before the store is used."""
        try:
            with self._engine.connect() as connection:
                connection.exec_driver_sql(self._begin)
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
        with self._engine.connect() as connection:
            while (first := self._waiting.get()) is not None:
                group, last = self._gather(first)
                self._write_group(connection, group)
                _resolve(group)
                if last:
                    return

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

    def _write_group(self, connection: sa.Connection, group: list[_Work]) -> None:
        try:
            self._check_present()
            self._relax(connection, relaxed=all(work.relaxed for work in group))
            connection.exec_driver_sql(self._begin)
            for work in group:
                self._write_one(connection, work, alone=len(group) == 1)
            if len(group) > 1 or group[0].outcome[1] is None:
                connection.exec_driver_sql("COMMIT")
        except (*self._faults, OutriderError) as error:
            fault = error if isinstance(error, OutriderError) else translate(error, self._name)
            with contextlib.suppress(*self._faults):
                connection.exec_driver_sql("ROLLBACK")
            for work in group:
                work.outcome = (None, work.outcome[1] or fault)

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


def _resolve(group: list[_Work]) -> None:
    """Give every waiting caller its outcome, with one wake-up of each event loop."""
    for loop in {work.loop for work in group}:
        mine = [work for work in group if work.loop is loop]
        with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits there any more
            loop.call_soon_threadsafe(_resolve_all, mine)


def _resolve_all(group: list[_Work]) -> None:
    for work in group:
        work.resolve()


def open_sqlite(path: Path, *, read_only: bool = False) -> Store:
    """Open, and unless `read_only` create, a SQLite file with WAL and synchronous FULL.

    Raises:
        OutriderError: It cannot be opened.
    """
    mode = "ro" if read_only else "rwc"
    engine = sa.create_engine(
        f"sqlite:///file:{path}?mode={mode}&uri=true",
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": BUSY_MILLISECONDS / 1000, "check_same_thread": False},
        poolclass=sa.pool.QueuePool,
        pool_size=READERS + 2,
    )

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        if not read_only:
            cursor.execute("PRAGMA journal_mode=WAL")
        cursor.close()

    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1")
    except SQLAlchemyError as error:
        engine.dispose()
        raise translate(error, str(path)) from error
    unbroken = read_only or _since_the_same_boot(path.with_suffix(".boot"))
    return Store(engine, name=path.name, begin="BEGIN IMMEDIATE", path=path, unbroken=unbroken)


def _since_the_same_boot(note: Path) -> bool:
    """Note on disk which boot of the machine this is, and return whether it was the same one before."""
    boot = _BOOT_ID.read_bytes() if _BOOT_ID.exists() else b""
    known = read_private(note)
    if boot and known == boot:
        return True
    write_private(note, boot)
    return False
