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

    __slots__ = ("_count", "_failures", "_first", "_rest", "_trial", "_until", "state")

    def __init__(self, failures: int = 5, rest: float = 2.0) -> None:
        self._failures = failures
        self._first = self._rest = rest
        self._count = 0
        self._until = 0.0
        self._trial = False
        self.state = CircuitState.CLOSED

    def allows(self, now: float) -> bool:
        """Return whether a call may go to the provider now."""
        if self.state is CircuitState.CLOSED:
            return True
        return now >= self._until and not self._trial

    def begin(self, now: float) -> None:
        """Note that a call goes to it."""
        if self.state is not CircuitState.CLOSED and now >= self._until:
            self.state = CircuitState.HALF_OPEN
            self._trial = True

    def succeeded(self) -> None:
        """Note that it answered."""
        self.state = CircuitState.CLOSED
        self._count, self._rest, self._trial = 0, self._first, False

    def failed(self, now: float, rest: float = 0.0) -> None:
        """Note that it did not.

        Args:
            now: Seconds.
            rest: How long it asks to be left alone.
        """
        self._count += 1
        if self.state is CircuitState.HALF_OPEN:
            self._rest = min(2 * self._rest, LONGEST_REST)
        elif self._count < self._failures and not rest:
            return
        self.state = CircuitState.OPEN
        self._trial = False
        self._until = now + max(self._rest, min(rest, LONGEST_REST))

    def gave_up(self) -> None:
        """Note that a call ended without telling anything about the provider."""
        self._trial = False
