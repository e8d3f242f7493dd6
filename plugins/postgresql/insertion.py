"""One row for one report: a connection of its own, one deadline, and the end where nobody waits for it any more."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
from outrider_plugin import CancelledError, PluginError
from outrider_postgresql import cut, told
from psycopg import errors, sql

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

COLUMNS = ("run", "output", "rule", "state", "severity", "source", "message", "started", "finished", "report")
DEFINITION = sql.SQL(
    "CREATE TABLE IF NOT EXISTS {table} (id bigserial PRIMARY KEY, run text NOT NULL, output text NOT NULL, rule text,"
    " state text, severity text, source text, message text, started timestamptz, finished timestamptz,"
    " report jsonb NOT NULL, UNIQUE (run, output))"
)
STATEMENT = sql.SQL("INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT (run, output) DO NOTHING")
TICK, LOOKUPS = 0.05, 4
# Classes and codes of the PostgreSQL documentation, appendix A, that the same statement may not meet again.
PASSING = ("08", "25006", "40", "53", "55", "57")
FORBIDDEN = "42501"


class Table:
    """Where rows go.

    Args:
        parameters: Those of the connection, as libpq names them.
        name: The table's, perhaps with that of its schema before it.
        server: What messages call the server.
    """

    def __init__(self, parameters: dict[str, Any], name: str, server: str) -> None:
        self._parameters = parameters
        self._name = sql.Identifier(*name.split("."))
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(ThreadPoolExecutor(LOOKUPS))
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def insert(self, row: dict[str, Any], timeout: float, withdrawn: Callable[[], bool]) -> bool:
        """Insert a row, and tell whether it was not there before.

        Args:
            row: Its values by column.
            timeout: Seconds that it may take.
            withdrawn: Whether nobody waits for it any more.

        Raises:
            PluginError: It may not be there; it says whether to try again.
        """
        return asyncio.run_coroutine_threadsafe(self._insert(row, timeout, withdrawn), self._loop).result()

    async def _insert(self, row: dict[str, Any], timeout: float, withdrawn: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + timeout
        session = Session(deadline, withdrawn)
        try:
            connection = await session.connect(self._parameters)
            return await self._insert_or_create(connection, row, deadline)
        except (psycopg.Error, asyncio.CancelledError) as error:
            if withdrawn():
                raise CancelledError from error
            if time.monotonic() >= deadline:
                message = f"{self._server}: not done within {timeout:g} s"
                raise PluginError(message, code="TIMEOUT", retryable=True) from error
            raise self._failure(error) from error
        finally:
            session.close()

    async def _insert_or_create(
        self, connection: psycopg.AsyncConnection[Any], row: dict[str, Any], deadline: float
    ) -> bool:
        columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
        values = sql.SQL(", ").join(map(sql.Placeholder, COLUMNS))
        insertion = STATEMENT.format(table=self._name, columns=columns, values=values)
        try:
            return await execute(connection, insertion, row, deadline) > 0
        except errors.UndefinedTable:
            # Asked for first, the right to create would be needed where the table is there, too.
            with contextlib.suppress(errors.UniqueViolation, errors.DuplicateTable):
                await execute(connection, DEFINITION.format(table=self._name), {}, deadline)
            return await execute(connection, insertion, row, deadline) > 0

    def _failure(self, error: BaseException) -> PluginError:
        message = f"{self._server}: {told(error)}"
        sqlstate = getattr(error, "sqlstate", None)
        if sqlstate is None:
            pgconn = getattr(error, "pgconn", None)
            if pgconn is not None and (pgconn.needs_password or "authentication failed" in message):
                return PluginError(message, code="UNAUTHENTICATED")
            return PluginError(message, code="CONNECTION_FAILED", retryable=True)
        if sqlstate.startswith(PASSING):
            return PluginError(message, code="UNAVAILABLE", retryable=True)
        return PluginError(message, code="DENIED" if sqlstate == FORBIDDEN else "EXECUTION_FAILED")


class Session:
    """A connection that is cut once its time is over, or nobody waits for it any more.

    Cancelling what waits for the server would have psycopg ask it for the end of the statement, and wait for that.
    """

    def __init__(self, deadline: float, withdrawn: Callable[[], bool]) -> None:
        self._deadline = deadline
        self._withdrawn = withdrawn
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._user = asyncio.current_task()
        self._watcher = asyncio.create_task(self._watch())

    async def connect(self, parameters: dict[str, Any]) -> psycopg.AsyncConnection[Any]:
        """Return the connection."""
        self._connection = await psycopg.AsyncConnection.connect(**parameters)
        return self._connection

    def close(self) -> None:
        """Close the connection; what is not committed does not count."""
        self._watcher.cancel()
        if self._connection is not None:
            self._connection.pgconn.finish()

    async def _watch(self) -> None:
        while not self._withdrawn() and time.monotonic() < self._deadline:  # noqa: ASYNC110 - a flag of other threads
            await asyncio.sleep(TICK)
        if self._connection is not None:
            cut(self._connection)
        elif self._user is not None:
            self._user.cancel()


async def execute(
    connection: psycopg.AsyncConnection[Any], statement: sql.Composed, values: dict[str, Any], deadline: float
) -> int:
    """Commit a statement, and return how many rows it touched."""
    milliseconds = str(max(1, math.ceil((deadline - time.monotonic()) * 1000)))
    async with connection.transaction():
        await connection.execute("SELECT set_config('statement_timeout', %s, true)", (milliseconds,))
        return (await connection.execute(statement, values)).rowcount
