"""What a server does to peers that are slow, silent or too many. The clock moves only when a test says so."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from outrider.core.http.messages import Request, Response
from outrider.ports.clock.manual import ManualClock
from outrider.ports.http.connection import MAX_REFUSED, ServerConnection
from outrider.ports.http.server import Server
from outrider.ports.http.server_state import Timeouts
from tests.ports.http.support import GET, Sleeper, echo, eventually, only_connection, serving, wire

# The sweep runs every quarter of the shortest of these, in real time.
TIMEOUTS = Timeouts(handshake=0.04, header=1.0, body=2.0, idle=3.0, write=4.0, linger=0.5)


@contextlib.asynccontextmanager
async def timed(**settings: Any) -> AsyncIterator[tuple[ManualClock, Server, int]]:
    clock = ManualClock()
    async with serving(settings.pop("handler", echo), clock=clock, timeouts=TIMEOUTS, **settings) as (server, port):
        yield clock, server, port


def holds(connection: ServerConnection, count: int) -> bool:
    """Whether so many bytes of a head have been received."""
    return len(connection._parser._rest) == count


async def test_silent_peer_is_closed_without_a_word() -> None:
    async with timed() as (clock, server, port), wire(port) as connection:
        await eventually(lambda: server.connections == 1)
        clock.advance(1.0)
        assert await connection.rest() == b""


async def test_slow_head_gets_408_and_every_byte_does_not_extend_its_time() -> None:
    async with timed() as (clock, server, port), wire(port) as client:
        client.send(GET)
        await client.answer()
        connection = await only_connection(server)
        for number in range(4):
            client.send(GET[number : number + 1])
            await eventually(partial(holds, connection, number + 1))
            assert connection.deadline == 1.0
            clock.advance(0.25)
        assert (await client.rest()).startswith(b"HTTP/1.1 408 ")
        client.writer.close()
        await eventually(lambda: server.connections == 0)


async def test_slow_body_gets_408() -> None:
    async with timed() as (clock, server, port), wire(port) as client:
        client.send(b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n")
        await client.until(b"\r\n\r\n")
        connection = await only_connection(server)
        assert connection.deadline == 2.0
        clock.advance(2.0)
        assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


async def test_idle_connection_is_closed_without_a_word() -> None:
    async with timed() as (clock, _, port), wire(port) as connection:
        connection.send(GET)
        await connection.answer()
        clock.advance(2.9)
        connection.send(GET)
        await connection.answer()
        clock.advance(3.0)
        assert await connection.rest() == b""


async def test_handler_has_no_deadline() -> None:
    sleeper = Sleeper()
    async with timed(handler=sleeper) as (_, server, port), wire(port) as client:
        client.send(GET)
        await sleeper.started.wait()
        assert (await only_connection(server)).deadline == math.inf


@pytest.mark.parametrize("request_line", [b"GET / HTTP/1.1", b"GET / HTTP/1.0"])
async def test_reader_that_does_not_read_is_dropped(request_line: bytes) -> None:
    async def handler(_: Request) -> Response:
        return Response(200, body=b"x" * 50_000_000)

    async with timed(handler=handler) as (clock, server, port), wire(port) as client:
        client.send(request_line + b"\r\nhost: a\r\n\r\n")
        connection = await only_connection(server)
        await eventually(lambda: connection.deadline == 4.0)
        clock.advance(4.0)
        await eventually(lambda: server.connections == 0)


async def test_peer_that_ignores_a_refusal_is_dropped() -> None:
    async with timed() as (clock, server, port), wire(port) as connection:
        connection.send(b"nonsense\r\n")
        assert (await connection.rest()).startswith(b"HTTP/1.1 400 ")
        assert server.connections == 1
        connection.send(b"more")
        clock.advance(0.5)
        await eventually(lambda: server.connections == 0)


async def test_connections_are_bounded() -> None:
    async with timed(max_connections=2) as (_, server, port), wire(port) as one, wire(port), wire(port) as third:
        await eventually(lambda: server.connections == 3)
        third.send(GET)
        refusal = await third.rest()
        assert refusal.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 1\r\n" in refusal
        third.writer.close()
        await eventually(lambda: server.connections == 2)
        one.send(GET)
        assert (await one.answer())[0].startswith(b"HTTP/1.1 200 ")


async def test_refused_connections_are_bounded_too() -> None:
    async with timed(max_connections=1) as (_, server, port), contextlib.AsyncExitStack() as stack:
        many = [await stack.enter_async_context(wire(port)) for _ in range(MAX_REFUSED + 10)]
        answers = await asyncio.gather(*(connection.reader.read(12) for connection in many[1:]), return_exceptions=True)
        assert [answer for answer in answers if answer == b"HTTP/1.1 503"] == [b"HTTP/1.1 503"] * MAX_REFUSED
        assert server.connections == MAX_REFUSED + 1
