"""Advisories on disk: one SQLite file with an index, written as a whole and only read from then on."""

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from outrider.core.errors import ExecutionFailedError, MissingRequirementError
from outrider.core.timestamps import timestamp
from outrider.operators.packages.advisories.osv import Advisory, Affected

# Another form of the file: an older one is made anew by the next import.
_FORM = 2
_SCHEMA = f"""
PRAGMA user_version = {_FORM};
CREATE TABLE source (ecosystem TEXT PRIMARY KEY, source TEXT, imported TEXT, newest TEXT, records INTEGER) WITHOUT ROWID;
CREATE TABLE advisory (id TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE affected (
    ecosystem TEXT, name TEXT, id TEXT, said BLOB, PRIMARY KEY (ecosystem, name, id)
) WITHOUT ROWID;
"""

# What is there already of ecosystems that are not replaced.
_COPIES = (
    "INSERT OR IGNORE INTO affected SELECT * FROM old.affected WHERE ecosystem NOT IN (SELECT ecosystem FROM replaced)",
    "INSERT OR IGNORE INTO source SELECT * FROM old.source WHERE ecosystem NOT IN (SELECT ecosystem FROM replaced)",
    "INSERT OR IGNORE INTO advisory SELECT * FROM old.advisory WHERE id IN (SELECT id FROM affected)",
)


class Source(msgspec.Struct, kw_only=True, frozen=True):
    """Where the advisories of an ecosystem came from.

    Attributes:
        ecosystem: Which.
        source: A file, folder or address.
        imported: When, as RFC 3339 has it.
        newest: When the newest record was changed, as RFC 3339 has it.
        records: How many there are.
    """

    ecosystem: str
    source: str
    imported: str
    newest: str
    records: int


class Row(msgspec.Struct, frozen=True):
    """What one record says of a package; `said` may be several things."""

    id: str
    said: list[Affected]


class AdvisoryStore:
    """The file, opened for reading.

    Args:
        path: Of the file.

    Raises:
        MissingRequirementError: There is none.
        ExecutionFailedError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file():
            raise _nothing_imported(path)
        with self._told():
            # Nobody writes to the file once it is there: another one takes its place.
            self._database = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
            (form,) = self._database.execute("PRAGMA user_version").fetchone()
        if form != _FORM:
            self.close()
            raise _nothing_imported(path)
        self._rows = msgspec.msgpack.Decoder(list[Affected])
        self._records = msgspec.msgpack.Decoder(Advisory)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise ExecutionFailedError(
                f"{self._path}: the advisories cannot be read: {error}", found=str(error), expected="what an import has written",
                suggestions=["outrider packages import_advisories SOURCE"],
            ) from error  # fmt: skip

    def sources(self) -> dict[str, Source]:
        """Return where advisories came from, by ecosystem."""
        with self._told():
            rows = self._database.execute("SELECT ecosystem, source, imported, newest, records FROM source").fetchall()
        return {
            ecosystem: Source(ecosystem=ecosystem, source=source, imported=imported, newest=newest, records=records)
            for ecosystem, source, imported, newest, records in rows
        }

    def about(self, ecosystem: str, name: str) -> list[Row]:
        """Return what there is about a package, by its compared name."""
        query = "SELECT id, said FROM affected WHERE ecosystem = ? AND name = ?"
        with self._told():
            found = self._database.execute(query, (ecosystem, name)).fetchall()
            return [Row(identity, self._rows.decode(said)) for identity, said in found]

    def advisory(self, identity: str) -> Advisory:
        """Return a record that `about` has named."""
        with self._told():
            (record,) = self._database.execute("SELECT record FROM advisory WHERE id = ?", (identity,)).fetchone()
            return self._records.decode(record)


def write_store(
    path: Path, advisories: Iterable[Advisory], source: str, now: float, *, add: bool = False
) -> list[Source]:
    """Put advisories into the place of those of the same ecosystems; those of others stay.

    Args:
        path: Of the file.
        advisories: Whatever there is of their ecosystems.
        source: Where they come from.
        now: Seconds since the epoch.
        add: Leave those of the same ecosystems too, but for records of the same id.

    Returns:
        What was imported, by ecosystem.

    Raises:
        ExecutionFailedError: It cannot be written; the old file stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as folder:
            made = Path(folder) / "advisories.db"
            with closing(sqlite3.connect(made)) as database:
                database.executescript(_SCHEMA)
                newest = _fill(database, advisories)
                if path.is_file():
                    _take_over(database, path, set() if add else set(newest))
                found = [_source(database, ecosystem, source, now, newest[ecosystem]) for ecosystem in sorted(newest)]
                database.commit()
                database.execute("VACUUM")
            made.replace(path)
    except (OSError, sqlite3.Error) as error:
        raise ExecutionFailedError(
            f"{path}: the advisories cannot be written: {error}", found=str(error), expected="a folder with room",
            suggestions=["make room, or set XDG_CACHE_HOME to another folder"],
        ) from error  # fmt: skip
    return found


def _fill(database: sqlite3.Connection, advisories: Iterable[Advisory]) -> dict[str, str]:
    """Write advisories, and return the time of the newest one by ecosystem."""
    newest: dict[str, str] = {}
    for advisory in advisories:
        rows: dict[tuple[str, str], list[Affected]] = {}
        for one in advisory.affected:
            rows.setdefault((one.ecosystem, one.name), []).append(one)
        for (ecosystem, name), said in rows.items():
            packed = msgspec.msgpack.encode(said)
            database.execute(
                "INSERT OR REPLACE INTO affected VALUES (?, ?, ?, ?)", (ecosystem, name, advisory.id, packed)
            )
            newest[ecosystem] = max(newest.get(ecosystem, ""), advisory.modified)
        if rows:
            record = msgspec.msgpack.encode(msgspec.structs.replace(advisory, affected=()))
            database.execute("INSERT OR REPLACE INTO advisory VALUES (?, ?)", (advisory.id, record))
    return newest


def _take_over(database: sqlite3.Connection, path: Path, replaced: set[str]) -> None:
    """Copy what is there already, but for some ecosystems and for what was written anew."""
    database.commit()
    database.execute("ATTACH DATABASE ? AS old", (str(path),))
    (form,) = database.execute("PRAGMA old.user_version").fetchone()
    if form == _FORM:
        database.execute("CREATE TEMPORARY TABLE replaced (ecosystem TEXT PRIMARY KEY)")
        database.executemany("INSERT INTO replaced VALUES (?)", [(one,) for one in sorted(replaced)])
        for copy in _COPIES:
            database.execute(copy)
    database.commit()
    database.execute("DETACH DATABASE old")


def _source(database: sqlite3.Connection, ecosystem: str, source: str, now: float, newest: str) -> Source:
    query = "SELECT COUNT(DISTINCT id) FROM affected WHERE ecosystem = ?"
    (records,) = database.execute(query, (ecosystem,)).fetchone()
    found = Source(ecosystem=ecosystem, source=source, imported=timestamp(now), newest=newest, records=records)
    database.execute("INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?, ?)", msgspec.structs.astuple(found))
    return found


def _nothing_imported(path: Path) -> MissingRequirementError:
    return MissingRequirementError(
        "no advisories are imported", found=f"nothing in {path}", expected="advisories of the ecosystems that are looked at",
        suggestions=["outrider packages import_advisories ALL.ZIP, with a file of the OSV database"],
    )  # fmt: skip
