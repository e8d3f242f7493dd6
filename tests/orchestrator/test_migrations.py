"""A store that an earlier version made is brought forward with what is in it.

`schemas/N.DATABASE.sql` is what the program of version N made: those files stay as they are.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from outrider.core.errors import PreconditionFailedError
from outrider.orchestrator.tables import MIGRATIONS, metadata, runs
from outrider.ports.store import Store, open_postgresql, open_sqlite

SCHEMAS = Path(__file__).parent / "schemas"
EARLIER = range(1, len(MIGRATIONS))
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.real)]
ROW = {
    "tenant": "default", "id": "R1", "rule": "heal", "rule_uid": "U", "rule_generation": 1, "spec": "{}", "event": "{}",
    "state": "completed", "step": 0, "message": "", "trace_id": "", "created": 1.0, "finished": 2.0,
}  # fmt: skip


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Store, Store]:
    """Return the name of a database with two empty stores."""
    if request.param == "sqlite":
        return "sqlite", open_sqlite(tmp_path / "old.db"), open_sqlite(tmp_path / "new.db")
    server = request.getfixturevalue("postgresql")
    addresses = [request.getfixturevalue("postgresql_address"), server.address(server.create())]
    return "postgresql", open_postgresql(addresses[0]), open_postgresql(addresses[1])


def made_by(version: int, database: str) -> list[Any]:
    """Return steps that make what the program of a version made."""
    statements = (SCHEMAS / f"{version}.{database}.sql").read_text().split(";\n")

    def make(connection: sa.Connection) -> None:
        for statement in filter(str.strip, statements):
            connection.exec_driver_sql(statement)

    return [make, *([lambda _: None] * (version - 1))]


def shape(connection: sa.Connection) -> dict[str, Any]:
    """Return the columns and indexes of every table of the orchestrator."""
    found = sa.inspect(connection)
    return {
        table.name: (
            sorted(
                (column["name"], str(column["type"]), column["nullable"]) for column in found.get_columns(table.name)
            ),
            sorted(str(index["name"]) for index in found.get_indexes(table.name)),
            sorted(found.get_pk_constraint(table.name)["constrained_columns"]),
        )
        for table in metadata.sorted_tables
    }


@pytest.mark.parametrize("version", EARLIER)
async def test_every_earlier_schema_becomes_the_newest(database: tuple[str, Store, Store], version: int) -> None:
    name, old, new = database
    await asyncio.to_thread(old.migrate, "orchestrator", made_by(version, name))
    columns = [column for column in ROW if column in runs.c]
    insert = sa.text(
        f"INSERT INTO runs ({', '.join(columns)}) VALUES ({', '.join(f':{column}' for column in columns)})"
    )
    await old.write(lambda connection: connection.execute(insert, ROW))
    for store in (old, new):
        await asyncio.to_thread(store.migrate, "orchestrator", MIGRATIONS)
    assert await old.read(shape) == await new.read(shape)
    assert await old.read(lambda connection: connection.scalar(sa.select(runs.c.rule))) == "heal"
    await old.close()
    await new.close()


async def test_a_newer_schema_is_refused(database: tuple[str, Store, Store]) -> None:
    _, old, new = database
    await asyncio.to_thread(old.migrate, "orchestrator", [*MIGRATIONS, lambda _: None])
    with pytest.raises(PreconditionFailedError, match="newer Outrider"):
        old.migrate("orchestrator", MIGRATIONS)
    await old.close()
    await new.close()


def test_every_version_has_its_schemas() -> None:
    assert {path.name for path in SCHEMAS.iterdir()} == {
        f"{version}.{database}.sql" for version in EARLIER for database in ("sqlite", "postgresql")
    }
