"""Lines of standard input, for which a command waits beside its other work."""

import asyncio
import os
import sys

PIECE = 64 * 1024


class Lines:
    """Reads them. Waiting for one can be given up at any time, which a thread that reads could not be."""

    def __init__(self) -> None:
        self._come = b""
        self._ended = False

    async def next(self) -> str:
        """Return the next line with its end; of the last one what there is of it, and nothing behind it."""
        while b"\n" not in self._come and not self._ended:
            piece = await _piece(sys.stdin.fileno())
            self._come += piece
            self._ended = not piece
        line, end, self._come = self._come.partition(b"\n")
        return (line + end).decode("utf-8", "replace")


async def _piece(descriptor: int) -> bytes:
    """Return what has come, once something has."""
    loop = asyncio.get_running_loop()
    came = asyncio.Event()
    try:
        loop.add_reader(descriptor, came.set)
    except PermissionError:  # of a file, which is always there (epoll_ctl(2))
        return os.read(descriptor, PIECE)
    try:
        await came.wait()
    finally:
        loop.remove_reader(descriptor)
    try:
        return os.read(descriptor, PIECE)
    except OSError:  # the terminal is gone
        return b""
