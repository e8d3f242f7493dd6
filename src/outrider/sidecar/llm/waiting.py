"""Calls that wait for something before they can go on."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from outrider.ports.telemetry import logger
from outrider.sidecar.proxy.exchange import Exchange
from outrider.sidecar.proxy.gate import Attempt

_log = logger(__name__)


class _Waiting(Attempt):
    """A call that waits; the client's leaving ends it."""

    __slots__ = ("_left", "_task")

    def __init__(self, task: "asyncio.Task[None]", left: Callable[[], None]) -> None:
        super().__init__()
        self._task, self._left = task, left

    def abandoned(self, *, sent: bool) -> None:
        """Forget the call."""
        del sent
        self._task.cancel()
        self._left()


class WaitingCalls:
    """Those that wait now."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def add(
        self, exchange: Exchange, work: Coroutine[Any, Any, None], *, left: Callable[[], None] = lambda: None
    ) -> None:
        """Have a call wait.

        Args:
            exchange: Of the call.
            work: Waits, and goes on with the call.
            left: Called if the client leaves meanwhile, in place of going on.
        """
        task = asyncio.get_running_loop().create_task(work)
        exchange.attempt = _Waiting(task, left)
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._ended(ended, exchange))

    def _ended(self, task: "asyncio.Task[None]", exchange: Exchange) -> None:
        """Forget a call; a fault costs it an answer, as it does where a gate decides at once."""
        self._tasks.discard(task)
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            _log.error("the gate failed", exc_info=fault)
            exchange.refuse(500, "internal_error", "a fault of the sidecar; its log has the report")

    async def close(self) -> None:
        """Wait until none waits."""
        if self._tasks:
            await asyncio.wait(self._tasks)
