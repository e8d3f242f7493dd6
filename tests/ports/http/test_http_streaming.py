import asyncio
from collections.abc import AsyncIterator

import pytest

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.ports.http.routing import Handler
from outrider.ports.http.writer import SLICE
from tests.ports.http.support import GET, LAST_GET, eventually, exchange, only_connection, reset, serving, wire

HEAD = LAST_GET.replace(b"GET", b"HEAD")


class Pieces:
    """An iterator that says when it is released."""

    def __init__(self, *pieces: bytes, endless: bool = False) -> None:
        self.pieces = list(pieces)
        self.endless = endless
        self.given = 0
        self.closed = asyncio.Event()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self.given >= len(self.pieces) and not self.endless:
            raise StopAsyncIteration
        self.given += 1
        return self.pieces[(self.given - 1) % len(self.pieces)]

    async def aclose(self) -> None:
        self.closed.set()


def streaming(pieces: AsyncIterator[bytes], **fields: str) -> Handler:
    async def handler(_: Request) -> Response:
        return Response(200, Headers({name.replace("_", "-"): value for name, value in fields.items()}), pieces)

    return handler


async def test_stream_is_chunked() -> None:
    pieces = Pieces(b"abc", b"", b"d" * 26)
    async with serving(streaming(pieces)) as (_, port):
        answer = await exchange(port, LAST_GET)
        assert answer.endswith(b"\r\n\r\n3\r\nabc\r\n1a\r\n" + b"d" * 26 + b"\r\n0\r\n\r\n")
        assert pieces.closed.is_set()


async def test_stream_to_http_1_0_ends_with_the_connection() -> None:
    async with serving(streaming(Pieces(b"abc", b"def"))) as (_, port):
        answer = await exchange(port, b"GET / HTTP/1.0\r\n\r\n")
        assert b"transfer-encoding" not in answer
        assert answer.endswith(b"\r\n\r\nabcdef")


async def test_stream_of_known_length() -> None:
    async with serving(streaming(Pieces(b"abc", b"def"), content_length="6")) as (_, port), wire(port) as connection:
        connection.send(GET)
        assert (await connection.answer())[1] == b"abcdef"


@pytest.mark.parametrize(("length", "received"), [("5", b"abc"), ("7", b"abcdef")])
async def test_stream_of_another_length_is_cut(length: str, received: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(streaming(Pieces(b"abc", b"def"), content_length=length)) as (_, port), wire(port) as connection:
        connection.send(GET)
        head = await connection.until(b"\r\n\r\n")
        assert f"content-length: {length}".encode() in head
        assert await connection.rest() == received
        await eventually(lambda: "bytes instead of the" in caplog.text)


async def test_stream_that_fails_does_not_look_complete(caplog: pytest.LogCaptureFixture) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"
        raise RuntimeError("lost")

    async with serving(streaming(pieces())) as (_, port):
        answer = await exchange(port, GET)
        assert answer.endswith(b"3\r\nabc\r\n")
        await eventually(lambda: "lost" in caplog.text)


async def test_stream_is_not_read_for_head() -> None:
    pieces = Pieces(b"abc")
    async with serving(streaming(pieces)) as (_, port):
        assert (await exchange(port, HEAD)).endswith(b"connection: close\r\n\r\n")
        assert pieces.given == 0
        assert pieces.closed.is_set()


async def test_stream_waits_for_its_reader_and_ends_with_it() -> None:
    pieces = Pieces(b"x" * 65536, endless=True)
    async with serving(streaming(pieces)) as (server, port), wire(port) as client:
        client.send(GET)
        connection = await only_connection(server)
        await eventually(lambda: connection._writer.paused)
        assert connection._transport.get_write_buffer_size() < 3 * SLICE
        reset(client)
        await eventually(pieces.closed.is_set)
        await eventually(lambda: server.connections == 0)


async def test_large_body_is_sent_in_slices() -> None:
    body = bytes(range(256)) * 40_000

    async def handler(_: Request) -> Response:
        return Response(200, body=body)

    async with serving(handler) as (_, port), wire(port) as connection:
        connection.send(GET)
        assert (await connection.answer())[1] == body
        connection.send(GET)
        assert (await connection.answer())[1] == body
