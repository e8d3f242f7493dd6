import asyncio
from typing import Any

import pytest

from outrider.core.errors import (
    ConnectionFailedError,
)
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Request, Response
from outrider.ports.clock.manual import ManualClock
from outrider.ports.http import client as client_module
from outrider.ports.http.addresses import connect
from outrider.ports.http.client_connection import ClientConnection
from tests.ports.http.support import (
    OK,
    answering,
    client_for,
    read_request,
    scripted,
    serving,
)


async def test_connection_is_kept() -> None:
    async with serving() as (server, port), client_for(port) as client:
        for _ in range(5):
            await client.request("GET", "/")
        assert server.connections == 1


async def test_connections_are_bounded_and_requests_wait() -> None:
    inside, most = 0, 0

    async def handler(_: Request) -> Response:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        return Response(204)

    async with serving(handler) as (server, port), client_for(port, max_connections=3) as client:
        answers = await asyncio.gather(*(client.request("GET", "/") for _ in range(30)))
        assert [answer.status for answer in answers] == [204] * 30
        assert server.connections <= 3
        assert most <= 3


async def one_answer_for_two(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Leave with the second request in hand."""
    await answering(OK)(reader, writer)
    await read_request(reader)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_idempotent_request_is_repeated_once_on_a_kept_connection(method: str) -> None:
    answer = OK if method != "HEAD" else OK.removesuffix(b"ok")
    async with scripted(one_answer_for_two, answering(answer)) as port, client_for(port) as client:
        await client.request("GET", "/")
        assert (await client.request(method, "/")).status == 200


async def test_other_request_is_not_repeated() -> None:
    async with scripted(one_answer_for_two, answering(OK)) as port, client_for(port) as client:
        await client.request("GET", "/")
        with pytest.raises(ConnectionFailedError) as caught:
            await client.request("POST", "/")
        assert caught.value.sent


async def test_request_is_repeated_once_only() -> None:
    async with scripted(one_answer_for_two, answering(b""), answering(OK)) as port, client_for(port) as client:
        await client.request("GET", "/")
        with pytest.raises(ConnectionFailedError):
            await client.request("GET", "/")


async def test_request_is_not_repeated_once_an_answer_began() -> None:
    async with scripted(answering(OK, b"HTTP/1.1 2"), answering(OK)) as port, client_for(port) as client:
        await client.request("GET", "/")
        with pytest.raises(ConnectionFailedError):
            await client.request("GET", "/")


async def test_connection_that_died_idle_is_not_used() -> None:
    ended = asyncio.Event()

    async def first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(OK)(reader, writer)
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with scripted(first, answering(OK)) as port, client_for(port) as client:
        await client.request("POST", "/")
        await ended.wait()
        # The end has arrived, whether or not the event loop has told the client.
        assert (await client.request("POST", "/")).body == b"ok"


async def test_connection_with_unasked_bytes_is_not_used() -> None:
    async with scripted(answering(OK + OK), answering(OK)) as port, client_for(port) as client:
        await client.request("POST", "/")
        assert (await client.request("POST", "/")).body == b"ok"


async def test_connection_that_was_idle_for_long_is_not_used() -> None:
    clock = ManualClock()
    async with scripted(answering(OK, OK), answering(OK)) as port, client_for(port, clock=clock) as client:
        await client.request("POST", "/")
        first = client._idle[0]
        clock.advance(client_module.IDLE_SECONDS)
        await client.request("POST", "/")
        assert client._idle[0] is not first


async def test_connection_that_the_server_ends_is_not_kept() -> None:
    last = OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    async with scripted(answering(last, OK), answering(last)) as port, client_for(port) as client:
        assert [(await client.request("POST", "/")).body for _ in range(2)] == [b"ok", b"ok"]


async def test_connection_that_the_server_wants_to_end_is_ended_here() -> None:
    async def first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))(reader, writer)
        assert await reader.read() == b""

    async with scripted(first, answering(OK)) as port, client_for(port) as client:
        assert [(await client.request("POST", "/")).body for _ in range(2)] == [b"ok", b"ok"]


async def test_connection_made_after_close_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect_late(*arguments: Any) -> ClientConnection:
        connection = await connect(*arguments)
        client._closed = True
        return connection

    monkeypatch.setattr(client_module, "connect", connect_late)
    async with serving() as (_, port), client_for(port) as client:
        with pytest.raises(ConnectionFailedError) as caught:
            await client.request("POST", "/")
        assert not caught.value.sent


async def test_connection_lost_before_its_first_request_has_sent_nothing() -> None:
    connection = ClientConnection(Limits(), memoryview(bytearray(10)), set())
    connection.connection_made(asyncio.Transport())
    await connection.ready
    connection.connection_lost(ConnectionResetError("gone"))
    with pytest.raises(ConnectionResetError, match="gone"):
        await connection.exchange("GET", b"")
    assert not connection.sent


async def test_connection_given_up_before_it_is_made_leaves_no_error() -> None:
    connection = ClientConnection(Limits(), memoryview(bytearray(10)), set())
    connection.abort()
    connection.connection_lost(ConnectionResetError("gone"))
    assert isinstance(connection.ready.exception(), ConnectionAbortedError)
