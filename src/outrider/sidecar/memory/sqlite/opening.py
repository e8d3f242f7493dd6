"""Opens a store in a folder."""

import asyncio
import importlib
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from outrider.core.errors import MissingRequirementError
from outrider.ports.clock import Clock
from outrider.sidecar.memory.model import Quota
from outrider.sidecar.memory.sql import schema
from outrider.sidecar.memory.sql.conversations import SqlConversations
from outrider.sidecar.memory.sql.database import migrate
from outrider.sidecar.memory.sql.entries import SqlKeyValues
from outrider.sidecar.memory.sqlite.database import SqliteDatabase
from outrider.sidecar.memory.sqlite.vectors import PAGE_BYTES, SqliteVectors

_NO_QUOTA = Quota()


async def open_conversations(folder: Path, *, clock: Clock, quota: Quota = _NO_QUOTA) -> SqlConversations:
    """Open the conversations of a folder; it is made where it is not there.

    Raises:
        OutriderError: It cannot be opened.
    """
    open_file = partial(SqliteDatabase, folder / "conversations.db")
    return SqlConversations(await _opened(open_file, schema.CONVERSATIONS, schema.conversations), clock, quota)


async def open_key_values(folder: Path, *, clock: Clock, quota: Quota = _NO_QUOTA) -> SqlKeyValues:
    """Open the keys and values of a folder; it is made where it is not there.

    Raises:
        OutriderError: It cannot be opened.
    """
    open_file = partial(SqliteDatabase, folder / "entries.db")
    return SqlKeyValues(await _opened(open_file, schema.ENTRIES, schema.entries), clock, quota)


async def open_vectors(folder: Path, *, clock: Clock, quota: Quota = _NO_QUOTA) -> SqliteVectors:
    """Open the vectors of a folder; it is made where it is not there.

    Raises:
        MissingRequirementError: sqlite-vec is not installed, or nothing here can load it.
        OutriderError: It cannot be opened.
    """
    driver, load = _extension()

    def prepare(connection: Any) -> None:
        connection.enable_load_extension(True)
        load(connection)
        connection.enable_load_extension(False)

    open_file = partial(SqliteDatabase, folder / "vectors.db", driver=driver, page_bytes=PAGE_BYTES, prepare=prepare)
    return SqliteVectors(await _opened(open_file, schema.VECTORS, schema.vectors), clock, quota)


async def _opened(
    open_file: Callable[[], SqliteDatabase], part: str, steps: Callable[[schema.Words], schema.Steps]
) -> SqliteDatabase:
    """Open a file outside the event loop: the disk may be slow."""

    def run() -> SqliteDatabase:
        database = open_file()
        try:
            database.write_now(lambda c: migrate(c, schema.MEMORIES, schema.memories(schema.SQLITE)))
            database.write_now(lambda c: migrate(c, part, steps(schema.SQLITE)))
        except BaseException:
            database.close_now()
            raise
        return database

    return await asyncio.to_thread(run)


def _extension() -> tuple[Any, Callable[[Any], None]]:
    """Return a driver that loads extensions, and what loads sqlite-vec into one of its connections."""
    try:
        load = importlib.import_module("sqlite_vec").load
        # Many Pythons, such as those of pyenv, are built without the means to load an extension.
        can_load = hasattr(sqlite3.Connection, "enable_load_extension")
        return sqlite3 if can_load else importlib.import_module("pysqlite3.dbapi2"), load
    except ModuleNotFoundError as error:
        raise MissingRequirementError(
            "vectors in SQLite need sqlite-vec, and pysqlite3 where this Python's own sqlite3 cannot load it",
            found=str(error), expected="the extra `memory`", suggestions=["pip install 'outrider[memory]'"],
        ) from error  # fmt: skip
