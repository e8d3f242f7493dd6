"""Stores that stop answering without a word, and go on."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from outrider.core.errors import OutriderError
from tests.sidecar.llm.shares.test_counters import Store, store, window

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
__all__ = ["store"]


def processes_of(process: int) -> list[int]:
    """Return a process and its children: PostgreSQL has one for each connection."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [process, *map(int, children.split())]


async def test_a_server_that_hangs_is_used_again_when_it_goes_on(store: Store) -> None:
    counter, shared = await store.open(), window("w")
    assert await counter.draw(shared, "one", has=0, wants=10) == 10
    processes = processes_of(store.server.process.pid)
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        for _ in range(30):
            with pytest.raises((TimeoutError, OutriderError)):
                async with asyncio.timeout(0.05):
                    await counter.draw(shared, "one", has=10, wants=20)
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)
    deadline = time.monotonic() + 15.0
    while True:
        try:
            async with asyncio.timeout(2.0):
                drawn = await counter.draw(shared, "one", has=10, wants=30)
            break
        except (TimeoutError, OutriderError):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
    assert drawn == 30
    await asyncio.gather(*(counter.draw(shared, "one", has=10, wants=30) for _ in range(20)))
    began = time.monotonic()
    await counter.close()
    assert time.monotonic() - began < 6.0
