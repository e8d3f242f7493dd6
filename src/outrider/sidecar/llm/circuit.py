"""A circuit breaker: a provider that fails again and again is left alone for a while, then tried with one call."""

from enum import StrEnum

LONGEST_REST = 60.0


class CircuitState(StrEnum):
    """Closed lets calls through, open none, half open one, to see."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Circuit:
    """Of one provider.

    Args:
        failures: After how many in a row it opens.
        rest: For how many seconds at first; twice as long each time that the trial fails, up to a minute.
    """

    __slots__ = ("_count", "_failures", "_first", "_rest", "_trial", "_trials", "_until", "state")

    def __init__(self, failures: int = 5, rest: float = 2.0) -> None:
        self._failures = failures
        self._first = self._rest = rest
        self._count = 0
        self._until = 0.0
        # Calls that began before may end while one is tried; only that one says how the trial went.
        self._trial = self._trials = 0
        self.state = CircuitState.CLOSED

    def allows(self, now: float) -> bool:
        """Return whether a call may go to the provider now."""
        if self.state is CircuitState.CLOSED:
            return True
        return now >= self._until and not self._trial

    def begin(self, now: float) -> int:
        """Note that a call goes to it, and return which trial that is; 0 for none."""
        if self.state is CircuitState.CLOSED or now < self._until:
            return 0
        self.state = CircuitState.HALF_OPEN
        self._trials += 1
        self._trial = self._trials
        return self._trial

    def succeeded(self) -> None:
        """Note that it answered."""
        self.state = CircuitState.CLOSED
        self._count, self._rest, self._trial = 0, self._first, 0

    def failed(self, now: float, rest: float = 0.0, *, trial: int = 0) -> None:
        """Note that it did not.

        Args:
            now: Seconds.
            rest: How long it asks to be left alone.
            trial: What `begin` said of the call.
        """
        if self.state is CircuitState.HALF_OPEN and trial != self._trial:
            return
        self._count += 1
        if self.state is CircuitState.HALF_OPEN:
            self._rest = min(2 * self._rest, LONGEST_REST)
        elif self._count < self._failures and not rest:
            return
        self.state = CircuitState.OPEN
        self._trial = 0
        self._until = now + max(self._rest, min(rest, LONGEST_REST))

    def gave_up(self, trial: int) -> None:
        """Note that a call, that trial, ended without telling anything about the provider."""
        if trial == self._trial:
            self._trial = 0
