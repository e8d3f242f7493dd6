"""A proxy between raw clients and upstreams that answer as a script says."""

import asyncio
import contextlib
import os
import resource
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from outrider.sidecar.proxy.exchange import Exchange
from outrider.sidecar.proxy.gate import Attempt, Failure
from outrider.sidecar.proxy.limits import ProxyLimits
from outrider.sidecar.proxy.messages import Field
from outrider.sidecar.proxy.pool import Target
from outrider.sidecar.proxy.proxy import Proxy

WAIT = 10.0
GET = b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Script = Callable[["Reader", asyncio.StreamWriter], Awaitable[None]]


async def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        await asyncio.sleep(0.002)


class Noted(Attempt):
    """Passes everything on and remembers how it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.body = b""
        self.fields: list[Field] = []
        self.endings: list[str] = []

    def accept(self, status: int, fields: list[Field]) -> bool:
        del status
        self.fields = fields
        return True

    def piece(self, data: bytes) -> bytes:
        self.body += data
        return data

    def ended(self, problem: str) -> None:
        self.endings.append(f"ended: {problem}")

    def failed(self, exchange: Exchange, failure: Failure) -> None:
        self.endings.append(f"failed: {failure.reason}")
        super().failed(exchange, failure)

    def abandoned(self, *, sent: bool) -> None:
        del sent
        self.endings.append("abandoned")


class Forwarding:
    """A gate that forwards everything to one target, but for paths that it answers itself."""

    def __init__(self) -> None:
        self.target: Target
        self.attempts: list[Noted] = []
        self.exchanges: list[Exchange] = []

    def decide(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        request = exchange.request
        if request.target.startswith(b"/own"):
            exchange.answer(200, [], request.target)
            return
        if request.target == b"/fault":
            raise ZeroDivisionError
        self.attempts.append(self.attempt())
        exchange.forward(self.target, self.attempts[-1], path=request.target, fields=request.fields, body=request.body)

    def attempt(self) -> Noted:
        return Noted()


class Between:
    """A running proxy.

    Attributes:
        port: Where it listens.
        gate: Its gate.
        heads: Heads of the requests that the upstream has got.
        connections: How many connections the upstream has seen.
    """

    def __init__(self, gate: Forwarding, limits: ProxyLimits) -> None:
        self.gate = gate
        self.proxy = Proxy(gate, limits)
        self.heads: list[bytes] = []
        self.connections = 0
        self.port = 0

    async def raw(self, data: bytes, *, end: bool = False) -> bytes:
        """Send bytes on a new connection and return everything that comes until the proxy closes it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        if end:
            writer.write_eof()
        try:
            return await asyncio.wait_for(reader.read(), WAIT)
        finally:
            writer.close()

    async def one(self, data: bytes = GET) -> bytes:
        """Send one request as the last of its connection, and return the answer."""
        return await self.raw(data.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1))


async def read_request(reader: "Reader") -> bytes:
    """Return head and body of one request with a length; empty where the connection ends."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            head += await reader.readexactly(int(line[15:]))
    return head


def answering(*answers: bytes, close: bool = False) -> Script:
    """Return a script that gives one answer after the other to the requests of a connection, the last one for ever."""

    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        number = 0
        while await read_request(reader):
            writer.write(answers[min(number, len(answers) - 1)])
            number += 1
            await writer.drain()
            if close:
                return

    return script


@contextlib.asynccontextmanager
async def between(
    script: Script, *, gate: Forwarding | None = None, tls: Any = None, trust: Any = None, **limits: Any
) -> AsyncIterator[Between]:
    """Run a proxy in front of an upstream."""
    found = Between(gate or Forwarding(), ProxyLimits(**limits))

    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.connections += 1
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await script(Reader(reader, found.heads), writer)
        finally:
            writer.close()

    upstream = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    host = "localhost" if tls else "127.0.0.1"
    found.gate.target = found.proxy.add(Target(found.proxy, host, upstream.sockets[0].getsockname()[1], trust))
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    found.port = listening.getsockname()[1]
    await found.proxy.listen(listening)
    try:
        yield found
    finally:
        await found.proxy.close(0)
        upstream.close()
        for task in serving:
            task.cancel()
        if serving:
            await asyncio.wait(serving)


class Reader:
    """What an upstream reads; the heads are kept."""

    def __init__(self, reader: asyncio.StreamReader, heads: list[bytes]) -> None:
        self._inner = reader
        self._heads = heads

    async def readuntil(self, separator: bytes) -> bytes:
        found = await self._inner.readuntil(separator)
        self._heads.append(found)
        return found

    async def readexactly(self, n: int) -> bytes:
        return await self._inner.readexactly(n)

    async def read(self, n: int = -1) -> bytes:
        return await self._inner.read(n)


@contextlib.contextmanager
def nothing_more_opens() -> Iterator[None]:
    """Let this process open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def body_of(answer: bytes) -> bytes:
    """Return the body of an answer, without its chunks' framing."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in head:
        return body
    found = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        found, body = found + body[:length], body[length + 2 :]
        if length == 0:
            assert body == b"", "nothing after the last chunk"
    return found
