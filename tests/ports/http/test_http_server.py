import asyncio

import pytest

from outrider.core.http.headers import Headers
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Request, Response
from outrider.ports.clock.manual import ManualClock
from outrider.ports.http.connection import MAX_WAITING_BYTES
from outrider.ports.http.server_state import RECEIVE_BYTES
from outrider.ports.http.writer import SLICE
from tests.ports.http.support import GET, LAST_GET, Sleeper, eventually, exchange, only_connection, reset, serving, wire


async def test_kept_connection_answers_request_after_request() -> None:
    async with serving() as (server, port), wire(port) as connection:
        for number in range(3):
            connection.send(b"POST /%d HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi" % number)
            head, body = await connection.answer()
            assert head.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
            assert body == b"POST /%d hi" % number
        assert server.connections == 1


@pytest.mark.parametrize("data", [LAST_GET, b"GET / HTTP/1.0\r\n\r\n"])
async def test_last_answer_closes(data: bytes) -> None:
    async with serving() as (server, port):
        answer = await exchange(port, data)
        assert b"\r\nconnection: close\r\n" in answer
        assert answer.endswith(b"\r\n\r\nGET / ")
        await eventually(lambda: server.connections == 0)


async def test_handler_can_make_its_answer_the_last() -> None:
    async def handler(_: Request) -> Response:
        return Response(200, Headers({"connection": "close"}), b"bye")

    async with serving(handler) as (_, port):
        assert (await exchange(port, GET)).endswith(b"bye")


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with serving() as (_, port):
        data = b"".join(b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n" % number for number in range(50))
        answer = await exchange(port, data + LAST_GET)
        bodies = [part.split(b"\r\n\r\n")[1] for part in answer.split(b"HTTP/1.1 200 OK")[1:]]
        assert bodies == [b"GET /%d " % number for number in range(50)] + [b"GET / "]


async def test_flood_of_pipelined_requests_stops_reading() -> None:
    go_on = asyncio.Event()

    async def handler(_: Request) -> Response:
        await go_on.wait()
        return Response(204)

    async with serving(handler) as (server, port), wire(port) as client:
        client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n%b" % (b"x" * 1000) * 2000 + LAST_GET)
        connection = await only_connection(server)
        await eventually(lambda: not connection._transport.is_reading())
        assert MAX_WAITING_BYTES <= len(connection._waiting) < MAX_WAITING_BYTES + RECEIVE_BYTES
        go_on.set()
        assert (await client.rest()).count(b"HTTP/1.1 204 ") == 2001


async def test_answers_that_nobody_reads_stop_the_next_request() -> None:
    async def handler(_: Request) -> Response:
        return Response(200, body=b"x" * 60_000)

    async with serving(handler) as (server, port), wire(port) as client:
        client.send(GET * 1000 + LAST_GET)
        connection = await only_connection(server)
        await eventually(lambda: connection._writer.paused)
        assert connection._transport.get_write_buffer_size() < 3 * SLICE
        assert (await client.rest()).count(b"HTTP/1.1 200 ") == 1001


async def test_head_has_the_length_and_no_body() -> None:
    async with serving() as (_, port):
        answer = await exchange(port, LAST_GET.replace(b"GET", b"HEAD"))
        assert b"content-length: 7\r\n" in answer
        assert answer.endswith(b"\r\n\r\n")


async def test_half_closed_peer_gets_its_answers() -> None:
    go_on = asyncio.Event()

    async def handler(request: Request) -> Response:
        await go_on.wait()
        return Response(200, body=request.path.encode())

    async with serving(handler) as (server, port), wire(port) as connection:
        connection.send(GET + GET.replace(b"/ ", b"/second "))
        connection.writer.write_eof()
        await eventually(lambda: server.connections == 1)
        go_on.set()
        assert (await connection.rest()).endswith(b"/second")


async def test_end_within_a_request_closes() -> None:
    async with serving() as (server, port), wire(port) as connection:
        connection.send(GET[:10])
        connection.writer.write_eof()
        assert await connection.rest() == b""
        await eventually(lambda: server.connections == 0)


async def test_continue_is_sent_when_the_body_is_awaited() -> None:
    head = b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    async with serving() as (_, port), wire(port) as connection:
        connection.send(head)
        assert await connection.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.send(b"hi")
        assert (await connection.answer())[1] == b"POST / hi"
        connection.send(head + b"ho")
        assert (await connection.answer())[1] == b"POST / ho"


async def test_too_long_a_body_is_refused_before_it_is_sent() -> None:
    head = b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 11\r\n\r\n"
    async with serving(limits=Limits(body=10)) as (_, port):
        answer = await exchange(port, head)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b'"code":"INVALID_CONFIG"' in answer


async def test_refusal_arrives_although_the_body_keeps_coming() -> None:
    async with serving() as (_, port), wire(port) as connection:
        connection.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10000000\r\n\r\n")
        connection.send(b"x" * 10_000_000)
        await connection.writer.drain()
        assert (await connection.rest()).startswith(b"HTTP/1.1 413 ")


async def test_last_answer_arrives_although_more_keeps_coming() -> None:
    async with serving() as (_, port), wire(port) as connection:
        connection.send(LAST_GET + b"x" * 10_000_000)
        assert (await connection.rest()).endswith(b"\r\n\r\nGET / ")


async def test_chunked_request() -> None:
    data = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    async with serving() as (_, port):
        assert (await exchange(port, data)).endswith(b"POST / hi")


async def test_malformed_request_ends_the_connection() -> None:
    async with serving() as (_, port):
        answer = await exchange(port, GET + b"GET / HTTP/1.1\r\nhost : a\r\n\r\n" + GET)
        assert answer.count(b"HTTP/1.1 ") == 2
        assert b"HTTP/1.1 400 Bad Request\r\n" in answer
        assert b"white space before the colon" in answer


async def test_peer_is_told() -> None:
    async def handler(request: Request) -> Response:
        return Response(200, body=request.peer.address.encode())

    async with serving(handler) as (_, port), wire(port) as connection:
        connection.send(GET)
        host, own_port = connection.writer.get_extra_info("sockname")
        assert (await connection.answer())[1] == f"{host}:{own_port}".encode()


async def test_date_follows_the_clock() -> None:
    clock = ManualClock(784111777)
    async with serving(clock=clock) as (_, port), wire(port) as connection:
        for second in (b"37", b"37", b"38"):
            connection.send(GET)
            assert b"date: Sun, 06 Nov 1994 08:49:" + second + b" GMT\r\n" in (await connection.answer())[0]
            clock.advance(0.5)


async def test_handler_that_raises_costs_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(_: Request) -> Response:
        raise RuntimeError("secret")

    async with serving(handler) as (server, port):
        answer = await exchange(port, GET)
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert b"secret" not in answer
        await eventually(lambda: "secret" in caplog.text)
        await eventually(lambda: server.connections == 0)


async def test_handler_of_a_caller_that_left_is_cancelled() -> None:
    sleeper = Sleeper()
    async with serving(sleeper) as (server, port), wire(port) as connection:
        connection.send(GET)
        await sleeper.started.wait()
        reset(connection)
        await eventually(sleeper.cancelled.is_set)
        await eventually(lambda: server.connections == 0)
