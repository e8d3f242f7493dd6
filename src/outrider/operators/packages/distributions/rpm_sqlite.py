"""The database of RPM in SQLite, rpmdb.sqlite: lib/backend/sqlite.c of RPM 4.18. A table `Packages` has a header in each row."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from outrider.operators.packages.locks.lock import unreadable

FORM = "rpmdb.sqlite"
# A query on a table has no need of more; one that was made to go on for ever has.
_STEPS, _MOST_STEPS = 100_000, 5000


def headers(content: bytes, log: bytes) -> Iterator[bytes]:
    """Yield the headers of the packages.

    Args:
        content: Of the database.
        log: What was written to it last, rpmdb.sqlite-wal; may be empty.

    Raises:
        InvalidConfigError: It is no such database, or is damaged.
    """
    # A copy, for SQLite takes what is in the log into the database.
    with tempfile.TemporaryDirectory(prefix="outrider-rpmdb-") as folder:
        path = Path(folder) / FORM
        path.write_bytes(content)
        if log:
            path.with_name(f"{FORM}-wal").write_bytes(log)
        try:
            with closing(sqlite3.connect(path)) as database:
                yield from _rows(database)
        except sqlite3.Error as error:
            raise unreadable(FORM, str(error), "a database of RPM in SQLite") from error


def _rows(database: sqlite3.Connection) -> Iterator[bytes]:
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA cell_size_check = ON")
    left = iter(range(_MOST_STEPS))
    database.set_progress_handler(lambda: next(left, None) is None, _STEPS)
    kinds = database.execute("SELECT type FROM sqlite_master WHERE name = 'Packages'").fetchall()
    if kinds != [("table",)]:
        raise unreadable(FORM, "no table Packages", "a database of RPM in SQLite")
    for (blob,) in database.execute("SELECT blob FROM Packages ORDER BY hnum"):
        if not isinstance(blob, bytes):
            raise unreadable(FORM, f"{type(blob).__name__} where a header should be", "a database of RPM in SQLite")
        yield blob
