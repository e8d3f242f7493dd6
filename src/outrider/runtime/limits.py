"""How many calls one process serves at a time."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from outrider.core.errors import LimitedError

MAX_CALLS = 256
MAX_CALLS_PER_OPERATION = 64


class Limiter:
    """Bounds on calls in progress: in all, and per operation. Who comes beyond them is told to come again."""

    def __init__(self, *, total: int = MAX_CALLS, per_operation: int = MAX_CALLS_PER_OPERATION) -> None:
        self._total = total
        self._per_operation = per_operation
        self._running: Counter[str] = Counter()
        self._count = 0

    @contextmanager
    def call(self, operation: str) -> Iterator[None]:
        """Count a call while it runs.

        Raises:
            LimitedError: There is no room.
        """
        if self._count >= self._total or self._running[operation] >= self._per_operation:
            raise LimitedError(
                f"{operation}: too many calls at the same time",
                found=f"{self._running[operation]} of {operation}, {self._count} in all",
                expected=f"at most {self._per_operation} of one operation and {self._total} in all",
                suggestions=["call again in a second"],
                retry_after=1.0,
            )
        self._count += 1
        self._running[operation] += 1
        try:
            yield
        finally:
            self._count -= 1
            self._running[operation] -= 1
            if not self._running[operation]:
                del self._running[operation]
