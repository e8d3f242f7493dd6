"""A running server, raw connections to it, and servers that answer as a script says."""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from outrider.core.http.messages import Request, Response
from outrider.ports.http.client import Client
from outrider.ports.http.connection import ServerConnection
from outrider.ports.http.routing import Handler
from outrider.ports.http.server import Server

WAIT = 20.0
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
LAST_GET = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def eventually(condition: Callable[[], bool]) -> None:
    """Let everything else run until the condition holds."""
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        await asyncio.sleep(0.001)


async def echo(request: Request) -> Response:
    """Answer with method, path and body."""
    return Response(200, body=f"{request.method} {request.path} ".encode() + request.body)


class Sleeper:
    """A handler that only a cancellation ends."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def __call__(self, _: Request) -> Response:
        self.started.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
        return Response(200)


async def only_connection(server: Server) -> ServerConnection:
    """The one connection of a server, once it is made."""
    await eventually(lambda: server.connections == 1)
    (connection,) = server._state.connections
    return connection


@contextlib.asynccontextmanager
async def serving(handler: Handler = echo, **settings: Any) -> AsyncIterator[tuple[Server, int]]:
    """A server on a free port."""
    server = Server(handler, **settings)
    port = await server.start_tcp("127.0.0.1", 0)
    try:
        yield server, port
    finally:
        await server.stop(0)


class Wire:
    """A connection of which every byte is in the test's hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def rest(self) -> bytes:
        """All bytes until the other end closes."""
        async with asyncio.timeout(WAIT):
            return await self.reader.read()

    async def until(self, end: bytes) -> bytes:
        async with asyncio.timeout(WAIT):
            return await self.reader.readuntil(end)

    async def answer(self) -> tuple[bytes, bytes]:
        """Head and body of an answer with a length."""
        head = await self.until(b"\r\n\r\n")
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        async with asyncio.timeout(WAIT):
            return head, await self.reader.readexactly(length)


def reset(connection: Wire) -> None:
    """Leave without a word: unlike a plain close, which could be a half-close, this is noticed at once."""
    sock = connection.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.writer.transport.abort()


@contextlib.asynccontextmanager
async def wire(port: int, **settings: Any) -> AsyncIterator[Wire]:
    """A raw connection to a local port."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **settings)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def exchange(port: int, data: bytes) -> bytes:
    """Send bytes and return everything that comes back until the server closes."""
    async with wire(port) as connection:
        connection.send(data)
        return await connection.rest()


@contextlib.asynccontextmanager
async def scripted(*scripts: Script, **settings: Any) -> AsyncIterator[int]:
    """A server whose n-th connection is served by the n-th script and then closed."""
    waiting = list(scripts)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await waiting.pop(0)(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, **settings)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """The head of a request and the body that its length announces."""
    head = await reader.readuntil(b"\r\n\r\n")
    _, found, rest = head.partition(b"content-length: ")
    return head + (await reader.readexactly(int(rest.split(b"\r\n")[0])) if found else b"")


def answering(*answers: bytes) -> Script:
    """A script that gives one answer to each request."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await read_request(reader)
            writer.write(answer)
            await writer.drain()

    return serve


@contextlib.asynccontextmanager
async def client_for(port: int, **settings: Any) -> AsyncIterator[Client]:
    """A client of a local port."""
    client = Client(f"http://127.0.0.1:{port}", **settings)
    try:
        yield client
    finally:
        await client.close()


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """A script that reads until the client leaves."""
    with contextlib.suppress(ConnectionError):
        await reader.read()
