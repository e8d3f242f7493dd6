"""Standard input and output of this process as lines, without blocking the event loop."""

import asyncio
import sys
from collections.abc import AsyncIterator

_READ_SIZE = 64 * 1024


class StandardStreams:
    """Lines in, lines out.

    Args:
        limit: The longest line that is read, in bytes; a longer one is skipped.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._reader = asyncio.StreamReader(limit=limit)
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        """Take hold of both streams; a plain file in place of a pipe is read and written directly."""
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(self._reader), sys.stdin.buffer)
        except ValueError:
            self._reader.feed_data(sys.stdin.buffer.read())
            self._reader.feed_eof()
        try:
            transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout.buffer)
        except ValueError:
            return
        self._writer = asyncio.StreamWriter(transport, protocol, None, loop)

    async def lines(self) -> AsyncIterator[bytes | None]:
        """Yield each line without its end, and None for one that was too long, until the input ends."""
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
            except asyncio.IncompleteReadError as error:
                if error.partial.strip():
                    yield error.partial
                return
            except asyncio.LimitOverrunError:
                await self._skip_line()
                yield None
                continue
            yield line[:-1]

    async def _skip_line(self) -> None:
        while True:
            try:
                await self._reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as error:
                await self._reader.readexactly(error.consumed)
                continue
            except asyncio.IncompleteReadError:
                pass
            return

    async def write(self, line: bytes) -> None:
        """Write a line, and wait while the reader is behind.

        Raises:
            BrokenPipeError: Nobody reads any more.
            ConnectionResetError: The same.
        """
        if self._writer is None:
            sys.stdout.buffer.write(line + b"\n")
            sys.stdout.buffer.flush()
            return
        self._writer.write(line + b"\n")
        await self._writer.drain()
