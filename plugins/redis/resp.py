"""The protocol of Redis, version 2 (RESP2), with bounds: a long value is cut while it is read, and every wait has an end."""

from __future__ import annotations

import asyncio
import contextlib
import re

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator
    from typing import Any

LINE = 16 * 1024
KEPT = 96 * 1024  # bytes of the values of one reply
CHUNK = 64 * 1024
ELEMENTS, DEPTH = 4096, 8
NUMBER = re.compile(rb"-?[0-9]{1,19}")


class ServerError(Exception):
    """The server answers with an error."""


class IdleError(Exception):
    """Nothing came; the connection can be used on."""


class Connection:
    """A connection; made by `connected`.

    Args:
        reader: From the server.
        writer: To it.
        timeout: Seconds for an answer.

    Attributes:
        dropped: Bytes of the last reply that were left out.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, timeout: float) -> None:
        self._reader = reader
        self._writer = writer
        self._timeout = timeout
        self._room = 0
        self._elements = 0
        self._in_step = True
        self.dropped = 0

    async def ask(self, *words: str | bytes | int, wait: float = 0.0) -> Any:
        """Send a command and return the reply: bytes, an integer, None, or a list of these.

        Args:
            words: The command and its arguments.
            wait: Seconds that the server may take besides.

        Raises:
            ServerError: The reply is an error.
            OSError: There is none, or none in time, or it is not Redis.
        """
        if not self._in_step:
            raise ConnectionError("an earlier answer is missing")
        self._in_step = False
        try:
            async with asyncio.timeout(self._timeout):
                await self.send(*words)
            reply = await self.read(wait + self._timeout)
        except IdleError as error:
            raise TimeoutError from error
        except ServerError:
            self._in_step = True
            raise
        self._in_step = True
        return reply

    async def send(self, *words: str | bytes | int) -> None:
        """Send a command."""
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self._writer.write(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        await self._writer.drain()

    async def read(self, idle: float) -> Any:
        """Return the next reply.

        Args:
            idle: Seconds until it must begin.

        Raises:
            IdleError: It did not.
            ServerError: The reply is an error.
            OSError: It is not Redis, or did not end in time.
        """
        self._room, self._elements, self.dropped = KEPT, ELEMENTS, 0
        try:
            async with asyncio.timeout(idle):
                first = await self._line()
        except TimeoutError as error:
            raise IdleError from error
        async with asyncio.timeout(self._timeout):
            return await self._value(first, 0)

    async def _line(self) -> bytes:
        try:
            return (await self._reader.readuntil(b"\r\n"))[:-2]
        except asyncio.IncompleteReadError as error:
            raise ConnectionError("the server ended the connection") from error
        except asyncio.LimitOverrunError as error:
            raise ConnectionError("the answer is not Redis: a line has no end") from error

    async def _value(self, line: bytes, depth: int) -> Any:
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b"-":
            raise ServerError(rest.decode("utf-8", "replace"))
        if kind not in {b":", b"$", b"*"} or not NUMBER.fullmatch(rest):
            raise ConnectionError("the answer is not Redis")
        number = int(rest)
        if kind == b":":
            return number
        if number < 0:
            return None
        return await self._bulk(number) if kind == b"$" else await self._list(number, depth)

    async def _list(self, length: int, depth: int) -> list[Any]:
        self._elements -= length
        if self._elements < 0 or depth >= DEPTH:
            raise ConnectionError(f"an answer has more than {ELEMENTS} elements, or is nested too deep")
        return [await self._value(await self._line(), depth + 1) for _ in range(length)]

    async def _bulk(self, length: int) -> bytes:
        kept = min(length, self._room)
        self._room -= kept
        left = length - kept
        self.dropped += left
        try:
            data = await self._reader.readexactly(kept)
            while left:
                left -= len(await self._reader.readexactly(min(left, CHUNK)))
            end = await self._reader.readexactly(2)
        except asyncio.IncompleteReadError as error:
            raise ConnectionError("the server ended the connection") from error
        if end != b"\r\n":
            raise ConnectionError("the answer is not Redis: a value is longer than it says")
        return data


@contextlib.asynccontextmanager
async def connected(
    host: str, port: int, *, tls: ssl.SSLContext | None, timeout: float, login: list[list[str | int]]
) -> AsyncIterator[Connection]:
    """Give a connection.

    Args:
        host: Name or address.
        port: TCP port.
        tls: Whom to trust, for a connection under TLS.
        timeout: Seconds for an answer, and for the connection with its login.
        login: Commands to begin with.

    Raises:
        OSError: There is none, or none in time.
        ServerError: The server does not take a command.
    """
    writer = None
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(
                host, port, ssl=tls, server_hostname=host if tls else None, limit=LINE
            )
            connection = Connection(reader, writer, timeout)
            for command in login:
                await connection.ask(*command)
        yield connection
    finally:
        if writer is not None:
            writer.transport.abort()  # without the farewell of TLS, for which nobody would wait
