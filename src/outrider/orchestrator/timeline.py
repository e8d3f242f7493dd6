"""The live timeline: a bounded ring of what just happened, for people who watch. The store has the whole story."""

import asyncio
from collections import deque
from itertools import takewhile

from outrider.orchestrator.wire import TimelineEntry
from outrider.ports.clock import Clock

KEPT = 2000


class Timeline:
    """The newest entries; a reader that falls behind by more than the ring sees the gap in the sequence numbers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: deque[TimelineEntry] = deque(maxlen=KEPT)
        self._sequence = 0
        self.began = int(clock.now() * 1000)
        self._changed = asyncio.Event()

    def add(self, entries: list[TimelineEntry]) -> None:
        """Number entries, note the time, and wake the readers."""
        now = self._clock.now()
        for entry in entries:
            self._sequence += 1
            entry.sequence, entry.time = self._sequence, now
            self._entries.append(entry)
        self._changed.set()
        self._changed = asyncio.Event()

    async def after(self, sequence: int, wait: float, *, of: int = 0) -> list[TimelineEntry]:
        """Return the entries after a number; where there are none, wait up to `wait` seconds for one.

        Args:
            sequence: The last number that the reader knows.
            wait: Seconds.
            of: When the timeline began that the number is of; 0 for this one. Of another one no number says anything here.
        """
        if of not in (0, self.began):
            sequence = 0
        if sequence >= self._sequence and wait > 0:
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                return []
        # From the end: a reader who keeps up wants the last few.
        newest = takewhile(lambda entry: entry.sequence > sequence, reversed(self._entries))
        return list(newest)[::-1]
