"""What goes into a program and comes out of it."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.codec import decode
from outrider.core.errors import InvalidConfigError
from outrider.local.agents.starters.starter import Running

# Of an output, what is kept; of what a program writes beyond it nothing is.
MOST_OUTPUT = 16 * 1024 * 1024
_PIECE = 64 * 1024


class Kept:
    """What came out: to a file and, up to a bound, in memory.

    Args:
        path: Of the file.
        watch: Sees each piece as it comes.
    """

    def __init__(self, path: Path, watch: Callable[[bytes], None] = lambda _: None) -> None:
        self._file = path.open("wb", buffering=0)
        self._watch = watch
        self._pieces: list[bytes] = []
        self._size = 0

    async def take(self, stream: asyncio.StreamReader) -> None:
        """Read a stream to its end."""
        with self._file:
            while piece := await stream.read(_PIECE):
                self.add(piece)

    def add(self, piece: bytes) -> None:
        """Add a piece."""
        kept = piece[: MOST_OUTPUT - self._size]
        if kept:
            self._pieces.append(kept)
            self._size += len(kept)
            with contextlib.suppress(OSError):  # a full disk: what is in memory is still told
                self._file.write(kept)
        # Whoever has seen it finds it in the file too, even if this process is killed then.
        self._watch(piece)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def result(self) -> Any:
        """Return it as JSON where it is that, else as text; None where nothing came."""
        return as_result(b"".join(self._pieces))


def as_result(data: bytes) -> Any:
    """Return what a program has answered as JSON where it is that, else as text; None where nothing came."""
    data = data.strip()
    if not data:
        return None
    try:
        return decode(data, Any)
    except (InvalidConfigError, msgspec.DecodeError):
        return data.decode("utf-8", "replace")


class Relay:
    """What a program writes that outlives its tasks: each piece goes to the task of that time.

    Attributes:
        last: What it wrote last.
    """

    def __init__(self) -> None:
        self.last = b""
        self._kept: Kept | None = None

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Read a stream to its end."""
        while piece := await stream.read(_PIECE):
            self.last = (self.last + piece)[-_PIECE:]
            if self._kept is not None:
                self._kept.add(piece)

    @contextlib.contextmanager
    def into(self, path: Path, watch: Callable[[bytes], None]) -> Iterator[None]:
        """Keep what comes while the block lasts; arguments as those of Kept."""
        self._kept = Kept(path, watch)
        try:
            yield
        finally:
            self._kept.close()
            self._kept = None


async def feed(program: Running, data: bytes) -> None:
    """Write to a program and close its input; one that does not read it is no fault."""
    try:
        program.stdin.write(data)
        await program.stdin.drain()
        program.stdin.close()
    except (BrokenPipeError, ConnectionResetError):
        program.stdin.close()
