"""What only a database server can do: go away, come back, serve several processes."""

import asyncio
import signal

import pytest
import sqlalchemy as sa

from outrider.core.errors import ExecutionFailedError, InvalidConfigError, OutriderError, UnavailableError
from outrider.ports.store import Store, open_postgresql
from tests.servers.postgresql import PostgresqlServer

pytestmark = pytest.mark.real
METADATA = sa.MetaData()
COUNTERS = sa.Table(
    "counters",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("value", sa.Integer),
    sa.Column("text", sa.Text),
)


@pytest.fixture
def address(postgresql_address: str) -> str:
    return postgresql_address


def opened(address: str) -> Store:
    store = open_postgresql(address)
    store.migrate("test", [METADATA.create_all])
    return store


def count_up(connection: sa.Connection) -> int:
    """Read, then write what was read and one more: two who do that at once would lose one."""
    value = connection.scalar(sa.select(COUNTERS.c.value).where(COUNTERS.c.id == 1))
    if value is None:
        connection.execute(COUNTERS.insert().values(id=1, value=1, text=""))
        return 1
    connection.execute(COUNTERS.update().where(COUNTERS.c.id == 1).values(value=value + 1))
    return int(value) + 1


async def test_writers_of_several_processes_wait_for_each_other(address: str) -> None:
    stores = [opened(address) for _ in range(3)]
    values = await asyncio.gather(*(store.write(count_up) for _ in range(40) for store in stores))
    assert sorted(values) == list(range(1, 121))
    for store in stores:
        await store.close()


async def test_migrations_of_several_processes_run_once(address: str) -> None:
    ran = []

    def step(connection: sa.Connection) -> None:
        METADATA.create_all(connection)
        ran.append(1)

    stores = [open_postgresql(address) for _ in range(3)]
    await asyncio.gather(*(asyncio.to_thread(store.migrate, "test", [step]) for store in stores))
    assert ran == [1]
    for store in stores:
        await store.close()


async def test_a_server_that_goes_away_is_told_and_used_again_when_it_is_back(
    address: str, postgresql: PostgresqlServer
) -> None:
    store = opened(address)
    await store.write(count_up)
    postgresql.stop()
    with pytest.raises(UnavailableError) as caught:
        await store.write(count_up)
    assert caught.value.retryable
    with pytest.raises(UnavailableError):
        await store.read(lambda c: c.scalar(sa.select(COUNTERS.c.value)))
    postgresql.start()
    assert await store.write(count_up) == 2
    assert await store.read(lambda c: c.scalar(sa.select(COUNTERS.c.value))) == 2
    await store.close()


async def test_what_was_confirmed_survives_the_sudden_end_of_the_server(
    address: str, postgresql: PostgresqlServer
) -> None:
    store = opened(address)
    await asyncio.gather(*(store.write(count_up) for _ in range(50)))
    postgresql.stop(signal.SIGKILL)
    postgresql.start()
    assert await store.write(count_up) == 51
    await store.close()


async def test_the_lock_of_a_writer_that_is_gone_is_free(address: str) -> None:
    store, other = opened(address), opened(address)

    def end(connection: sa.Connection) -> None:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        other.read_now(lambda c: c.exec_driver_sql(f"SELECT pg_terminate_backend({pid})"))
        count_up(connection)

    with pytest.raises(UnavailableError):
        await store.write(end)
    assert await other.write(count_up) == 1
    assert await store.write(count_up) == 2, "it has a new connection"
    await store.close()
    await other.close()


async def test_text_with_a_null_character_is_kept_without_it(address: str) -> None:
    store = opened(address)
    await store.write(lambda c: c.execute(COUNTERS.insert().values(id=2, value=0, text="a\0b")))
    assert await store.read(lambda c: c.scalar(sa.select(COUNTERS.c.text))) == "a\ufffdb"
    await store.close()


@pytest.fixture
def wrong(address: str, request: pytest.FixtureRequest) -> str:
    text: str = request.param
    return address.partition("?")[0].rpartition("/")[0] + text if text.startswith("/") else text


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ("/no-such-database", ExecutionFailedError),
        ("postgresql://outrider@127.0.0.1:1/x", UnavailableError),
        ("postgresql://outrider@127.0.0.1/", InvalidConfigError),
        ("mysql://outrider@127.0.0.1/x", InvalidConfigError),
        ("nonsense", InvalidConfigError),
    ],
    indirect=["wrong"],
)
def test_a_wrong_address_says_what_is_wrong(wrong: str, kind: type[OutriderError]) -> None:
    with pytest.raises(kind) as caught:
        open_postgresql(wrong)
    assert caught.value.suggestions


def test_a_password_is_never_in_a_message() -> None:
    with pytest.raises(OutriderError) as caught:
        open_postgresql("postgresql://ana:hunter2@127.0.0.1:1/x")
    assert "hunter2" not in repr(caught.value.body())
