"""A rate that several sidecars share: so many in each minute of the clock, in place of a bucket that fills."""

from collections.abc import Callable

from outrider.sidecar.llm.shares.share import Share

MINUTE = 60.0


def minute_of(moment: float) -> str:
    """Return the name of the minute in which a moment lies."""
    return str(int(moment // MINUTE))


class SharedRate:
    """Takes from a share of each minute.

    Args:
        share: What is held.
        wall: Seconds since the epoch.
    """

    def __init__(self, share: Share, wall: Callable[[], float]) -> None:
        self.share = share
        self._wall = wall
        self._window, self._used = "", 0.0

    def wait(self, amount: float, now: float) -> float:
        """Return after how many seconds so much can be taken, 0 for at once. More than a minute ever has waits for a whole one."""
        del now
        window = self._now()
        total = self._used + min(self.share.limit, amount)
        if total <= self.share.held(window):
            return 0.0
        self.share.needs(window, int(total))
        return MINUTE - self._wall() % MINUTE

    def take(self, amount: float, now: float) -> None:
        """Take so much, also what is not there: a later minute has less then."""
        del now
        window = self._now()
        self._used += amount
        self.share.used(window, int(self._used))

    def give(self, amount: float, now: float) -> None:
        """Keep what was taken: nobody knows whether its minute is still the same."""
        del amount, now

    def may_grow(self) -> bool:
        """Return whether more may be there in a moment."""
        return self.share.may_grow(self._now())

    def _now(self) -> str:
        window = minute_of(self._wall())
        if window != self._window:
            self._used = self._owed(window) if self._window else 0.0
            self._window = window
        return window

    def _owed(self, window: str) -> float:
        """Return what was used beyond what was held, and is owed by a later minute; each one between them has paid for some of it."""
        between = max(0, int(window) - int(self._window) - 1)
        return max(0.0, self._used - self.share.held(self._window) - between * self.share.limit)
