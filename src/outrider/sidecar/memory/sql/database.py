"""What the stores ask of a SQL database: transactions, in threads of their own."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from outrider.core.errors import PreconditionFailedError

T = TypeVar("T")


class Cursor(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""
        ...

    def fetchone(self) -> Any:
        """Return the next row, or nothing."""
        ...

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A connection within a transaction; parameters stand as question marks, and bytes and text are never mixed."""

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> Cursor:
        """Run a statement."""
        ...

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> Cursor:
        """Run a statement once for each row; `rowcount` is that of all."""
        ...


class Database(Protocol):
    """A database of one store.

    Attributes:
        name: Shown in errors.
    """

    name: str

    async def write(self, body: Callable[[Connection], T]) -> T:
        """Run `body` in a transaction and return its result once it is on disk; what it raises undoes all of it.

        What `lock` of `memories` returned stays as it is until the end of the transaction.
        """
        ...

    async def read(self, body: Callable[[Connection], T]) -> T:
        """Run `body` on one view of the database."""
        ...

    async def forget(self) -> None:
        """Let what was deleted be nowhere any more, as far as that is in our hands."""
        ...

    async def close(self) -> None:
        """Finish what is under way and close."""
        ...


_VERSIONS = "CREATE TABLE IF NOT EXISTS memory_schema (part TEXT PRIMARY KEY, version BIGINT NOT NULL)"


def migrate(connection: Connection, part: str, steps: Sequence[Sequence[str]]) -> None:
    """Bring the tables of a part to the newest version; the caller's transaction keeps others out.

    Raises:
        PreconditionFailedError: They are newer than this program.
    """
    connection.execute(_VERSIONS)
    row = connection.execute("SELECT version FROM memory_schema WHERE part = ?", (part,)).fetchone()
    current = int(row[0]) if row is not None else 0
    if current > len(steps):
        raise PreconditionFailedError(
            f"the memory's '{part}' tables were written by a newer Outrider",
            found=f"version {current}",
            expected=f"version {len(steps)} or older",
            suggestions=["install the newer version again, or restore a backup of this one"],
        )
    for statement in (statement for step in steps[current:] for statement in step):
        connection.execute(statement)
    connection.execute(
        "INSERT INTO memory_schema (part, version) VALUES (?, ?) ON CONFLICT (part) DO UPDATE SET version = excluded.version",
        (part, len(steps)),
    )
