import asyncio

import pytest

from outrider.core.errors import ConnectionFailedError, OutriderError, UnavailableError
from outrider.ports.nats.address import NatsAddress
from outrider.ports.nats.connection import Connection, connected
from outrider.ports.nats.publication import Message, publish
from outrider.ports.nats.streams import StreamSpec, ensure_stream, stream_state
from tests.ports.nats.support import left, make_streams
from tests.servers.nats import NatsServer

pytestmark = pytest.mark.real


@pytest.fixture
async def events(connection: Connection) -> Connection:
    await ensure_stream(connection, StreamSpec(name="EVENTS", subjects=["e.>"], retention="limits", max_bytes=10**7))
    return connection


def messages(count: int) -> list[Message]:
    return [Message(subject=f"e.{number % 7}", data=b"%d" % number, id=str(number)) for number in range(count)]


async def test_all_are_stored_in_their_order(events: Connection) -> None:
    assert not any(await publish(events, "EVENTS", messages(500)))
    for sequence in (1, 250, 500):
        assert (await events.jetstream.get_msg("EVENTS", sequence)).data == b"%d" % (sequence - 1)


async def test_what_was_stored_before_is_not_stored_again(events: Connection) -> None:
    await publish(events, "EVENTS", messages(10))
    assert not any(await publish(events, "EVENTS", messages(20)))
    assert (await stream_state(events, "EVENTS")).messages == 20


async def test_one_that_is_too_long_does_not_hold_up_the_others(events: Connection) -> None:
    long = Message(subject="e.long", data=b"x" * 70_000, id="long")
    first, second, third = await publish(events, "EVENTS", [*messages(1), long, *messages(2)[1:]])
    assert (first, third) == ("", "")
    assert "the server takes" in second
    assert (await stream_state(events, "EVENTS")).messages == 2


async def test_ids_that_differ_in_white_space_only_are_different(events: Connection) -> None:
    ids = ["a", "a ", " a", "a\n", "b\nc", "b c", "b\rc", "é", "x" * 64, "x" * 65]
    assert not any(await publish(events, "EVENTS", [Message(subject="e.x", data=b"", id=one) for one in ids]))
    assert (await stream_state(events, "EVENTS")).messages == len(ids)


async def test_one_that_is_too_long_for_the_stream_does_not_hold_up_the_others(connection: Connection) -> None:
    await connection.jetstream.add_stream(name="EVENTS", subjects=["e.>"], max_msg_size=100)
    given = [Message(subject="e.x", data=b"x" * size, id=str(size)) for size in (10, 1000, 20)]
    assert [bool(reason) for reason in await publish(connection, "EVENTS", given)] == [False, True, False]
    assert (await stream_state(connection, "EVENTS")).messages == 2


async def test_a_server_that_closes_after_the_last_acknowledgement() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"max_payload": 100000, "headers": true, "version": "2.15.1"}\r\n')
        while line := await reader.readline():
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
            if line.startswith(b"SUB"):
                number = line.split()[-1]
            if line.startswith(b"HPUB"):
                reply = line.split()[2]
                writer.write(b"MSG %s %s 2\r\n{}\r\n" % (reply, number))
                await writer.drain()
                writer.close()
                return

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        where = NatsAddress(servers=[f"nats://127.0.0.1:{listening.sockets[0].getsockname()[1]}"])
        for _ in range(5):
            async with connected(where) as connection:
                assert await publish(connection, "S", [Message(subject="e", data=b"", id="1")]) == [""]


async def test_a_full_work_queue_refuses(connection: Connection) -> None:
    await make_streams(connection)
    full = [Message(subject="tasks", data=b"x" * 60_000, id=str(number)) for number in range(200)]
    with pytest.raises(UnavailableError, match="maximum bytes"):
        await publish(connection, "TASKS", full)
    assert 100 < await left(connection) < 200


async def test_a_wrong_stream_is_refused(events: Connection) -> None:
    with pytest.raises(OutriderError):
        await publish(events, "OTHER", messages(1))
    with pytest.raises(OutriderError):
        await publish(events, "EVENTS", [Message(subject="nowhere", data=b"", id="1")])


async def test_a_lost_server_is_told(events: Connection, server: NatsServer) -> None:
    server.stop()
    with pytest.raises(ConnectionFailedError):
        await publish(events, "EVENTS", messages(100))
