"""What stands in the registry's tables, read and written through one connection."""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from outrider.operators.packages.serving.documents import StoredDocument

_ID = 12
_LONGEST_REASON = 200


class Summary(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What people want to see of a package first.

    Attributes:
        versions: All of them that may be installed, newest first.
        latest: That which is installed where nobody names one.
        description: In one line, as its author has written it.
        licence: Likewise.
        needs: Names of what the latest version needs.
        warned: What is said against some of the versions, such as that they were taken back.
    """

    versions: list[str] = []
    latest: str = ""
    description: str = ""
    licence: str = ""
    needs: list[str] = []
    warned: dict[str, str] = {}

    @property
    def is_told(self) -> bool:
        """Whether anything is known of what the latest version says of itself."""
        return bool(self.description or self.licence or self.needs)

    def completed(self, learned: "Summary") -> "Summary":
        """Return it with what was learned of the same version, where it tells nothing itself."""
        if self.is_told or self.latest != learned.latest:
            return self
        return msgspec.structs.replace(
            self, description=learned.description, licence=learned.licence, needs=learned.needs
        )


def warning(what: str, why: object) -> str:
    """Return what is said against a version, with the reason where there is one."""
    return f"{what}: {why[:_LONGEST_REASON]}" if isinstance(why, str) and why else what


class PackageState(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a package as a whole.

    Attributes:
        hosted: Whether it was published here; then nobody else is asked for it.
        there: Whether there is such a package.
        fresh: Until when nobody has to be asked again, seconds since the epoch.
        fetched: When somebody was asked last.
        etag: Of what was fetched.
        modified: Likewise.
        source: Where it came from.
        raw: The blob of what was fetched, as its ecosystem keeps it.
        rules: Under which policy its documents were made.
        refused: Versions that are refused, with the reason.
        summary: What people want to see first.
    """

    hosted: bool = False
    there: bool = True
    fresh: float = 0.0
    fetched: float = 0.0
    etag: str = ""
    modified: str = ""
    source: str = ""
    raw: str = ""
    rules: str = ""
    refused: dict[str, str] = {}
    summary: Summary = Summary()


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was published here.

    Attributes:
        file: Its name.
        version: Of which it is.
        digest: SHA-256 of it.
        size: In bytes.
        said: What was published with it, as its ecosystem keeps it.
        published: When, seconds since the epoch.
        publisher: By whom.
        yanked: Why it was taken back; None where it was not.
        beside: Another blob that belongs to it, such as the metadata of a wheel; empty for none.
    """

    file: str
    version: str
    digest: str
    size: int
    said: bytes
    published: float
    publisher: str
    yanked: str | None = None
    beside: str = ""


class KeptFile(NamedTuple):
    """A file that is here.

    Attributes:
        digest: SHA-256 of it.
        size: In bytes.
        version: Of which it is.
    """

    digest: str
    size: int
    version: str = ""


def id_of(digest: str) -> str:
    """Return by what people name a token: so much of its SHA-256 tells it from all others."""
    return digest[:_ID]


class TokenRow(NamedTuple):
    """A token as people see it.

    Attributes:
        digest: SHA-256 of it.
        label: By which people find it.
        owner: Who it is for.
        scopes: With spaces between them.
        patterns: Packages that it is about; empty for all.
        made: When, seconds since the epoch.
        until: When it ends; 0 for never.
    """

    digest: str
    label: str
    owner: str
    scopes: str
    patterns: list[str]
    made: float
    until: float

    @property
    def id(self) -> str:
        """By which it is revoked."""
        return id_of(self.digest)


class Account(NamedTuple):
    """A user, or a token, with what it may do.

    Attributes:
        name: Of the user, or who the token is for.
        secret: What a password becomes, or the SHA-256 of a token.
        scopes: With spaces between them.
        patterns: Packages that it is about; empty for all.
        until: When it ends, seconds since the epoch; 0 for never.
        label: Of a token; that of one which nobody has logged in for is its name.
    """

    name: str
    secret: str
    scopes: str
    patterns: list[str]
    until: float = 0.0
    label: str = ""


_SELECT_STATE = (
    "SELECT hosted, there, fresh, fetched, etag, modified, source, raw, rules, refused, summary FROM package"
    " WHERE ecosystem = ? AND name = ?"
)
_SELECT_RELEASES = (
    "SELECT file, version, digest, size, said, published, publisher, yanked, beside FROM release"
    " WHERE ecosystem = ? AND name = ? ORDER BY file"
)
_FORGETTING = {
    "package": "DELETE FROM package WHERE ecosystem = ? AND name = ?",
    "document": "DELETE FROM document WHERE ecosystem = ? AND name = ?",
    "file": "DELETE FROM file WHERE ecosystem = ? AND name = ?",
    "need": "DELETE FROM need WHERE ecosystem = ? AND name = ?",
}
_NAMING_BLOBS = (
    "SELECT raw FROM package",
    "SELECT digest, gzip, zstd FROM document",
    "SELECT digest FROM file",
    "SELECT digest, beside FROM release",
)
_SUMMARY = msgspec.msgpack.Decoder(Summary)
_REFUSED = msgspec.msgpack.Decoder(dict[str, str])
_PATTERNS = msgspec.msgpack.Decoder(list[str])


class Tables:
    """The tables, as one connection sees them.

    Args:
        connection: For reading, or within a transaction.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def state(self, ecosystem: str, name: str) -> PackageState | None:
        """Return what is known of a package; None where nothing is."""
        row = self._connection.execute(_SELECT_STATE, (ecosystem, name)).fetchone()
        if row is None:
            return None
        hosted, there, fresh, fetched, etag, modified, source, raw, rules, refused, summary = row
        return PackageState(
            hosted=bool(hosted), there=bool(there), fresh=fresh, fetched=fetched, etag=etag, modified=modified, source=source, raw=raw,
            rules=rules, refused=_REFUSED.decode(refused), summary=_SUMMARY.decode(summary),
        )  # fmt: skip

    def put_state(self, ecosystem: str, name: str, state: PackageState) -> None:
        """Put what is known of a package into the place of what was."""
        values = (
            ecosystem, name, state.hosted, state.there, state.fresh, state.fetched, state.etag, state.modified, state.source, state.raw,
            state.rules, msgspec.msgpack.encode(state.refused), msgspec.msgpack.encode(state.summary),
        )  # fmt: skip
        self._connection.execute(
            "INSERT OR REPLACE INTO package VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values
        )

    def summaries(self, ecosystem: str) -> list[tuple[str, Summary]]:
        """Return what people want to see of all packages, by name, those that were published here first."""
        query = "SELECT name, summary FROM package WHERE ecosystem = ? AND there = 1 ORDER BY hosted DESC, name"
        return [(name, _SUMMARY.decode(summary)) for name, summary in self._connection.execute(query, (ecosystem,))]

    def put_needs(self, ecosystem: str, name: str, needs: Iterable[str]) -> None:
        """Put what a package needs into the place of what it did."""
        self._connection.execute("DELETE FROM need WHERE ecosystem = ? AND name = ?", (ecosystem, name))
        rows = [(ecosystem, needed, name) for needed in sorted(set(needs))]
        self._connection.executemany("INSERT INTO need VALUES (?, ?, ?)", rows)

    def needing(self, ecosystem: str, name: str) -> list[str]:
        """Return the packages here whose latest version needs one."""
        query = "SELECT name FROM need WHERE ecosystem = ? AND needed = ? ORDER BY name"
        return [one for (one,) in self._connection.execute(query, (ecosystem, name))]

    def files(self, ecosystem: str, name: str) -> dict[str, KeptFile]:
        """Return the files of other registries that are here of a package, by their names."""
        query = "SELECT file, digest, size, version FROM file WHERE ecosystem = ? AND name = ? ORDER BY file"
        return {file: KeptFile(*rest) for file, *rest in self._connection.execute(query, (ecosystem, name))}

    def names(self, ecosystem: str, *, hosted: bool = False) -> list[str]:
        """Return the names of packages: of all that are known, or of those that were published here."""
        query = "SELECT name FROM package WHERE ecosystem = ? AND there = 1 AND hosted >= ? ORDER BY name"
        return [name for (name,) in self._connection.execute(query, (ecosystem, hosted))]

    def document(self, ecosystem: str, name: str, kind: str) -> StoredDocument | None:
        """Return a document of a package."""
        query = (
            "SELECT kind, type, digest, gzip, zstd, made FROM document WHERE ecosystem = ? AND name = ? AND kind = ?"
        )
        row = self._connection.execute(query, (ecosystem, name, kind)).fetchone()
        return StoredDocument(*row) if row is not None else None

    def put_documents(self, ecosystem: str, name: str, documents: Iterable[StoredDocument], now: float = 0.0) -> None:
        """Put documents into the place of all that there were of a package; one with the same content stays as old as it is."""
        query = "SELECT kind, digest, made FROM document WHERE ecosystem = ? AND name = ?"
        before = {kind: (digest, made) for kind, digest, made in self._connection.execute(query, (ecosystem, name))}
        self._connection.execute("DELETE FROM document WHERE ecosystem = ? AND name = ?", (ecosystem, name))
        for one in documents:
            digest, made = before.get(one.kind, ("", 0.0))
            # Of two contents within a second, clients that ask by the date alone must see both.
            values = (ecosystem, name, *one._replace(made=made if digest == one.digest else max(now // 1, made + 1)))
            self._connection.execute("INSERT INTO document VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

    def releases(self, ecosystem: str, name: str) -> list[Release]:
        """Return the files of a package that were published here, by their names."""
        return [
            Release(
                file=file, version=version, digest=digest, size=size, said=said, published=published, publisher=publisher, yanked=yanked, beside=beside,
            )
            for file, version, digest, size, said, published, publisher, yanked, beside in self._connection.execute(
                _SELECT_RELEASES, (ecosystem, name)
            )
        ]  # fmt: skip

    def put_release(self, ecosystem: str, name: str, release: Release) -> None:
        """Have a file that was published; it takes the place of one of the same name."""
        values = (ecosystem, name, *msgspec.structs.astuple(release))
        self._connection.execute("INSERT OR REPLACE INTO release VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def remove_release(self, ecosystem: str, name: str, file: str) -> None:
        """Have a file that was published no more."""
        self._connection.execute(
            "DELETE FROM release WHERE ecosystem = ? AND name = ? AND file = ?", (ecosystem, name, file)
        )

    def withdraw_release(self, ecosystem: str, name: str, release: Release) -> None:
        """Have a file that was published no more, and keep for ever that there was its version."""
        self.remove_release(ecosystem, name, release.file)
        self.put_withdrawn(ecosystem, name, {release.version: release.digest})

    def withdrawn(self, ecosystem: str, name: str) -> dict[str, str]:
        """Return the versions of a package that were published here and are here no more, with the SHA-256 of their files."""
        query = "SELECT version, digest FROM withdrawn WHERE ecosystem = ? AND name = ? ORDER BY version"
        return dict(self._connection.execute(query, (ecosystem, name)))

    def put_withdrawn(self, ecosystem: str, name: str, versions: Mapping[str, str]) -> None:
        """Take note of versions that are here no more; what is known of such stays."""
        rows = [(ecosystem, name, version, digest) for version, digest in versions.items()]
        self._connection.executemany("INSERT OR IGNORE INTO withdrawn VALUES (?, ?, ?, ?)", rows)

    def tags(self, ecosystem: str, name: str) -> dict[str, str]:
        """Return what the tags of a package stand for."""
        return dict(
            self._connection.execute(
                "SELECT tag, version FROM tag WHERE ecosystem = ? AND name = ? ORDER BY tag", (ecosystem, name)
            )
        )

    def put_tags(self, ecosystem: str, name: str, tags: dict[str, str]) -> None:
        """Put tags into the place of all that there were of a package."""
        self._connection.execute("DELETE FROM tag WHERE ecosystem = ? AND name = ?", (ecosystem, name))
        rows = [(ecosystem, name, tag, version) for tag, version in sorted(tags.items())]
        self._connection.executemany("INSERT INTO tag VALUES (?, ?, ?, ?)", rows)

    def kept(self, ecosystem: str, name: str, file: str) -> KeptFile | None:
        """Return a file of another registry that is here."""
        query = "SELECT digest, size, version FROM file WHERE ecosystem = ? AND name = ? AND file = ?"
        row = self._connection.execute(query, (ecosystem, name, file)).fetchone()
        return KeptFile(*row) if row is not None else None

    def put_kept(self, ecosystem: str, name: str, file: str, kept: KeptFile, now: float) -> None:
        """Take note of a file whose blob is there, and when that came."""
        values = (ecosystem, name, file, *kept, now)
        self._connection.execute("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def used(self, ecosystem: str, name: str, file: str, now: float) -> None:
        """Take note that somebody has got a file."""
        self._connection.execute(
            "UPDATE file SET used = ? WHERE ecosystem = ? AND name = ? AND file = ?", (now, ecosystem, name, file)
        )

    def unused_files(self, before: float) -> list[tuple[str, str, str]]:
        """Return the files of other registries that nobody has got since a time: ecosystem, name and file."""
        query = "SELECT ecosystem, name, file FROM file WHERE used < ? ORDER BY ecosystem, name, file"
        return self._connection.execute(query, (before,)).fetchall()

    def unused_packages(self, before: float) -> list[tuple[str, str]]:
        """Return the packages of other registries of which nobody has asked since a time, and of which no file is here."""
        query = (
            "SELECT ecosystem, name FROM package WHERE hosted = 0 AND fetched < ? AND NOT EXISTS (SELECT 1 FROM file WHERE"
            " file.ecosystem = package.ecosystem AND file.name = package.name AND file.used >= ?) ORDER BY ecosystem, name"
        )
        return self._connection.execute(query, (before, before)).fetchall()

    def forget_package(self, ecosystem: str, name: str) -> None:
        """Have nothing of a package of other registries any more."""
        for table in ("package", "document", "file", "need"):
            self._connection.execute(_FORGETTING[table], (ecosystem, name))

    def forget_file(self, ecosystem: str, name: str, file: str) -> None:
        """Have a file of another registry no more."""
        self._connection.execute(
            "DELETE FROM file WHERE ecosystem = ? AND name = ? AND file = ?", (ecosystem, name, file)
        )

    def blobs(self) -> set[str]:
        """Return all that is needed of what is kept by its hash, but for what the words of releases name."""
        found: set[str] = set()
        for query in _NAMING_BLOBS:
            found.update(one for row in self._connection.execute(query) for one in row if one)
        return found

    def user(self, name: str) -> Account | None:
        """Return a user."""
        row = self._connection.execute(
            "SELECT name, password, scopes, patterns FROM user WHERE name = ?", (name,)
        ).fetchone()
        return Account(row[0], row[1], row[2], _PATTERNS.decode(row[3])) if row is not None else None

    def users(self) -> list[Account]:
        """Return all users, by name."""
        rows = self._connection.execute("SELECT name, password, scopes, patterns FROM user ORDER BY name")
        return [
            Account(name, password, scopes, _PATTERNS.decode(patterns)) for name, password, scopes, patterns in rows
        ]

    def remove_user(self, name: str) -> int:
        """Have a user no more, nor the tokens that they got by logging in; return how many of these there were."""
        self._connection.execute("DELETE FROM user WHERE name = ?", (name,))
        # A token that nobody has logged in for has its label as its owner.
        return self._connection.execute("DELETE FROM token WHERE owner = ? AND name != owner", (name,)).rowcount

    def put_user(self, user: Account) -> None:
        """Have a user, in the place of one of the same name."""
        values = (user.name, user.secret, user.scopes, msgspec.msgpack.encode(user.patterns))
        self._connection.execute("INSERT OR REPLACE INTO user VALUES (?, ?, ?, ?)", values)

    def token(self, digest: str) -> Account | None:
        """Return a token by its SHA-256."""
        query = "SELECT owner, digest, scopes, patterns, until, name FROM token WHERE digest = ?"
        row = self._connection.execute(query, (digest,)).fetchone()
        return Account(row[0], row[1], row[2], _PATTERNS.decode(row[3]), row[4], row[5]) if row is not None else None

    def put_token(self, token: Account, label: str, now: float) -> None:
        """Have a token, under a name by which people find it."""
        values = (
            token.secret,
            label,
            token.name,
            token.scopes,
            msgspec.msgpack.encode(token.patterns),
            now,
            token.until,
        )
        self._connection.execute("INSERT INTO token VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def tokens(self) -> list[TokenRow]:
        """Return all tokens, by label and time."""
        query = "SELECT digest, name, owner, scopes, patterns, made, until FROM token ORDER BY name, made"
        return [
            TokenRow(digest, label, owner, scopes, _PATTERNS.decode(patterns), made, until)
            for digest, label, owner, scopes, patterns, made, until in self._connection.execute(query)
        ]

    def remove_token(self, digest: str) -> bool:
        """Have a token no more, and return whether there was one."""
        return self._connection.execute("DELETE FROM token WHERE digest = ?", (digest,)).rowcount > 0
