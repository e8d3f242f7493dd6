import os
import sqlite3
from pathlib import Path

import pytest

from outrider.core.errors import OutriderError
from outrider.edge.database import Database

SCHEMA = ("CREATE TABLE IF NOT EXISTS t (v TEXT)",)


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    path.write_bytes(b"this is no database " * 100)
    database = Database(path, SCHEMA)
    database.write_now(lambda c: c.execute("INSERT INTO t VALUES ('x')"))
    database.close()
    (aside,) = tmp_path.glob("outbox.damaged-*")
    assert aside.read_bytes().startswith(b"this is no database")


def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    first = Database(tmp_path / "a.db", SCHEMA)
    first.write_now(lambda c: c.execute("INSERT INTO t VALUES ('kept')"))
    first.close()
    second = Database(tmp_path / "a.db", SCHEMA)
    assert second.write_now(lambda c: c.execute("SELECT v FROM t").fetchall()) == [("kept",)]
    second.close()


def test_a_failed_body_leaves_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", SCHEMA)

    def body(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO t VALUES ('half')")
        connection.execute("INSERT INTO missing VALUES (1)")

    with pytest.raises(OutriderError):
        database.write_now(body)
    assert database.write_now(lambda c: c.execute("SELECT count(*) FROM t").fetchone()) == (0,)
    database.close()


def test_a_full_disk_is_told_and_passes(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", (*SCHEMA, "PRAGMA max_page_count = 20"))
    with pytest.raises(OutriderError) as caught:
        database.write_now(lambda c: c.execute("INSERT INTO t VALUES (?)", ("x" * 500_000,)))
    assert caught.value.code == "UNAVAILABLE"
    assert "free space" in caught.value.hint
    database.write_now(lambda c: c.execute("INSERT INTO t VALUES ('small')"))
    database.close()


def test_a_locked_file_is_told(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", (*SCHEMA, "PRAGMA busy_timeout = 50"))
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OutriderError) as caught:
        database.write_now(lambda c: c.execute("INSERT INTO t VALUES ('x')"))
    assert caught.value.retryable
    other.close()
    database.close()


def test_the_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    previous = os.umask(0o077)
    try:
        Database(tmp_path / "private" / "a.db", SCHEMA).close()
    finally:
        os.umask(previous)
    assert (tmp_path / "private").stat().st_mode & 0o077 == 0
