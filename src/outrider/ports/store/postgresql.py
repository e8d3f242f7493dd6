"""PostgreSQL as a store: one writer at a time among all processes that share it, by a lock that ends with its transaction.

What a transaction decides rests on what it reads, such as the window of a rule. SQLite lets one writer in at a time anyway; here
an advisory lock does, and it is free at once when its holder dies. Commits are grouped, so the lock is taken once for many
writes. A commit always waits for the disk.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from outrider.core.errors import InvalidConfigError, MissingRequirementError
from outrider.ports.store.errors import translate
from outrider.ports.store.store import READERS, Store

# Of all writers of one database; the number means nothing else.
_WRITER_LOCK = 0x6F757472  # "outr"
CONNECT_SECONDS = 10
# A statement that takes longer holds up all writers: better it fails and is tried again.
STATEMENT_MILLISECONDS = 30_000
LISTEN_SECONDS, LISTEN_AGAIN_SECONDS = 0.5, 1.0


class PostgresqlStore(Store):
    """A store whose writers can tell each other something at their commits."""

    async def listen(self, channel: str, heard: Callable[[str], None]) -> None:
        """Give what is told on a channel (`pg_notify`) to `heard`, until cancelled. What is told meanwhile elsewhere is lost.

        Args:
            channel: Its name.
            heard: Called in the event loop.
        """
        loop = asyncio.get_running_loop()
        stopped = threading.Event()

        def listen() -> None:
            while not stopped.is_set():
                with contextlib.suppress(*self._faults):
                    self._listen_once(channel, lambda text: loop.call_soon_threadsafe(heard, text), stopped)
                stopped.wait(LISTEN_AGAIN_SECONDS)

        thread = threading.Thread(target=listen, name="store-listener", daemon=True)
        thread.start()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
            await asyncio.to_thread(thread.join)

    def _listen_once(self, channel: str, heard: Callable[[str], object], stopped: threading.Event) -> None:
        with self._engine.connect() as connection:
            driver: Any = connection.connection.dbapi_connection
            driver.execute(f'LISTEN "{channel}"')
            while not stopped.is_set():
                for told in driver.notifies(timeout=LISTEN_SECONDS):
                    heard(told.payload)
            driver.execute("UNLISTEN *")


def open_postgresql(url: str, *, password: str | None = None) -> PostgresqlStore:
    """Open a PostgreSQL database.

    Args:
        url: `postgresql://user@host:port/database?sslmode=verify-full`, as libpq reads it.
        password: Where it is not in the environment or in the password file of libpq.

    Raises:
        InvalidConfigError: The URL cannot be read.
        MissingRequirementError: The driver is not installed.
        OutriderError: It cannot be reached.
    """
    engine = _engine(_address(url, password))
    name = engine.url.set(drivername="postgresql", password=None, query={}).render_as_string()
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
    except SQLAlchemyError as error:
        engine.dispose()
        raise translate(error, name) from error
    return PostgresqlStore(
        engine,
        name=name,
        begin=["BEGIN", f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})"],
        begin_reading=["BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"],
        unbroken=True,
        shared=True,
    )


def _address(url: str, password: str | None) -> sa.URL:
    try:
        address = sa.make_url(url)
    except (SQLAlchemyError, ValueError) as error:
        raise _not_an_address(url) from error
    if address.get_backend_name() not in ("postgresql", "postgres") or not address.database:
        raise _not_an_address(url)
    address = address.set(drivername="postgresql+psycopg")
    return address.set(password=password) if password is not None else address


def _not_an_address(url: str) -> InvalidConfigError:
    return InvalidConfigError(
        "store: not the address of a PostgreSQL database", found=url.partition("@")[2] or url,
        expected="postgresql://USER@HOST:PORT/DATABASE", suggestions=["the password belongs into `password`, as a secret"],
    )  # fmt: skip


def _engine(address: sa.URL) -> sa.Engine:
    given = address.query.get("options", "")
    limits = ("statement_timeout", "idle_in_transaction_session_timeout")
    words = [given] if isinstance(given, str) else list(given)
    options = " ".join([*words, *(f"-c {name}={STATEMENT_MILLISECONDS}" for name in limits)])
    try:
        engine = sa.create_engine(
            address,
            isolation_level="AUTOCOMMIT",
            connect_args={"connect_timeout": CONNECT_SECONDS, "options": options, "application_name": "outrider"},
            poolclass=sa.pool.QueuePool,
            pool_size=READERS + 2,
            pool_pre_ping=True,
        )
    except ModuleNotFoundError as error:
        raise MissingRequirementError(
            "PostgreSQL needs the driver psycopg", found=str(error), expected="the extra `postgresql`",
            suggestions=["pip install 'outrider[postgresql]'"],
        ) from error  # fmt: skip

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _: Any) -> None:
        from psycopg.types.string import StrDumper  # noqa: PLC0415 - only who has PostgreSQL has it

        class WithoutNull(StrDumper):
            """PostgreSQL's text cannot hold U+0000, which a message of a plugin may."""

            def dump(self, obj: str) -> Any:
                return super().dump(obj.replace("\0", "\ufffd"))

        connection.adapters.register_dumper(str, WithoutNull)

    return engine
