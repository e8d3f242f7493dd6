"""Stores whose users may do no more than they must, and what else their servers may be like."""

import asyncio
import socket
import time
from collections.abc import Iterator

import psycopg
import pytest
from nats.aio.client import Client

from outrider.core.errors import OutriderError
from outrider.sidecar.llm.shares import nats_bucket, postgresql
from outrider.sidecar.llm.shares.counter import Window
from tests.servers.nats import NatsServer
from tests.servers.postgresql import PostgresqlServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
PLAIN, ENCODED = "p@s/s:w%rd", "p%40s%2Fs%3Aw%25rd"
# What one sidecar needs of a bucket that is there.
USERS = f"""
authorization {{ users = [
  {{user: admin, password: admin}}
  {{user: "u@x", password: "{PLAIN}", permissions: {{
    publish: ["$JS.API.STREAM.INFO.KV_outrider_shares", "$JS.API.STREAM.MSG.GET.KV_outrider_shares", "$KV.outrider_shares.>"]
    subscribe: ["_INBOX.>"]
  }}}}
] }}
"""


def window(limit: int = 100) -> Window:
    return Window(agent="a", amount="budget", name="w", limit=limit, expires=time.time() + 60.0)


@pytest.fixture
def nats() -> Iterator[NatsServer]:
    with NatsServer(USERS, jetstream=True) as server:
        yield server


async def test_a_bucket_that_is_there_needs_no_right_to_make_one(nats: NatsServer) -> None:
    admin = await nats_bucket.open_counter(f"nats://admin:admin@127.0.0.1:{nats.port}", None)
    assert await admin.draw(window(), "one", has=0, wants=10) == 10
    await admin.close()
    counter = await nats_bucket.open_counter(f"nats://u%40x:{ENCODED}@127.0.0.1:{nats.port}", None)
    async with asyncio.timeout(2.0):
        assert await counter.draw(window(), "two", has=0, wants=100) == 90
    await counter.close()


async def test_a_key_that_somebody_has_deleted_begins_anew(nats: NatsServer) -> None:
    counter = await nats_bucket.open_counter(f"nats://admin@127.0.0.1:{nats.port}", "admin")
    assert await counter.draw(window(), "one", has=0, wants=10) == 10
    client = Client()
    await client.connect(f"nats://admin:admin@127.0.0.1:{nats.port}")
    await (await client.jetstream().key_value(nats_bucket.BUCKET)).delete("a.budget")
    await client.close()
    assert await counter.draw(window(), "one", has=4, wants=20) == 20
    await counter.close()


async def test_two_make_the_bucket_at_once(nats: NatsServer) -> None:
    counters = [await nats_bucket.open_counter(f"nats://admin:admin@127.0.0.1:{nats.port}", None) for _ in range(4)]
    drawn = await asyncio.gather(*(one.draw(window(), str(at), has=0, wants=30) for at, one in enumerate(counters)))
    assert sorted(drawn) == [10, 30, 30, 30]
    for one in counters:
        await one.close()


async def test_a_table_that_is_there_needs_no_right_to_make_one() -> None:
    with PostgresqlServer() as server:
        schema = server.create()
        owner = await postgresql.open_counter(server.address(schema), None)
        assert await owner.draw(window(), "one", has=0, wants=10) == 10
        await owner.close()
        with psycopg.connect(server.address(schema), autocommit=True) as connection:
            connection.execute("CREATE ROLE plain LOGIN")
            connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO plain".encode())
            connection.execute(b"GRANT SELECT, INSERT, UPDATE, DELETE ON outrider_shares TO plain")
        address = server.address(schema).replace("//outrider@", "//plain@")
        plain = await postgresql.open_counter(address, None)
        assert await plain.draw(window(), "two", has=0, wants=100) == 90
        await plain.close()


async def test_a_server_that_is_slow_to_connect_is_not_connected_to_again_and_again() -> None:
    """Draws end before a connection is there; each would leave one behind."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        counter = await postgresql.open_counter(f"postgresql://u@127.0.0.1:{server.getsockname()[1]}/d", None)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await counter.draw(window(), "one", has=0, wants=1)
        server.settimeout(0.0)
        came = [server.accept()[0]]
        with pytest.raises(BlockingIOError):
            server.accept()
        for connection in came:
            connection.close()
        with pytest.raises(OutriderError):
            await counter.draw(window(), "one", has=0, wants=1)
        await counter.close()
