"""Calls that wait for something before they are forwarded."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from outrider.sidecar.proxy.exchange import Exchange
from outrider.sidecar.proxy.gate import Attempt


class _Waiting(Attempt):
    """A call that waits; the client's leaving ends that."""

    __slots__ = ("_left", "_task")

    def __init__(self, task: "asyncio.Task[None]", left: Callable[[], None]) -> None:
        super().__init__()
        self._task, self._left = task, left

    def abandoned(self, *, sent: bool) -> None:
        """Forget the call."""
        del sent
        self._task.cancel()
        self._left()


class Waits:
    """Calls that wait for the same."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(
        self, exchange: Exchange, work: Coroutine[Any, Any, None], left: Callable[[], None] = lambda: None
    ) -> None:
        """Have a call wait for work, which goes on with it.

        Args:
            exchange: The call.
            work: It must not raise.
            left: Called where the client leaves before.
        """
        task = asyncio.get_running_loop().create_task(work)
        exchange.attempt = _Waiting(task, left)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait until none waits."""
        if self._tasks:
            await asyncio.wait(self._tasks)
