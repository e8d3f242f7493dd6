"""Advisories on disk: one SQLite file with an index, which `writing` writes as a whole, and which is only read from then on.

What is known of exploits is in tables of its own, by CVE.
"""

import sqlite3
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from outrider.core.errors import ExecutionFailedError, MissingRequirementError
from outrider.operators.packages.advisories.exploits import EPSS, KEV, ExploitScore, KnownExploit
from outrider.operators.packages.advisories.osv import Advisory, Affected

# Another form of the file: an older one is made anew by the next import. In older ones it is not told whether that of an ecosystem is all.
FORM = 4
_CVES: dict[str, tuple[str, tuple[str, ...]]] = {
    EPSS: ("SELECT cve FROM score", ()),
    KEV: ("SELECT cve FROM exploited", ()),
}


class Source(msgspec.Struct, kw_only=True, frozen=True):
    """Where the advisories of an ecosystem came from.

    Attributes:
        ecosystem: Which; `epss` for the scores of EPSS, `kev` for CISA's catalogue of exploited vulnerabilities.
        source: A file, folder or address.
        imported: When, as RFC 3339 has it. What was added since makes it no younger.
        newest: When the newest record of that was changed, as RFC 3339 has it.
        records: How many there are, with those that were added since.
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
        if form != FORM:
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

    def touched(self, ids: Container[str]) -> set[str]:
        """Return the ecosystems that records of some ids are about."""
        with self._told():
            rows = self._database.execute("SELECT DISTINCT ecosystem, id FROM affected")
            return {ecosystem for ecosystem, identity in rows if identity in ids}

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


def _nothing_imported(path: Path) -> MissingRequirementError:
    return MissingRequirementError(
        "no advisories are imported", found=f"nothing in {path}", expected="advisories of the ecosystems that are looked at",
        suggestions=["outrider packages import_advisories ALL.ZIP, with a file of the OSV database"],
    )  # fmt: skip
