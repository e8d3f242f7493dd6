"""Shared amounts in PostgreSQL: a row for each sidecar and window."""

import asyncio
import contextlib
import time

from outrider.core.errors import OutriderError
from outrider.sidecar.llm.shares.counter import Window, held
from outrider.sidecar.memory.postgresql.database import PostgresqlDatabase
from outrider.sidecar.memory.sql.database import Connection

# All who make the table wait for each other; the number means nothing else.
_TABLE_LOCK = 0x73686172  # "shar"
_TABLE = """
CREATE TABLE IF NOT EXISTS outrider_shares (
    agent text NOT NULL, amount text NOT NULL, window_name text NOT NULL, sidecar text NOT NULL,
    held bigint NOT NULL, expires double precision NOT NULL, PRIMARY KEY (agent, amount, window_name, sidecar)
)"""
_ROWS = "SELECT sidecar, held FROM outrider_shares WHERE agent = ? AND amount = ? AND window_name = ?"


class PostgresqlCounter:
    """A table of a database.

    Args:
        url: Of the database.
        password: Where it is not in the environment or in the password file of libpq.
    """

    def __init__(self, url: str, password: str | None) -> None:
        self._url, self._password = url, password
        self._opening: asyncio.Task[PostgresqlDatabase] | None = None

    async def draw(self, window: Window, sidecar: str, *, has: int, wants: int) -> int:
        """Let a sidecar hold more; see Counter."""

        def body(connection: Connection) -> int:
            key = _lock(connection, window)
            rows = connection.execute(_ROWS, key).fetchall()
            amount = held(dict(rows), sidecar, window.limit, has=has, wants=wants)
            _put(connection, window, sidecar, amount)
            return amount

        return await (await self._open()).write(body)

    async def settle(self, window: Window, sidecar: str, used: int) -> None:
        """Note what a sidecar has used in all; see Counter."""

        def body(connection: Connection) -> None:
            _lock(connection, window)
            _put(connection, window, sidecar, used)

        await (await self._open()).write(body)

    async def close(self) -> None:
        """Close the connections."""
        opening, self._opening = self._opening, None
        if opening is not None:
            with contextlib.suppress(OutriderError):
                await (await opening).close()

    async def _open(self) -> PostgresqlDatabase:
        """Return the database. A draw does not wait as long as a connection may take; the next one finds what it has begun."""
        if self._opening is None or (self._opening.done() and self._opening.exception() is not None):
            self._opening = asyncio.get_running_loop().create_task(asyncio.to_thread(self._opened))
        return await asyncio.shield(self._opening)

    def _opened(self) -> PostgresqlDatabase:
        database = PostgresqlDatabase(self._url, password=self._password, purpose="shares")
        try:
            database.write_now(_create)
        except BaseException:
            database.close_now()
            raise
        return database


def _create(connection: Connection) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(?)", (_TABLE_LOCK,))
    # Who may not make tables may not even say so where it is there.
    if connection.execute("SELECT to_regclass('outrider_shares')").fetchone()[0] is None:
        connection.execute(_TABLE)


def _lock(connection: Connection, window: Window) -> tuple[str, str, str]:
    """Let no other sidecar draw of the same until the transaction ends, and return the key of the window."""
    key = (window.agent, window.amount, window.name)
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(?, ?))", ("/".join(key), _TABLE_LOCK))
    return key


def _put(connection: Connection, window: Window, sidecar: str, amount: int) -> None:
    connection.execute(
        "INSERT INTO outrider_shares (agent, amount, window_name, sidecar, held, expires) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (agent, amount, window_name, sidecar) DO UPDATE SET held = EXCLUDED.held",
        (window.agent, window.amount, window.name, sidecar, amount, window.expires),
    )
    connection.execute(
        "DELETE FROM outrider_shares WHERE agent = ? AND amount = ? AND expires < ?",
        (window.agent, window.amount, time.time()),
    )


async def open_counter(url: str, password: str | None) -> PostgresqlCounter:
    """Return the counter; the database is asked at the first draw."""
    return PostgresqlCounter(url, password)
