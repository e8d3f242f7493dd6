"""Writes the file of advisories: what an import says, and what stays of what is there."""

import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from outrider.core.errors import ExecutionFailedError
from outrider.core.timestamps import timestamp
from outrider.operators.packages.advisories.coverage import covered
from outrider.operators.packages.advisories.exploits import EPSS, KEV, ExploitScore, Known, KnownExploit
from outrider.operators.packages.advisories.osv import Advisory, Affected, Withdrawn
from outrider.operators.packages.advisories.store import FORM, Source

_SCHEMA = f"""
PRAGMA user_version = {FORM};
CREATE TABLE source (ecosystem TEXT PRIMARY KEY, source TEXT, imported TEXT, newest TEXT, records INTEGER) WITHOUT ROWID;
CREATE TABLE advisory (id TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE affected (
    ecosystem TEXT, name TEXT, id TEXT, said BLOB, PRIMARY KEY (ecosystem, name, id)
) WITHOUT ROWID;
CREATE TABLE score (cve TEXT PRIMARY KEY, epss REAL, percentile REAL) WITHOUT ROWID;
CREATE TABLE exploited (cve TEXT PRIMARY KEY, since TEXT, due TEXT, ransomware INTEGER) WITHOUT ROWID;
"""

# What is there already of ecosystems that are not replaced, and of which the import says nothing by the same id.
_COPIES = (
    """INSERT OR IGNORE INTO affected SELECT * FROM old.affected
    WHERE ecosystem NOT IN (SELECT ecosystem FROM replaced) AND id NOT IN (SELECT id FROM said)""",
    "INSERT OR IGNORE INTO source SELECT * FROM old.source",
    "INSERT OR IGNORE INTO advisory SELECT * FROM old.advisory WHERE id IN (SELECT id FROM affected)",
    "INSERT OR IGNORE INTO score SELECT * FROM old.score WHERE 'epss' NOT IN (SELECT ecosystem FROM replaced)",
    "INSERT OR IGNORE INTO exploited SELECT * FROM old.exploited WHERE 'kev' NOT IN (SELECT ecosystem FROM replaced)",
)
# Where advisories of an ecosystem, or what else was imported, are counted.
_COUNTS: dict[str, tuple[str, tuple[str, ...]]] = {
    EPSS: ("SELECT COUNT(*) FROM score", ()),
    KEV: ("SELECT COUNT(*) FROM exploited", ()),
}
_GONE = """SELECT COUNT(DISTINCT id) FROM old.affected WHERE ecosystem = ?1
    AND id NOT IN (SELECT id FROM main.affected WHERE ecosystem = ?1)"""
_TOUCHED = "SELECT DISTINCT ecosystem FROM old.affected WHERE id IN (SELECT id FROM said)"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Written(NamedTuple):
    """What an import has come to.

    Attributes:
        sources: What was imported, by ecosystem. Of one of which nothing is known records of another are not told.
        gone: How many advisories of each ecosystem that was replaced are not there any more.
        withdrawn: How many of others are not, since the records of their ids say that.
        damaged: Where the file is now that was there and could not be read; None where it could.
    """

    sources: list[Source]
    gone: dict[str, int]
    withdrawn: dict[str, int]
    damaged: Path | None


class _Said(NamedTuple):
    """What an import says.

    Attributes:
        newest: The time of the newest part of it, by ecosystem.
        ids: Of records, by ecosystem; none of what is known of exploits.
        withdrawn: Those of records that count no longer.
        nowhere: Those of records that are about no ecosystem that is known here.
    """

    newest: dict[str, str]
    ids: dict[str, set[str]]
    withdrawn: set[str]
    nowhere: set[str]

    def seen(self, ecosystem: str, time: str) -> set[str]:
        """Note a part of it, and return the ids of its ecosystem."""
        self.newest[ecosystem] = max(self.newest.get(ecosystem, ""), time)
        return self.ids.setdefault(ecosystem, set())


