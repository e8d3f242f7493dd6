"""Advisories on disk: one SQLite file with an index, written as a whole and only read from then on.

What is known of exploits is in tables of its own, by CVE.
"""

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from outrider.core.errors import ExecutionFailedError, MissingRequirementError
from outrider.core.timestamps import timestamp
from outrider.operators.packages.advisories.exploits import EPSS, KEV, ExploitScore, Known, KnownExploit
from outrider.operators.packages.advisories.osv import Advisory, Affected

# Another form of the file: an older one is made anew by the next import.
_FORM = 3
# In it there is nothing yet of exploits; what there is of advisories can be taken over.
_BEFORE_EXPLOITS = 2
_SCHEMA = f"""
PRAGMA user_version = {_FORM};
CREATE TABLE source (ecosystem TEXT PRIMARY KEY, source TEXT, imported TEXT, newest TEXT, records INTEGER) WITHOUT ROWID;
CREATE TABLE advisory (id TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE affected (
    ecosystem TEXT, name TEXT, id TEXT, said BLOB, PRIMARY KEY (ecosystem, name, id)
) WITHOUT ROWID;
CREATE TABLE score (cve TEXT PRIMARY KEY, epss REAL, percentile REAL) WITHOUT ROWID;
CREATE TABLE exploited (cve TEXT PRIMARY KEY, since TEXT, due TEXT, ransomware INTEGER) WITHOUT ROWID;
"""

# What is there already of ecosystems that are not replaced.
_COPIES = (
    "INSERT OR IGNORE INTO affected SELECT * FROM old.affected WHERE ecosystem NOT IN (SELECT ecosystem FROM replaced)",
    "INSERT OR IGNORE INTO source SELECT * FROM old.source WHERE ecosystem NOT IN (SELECT ecosystem FROM replaced)",
    "INSERT OR IGNORE INTO advisory SELECT * FROM old.advisory WHERE id IN (SELECT id FROM affected)",
)
_EXPLOIT_COPIES = (
    "INSERT OR IGNORE INTO score SELECT * FROM old.score WHERE 'epss' NOT IN (SELECT ecosystem FROM replaced)",
    "INSERT OR IGNORE INTO exploited SELECT * FROM old.exploited WHERE 'kev' NOT IN (SELECT ecosystem FROM replaced)",
)
# Where advisories of an ecosystem, or what else was imported, are counted.
_COUNTS = {EPSS: "SELECT COUNT(*) FROM score", KEV: "SELECT COUNT(*) FROM exploited"}
_CVES: dict[str, tuple[str, tuple[str, ...]]] = {
    EPSS: ("SELECT cve FROM score", ()),
    KEV: ("SELECT cve FROM exploited", ()),
}
_GONE = """SELECT COUNT(DISTINCT id) FROM old.affected WHERE ecosystem = ?1
    AND id NOT IN (SELECT id FROM main.affected WHERE ecosystem = ?1)"""
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Source(msgspec.Struct, kw_only=True, frozen=True):
    """Where the advisories of an ecosystem came from.

    Attributes:
        ecosystem: Which; `epss` for the scores of EPSS, `kev` for CISA's catalogue of exploited vulnerabilities.
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


class Written(NamedTuple):
    """What an import has come to.

    Attributes:
        sources: What was imported, by ecosystem.
        gone: How many advisories of each ecosystem are not there any more.
        damaged: Where the file is now that was there and could not be read; None where it could.
    """

    sources: list[Source]
    gone: dict[str, int]
    damaged: Path | None


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

    def names(self, ecosystem: str) -> list[str]:
        """Return the compared names of all packages of an ecosystem that there is something about."""
        query = "SELECT DISTINCT name FROM affected WHERE ecosystem = ? ORDER BY name"
        with self._told():
            return [name for (name,) in self._database.execute(query, (ecosystem,))]

    def ids(self, ecosystem: str) -> set[str]:
        """Return the ids of all records about packages of an ecosystem; the CVEs that EPSS or CISA's catalogue tell of."""
        asked = ("SELECT DISTINCT id FROM affected WHERE ecosystem = ?", (ecosystem,))
        with self._told():
            return {identity for (identity,) in self._database.execute(*_CVES.get(ecosystem, asked))}

    def advisory(self, identity: str) -> Advisory:
        """Return a record that `about` has named."""
        with self._told():
            (record,) = self._database.execute("SELECT record FROM advisory WHERE id = ?", (identity,)).fetchone()
            return self._records.decode(record)

    def score(self, cve: str) -> ExploitScore | None:
        """Return what EPSS says of a CVE; None where it says nothing, or is not imported."""
        with self._told():
            row = self._database.execute("SELECT epss, percentile FROM score WHERE cve = ?", (cve,)).fetchone()
        return ExploitScore(cve, *row) if row else None

    def exploited(self, cve: str) -> KnownExploit | None:
        """Return what CISA's catalogue says of a CVE; None where it is not in it, or the catalogue is not imported."""
        query = "SELECT since, due, ransomware FROM exploited WHERE cve = ?"
        with self._told():
            row = self._database.execute(query, (cve,)).fetchone()
        return KnownExploit(cve, row[0], row[1], bool(row[2])) if row else None


