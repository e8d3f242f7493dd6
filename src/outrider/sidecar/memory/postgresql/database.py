"""A PostgreSQL database: a few threads, each with a connection of its own while it works."""

import asyncio
import contextlib
import os
import queue
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

from outrider.core.errors import (
    ExecutionFailedError,
    InternalError,
    InvalidConfigError,
    MissingRequirementError,
    OutcomeUnknownError,
    OutriderError,
    UnavailableError,
)
from outrider.sidecar.memory.sql.database import Connection, Cursor

T = TypeVar("T")
CONNECTIONS = 4
CONNECT_SECONDS = 10
# A statement that takes longer holds up others that write in the same memory: better it fails and is tried again.
STATEMENT_MILLISECONDS = 30_000
# A server that is gone without a word while it works is noticed after half a minute, and not after two hours.
_ALIVE = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}
# How long what is under way has when the store closes.
CLOSE_SECONDS = 5.0
# As of a server that follows another one.
_READ_ONLY = "25006"
# Connection lost, out of resources, rolled back by the server, operator intervened, lock not free (appendix A of the manual).
_PASSING = ("08", "53", "40", "57", "55P03", "25P03", _READ_ONLY)
_FORBIDDEN = ("28", "42501", "3D000")
_REFUSED = ("authentication failed", "does not exist", "no password supplied", "no pg_hba.conf entry", "certificate")
# Whatever the database's default: who has waited for the lock of a memory must see what was written meanwhile.
_WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED"
_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# Of all who bring the tables of a database up to date; the number means nothing else.
MIGRATION_LOCK = 0x6D656D6F  # "memo"


