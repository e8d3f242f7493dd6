"""Opens a store in a database."""

import asyncio
from collections.abc import Callable

from outrider.core.errors import MissingRequirementError, OutriderError
from outrider.ports.clock import Clock
from outrider.sidecar.memory.model import Quota
from outrider.sidecar.memory.postgresql.database import MIGRATION_LOCK, PostgresqlDatabase
from outrider.sidecar.memory.postgresql.vectors import TABLE, PostgresqlVectors
from outrider.sidecar.memory.sql import schema
from outrider.sidecar.memory.sql.conversations import SqlConversations
from outrider.sidecar.memory.sql.database import Connection, migrate
from outrider.sidecar.memory.sql.entries import SqlKeyValues

_NO_QUOTA = Quota()


async def open_conversations(
    url: str, *, clock: Clock, password: str | None = None, quota: Quota = _NO_QUOTA
) -> SqlConversations:
    """Open the conversations of a database; its tables are made where they are not there.

    Raises:
        OutriderError: As `PostgresqlDatabase`.
    """
    steps = schema.conversations(schema.POSTGRESQL)
    return SqlConversations(await _opened(url, password, {schema.CONVERSATIONS: steps}), clock, quota)


async def open_key_values(
    url: str, *, clock: Clock, password: str | None = None, quota: Quota = _NO_QUOTA
) -> SqlKeyValues:
    """Open the keys and values of a database; its tables are made where they are not there.

    Raises:
        OutriderError: As `PostgresqlDatabase`.
    """
    steps = schema.entries(schema.POSTGRESQL)
    return SqlKeyValues(await _opened(url, password, {schema.ENTRIES: steps}), clock, quota)


async def open_vectors(
    url: str, *, clock: Clock, password: str | None = None, quota: Quota = _NO_QUOTA
) -> PostgresqlVectors:
    """Open the vectors of a database; its tables are made where they are not there.

    Raises:
        MissingRequirementError: The database has no pgvector.
        OutriderError: As `PostgresqlDatabase`.
    """
    steps = {schema.VECTORS: schema.vectors(schema.POSTGRESQL), "pgvector": TABLE}
    return PostgresqlVectors(await _opened(url, password, steps, before=_extend), clock, quota)


async def _opened(
    url: str,
    password: str | None,
    parts: dict[str, schema.Steps],
    *,
    before: Callable[[PostgresqlDatabase], None] = lambda _: None,
) -> PostgresqlDatabase:
    """Connect outside the event loop: names are looked up, and the server may be slow."""

    def prepare(connection: Connection) -> None:
        connection.execute("SELECT pg_advisory_xact_lock(?)", (MIGRATION_LOCK,))
        migrate(connection, schema.MEMORIES, schema.memories(schema.POSTGRESQL))
        for part, steps in parts.items():
            migrate(connection, part, steps)

    def run() -> PostgresqlDatabase:
        database = PostgresqlDatabase(url, password=password)
        try:
            before(database)
            database.write_now(prepare)
        except BaseException:
            database.close_now()
            raise
        return database

    return await asyncio.to_thread(run)


def _extend(database: PostgresqlDatabase) -> None:
    """Switch pgvector on in the database.

    Raises:
        MissingRequirementError: The server has none, or the user may not switch it on.
    """

    def create(connection: Connection) -> None:
        connection.execute("SELECT pg_advisory_xact_lock(?)", (MIGRATION_LOCK,))
        if not connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'").fetchone():
            connection.execute("CREATE EXTENSION vector")

    try:
        database.write_now(create)
    except OutriderError as error:
        if error.retryable:
            raise
        raise MissingRequirementError(
            "vectors in PostgreSQL need its extension pgvector, and this database has none", found=error.message,
            expected="an extension `vector` in the database",
            suggestions=["install pgvector on the server, then: CREATE EXTENSION vector", "keep vectors in SQLite"],
        ) from error  # fmt: skip
