"""What only a server can do: be away, come back, be lost in the middle, or be without what is needed."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from outrider.core.errors import (
    ExecutionFailedError,
    InternalError,
    InvalidConfigError,
    MissingRequirementError,
    OutcomeUnknownError,
    PreconditionFailedError,
    UnavailableError,
)
from outrider.ports.clock.manual import ManualClock
from outrider.sidecar.memory import postgresql, redis
from outrider.sidecar.memory.model import Item, Match, Message, Scope
from outrider.sidecar.memory.postgresql import database as postgresql_database
from outrider.sidecar.memory.redis import database as redis_database
from outrider.sidecar.memory.store import KeyValueStore
from tests.servers.ports import free_port
from tests.servers.postgresql import PostgresqlServer
from tests.servers.redis import RedisServer
from tests.sidecar.memory.backends import SCOPE
from tests.sidecar.memory.servers import PgvectorServer

pytestmark = pytest.mark.real
CLOCK = ManualClock()


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with RedisServer("--appendonly", "yes") as server:
        yield server


async def open_key_values(address: str) -> KeyValueStore:
    return await postgresql.open_key_values(address, clock=CLOCK)


def execute(address: str, statement: str) -> Any:
    with psycopg.connect(address, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else None


async def test_a_postgresql_that_goes_away_is_used_again_when_it_is_back(
    postgresql_address: str, postgresql: PostgresqlServer
) -> None:
    store = await open_key_values(postgresql_address)
    await store.put(SCOPE, "k", 1)
    postgresql.stop()
    for call in (store.put(SCOPE, "k", 2), store.get(SCOPE, "k")):
        with pytest.raises(UnavailableError) as caught:
            await call
        assert caught.value.retryable
    postgresql.start()
    assert (await store.put(SCOPE, "k", 2)).version == 2
    await store.close()


async def test_connections_that_the_server_has_ended_are_replaced(postgresql_address: str) -> None:
    store = await open_key_values(postgresql_address)
    await asyncio.gather(*(store.put(SCOPE, f"k{n}", n) for n in range(8)))
    execute(
        postgresql_address,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'outrider'",
    )
    assert len(await store.list(SCOPE)) == 8
    await store.close()


async def test_a_store_whose_server_has_stopped_can_be_closed(
    postgresql_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_database, "CLOSE_SECONDS", 0.2)
    store = await open_key_values(postgresql_address)
    await store.put(SCOPE, "k", 1)
    ((pid,),) = execute(postgresql_address, "SELECT pid FROM pg_stat_activity WHERE application_name = 'outrider'")
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await store.put(SCOPE, "k", 2)
        await store.close()
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_commit_that_was_lost_is_told(postgresql_address: str) -> None:
    store = await open_key_values(postgresql_address)
    execute(
        postgresql_address,
        "CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';"
        "CREATE CONSTRAINT TRIGGER leaving AFTER INSERT ON memory_entries DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION leave()",
    )
    with pytest.raises(OutcomeUnknownError, match="commit"):
        await store.put(SCOPE, "k", 1)
    execute(postgresql_address, "DROP TRIGGER leaving ON memory_entries")
    assert (await store.put(SCOPE, "k", 1)).version == 1
    await store.close()


@pytest.fixture
def own_postgresql() -> Iterator[PgvectorServer]:
    """Return a server whose settings a test may change."""
    with PgvectorServer() as server:
        yield server


async def test_a_postgresql_that_takes_no_writes_is_told(own_postgresql: PgvectorServer) -> None:
    address = own_postgresql.address(own_postgresql.create())
    store = await open_key_values(address)
    await store.put(SCOPE, "k", 1)
    execute(address, "ALTER DATABASE postgres SET default_transaction_read_only = on")
    await store.close()
    for opens in (postgresql.open_key_values, postgresql.open_vectors):
        with pytest.raises(UnavailableError, match="read-only") as caught:
            await opens(address, clock=CLOCK)
        assert caught.value.hint == "name the server that takes writes"


async def test_writers_wait_for_each_other_whatever_isolation_is_usual(own_postgresql: PgvectorServer) -> None:
    address = own_postgresql.address(own_postgresql.create())
    execute(address, "ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'")
    store = await open_key_values(address)
    entries = await asyncio.gather(*(store.put(SCOPE, f"k{n % 3}", n) for n in range(30)))
    assert sorted(entry.version for entry in entries) == list(range(1, 31))
    await store.close()


async def test_many_who_open_at_once_make_the_tables_once(postgresql_address: str) -> None:
    opened = await asyncio.gather(
        *(postgresql.open_key_values(postgresql_address, clock=CLOCK) for _ in range(3)),
        *(postgresql.open_conversations(postgresql_address, clock=CLOCK) for _ in range(3)),
    )
    for store in opened:
        await store.close()
    execute(postgresql_address, "UPDATE memory_schema SET version = 9 WHERE part = 'memories'")
    with pytest.raises(PreconditionFailedError, match="newer"):
        await open_key_values(postgresql_address)


async def test_the_types_of_a_database_are_apart(postgresql_address: str) -> None:
    entries = await open_key_values(postgresql_address)
    conversations = await postgresql.open_conversations(postgresql_address, clock=CLOCK)
    await entries.put(SCOPE, "k", 1)
    await conversations.append(SCOPE, "k", [Message(role="user", content="x")])
    assert await conversations.delete_all(SCOPE) == 1
    assert (await entries.usage(SCOPE)).entries == 1
    await entries.close()
    await conversations.close()


async def test_a_postgresql_without_pgvector_is_told(postgresql_address: str) -> None:
    with pytest.raises(MissingRequirementError, match="pgvector") as caught:
        await postgresql.open_vectors(postgresql_address, clock=CLOCK)
    assert "CREATE EXTENSION vector" in caught.value.hint
    assert "vector" in caught.value.found


@pytest.mark.parametrize("url", ["", "redis://x/0", "postgresql://", "postgresql://u@h/", "postgresql://u@h:x/d%zz"])
async def test_what_is_no_address_of_a_postgresql(url: str) -> None:
    with pytest.raises(InvalidConfigError, match="PostgreSQL"):
        await open_key_values(url)


async def test_a_postgresql_that_refuses(postgresql_address: str) -> None:
    base = postgresql_address.partition("?")[0]
    with pytest.raises(ExecutionFailedError, match="does not exist") as caught:
        await open_key_values(f"{base}x")
    assert "database" in caught.value.hint
    with pytest.raises(ExecutionFailedError):
        await postgresql.open_key_values(base.replace("outrider@", "nobody@"), clock=CLOCK, password="guess")
    with pytest.raises(UnavailableError, match="refused"):
        await open_key_values(f"postgresql://u@127.0.0.1:{free_port()}/d")


@pytest.mark.parametrize(
    ("package", "module", "address"),
    [("psycopg", postgresql, "postgresql://u@127.0.0.1/d"), ("redis.asyncio", redis, "redis://127.0.0.1")],
)
async def test_a_driver_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, package: str, module: Any, address: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingRequirementError) as caught:
        await module.open_conversations(address, clock=CLOCK)
    assert caught.value.hint.startswith("pip install 'outrider[")


async def test_a_redis_that_goes_away_is_used_again_when_it_is_back(redis_server: RedisServer) -> None:
    store = await redis.open_key_values(f"redis://127.0.0.1:{redis_server.port}/0", clock=CLOCK)
    await store.put(SCOPE, "k", 1)
    redis_server.stop(signal.SIGTERM)
    for _ in range(3):  # the event loop sees that the connection has ended
        await asyncio.sleep(0)
    for call in (store.put(SCOPE, "k", 2), store.get(SCOPE, "k")):
        with pytest.raises(UnavailableError):
            await call
    redis_server.start()
    entry = None
    while entry is None:
        try:
            entry = await store.get(SCOPE, "k")
        except UnavailableError:
            await asyncio.sleep(0.01)  # it starts
    assert (await store.put(SCOPE, "k", 2, if_version=1)).version == 2
    await store.close()


async def test_a_redis_that_does_not_answer_leaves_a_write_unknown(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_database, "ANSWER_SECONDS", 0.3)
    store = await redis.open_conversations(f"redis://127.0.0.1:{redis_server.port}/0", clock=CLOCK)
    message = Message(role="user", content="x", id="once")
    await store.append(SCOPE, "s", [Message(role="user", content="x", id="before")])
    redis_server.process.send_signal(signal.SIGSTOP)
    with pytest.raises(OutcomeUnknownError) as caught:
        await store.append(SCOPE, "s", [message])
    assert "read whether" in caught.value.hint
    with pytest.raises(UnavailableError):
        await store.window(SCOPE, "s")
    redis_server.process.send_signal(signal.SIGCONT)
    # It was stored, and once: nothing was sent again behind the caller's back.
    assert [message.id for message in await store.window(SCOPE, "s")] == ["before", "once"]
    await store.close()


async def test_a_redis_that_refuses(redis_server: RedisServer) -> None:
    address = f"redis://127.0.0.1:{redis_server.port}"
    redis_server.call("CONFIG", "SET", "requirepass", "secret")
    try:
        for password in (None, "wrong"):
            with pytest.raises(ExecutionFailedError, match=r"(?i)auth|password"):
                await redis.open_key_values(address, clock=CLOCK, password=password)
        store = await redis.open_key_values(address, clock=CLOCK, password="secret")
        await store.put(SCOPE, "k", "x" * 100_000)
        await store.close()
        store = await redis.open_key_values(f"redis://:secret@127.0.0.1:{redis_server.port}/0", clock=CLOCK)
        assert (await store.usage(SCOPE)).entries == 1
        await store.close()
    finally:
        redis_server._password = "secret"
        redis_server.call("CONFIG", "SET", "requirepass", "")
        redis_server._password = ""
    with pytest.raises(UnavailableError, match=r"Connect call failed|refused"):
        await redis.open_key_values(f"redis://127.0.0.1:{free_port()}", clock=CLOCK)
    for url in ("", "127.0.0.1", "postgresql://x/y", "redis://h:port"):
        with pytest.raises(InvalidConfigError, match="Redis"):
            await redis.open_key_values(url, clock=CLOCK)


async def test_a_full_redis_refuses_writes_and_can_be_read(redis_server: RedisServer) -> None:
    store = await redis.open_key_values(f"redis://127.0.0.1:{redis_server.port}", clock=CLOCK)
    await store.put(SCOPE, "k", 1)
    redis_server.call("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(UnavailableError, match="maxmemory"):
        await store.put(SCOPE, "l", 1)
    assert len(await store.list(SCOPE)) == 1
    redis_server.call("CONFIG", "SET", "maxmemory", "0")
    assert await store.delete_all(SCOPE) == 1
    await store.close()


async def test_a_redis_that_has_forgotten_the_scripts(redis_server: RedisServer) -> None:
    store = await redis.open_key_values(f"redis://127.0.0.1:{redis_server.port}", clock=CLOCK)
    await store.put(SCOPE, "k", 1)
    redis_server.call("SCRIPT", "FLUSH")
    assert (await store.put(SCOPE, "k", 2, if_version=1)).version == 2
    await store.close()


async def test_databases_of_a_redis_are_apart_and_search_is_in_the_first(
    redis_server: RedisServer, searching_redis: RedisServer
) -> None:
    stores = [await redis.open_key_values(f"redis://127.0.0.1:{redis_server.port}/{n}", clock=CLOCK) for n in range(2)]
    await stores[0].put(SCOPE, "k", 1)
    assert await stores[1].get(SCOPE, "k") is None
    for store in stores:
        await store.close()
    with pytest.raises(InvalidConfigError, match="database 0"):
        await redis.open_vectors(f"redis://127.0.0.1:{searching_redis.port}/1", clock=CLOCK)


async def test_a_redis_without_search_is_told(redis_server: RedisServer) -> None:
    with pytest.raises(MissingRequirementError, match="search") as caught:
        await redis.open_vectors(f"redis://127.0.0.1:{redis_server.port}", clock=CLOCK)
    assert "SQLite" in caught.value.hint


async def test_an_index_that_was_lost_is_made_again(searching_redis: RedisServer) -> None:
    searching_redis.call("FLUSHALL")
    store = await redis.open_vectors(f"redis://127.0.0.1:{searching_redis.port}", clock=CLOCK)
    await store.upsert(SCOPE, [Item(id="a", text="t", vector=[1.0, 0.0])])
    (index,) = searching_redis.call("FT._LIST")
    searching_redis.call("FT.DROPINDEX", index)
    with pytest.raises(UnavailableError, match="made again"):
        await store.search(SCOPE, [1, 0])
    searching_redis.call("FT.DROPINDEX", index)
    await store.upsert(SCOPE, [Item(id="b", text="t", vector=[0.0, 1.0])])
    found: list[Match] = []
    while len(found) < 2:  # it is filled behind our backs
        found = await store.search(SCOPE, [1, 0])
    assert [match.id for match in found] == ["a", "b"]
    await store.close()


@pytest.mark.parametrize("words", ["no such index", "SEARCH_INDEX_NOT_FOUND Index not found: it"])
async def test_an_index_is_missed_in_the_words_of_each_server(
    searching_redis: RedisServer, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    searching_redis.call("FLUSHALL")
    store = await redis.open_vectors(f"redis://127.0.0.1:{searching_redis.port}", clock=CLOCK)
    await store.upsert(SCOPE, [Item(id="a", text="x", vector=[1.0, 0.0])])
    real = redis_database.RedisDatabase.command

    async def command(self: redis_database.RedisDatabase, *said: Any) -> Any:
        if said[0] in ("FT.SEARCH", "FT.DROPINDEX"):
            raise InternalError(f"memory: {words}")
        return await real(self, *said)

    monkeypatch.setattr(redis_database.RedisDatabase, "command", command)
    with pytest.raises(UnavailableError, match="it is made again"):
        await store.search(SCOPE, [1.0, 0.0])
    assert await store.delete_all(SCOPE) == 1  # somebody else has dropped it meanwhile
    await store.close()


async def test_what_is_deleted_while_the_memory_begins_anew_is_not_found_any_more(
    searching_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    searching_redis.call("FLUSHALL")
    address = f"redis://127.0.0.1:{searching_redis.port}"
    store, other = [await redis.open_vectors(address, clock=CLOCK) for _ in range(2)]
    real = store._dimension

    async def dimension(scope: Scope) -> int:
        found = await real(scope)
        if not found:
            await other.upsert(SCOPE, [Item(id="a", text="secret", vector=[1.0, 0.0])])
        return found

    monkeypatch.setattr(store, "_dimension", dimension)
    assert await store.delete(SCOPE, ids=["a"]) == 1
    await other.upsert(SCOPE, [Item(id="b", text="kept", vector=[0.0, 1.0])])
    assert [match.id for match in await other.search(SCOPE, [1.0, 0.0])] == ["b"]
    assert await other.delete_all(SCOPE) == 1
    assert searching_redis.call("KEYS", "*") == []
    await store.close()
    await other.close()