class PostgresqlDatabase:
    """One database.

    Args:
        url: `postgresql://user@host:port/database?sslmode=verify-full`, as libpq reads it.
        password: Where it is not in the environment or in the password file of libpq.
        purpose: What it is for, as errors say.

    Raises:
        InvalidConfigError: The URL cannot be read.
        MissingRequirementError: The driver is not installed.
        OutriderError: It cannot be reached.
    """

    def __init__(self, url: str, *, password: str | None = None, purpose: str = "memory") -> None:
        self._driver = _driver()
        self._parameters = self._read_address(url, password)
        self.name = f"{purpose} {self._parameters.get('host', '')}/{self._parameters.get('dbname', '')}"
        self._free: queue.LifoQueue[Any] = queue.LifoQueue()
        self._busy: set[Any] = set()
        with self._translated():
            self._free.put(self._connect())
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="memory")

    async def write(self, body: Callable[[Connection], T]) -> T:
        """Run `body` in a transaction and return its result once it is on disk."""
        return await self._run(lambda: self.write_now(body))

    def write_now(self, body: Callable[[Connection], T]) -> T:
        """The same, in the calling thread."""
        with self._translated(), self._begun(_WRITING) as connection:
            result = body(_Connection(connection))
            self._commit(connection)
        return result

    async def read(self, body: Callable[[Connection], T]) -> T:
        """Run `body` on one view of the database."""
        return await self._run(lambda: self._read(body))

    async def forget(self) -> None:
        """Nothing: when the pages of deleted rows are used again is the server's business (autovacuum)."""

    async def close(self) -> None:
        """Finish what is under way and close."""
        await asyncio.to_thread(self.close_now)

    def close_now(self) -> None:
        """The same, in the calling thread."""
        patience = threading.Timer(CLOSE_SECONDS, self._give_up)
        patience.start()
        self._threads.shutdown()
        patience.cancel()
        while not self._free.empty():
            self._free.get_nowait().close()

    def _give_up(self) -> None:
        """End the connections that are waited for: a server that has stopped without a word would be waited for without end."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for connection in tuple(self._busy):
            with (
                contextlib.suppress(OSError, self._driver.Error),
                socket.socket(fileno=os.dup(connection.fileno())) as handle,
            ):
                handle.shutdown(socket.SHUT_RDWR)

    async def _run(self, run: Callable[[], T]) -> T:
        try:
            future = self._threads.submit(run)
        except RuntimeError as error:
            raise UnavailableError(f"{self.name}: it was closed", found=str(error)) from error
        return await asyncio.wrap_future(future)

    def _read(self, body: Callable[[Connection], T]) -> T:
        with self._translated(), self._begun(_READING) as connection:
            return body(_Connection(connection))

    @contextlib.contextmanager
    def _begun(self, begin: str) -> Iterator[Any]:
        """Yield a connection in a transaction, which is undone unless it was committed."""
        connection = self._begin(begin)
        try:
            yield connection
        finally:
            with contextlib.suppress(self._driver.Error):
                if connection.info.transaction_status != self._driver.pq.TransactionStatus.IDLE:
                    connection.execute("ROLLBACK")
            self._busy.discard(connection)
            if connection.closed:
                connection.close()
            else:
                self._free.put(connection)

    def _begin(self, begin: str) -> Any:
        """Begin a transaction; where the server has ended a connection since it was last used, on a new one."""
        while not self._free.empty():
            with contextlib.suppress(queue.Empty, self._driver.OperationalError):
                return self._begin_on(self._free.get_nowait(), begin)
        return self._begin_on(self._connect(), begin)

    def _begin_on(self, connection: Any, begin: str) -> Any:
        """Begin a transaction on a connection, which is closed where that fails."""
        self._busy.add(connection)
        try:
            connection.execute(begin)
        except BaseException:
            self._busy.discard(connection)
            connection.close()
            raise
        return connection

    def _commit(self, connection: Any) -> None:
        try:
            connection.execute("COMMIT")
        except self._driver.OperationalError as error:
            if not connection.closed:
                raise
            raise OutcomeUnknownError(
                f"{self.name}: the connection was lost at the commit", found=str(error).strip(),
                suggestions=["read whether it was written before you write it again"],
            ) from error  # fmt: skip

    def _connect(self) -> Any:
        return self._driver.connect(**self._parameters, autocommit=True)

    def _read_address(self, url: str, password: str | None) -> dict[str, Any]:
        from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - only who has PostgreSQL has it

        try:
            found: dict[str, Any] = conninfo_to_dict(url) if url.startswith(("postgresql://", "postgres://")) else {}
        except self._driver.Error as error:
            raise _not_an_address(url) from error
        if not found.get("dbname"):
            raise _not_an_address(url)
        limits = ("statement_timeout", "idle_in_transaction_session_timeout")
        options = " ".join([found.get("options", ""), *(f"-c {name}={STATEMENT_MILLISECONDS}" for name in limits)])
        more = {"password": password} if password is not None else {}
        return {
            "connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": STATEMENT_MILLISECONDS, "application_name": "outrider",
            **_ALIVE, **found, "options": options.strip(), **more,
        }  # fmt: skip

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._driver.Error as error:
            raise self._error(error) from error

    def _error(self, error: Any) -> OutriderError:
        state, text = error.sqlstate, str(error).strip()
        reason = f"{self.name}: {text.splitlines()[0] if text else 'no reason given'}"
        # A refused connection has no code; its words are the server's own.
        if (state or "").startswith(_FORBIDDEN) or (state is None and any(sign in text for sign in _REFUSED)):
            return ExecutionFailedError(
                reason, found=text,
                suggestions=["check user, password and database, and that the user may create tables in it"],
            )  # fmt: skip
        if state is None or state.startswith(_PASSING):
            remedy = "name the server that takes writes" if state == _READ_ONLY else "is the database server up?"
            return UnavailableError(reason, found=text, suggestions=[remedy], retry_after=1.0)
        return InternalError(f"{reason} ({state})")


class _Connection:
    """A connection of psycopg that takes statements with question marks."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> Cursor:
        """Run a statement."""
        cursor: Cursor = self._connection.execute(_marked(statement), parameters)
        return cursor

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> Cursor:
        """Run a statement once for each row."""
        cursor = self._connection.cursor()
        cursor.executemany(_marked(statement), rows)
        many: Cursor = cursor
        return many


@cache
def _marked(statement: str) -> str:
    """Return a statement as psycopg wants it; none of ours has a question mark or percent sign that is no parameter."""
    return statement.replace("?", "%s")


def _driver() -> Any:
    try:
        import psycopg  # noqa: PLC0415 - only who has PostgreSQL has it
    except ModuleNotFoundError as error:
        raise MissingRequirementError(
            "PostgreSQL needs the driver psycopg", found=str(error), expected="the extra `postgresql`",
            suggestions=["pip install 'outrider[postgresql]'"],
        ) from error  # fmt: skip
    return psycopg


def _not_an_address(url: str) -> InvalidConfigError:
    return InvalidConfigError(
        "memory: not the address of a PostgreSQL database", found=url.rpartition("@")[2],
        expected="postgresql://USER@HOST:PORT/DATABASE", suggestions=["the password belongs into a secret"],
    )  # fmt: skip
