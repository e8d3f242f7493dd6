"""The end of those who want this process to run."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def parent_watched() -> AsyncIterator["asyncio.Future[None]"]:
    """Give a future that is done once the parent of this process has ended, or this one is asked to end (SIGTERM, SIGINT)."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        if not ended.done():
            ended.set_result(None)

    numbers = (signal.SIGTERM, signal.SIGINT)
    parent = os.pidfd_open(os.getppid())
    try:
        loop.add_reader(parent, end)
        for number in numbers:
            loop.add_signal_handler(number, end)
        yield ended
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
        loop.remove_reader(parent)
        os.close(parent)