def write_store(path: Path, known: Iterable[Known], source: str, now: float, *, add: bool = False) -> Written:
    """Put advisories into the place of those of the ecosystems that they cover; others stay, but for records of the same id.

    So it is with what is known of exploits. A file that is damaged is kept under another name, and made anew.

    Args:
        path: Of the file.
        known: Whatever there is of their ecosystems.
        source: Where they come from.
        now: Seconds since the epoch.
        add: Leave those of the same ecosystems too.

    Raises:
        ExecutionFailedError: It cannot be written; the old file stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as folder:
            made = Path(folder) / "advisories.db"
            with closing(sqlite3.connect(made)) as database:
                database.executescript(_SCHEMA)
                said = _fill(database, known)
                known_before, gone, is_damaged = _take_over(database, path, said, add=add)
                whole = covered(said.ids, known_before)
                begun = whole - known_before if add else whole
                found = _tell(database, said, gone, begun=begun, source=source, imported=timestamp(now))
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
    replaced = set() if add else whole
    return Written(
        sources=found,
        gone={one: count for one, count in gone.items() if one in replaced},
        withdrawn={one: count for one, count in gone.items() if one not in replaced},
        damaged=damaged_path(path) if is_damaged else None,
    )


def damaged_path(path: Path) -> Path:
    """Return under which name a file is kept that is damaged."""
    return path.with_name(f"{path.name}.damaged")


def _fill(database: sqlite3.Connection, known: Iterable[Known]) -> _Said:
    """Write what is known, and return what there is of it."""
    said = _Said({}, {}, set(), set())
    for one in known:
        if isinstance(one, Withdrawn):
            said.withdrawn.add(one.id)
        elif isinstance(one, ExploitScore):
            row = (one.cve, one.epss, one.percentile)
            database.execute("INSERT OR REPLACE INTO score VALUES (?, ?, ?)", row)
            said.seen(EPSS, one.scored)
        elif isinstance(one, KnownExploit):
            listed = (one.cve, one.since, one.due, one.ransomware)
            database.execute("INSERT OR REPLACE INTO exploited VALUES (?, ?, ?, ?)", listed)
            said.seen(KEV, one.released)
        else:
            _add(database, one, said)
    return said


def _add(database: sqlite3.Connection, advisory: Advisory, said: _Said) -> None:
    rows: dict[tuple[str, str], list[Affected]] = {}
    for one in advisory.affected:
        rows.setdefault((one.ecosystem, one.name), []).append(one)
    for (ecosystem, name), affected in rows.items():
        packed = msgspec.msgpack.encode(affected)
        database.execute("INSERT OR REPLACE INTO affected VALUES (?, ?, ?, ?)", (ecosystem, name, advisory.id, packed))
        said.seen(ecosystem, advisory.modified).add(advisory.id)
    if not rows:
        said.nowhere.add(advisory.id)
        return
    record = msgspec.msgpack.encode(msgspec.structs.replace(advisory, affected=()))
    database.execute("INSERT OR REPLACE INTO advisory VALUES (?, ?)", (advisory.id, record))


def _take_over(
    database: sqlite3.Connection, path: Path, said: _Said, *, add: bool
) -> tuple[set[str], dict[str, int], bool]:
    """Take over what is there already.

    Returns:
        The ecosystems that are known already; how many advisories are not there any more, by ecosystem; whether what is there is damaged.
    """
    database.commit()
    try:
        return (*_copy(database, path, said, add=add), False) if path.is_file() else (set(), {}, False)
    except sqlite3.DatabaseError as error:
        # The last eight bits say what it is, those before them where.
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
            raise
        database.rollback()
        return set(), {}, True


def _copy(database: sqlite3.Connection, path: Path, said: _Said, *, add: bool) -> tuple[set[str], dict[str, int]]:
    """Copy what is there already, but for what an import replaces; otherwise as `_take_over`."""
    database.execute("ATTACH DATABASE ? AS old", (str(path),))
    (form,) = database.execute("PRAGMA old.user_version").fetchone()
    if form != FORM:
        return set(), {}
    known = {one for (one,) in database.execute("SELECT ecosystem FROM old.source")}
    replaced = set() if add else covered(said.ids, known)
    seen = said.withdrawn.union(said.nowhere, *said.ids.values())
    database.execute("CREATE TEMPORARY TABLE replaced (ecosystem TEXT PRIMARY KEY)")
    database.execute("CREATE TEMPORARY TABLE said (id TEXT PRIMARY KEY) WITHOUT ROWID")
    database.executemany("INSERT INTO replaced VALUES (?)", [(one,) for one in replaced])
    database.executemany("INSERT INTO said VALUES (?)", [(one,) for one in seen])
    for copy in _COPIES:
        database.execute(copy)
    touched = replaced | {one for (one,) in database.execute(_TOUCHED)}
    gone = {one: database.execute(_GONE, (one,)).fetchone()[0] for one in sorted(touched)}
    database.commit()
    database.execute("DETACH DATABASE old")
    return known, {one: count for one, count in gone.items() if count}


def _tell(
    database: sqlite3.Connection, said: _Said, gone: Iterable[str], *, begun: set[str], source: str, imported: str
) -> list[Source]:
    """Write where advisories come from, and return what was imported.

    Args:
        database: With all advisories.
        said: What the import says.
        gone: Ecosystems of which there are fewer records than before.
        begun: Those of which the import has all; what it has of others makes these no younger.
        source: Where it comes from.
        imported: When it was.
    """
    found = []
    for ecosystem in sorted({*said.newest, *gone}):
        records = _count(database, ecosystem)
        newest = said.newest.get(ecosystem, "")
        if ecosystem in begun:
            row = (ecosystem, source, imported, newest, records)
            database.execute("INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?, ?)", row)
        is_known = database.execute("UPDATE source SET records = ? WHERE ecosystem = ?", (records, ecosystem)).rowcount
        if is_known and ecosystem in said.newest:
            found.append(Source(ecosystem=ecosystem, source=source, imported=imported, newest=newest, records=records))
    return found


def _count(database: sqlite3.Connection, ecosystem: str) -> int:
    asked = ("SELECT COUNT(DISTINCT id) FROM affected WHERE ecosystem = ?", (ecosystem,))
    (records,) = database.execute(*_COUNTS.get(ecosystem, asked)).fetchone()
    return int(records)
