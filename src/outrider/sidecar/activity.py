"""What a sidecar has just done, for those who watch."""

import asyncio
from collections import deque

import msgspec

from outrider.sidecar.llm.ledger import Entry

KEPT = 1000


class Activity(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One thing that was done; its number is one more than that of the one before.

    Attributes:
        call: Of a model.
    """

    number: int
    call: Entry | None = None


class ActivityFeed:
    """The last things that were done; who comes late misses what came before them."""

    def __init__(self) -> None:
        self._kept: deque[Activity] = deque(maxlen=KEPT)
        self._last = 0
        self._came: asyncio.Event | None = None

    def called(self, entry: Entry) -> None:
        """Note a call of a model."""
        self._last += 1
        self._kept.append(Activity(number=self._last, call=entry))
        if self._came is not None:
            self._came.set()
            self._came = None

    async def after(self, number: int, seconds: float) -> list[Activity]:
        """Return what was done after a number; where that is nothing yet, wait for so long."""
        if self._last <= number:
            self._came = self._came or asyncio.Event()
            try:
                async with asyncio.timeout(seconds):
                    await self._came.wait()
            except TimeoutError:
                return []
        return [one for one in self._kept if one.number > number]
