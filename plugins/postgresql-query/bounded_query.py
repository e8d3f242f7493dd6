"""One query of a PostgreSQL server: a single statement that only reads, with one deadline and with bounds on what comes back."""

from __future__ import annotations

import asyncio
import math
import re
from concurrent.futures import ThreadPoolExecutor

import psycopg
from outrider_delivery import line
from outrider_postgresql import TOLD, cut, told

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VALUE, COLUMNS, ANSWER = 500, 50, 2 * 1024 * 1024
LAST_WORDS = 0.25  # seconds for the server to tell itself that its time is over
BOOLEAN, INTEGERS, NUMBERS = 16, {20, 21, 23, 26}, {700, 701, 1700}


class NoAnswerError(Exception):
    """The server cannot be asked, or what it says cannot be judged."""


class Database:
    """Asks one database, with a connection for each query.

    Args:
        parameters: Those of the connection, as libpq names them.
        timeout: Seconds for one query.
    """

    def __init__(self, parameters: dict[str, Any], timeout: float) -> None:
        self._parameters = parameters
        self._timeout = timeout
        self._loop = asyncio.new_event_loop()
        # One look-up of a name at a time: they cannot be interrupted.
        self._loop.set_default_executor(ThreadPoolExecutor(1))
        self._task: asyncio.Task[tuple[list[str], list[list[Any]]]] | None = None
        self._connection: psycopg.AsyncConnection[Any] | None = None

    def ask(self, query: str, most: int) -> tuple[list[str], list[list[Any]]]:
        """Return the names of the columns and at most so many rows.

        Raises:
            NoAnswerError: There are none.
        """
        task = self._task = self._loop.create_task(self._ask(query, most))
        try:
            return self._loop.run_until_complete(task)
        except TimeoutError as error:
            raise NoAnswerError(f"no answer within {self._timeout:g} s") from error
        except asyncio.CancelledError as error:
            raise NoAnswerError("given up") from error
        except psycopg.Error as error:
            raise NoAnswerError(told(error)) from error
        except ValueError as error:
            # A database in SQL_ASCII holds bytes of any kind.
            raise NoAnswerError(f"the result cannot be read: {line(str(error), TOLD)}") from error

    def give_up(self) -> None:
        """End what is under way; may be called from any thread."""
        self._loop.call_soon_threadsafe(self._give_up)

    def _give_up(self) -> None:
        if self._connection is not None:
            cut(self._connection)
        elif self._task is not None:
            self._task.cancel()

    async def _ask(self, query: str, most: int) -> tuple[list[str], list[list[Any]]]:
        deadline = self._loop.time() + self._timeout
        async with asyncio.timeout_at(deadline):
            connection = await psycopg.AsyncConnection.connect(**self._parameters)
        # Cancelling the task would have psycopg ask the server for the end of the query, and wait for it.
        cutter = self._loop.call_at(deadline + LAST_WORDS, cut, connection)
        self._connection = connection
        try:
            return await select(connection, query, most, deadline - self._loop.time())
        except psycopg.OperationalError as error:
            if self._loop.time() >= deadline:
                raise TimeoutError from error
            raise
        finally:
            self._connection = None
            cutter.cancel()
            connection.pgconn.finish()


async def select(
    connection: psycopg.AsyncConnection[Any], query: str, most: int, timeout: float
) -> tuple[list[str], list[list[Any]]]:
    """Return the columns and rows of a query; the server itself cuts values and rows.

    Raises:
        NoAnswerError: There are too many of them.
    """
    await connection.set_read_only(True)
    cursor = connection.cursor()
    milliseconds = str(max(1, math.ceil(timeout * 1000)))
    await cursor.execute("SELECT set_config('statement_timeout', %s, true)", (milliseconds,))
    source = f"(\n{query.rstrip().rstrip(';')}\n) AS asked"
    # In the binary format psycopg speaks the protocol that takes one statement only: none can end the transaction that only reads.
    await cursor.execute(f"SELECT * FROM {source} LIMIT 0".encode(), binary=True)  # noqa: S608 - the query is what is configured
    columns = [(column.name, column.type_code) for column in cursor.description or ()]
    if not 0 < len(columns) <= COLUMNS:
        raise NoAnswerError(f"the result has {len(columns)} columns, expected 1 to {COLUMNS}")
    aliases = [f"c{number}" for number in range(len(columns))]
    values = ", ".join(f"left({alias}::text, {VALUE + 1})" for alias in aliases)
    limited = f"SELECT {values} FROM {source} ({', '.join(aliases)}) LIMIT {most + 1}"  # noqa: S608 - as above
    rows, size = [], 0
    async for row in cursor.stream(limited.encode()):
        size += sum(len(text) for text in row if text is not None)
        if size <= ANSWER:
            rows.append([converted(text, kind) for text, (_, kind) in zip(row, columns, strict=True)])
    if size > ANSWER:
        raise NoAnswerError(f"the result has more than {ANSWER} characters")
    if len(rows) > most:
        raise NoAnswerError(f"the result has more than {most} rows")
    return [name for name, _ in columns], rows


def converted(text: str | None, kind: int) -> Any:
    """Return a value that the server wrote as text, of a long one at least the first VALUE characters.

    Args:
        text: The value.
        kind: Number of its type in pg_type.

    Raises:
        NoAnswerError: It is a number with so many digits.
    """
    if text is None:
        return None
    if kind == BOOLEAN:
        return text == "true"
    if kind in INTEGERS | NUMBERS:
        if len(text) > VALUE:
            raise NoAnswerError(f"a number has more than {VALUE} digits")
        return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) or kind in INTEGERS else float(text)
    return text
