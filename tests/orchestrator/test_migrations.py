"""A store that an earlier version made is brought forward with what is in it."""

from pathlib import Path

import sqlalchemy as sa

from outrider.orchestrator.tables import MIGRATIONS, holds, metadata, runs, schedules
from outrider.ports.store import open_sqlite

ROW = {
    "tenant": "default", "id": "R1", "rule": "heal", "rule_uid": "U", "rule_generation": 1, "spec": "{}", "event": "{}",
    "state": "completed", "step": 0, "message": "", "trace_id": "", "created": 1.0, "finished": 2.0,
}  # fmt: skip


async def test_every_earlier_schema_becomes_the_newest(tmp_path: Path) -> None:
    for version in range(1, len(MIGRATIONS)):
        store = open_sqlite(tmp_path / f"{version}.db")
        first = [_as_it_was, *MIGRATIONS[1:version]]
        store.migrate("orchestrator", first)
        await store.write(lambda c: c.execute(runs.insert().values(**ROW)))
        store.migrate("orchestrator", MIGRATIONS)
        assert await store.read(lambda c: c.scalar(sa.select(runs.c.id))) == "R1"
        names = await store.read(lambda c: set(sa.inspect(c).get_table_names()))
        assert {table.name for table in metadata.sorted_tables} <= names
        indexes = await store.read(lambda c: {index["name"] for index in sa.inspect(c).get_indexes("runs")})
        assert {index.name for index in runs.indexes} == indexes
        await store.close()


def _as_it_was(connection: sa.Connection) -> None:
    """Make the tables of the first version."""
    metadata.create_all(
        connection, tables=[table for table in metadata.sorted_tables if table not in (schedules, holds)]
    )
    connection.execute(sa.text("DROP INDEX ix_runs_rule_uid"))
