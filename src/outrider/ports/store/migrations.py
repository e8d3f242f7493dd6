"""Forward migrations: each owner of tables lists its steps, the store runs those that are missing."""

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from outrider.core.errors import PreconditionFailedError

Migration = Callable[[sa.Connection], None]

_metadata = sa.MetaData()
_versions = sa.Table(
    "schema_versions",
    _metadata,
    sa.Column("owner", sa.String(64), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)


def migrate(connection: sa.Connection, owner: str, steps: Sequence[Migration]) -> None:
    """Bring the owner's tables to the newest version, inside the caller's transaction.

    Raises:
        PreconditionFailedError: The tables are newer than this program.
    """
    _metadata.create_all(connection)
    found = connection.scalar(sa.select(_versions.c.version).where(_versions.c.owner == owner))
    current = found or 0
    if current > len(steps):
        raise PreconditionFailedError(
            f"the store's '{owner}' tables were written by a newer Outrider",
            found=f"version {current}",
            expected=f"version {len(steps)} or older",
            suggestions=["install the newer version again, or restore a backup of this one"],
        )
    for step in steps[current:]:
        step(connection)
    if found is None:
        connection.execute(_versions.insert().values(owner=owner, version=len(steps)))
    elif current < len(steps):
        connection.execute(_versions.update().where(_versions.c.owner == owner).values(version=len(steps)))


def check_current(connection: sa.Connection, owner: str, steps: Sequence[Migration]) -> None:
    """Check that the owner's tables are those of this program, for who only reads.

    Raises:
        PreconditionFailedError: They are older or newer.
    """
    there = sa.inspect(connection).has_table(_versions.name)
    found = connection.scalar(sa.select(_versions.c.version).where(_versions.c.owner == owner)) if there else None
    if found != len(steps):
        age = "a newer" if (found or 0) > len(steps) else "an older"
        raise PreconditionFailedError(
            f"the store's '{owner}' tables were written by {age} Outrider",
            found=f"version {found or 0}",
            expected=f"version {len(steps)}",
            suggestions=["start its platform once with this version: outrider up"],
        )
