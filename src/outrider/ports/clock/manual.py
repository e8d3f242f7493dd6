"""A clock that a test moves by hand."""

import asyncio
import heapq
from itertools import count

_ROUNDING = 1e-9  # ten steps of 0.1 s are one second for a sleeper


class ManualClock:
    """Time stands still until `advance` is called.

    Args:
        now: Wall time at the beginning, seconds since the epoch.
    """

    def __init__(self, now: float = 1_750_000_000.0) -> None:
        self._now = now
        self._monotonic = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()
        self._changed = asyncio.Event()

    def now(self) -> float:
        """Return wall time."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds that the clock was advanced in all."""
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was advanced by so much; zero or less lets other tasks run once."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), woken))
        self._changed.set()
        await woken

    def advance(self, seconds: float) -> None:
        """Move both times and wake who is due, earliest first; they run when the caller awaits something next."""
        self._now += seconds
        self._monotonic += seconds
        while self._sleepers and self._sleepers[0][0] <= self._monotonic + _ROUNDING:
            woken = heapq.heappop(self._sleepers)[2]
            if not woken.done():
                woken.set_result(None)

    def jump_wall(self, seconds: float) -> None:
        """Move wall time only, as when somebody sets the machine's clock; negative goes back."""
        self._now += seconds

    async def until_sleeping(self, tasks: int = 1) -> None:
        """Wait until so many tasks sleep on this clock, so that a test advances it at the right moment."""
        while sum(not woken.done() for _, _, woken in self._sleepers) < tasks:
            self._changed.clear()
            await self._changed.wait()
