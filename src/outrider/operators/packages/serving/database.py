"""What the registry knows: one SQLite file, read at once and written by one thread at a time; several processes may share it."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from outrider.core.errors import ExecutionFailedError, PreconditionFailedError

T = TypeVar("T")

# Another form of the tables than this one is not understood, but for those before it, to which something is added.
_FORM = 3
_WAIT_SECONDS = 30.0
# Of a code of SQLite, that which is not further detail.
_PRIMARY = 0xFF
_SCHEMA = """
CREATE TABLE package (
    ecosystem TEXT, name TEXT, hosted INTEGER NOT NULL, there INTEGER NOT NULL, fresh REAL NOT NULL, fetched REAL NOT NULL,
    etag TEXT NOT NULL, modified TEXT NOT NULL, source TEXT NOT NULL, raw TEXT NOT NULL, rules TEXT NOT NULL, refused BLOB NOT NULL,
    summary BLOB NOT NULL,
    PRIMARY KEY (ecosystem, name)
) WITHOUT ROWID;
CREATE TABLE document (
    ecosystem TEXT, name TEXT, kind TEXT, type TEXT NOT NULL, digest TEXT NOT NULL, gzip TEXT NOT NULL, zstd TEXT NOT NULL,
    made REAL NOT NULL DEFAULT 0, PRIMARY KEY (ecosystem, name, kind)
) WITHOUT ROWID;
CREATE TABLE file (
    ecosystem TEXT, name TEXT, file TEXT, digest TEXT NOT NULL, size INTEGER NOT NULL, version TEXT NOT NULL, used REAL NOT NULL,
    PRIMARY KEY (ecosystem, name, file)
) WITHOUT ROWID;
CREATE TABLE release (
    ecosystem TEXT, name TEXT, file TEXT, version TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL, said BLOB NOT NULL,
    published REAL NOT NULL, publisher TEXT NOT NULL, yanked TEXT, beside TEXT NOT NULL,
    PRIMARY KEY (ecosystem, name, file)
) WITHOUT ROWID;
CREATE TABLE withdrawn (
    ecosystem TEXT, name TEXT, version TEXT, digest TEXT NOT NULL, PRIMARY KEY (ecosystem, name, version)
) WITHOUT ROWID;
CREATE TABLE need (
    ecosystem TEXT, needed TEXT, name TEXT, PRIMARY KEY (ecosystem, needed, name)
) WITHOUT ROWID;
CREATE INDEX need_of ON need (ecosystem, name);
CREATE TABLE tag (
    ecosystem TEXT, name TEXT, tag TEXT, version TEXT NOT NULL, PRIMARY KEY (ecosystem, name, tag)
) WITHOUT ROWID;
CREATE TABLE user (name TEXT PRIMARY KEY, password TEXT NOT NULL, scopes TEXT NOT NULL, patterns BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE token (
    digest TEXT PRIMARY KEY, name TEXT NOT NULL, owner TEXT NOT NULL, scopes TEXT NOT NULL, patterns BLOB NOT NULL, made REAL NOT NULL,
    until REAL NOT NULL
) WITHOUT ROWID;
"""
# By the form that it makes of the one before.
_ADDED = {
    2: "ALTER TABLE document ADD COLUMN made REAL NOT NULL DEFAULT 0",
    3: "CREATE TABLE withdrawn (ecosystem TEXT, name TEXT, version TEXT, digest TEXT NOT NULL, PRIMARY KEY (ecosystem, name, version)) WITHOUT ROWID",
}


class Database:
    """The file, made where it is not there.

    Args:
        path: Of the file.

    Raises:
        PreconditionFailedError: It is of another version of Outrider.
        ExecutionFailedError: It cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = asyncio.Lock()
        self._writing: set[asyncio.Task[Any]] = set()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._writer = self._connect()
            self._reader = self._connect()
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.execute("PRAGMA journal_mode = WAL")
        # What was published is there after a power cut.
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _prepare(self) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        (form,) = self._writer.execute("PRAGMA user_version").fetchone()
        if form == 0:
            for statement in _SCHEMA.split(";"):
                self._writer.execute(statement)
        elif 0 < form < _FORM:
            for later in range(form + 1, _FORM + 1):
                self._writer.execute(_ADDED[later])
        if 0 <= form < _FORM:
            self._writer.execute(f"PRAGMA user_version = {_FORM}")
        self._writer.execute("COMMIT")
        if not 0 <= form <= _FORM:
            raise PreconditionFailedError(
                f"{self._path}: it was written by another version of Outrider", found=f"form {form}", expected=f"form {_FORM}",
                suggestions=["name another folder, and take what was published here over by a bundle"],
            )  # fmt: skip

    def changes(self) -> int:
        """Return a number that is another one after each change, by whichever process."""
        found: int = self._reader.execute("PRAGMA data_version").fetchone()[0]
        return found

    @property
    def reader(self) -> sqlite3.Connection:
        """The connection for reading, which the thread of the event loop has alone."""
        return self._reader

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Change something, in one transaction and in a thread; nothing of it remains where `work` raises.

        Raises:
            ExecutionFailedError: It cannot be written.
            OutriderError: What `work` raises.
        """
        # Where nobody waits any more the thread still comes to its end, and until then the connection is its own.
        task = asyncio.create_task(self._alone(work))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return await asyncio.shield(task)

    async def _alone(self, work: Callable[[sqlite3.Connection], T]) -> T:
        async with self._lock:
            return await asyncio.to_thread(self._transaction, work)

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                result = work(self._writer)
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        return result

    async def close(self) -> None:
        """Close the file, once what is being written is there."""
        if self._writing:
            await asyncio.wait(self._writing)
        self._reader.close()
        self._writer.close()

    def _unusable(self, error: OSError | sqlite3.Error) -> ExecutionFailedError:
        if getattr(error, "sqlite_errorcode", 0) & _PRIMARY in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return ExecutionFailedError(
                f"{self._path}: it is damaged: {error}", found=str(error), expected="what the registry has written",
                suggestions=["put a copy of the whole folder in its place", "name another folder, and publish there anew what was published here"],
            )  # fmt: skip
        return ExecutionFailedError(
            f"{self._path}: it cannot be used: {error}", found=str(error), expected="a folder with room that this user may write to",
            suggestions=["make room, or name another folder"],
        )  # fmt: skip
