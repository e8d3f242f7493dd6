import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from outrider.core.errors import OutriderError, PreconditionFailedError, UnavailableError
from outrider.ports.store import Store, open_sqlite

METADATA = sa.MetaData()
THINGS = sa.Table(
    "things", METADATA, sa.Column("id", sa.Integer, primary_key=True), sa.Column("v", sa.Text, unique=True)
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = open_sqlite(tmp_path / "s.db")
    opened.migrate("test", [METADATA.create_all])
    yield opened
    await opened.close()


def insert(value: str) -> "sa.sql.dml.Insert":
    return THINGS.insert().values(v=value)


def pragma(connection: sa.Connection, setting: str) -> None:
    connection.exec_driver_sql(f"PRAGMA {setting}")


def count(connection: sa.Connection) -> int:
    return int(connection.scalar(sa.select(sa.func.count()).select_from(THINGS)) or 0)


async def test_writes_that_come_together_are_all_there(store: Store) -> None:
    await asyncio.gather(*(store.write(lambda c, n=n: c.execute(insert(str(n)))) for n in range(500)))  # type: ignore[misc]
    assert await store.read(count) == 500


async def test_a_failed_write_undoes_itself_and_nothing_else(store: Store) -> None:
    def bad(connection: sa.Connection) -> None:
        connection.execute(insert("half"))
        raise ValueError("mine")

    results = await asyncio.gather(
        store.write(lambda c: c.execute(insert("a"))), store.write(bad), store.write(lambda c: c.execute(insert("b"))),
        return_exceptions=True,
    )  # fmt: skip
    assert isinstance(results[1], ValueError)
    assert await store.read(count) == 2


async def test_a_violated_constraint_is_a_conflict(store: Store) -> None:
    await store.write(lambda c: c.execute(insert("same")))
    with pytest.raises(OutriderError) as caught:
        await store.write(lambda c: c.execute(insert("same")))
    assert caught.value.code == "CONFLICT"


async def test_a_removed_file_is_noticed(store: Store, tmp_path: Path) -> None:
    (tmp_path / "s.db").unlink()
    with pytest.raises(UnavailableError, match="its file is gone"):
        await store.write(lambda c: c.execute(insert("lost")))


async def test_a_locked_file_is_told_and_passes(store: Store, tmp_path: Path) -> None:
    await store.write(lambda c: pragma(c, "busy_timeout = 50"))
    other = open_sqlite(tmp_path / "s.db")
    release = asyncio.Event()

    def hold(connection: sa.Connection) -> None:
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()

    loop = asyncio.get_running_loop()
    holding = asyncio.ensure_future(other.write(hold))
    await asyncio.sleep(0)
    outcome = await asyncio.gather(store.write(lambda c: c.execute(insert("x"))), return_exceptions=True)
    release.set()
    await holding
    await other.close()
    if isinstance(outcome[0], BaseException):
        assert isinstance(outcome[0], UnavailableError)
    await store.write(lambda c: c.execute(insert("later")))


async def test_a_full_database_is_told_and_passes(store: Store) -> None:
    await store.write(lambda c: pragma(c, "max_page_count = 30"))
    with pytest.raises(UnavailableError, match="disk is full"):
        await store.write(lambda c: c.execute(insert("x" * 1_000_000)))
    await store.write(lambda c: c.execute(insert("small")))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_bytes(b"no database at all " * 100)
    with pytest.raises(OutriderError, match="damaged"):
        open_sqlite(tmp_path / "bad.db")


async def test_migrations_run_once_and_forward_only(tmp_path: Path) -> None:
    store = open_sqlite(tmp_path / "m.db")
    ran: list[int] = []
    steps = [lambda _, n=n: ran.append(n) for n in range(3)]
    store.migrate("mine", steps[:2])
    store.migrate("mine", steps)
    store.migrate("mine", steps)
    assert ran == [0, 1, 2]
    with pytest.raises(PreconditionFailedError, match="newer Outrider"):
        store.migrate("mine", steps[:1])
    await store.close()
