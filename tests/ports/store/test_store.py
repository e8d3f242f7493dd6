import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from outrider.core.errors import ConflictError, InternalError, OutriderError, PreconditionFailedError, UnavailableError
from outrider.ports.store import Prepared, Store, open_postgresql, open_sqlite

METADATA = sa.MetaData()
THINGS = sa.Table(
    "things", METADATA, sa.Column("id", sa.Integer, primary_key=True), sa.Column("v", sa.Text, unique=True)
)


DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.real)]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = open_sqlite(tmp_path / "s.db")
    opened.migrate("test", [METADATA.create_all])
    yield opened
    await opened.close()


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Return what opens one and the same database again and again."""
    if request.param == "sqlite":
        return lambda: open_sqlite(tmp_path / "s.db")
    address: str = request.getfixturevalue("postgresql_address")
    return lambda: open_postgresql(address)


@pytest.fixture
async def any_store(database: Callable[[], Store]) -> AsyncIterator[Store]:
    opened = database()
    opened.migrate("test", [METADATA.create_all])
    yield opened
    await opened.close()


def insert(value: str) -> "sa.sql.dml.Insert":
    return THINGS.insert().values(v=value)


def pragma(connection: sa.Connection, setting: str) -> None:
    connection.exec_driver_sql(f"PRAGMA {setting}")


def count(connection: sa.Connection) -> int:
    return int(connection.scalar(sa.select(sa.func.count()).select_from(THINGS)) or 0)


async def test_writes_that_come_together_are_all_there(any_store: Store) -> None:
    await asyncio.gather(*(any_store.write(lambda c, n=n: c.execute(insert(str(n)))) for n in range(500)))  # type: ignore[misc]
    assert await any_store.read(count) == 500


async def test_a_failed_write_undoes_itself_and_nothing_else(any_store: Store) -> None:
    def bad(connection: sa.Connection) -> None:
        connection.execute(insert("half"))
        raise ValueError("mine")

    results = await asyncio.gather(
        any_store.write(lambda c: c.execute(insert("a"))), any_store.write(bad), any_store.write(lambda c: c.execute(insert("b"))),
        return_exceptions=True,
    )  # fmt: skip
    assert isinstance(results[1], ValueError)
    assert await any_store.read(count) == 2


async def test_a_violated_constraint_is_a_conflict(any_store: Store) -> None:
    await any_store.write(lambda c: c.execute(insert("same")))
    with pytest.raises(OutriderError) as caught:
        await any_store.write(lambda c: c.execute(insert("same")))
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


async def test_a_relaxed_write_is_there_for_everybody(store: Store, tmp_path: Path) -> None:
    await store.submit(lambda c: c.execute(insert("relaxed")), relaxed=True)
    with closing(sqlite3.connect(tmp_path / "s.db")) as other:
        assert other.execute("SELECT v FROM things").fetchall() == [("relaxed",)]


async def test_the_next_write_waits_for_the_disk_again(store: Store) -> None:
    def synchronous(connection: sa.Connection) -> int:
        return int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())

    normal, full = 1, 2
    assert await store.submit(synchronous, relaxed=True) == normal
    together = [store.submit(synchronous, relaxed=True), store.submit(synchronous)]
    assert await asyncio.gather(*together) in ([normal, full], [full, full])
    assert await store.write(synchronous) == full


async def test_a_store_knows_whether_the_machine_ran_on(tmp_path: Path) -> None:
    for expected in (False, True):
        store = open_sqlite(tmp_path / "b.db")
        assert store.unbroken is expected
        await store.close()
    (tmp_path / "b.boot").write_text("another boot\n")
    store = open_sqlite(tmp_path / "b.db")
    assert not store.unbroken
    await store.close()


FIND = Prepared(sa.select(THINGS).where(THINGS.c.v == sa.bindparam("key_v"), THINGS.c.id > 0))


async def test_a_prepared_statement_does_what_it_says(any_store: Store) -> None:
    add = Prepared(THINGS.insert())
    await any_store.write(lambda c: add.run_many(c, [{"v": "a"}, {"v": "b"}]))
    assert await any_store.write(lambda c: add.run(c, {"v": "c"})) == 1
    assert await any_store.read(lambda c: FIND.all(c, {"key_v": "b"})) == [(2, "b")]
    assert (await any_store.read(lambda c: FIND.first(c, {"key_v": "c"}))).id == 3
    assert await any_store.read(lambda c: FIND.first(c, {"key_v": "x"})) is None
    change = Prepared(THINGS.update().where(THINGS.c.v == sa.bindparam("key_v")).values(v=sa.bindparam("v")))
    assert await any_store.write(lambda c: change.run(c, {"key_v": "a", "v": "z"})) == 1
    assert await any_store.write(lambda c: change.run(c, {"key_v": "a", "v": "z"})) == 0


async def test_what_a_prepared_statement_violates_is_a_conflict(any_store: Store) -> None:
    add = Prepared(THINGS.insert())
    await any_store.write(lambda c: add.run(c, {"v": "same"}))
    with pytest.raises(ConflictError):
        await any_store.write(lambda c: add.run(c, {"v": "same"}))
    with pytest.raises((KeyError, InternalError)):
        await any_store.write(lambda c: add.run(c, {"w": "same"}))
