"""Writes bodies no faster than the other end reads them."""

import asyncio
from collections.abc import AsyncIterator

from outrider.core.errors import InternalError
from outrider.core.http.bodies import CHUNKED
from outrider.core.http.serialise import LAST_CHUNK, chunk

SLICE = 64 * 1024


class BodyWriter:
    """The sending half of a connection.

    What waits to be sent stays below the transport's high-water mark plus one slice, or one piece of an iterator.
    """

    __slots__ = ("_paused", "_resumed", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        transport.set_write_buffer_limits(high=SLICE)
        self._transport = transport
        self._paused = False
        self._resumed: asyncio.Future[None] | None = None

    @property
    def paused(self) -> bool:
        """Whether the other end is behind."""
        return self._paused

    def pause(self) -> None:
        """Take note that the transport's buffer is full."""
        self._paused = True

    def resume(self) -> None:
        """Take note that it has room again."""
        self._paused = False
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)

    async def drain(self) -> None:
        """Wait until there is room. It ends by cancellation where the other end never reads, or is gone."""
        if self._paused or self._transport.is_closing():
            self._resumed = asyncio.get_running_loop().create_future()
            await self._resumed

    async def send_bytes(self, body: bytes) -> None:
        """Write a large body in slices, so that each of them counts as progress."""
        view = memoryview(body)
        for at in range(0, len(body), SLICE):
            self._transport.write(view[at : at + SLICE])
            await self.drain()

    async def send_pieces(self, body: AsyncIterator[bytes], length: int) -> None:
        """Write the pieces of an iterator as they come, and close it in any case.

        Args:
            body: The pieces.
            length: Bytes announced, or CHUNKED, or UNTIL_CLOSE.

        Raises:
            InternalError: The pieces do not add up to the length; the connection must be cut.
        """
        sent = 0
        try:
            async for piece in body:
                sent += len(piece)
                if 0 <= length < sent:
                    break
                if piece:
                    self._transport.write(chunk(piece) if length == CHUNKED else piece)
                    await self.drain()
        finally:
            await close_pieces(body)
        if length == CHUNKED:
            self._transport.write(LAST_CHUNK)
        elif 0 <= length != sent:
            raise InternalError(f"the body of a response has {sent} bytes instead of the {length} announced")


async def close_pieces(body: AsyncIterator[bytes]) -> None:
    """Let a generator release what it holds, whether or not it was used."""
    close = getattr(body, "aclose", None)
    if close is not None:
        await close()
