"""What goes into a program and comes out of it."""

import asyncio
import contextlib
from collections.abc import Callable
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
        self._path = path
        self._watch = watch
        self._pieces: list[bytes] = []
        self._size = 0

    async def take(self, stream: asyncio.StreamReader) -> None:
        """Read a stream to its end."""
        with self._path.open("wb", buffering=0) as file:
            while piece := await stream.read(_PIECE):
                self._watch(piece)
                kept = piece[: MOST_OUTPUT - self._size]
                if kept:
                    self._pieces.append(kept)
                    self._size += len(kept)
                    with contextlib.suppress(OSError):  # a full disk: what is in memory is still told
                        file.write(kept)

    def result(self) -> Any:
        """Return it as JSON where it is that, else as text; None where nothing came."""
        data = b"".join(self._pieces).strip()
        if not data:
            return None
        try:
            return decode(data, Any)
        except (InvalidConfigError, msgspec.DecodeError):
            return data.decode("utf-8", "replace")


async def feed(program: Running, data: bytes) -> None:
    """Write to a program and close its input; one that does not read it is no fault."""
    try:
        program.stdin.write(data)
        await program.stdin.drain()
        program.stdin.close()
    except (BrokenPipeError, ConnectionResetError):
        program.stdin.close()
