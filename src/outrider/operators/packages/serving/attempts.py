"""Wrong passwords, by where they come from: whoever guesses is slowed down, and nobody else."""

from collections import deque

from outrider.core.errors import LimitedError
from outrider.core.http.messages import Request

_MOST, _SECONDS = 10, 60.0
_MOST_ADDRESSES = 10_000


class Attempts:
    """Counts what went wrong within the last minute."""

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = {}

    def left(self, address: str, now: float) -> float:
        """Return for how many seconds there were too many from an address; 0 where there were not.

        Args:
            address: Who tried.
            now: Seconds since the epoch.
        """
        times = self._times.get(address)
        return max(0.0, times[0] + _SECONDS - now) if times is not None and len(times) == _MOST else 0.0

    def check(self, address: str, now: float) -> None:
        """Refuse another attempt where there were too many.

        Raises:
            LimitedError: There were.
        """
        if left := self.left(address, now):
            raise LimitedError(
                f"too many wrong passwords came from {address}", found=f"{_MOST} within {_SECONDS:.0f} s", expected="fewer",
                retry_after=left, suggestions=[f"try again in {left:.0f} s", "show a token"],
            )  # fmt: skip

    def note(self, address: str, now: float) -> None:
        """Take note of an attempt that went wrong."""
        if address not in self._times and len(self._times) >= _MOST_ADDRESSES:
            del self._times[next(iter(self._times))]
        self._times.setdefault(address, deque(maxlen=_MOST)).append(now)


def host_of(request: Request) -> str:
    """Return the address that a request comes from, without the port."""
    return request.peer.address.rpartition(":")[0] or request.peer.address
