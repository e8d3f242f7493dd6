"""Limits where no cgroup holds them: a look at the processes four times a second, and the end of what takes too much."""

import asyncio
import os
from collections.abc import Collection

import msgspec

from outrider.core.units import format_size
from outrider.runtime.sandbox.cgroups import OWN_PROCESSES
from outrider.runtime.sandbox.model import Limits

INTERVAL_SECONDS = 0.25
_HELD = ("RssAnon", "RssShmem", "VmSwap")
# The same where pages that processes share are divided among them.
_HELD_EXACTLY = ("Pss_Anon", "Pss_Shmem", "SwapPss")


class Usage(msgspec.Struct, frozen=True):
    """What a process and all below it take: bytes of memory that is not backed by a file; processes and threads."""

    memory: int
    pids: int


def usage(pid: int, *, exact: bool = False) -> Usage:
    """Look at a process and its descendants.

    Args:
        pid: The process.
        exact: Count memory that several of them share once only, where the kernel tells; that takes longer.
    """
    memory = pids = 0
    waiting = [pid]
    while waiting:
        member = waiting.pop()
        threads = _threads(member)
        memory += _memory(member, exact=exact)
        pids += len(threads)
        waiting += _children(member, threads)
    return Usage(memory, pids)


async def exceeded(pid: int, limits: Limits, names: Collection[str]) -> str:
    """Watch a program until it exceeds a limit, and return which.

    Args:
        pid: Its process in front.
        limits: Its bounds.
        names: Which of them are watched: `memory`, `pids`.
    """
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        now = usage(pid)
        if "memory" in names and now.memory > limits.memory:
            now = usage(pid, exact=True)
        if "memory" in names and now.memory > limits.memory:
            return f"memory: {format_size(now.memory)}, at most {format_size(limits.memory)} are allowed"
        if "pids" in names and now.pids > limits.pids + OWN_PROCESSES:
            return f"processes: {now.pids - OWN_PROCESSES}, at most {limits.pids} are allowed"


def _children(pid: int, threads: list[str]) -> list[int]:
    """Return the children of each of its threads (proc(5), CONFIG_PROC_CHILDREN); none of a process that has ended."""
    found: list[int] = []
    for thread in threads:
        found += [int(word) for word in _read(f"/proc/{pid}/task/{thread}/children").split()]
    return found


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - as everywhere that reads many of these
    except OSError:
        return []


def _memory(pid: int, *, exact: bool) -> int:
    text = _read(f"/proc/{pid}/smaps_rollup") if exact else ""
    names = _HELD_EXACTLY if text else _HELD
    text = text or _read(f"/proc/{pid}/status")
    return sum(
        int(value.split()[0]) * 1024
        for name, colon, value in (line.partition(":") for line in text.splitlines())
        if colon and name in names
    )


def _read(path: str) -> str:
    """Return a file of /proc; nothing where the process has ended or may not be looked at."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123 - as above
            return file.read()
    except OSError:
        return ""
