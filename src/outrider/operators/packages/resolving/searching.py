"""Runs a search beside the event loop, and looks at masks of versions."""

import asyncio
from collections.abc import Callable, Iterator
from threading import Event
from typing import TypeVar

from outrider.core.errors import CancelledByCallerError

T = TypeVar("T")


async def in_thread(work: Callable[[Callable[[], None]], T], check: Callable[[], None]) -> T:
    """Work in a thread, which ends where nobody waits for it any more.

    Args:
        work: Is given what it has to call now and then.
        check: Is called by that; it may raise to end the work.
    """
    left = Event()

    def asked() -> None:
        if left.is_set():
            raise CancelledByCallerError("nobody waits for this search any more")
        check()

    try:
        return await asyncio.to_thread(work, asked)
    finally:
        left.set()


def first_of(mask: int, preferred: int) -> int:
    """Return the number of the bit that is tried first: the highest of those that are preferred, else the highest.

    Args:
        mask: Not empty.
        preferred: Another mask.
    """
    return (mask & preferred or mask).bit_length() - 1


def bits(mask: int) -> Iterator[int]:
    """Yield the numbers of the bits that are set, the lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
