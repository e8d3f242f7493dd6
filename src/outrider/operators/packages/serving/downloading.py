"""Fetches a file once, however many ask for it, and lets them read it while it comes; nobody gets the end of one that is not right."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path

from outrider.core.errors import DeadlineExceededError, ExecutionFailedError, OutriderError
from outrider.operators.packages.serving.blobs import Blobs, Partial

PIECE = 256 * 1024
# Up to here they wait for the whole, and are told how large it is, or what went wrong.
_EARLY = 4 << 20
_STALLED_SECONDS = 60.0

Receive = Callable[[bytes], object]
Fetch = Callable[[Receive], Awaitable[None]]
Keep = Callable[[str, int], Awaitable[None]]


class Download:
    """A file that is being fetched.

    Args:
        blobs: Where it goes.
        hashes: What its hashes must be, by algorithm, as hexadecimal digits.
        fetch: Fetches it, and gives the pieces to what it is given.
        keep: Is told the SHA-256 and the size in bytes of what has come and is right.

    Attributes:
        task: Ends when it is there, or cannot be had.

    Raises:
        ExecutionFailedError: There is no room for it.
    """

    def __init__(self, blobs: Blobs, hashes: Mapping[str, str], fetch: Fetch, keep: Keep) -> None:
        self._blobs, self._keep = blobs, keep
        self._partial: Partial = blobs.begin(hashes)
        self._grown = asyncio.Event()
        self._digest = ""
        self._error: OutriderError | None = None
        self._fetching = asyncio.ensure_future(fetch(self._receive))
        self.task = asyncio.create_task(self._run())

    @property
    def size(self) -> int:
        """How many bytes there are by now."""
        return self._partial.written

    async def begun(self) -> str:
        """Wait until it is there, and return its SHA-256; or until so much is that those who wait should begin to read: then nothing.

        Raises:
            OutriderError: It cannot be had.
        """
        while not self.task.done() and self.size < _EARLY:
            await self._more()
        return self._result() if self.task.done() else ""

    async def done(self) -> str:
        """Wait until it is there, and return its SHA-256.

        Raises:
            OutriderError: It cannot be had.
        """
        await asyncio.wait({self.task})
        return self._result()

    def _result(self) -> str:
        if self._error is not None:
            raise self._error
        return self._digest

    async def _more(self) -> None:
        grown = asyncio.ensure_future(self._grown.wait())
        try:
            await asyncio.wait({grown, self.task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            grown.cancel()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the file as it comes; the last piece when all is known to be right.

        Raises:
            OutriderError: It cannot be had, or is not what it should be: what was read of it is worth nothing.
        """
        at = 0
        while not self.task.done():
            available = self.size - PIECE
            while at < available and not self.task.done():
                piece = self._partial.read(at, min(PIECE, available - at))
                at += len(piece)
                yield piece
            await self._more()
        for piece in file_pieces(self._blobs.path(self._result()), at, self.size):
            yield piece

    async def _run(self) -> None:
        try:
            await self._watch()
            self._digest = self._partial.finish()
            await self._keep(self._digest, self.size)
        except OutriderError as error:
            self._error = error
        finally:
            self._fetching.cancel()
            self._partial.abandon()

    async def _watch(self) -> None:
        before = -1
        while not self._fetching.done():
            if self.size == before:
                raise DeadlineExceededError(
                    f"nothing has come for {_STALLED_SECONDS:.0f} s", found=f"{self.size} bytes", suggestions=["try again later"]
                )  # fmt: skip
            before = self.size
            await asyncio.wait({self._fetching}, timeout=_STALLED_SECONDS)
        if self._error is not None:
            raise self._error
        await self._fetching

    def _receive(self, piece: bytes) -> None:
        try:
            self._partial.write(piece)
        except ExecutionFailedError as error:
            self._error = error
            self._fetching.cancel()
        self._grown.set()
        self._grown = asyncio.Event()

    async def close(self) -> None:
        """Give it up."""
        self.task.cancel()
        await asyncio.wait({self.task})


def file_pieces(path: Path, begin: int, end: int) -> Iterator[bytes]:
    """Yield a part of a file.

    Args:
        path: Of the file.
        begin: The first byte.
        end: That behind the last one.
    """
    with path.open("rb") as file:
        file.seek(begin)
        while begin < end:
            piece = file.read(min(PIECE, end - begin))
            if not piece:
                return
            begin += len(piece)
            yield piece
