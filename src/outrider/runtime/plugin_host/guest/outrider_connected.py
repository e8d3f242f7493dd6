"""For triggers that keep a connection to a server, on an event loop. Standard library only."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from outrider_config import length
from outrider_plugin import Trigger

FIRST_RETRY = 0.1
STOP_AGAIN = 0.6


class Connected(Trigger):
    """A trigger that connects again, with growing pauses of at most `config.every`, when its connection has ended.

    Attributes:
        every: Seconds of the longest pause.
        timeout: Seconds that the server may take, as `config.timeout` says.
        loop: Where `attend` runs.
    """

    def setup(self) -> None:
        self.every, self.timeout = length(self.config, "every"), length(self.config, "timeout")
        self.loop = asyncio.new_event_loop()
        # One look-up of a name at a time: they cannot be interrupted.
        self.loop.set_default_executor(ThreadPoolExecutor(1))
        self._task: asyncio.Task[None] | None = None

    async def attend(self) -> None:
        """Connect, and do what is to be done until the connection ends; report what goes wrong."""
        raise NotImplementedError

    def stop(self) -> None:
        super().stop()
        self.loop.call_soon_threadsafe(self._give_up)

    def run(self) -> None:
        self._task = self.loop.create_task(self._watch())
        try:
            self.loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            return

    def _give_up(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
            # Clients lose a cancellation: asyncio.wait_for of Python 3.11 does, where it comes beside the result.
            self.loop.call_later(STOP_AGAIN, self._give_up)

    async def _watch(self) -> None:
        pause = FIRST_RETRY
        while not self.stopping:
            began = time.monotonic()
            await self.attend()
            # A server that takes connections and ends them is not asked without a pause.
            pause = FIRST_RETRY if time.monotonic() - began > self.every else min(2 * pause, self.every)
            await asyncio.sleep(pause)
