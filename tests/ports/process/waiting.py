import asyncio
import os
import time
from collections.abc import Callable, Iterable

from outrider.ports.process.guardian import read_stat


async def until(condition: Callable[[], bool], *, within: float = 10.0) -> float:
    """Poll until the condition holds and return how long that took; fail when it takes longer than `within` seconds."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < within, f"not within {within} s"
        await asyncio.sleep(0.005)
    return time.monotonic() - start


def alive(pid: int) -> bool:
    stat = read_stat(pid)
    return stat is not None and stat.alive


def living(pids: Iterable[int]) -> list[int]:
    return [pid for pid in pids if alive(pid)]


def is_child(pid: int) -> bool:
    stat = read_stat(pid)
    return stat is not None and stat.ppid == os.getpid()