def write_store(path: Path, known: Iterable[Known], source: str, now: float, *, add: bool = False) -> Written:
    """Put advisories into the place of those of the same ecosystems; those of others stay. So it is with what is known of exploits.

    A file that is damaged is kept under another name, and made anew.

    Args:
        path: Of the file.
        known: Whatever there is of their ecosystems.
        source: Where they come from.
        now: Seconds since the epoch.
        add: Leave those of the same ecosystems too, but for records of the same id.

    Raises:
        ExecutionFailedError: It cannot be written; the old file stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as folder:
            made = Path(folder) / "advisories.db"
            with closing(sqlite3.connect(made)) as database:
                database.executescript(_SCHEMA)
                newest = _fill(database, known)
                gone, is_damaged = _take_over(database, path, set() if add else set(newest))
                found = [_source(database, ecosystem, source, now, newest[ecosystem]) for ecosystem in sorted(newest)]
                database.commit()
                database.execute("VACUUM")
            if is_damaged:
                path.replace(damaged_path(path))
            made.replace(path)
    except (OSError, sqlite3.Error) as error:
        raise ExecutionFailedError(
            f"{path}: the advisories cannot be written: {error}", found=str(error), expected="a folder with room",
            suggestions=["make room, or set XDG_CACHE_HOME to another folder"],
        ) from error  # fmt: skip
    return Written(found, gone, damaged_path(path) if is_damaged else None)


def damaged_path(path: Path) -> Path:
    """Return under which name a file is kept that is damaged."""
    return path.with_name(f"{path.name}.damaged")


def _fill(database: sqlite3.Connection, known: Iterable[Known]) -> dict[str, str]:
    """Write what is known, and return the time of the newest part of it, by ecosystem."""
    newest: dict[str, str] = {}
    for one in known:
        if isinstance(one, ExploitScore):
            row = (one.cve, one.epss, one.percentile)
            database.execute("INSERT OR REPLACE INTO score VALUES (?, ?, ?)", row)
            newest[EPSS] = max(newest.get(EPSS, ""), one.scored)
        elif isinstance(one, KnownExploit):
            listed = (one.cve, one.since, one.due, one.ransomware)
            database.execute("INSERT OR REPLACE INTO exploited VALUES (?, ?, ?, ?)", listed)
            newest[KEV] = max(newest.get(KEV, ""), one.released)
        else:
            _add(database, one, newest)
    return newest


def _add(database: sqlite3.Connection, advisory: Advisory, newest: dict[str, str]) -> None:
    rows: dict[tuple[str, str], list[Affected]] = {}
    for one in advisory.affected:
        rows.setdefault((one.ecosystem, one.name), []).append(one)
    for (ecosystem, name), said in rows.items():
        packed = msgspec.msgpack.encode(said)
        database.execute("INSERT OR REPLACE INTO affected VALUES (?, ?, ?, ?)", (ecosystem, name, advisory.id, packed))
        newest[ecosystem] = max(newest.get(ecosystem, ""), advisory.modified)
    if rows:
        record = msgspec.msgpack.encode(msgspec.structs.replace(advisory, affected=()))
        database.execute("INSERT OR REPLACE INTO advisory VALUES (?, ?)", (advisory.id, record))


def _take_over(database: sqlite3.Connection, path: Path, replaced: set[str]) -> tuple[dict[str, int], bool]:
    """Take over what is there already; return how many advisories are not, by ecosystem, and whether what is there is damaged."""
    database.commit()
    try:
        return _copy(database, path, replaced) if path.is_file() else {}, False
    except sqlite3.DatabaseError as error:
        # The last eight bits say what it is, those before them where.
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
            raise
        database.rollback()
        return {}, True


def _copy(database: sqlite3.Connection, path: Path, replaced: set[str]) -> dict[str, int]:
    """Copy what is there already, but for some ecosystems and for what was written anew; return how much of these is not."""
    database.execute("ATTACH DATABASE ? AS old", (str(path),))
    (form,) = database.execute("PRAGMA old.user_version").fetchone()
    database.execute("CREATE TEMPORARY TABLE replaced (ecosystem TEXT PRIMARY KEY)")
    database.executemany("INSERT INTO replaced VALUES (?)", [(one,) for one in sorted(replaced)])
    copies = {_BEFORE_EXPLOITS: _COPIES, _FORM: (*_COPIES, *_EXPLOIT_COPIES)}
    for copy in copies.get(form, ()):
        database.execute(copy)
    counts = {one: database.execute(_GONE, (one,)).fetchone()[0] for one in sorted(replaced)} if form in copies else {}
    database.commit()
    database.execute("DETACH DATABASE old")
    return {one: count for one, count in counts.items() if count}


def _source(database: sqlite3.Connection, ecosystem: str, source: str, now: float, newest: str) -> Source:
    if ecosystem in _COUNTS:
        (records,) = database.execute(_COUNTS[ecosystem]).fetchone()
    else:
        query = "SELECT COUNT(DISTINCT id) FROM affected WHERE ecosystem = ?"
        (records,) = database.execute(query, (ecosystem,)).fetchone()
    # Where records were added there is what was said of those that stay.
    before = database.execute("SELECT newest FROM source WHERE ecosystem = ?", (ecosystem,)).fetchall()
    newest = max([newest, *(one for (one,) in before)])
    found = Source(ecosystem=ecosystem, source=source, imported=timestamp(now), newest=newest, records=records)
    database.execute("INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?, ?)", msgspec.structs.astuple(found))
    return found


def _nothing_imported(path: Path) -> MissingRequirementError:
    return MissingRequirementError(
        "no advisories are imported", found=f"nothing in {path}", expected="advisories of the ecosystems that are looked at",
        suggestions=["outrider packages import_advisories ALL.ZIP, with a file of the OSV database"],
    )  # fmt: skip
