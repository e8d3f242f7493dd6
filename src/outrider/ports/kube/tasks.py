"""Tasks that end before whoever has started them goes on."""

import asyncio
from collections.abc import Sequence
from typing import Any


async def ended(tasks: "Sequence[asyncio.Future[Any]]") -> None:
    """Cancel tasks, and wait until all of them have ended, however often this is cancelled meanwhile; what they raise is theirs.

    Raises:
        asyncio.CancelledError: This was cancelled, once all have ended.
    """
    cancelled = False
    for task in tasks:
        task.cancel()
    while not all(task.done() for task in tasks):
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


def raise_first(tasks: "Sequence[asyncio.Future[Any]]") -> None:
    """Raise what the first task that failed has raised."""
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
