"""Time, as a parameter."""

import asyncio
import sys
import time
from typing import Protocol


class Clock(Protocol):
    """What code that waits or measures asks for the time."""

    def now(self) -> float:
        """Return wall time: seconds since the epoch, UTC. It may jump; never measure with it."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only grow, for deadlines and leases; comparable with nothing but itself."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The clock of the machine.

    On Linux `monotonic` counts the time during which the machine is suspended, which `time.monotonic` and the event loop
    leave out: an agent that wakes up must see at once that its lease has run out.
    """

    def now(self) -> float:
        """Return seconds since the epoch, UTC."""
        return time.time()

    if sys.platform == "linux":

        def monotonic(self) -> float:
            """Return seconds since the machine started."""
            return time.clock_gettime(time.CLOCK_BOOTTIME)

    else:

        def monotonic(self) -> float:
            """Return seconds since an arbitrary moment."""
            return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait; zero or less lets other tasks run once."""
        await asyncio.sleep(seconds)
