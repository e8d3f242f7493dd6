"""The end of those who want this process to run."""

import asyncio
import os
import signal


async def parent_end() -> None:
    """Wait until the parent of this process has ended, or this one is asked to end (SIGTERM, SIGINT)."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    parent = os.pidfd_open(os.getppid())
    try:
        loop.add_reader(parent, ended.set)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        await ended.wait()
    finally:
        loop.remove_reader(parent)
        os.close(parent)
