"""A copy of an SQLite database that others may be writing to."""

import sqlite3
from contextlib import closing
from pathlib import Path

from outrider.core.errors import ExecutionFailedError

BUSY_SECONDS = 30.0


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment; its writers go on meanwhile.

    Raises:
        ExecutionFailedError: It cannot be read, or the disk is full.
    """
    try:
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as reader,
            closing(sqlite3.connect(target)) as writer,
        ):
            reader.backup(writer)
            writer.execute("PRAGMA journal_mode=DELETE")  # one file, whole by itself
    except sqlite3.Error as error:
        raise ExecutionFailedError(
            f"{source.name} cannot be copied: {error}", found=str(source), suggestions=["check the space on the disk"]
        ) from error
