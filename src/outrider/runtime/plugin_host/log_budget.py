"""Bounds what one plugin may write into the log."""

from collections.abc import Callable

LINES_PER_SECOND = 100
LINE_LIMIT = 4096


class LogBudget:
    """Passes a bounded number of lines a second on and counts the others.

    Args:
        log: Takes a line and the number of the execution that it belongs to.
    """

    def __init__(self, log: Callable[[str, int | None], None]) -> None:
        self._log = log
        self._second = 0
        self._kept = 0
        self._dropped = 0

    def add(self, text: str, execution: int | None, now: float) -> None:
        """Take a line at the time `now` (s)."""
        if int(now) != self._second:
            self.flush()
            self._second, self._kept = int(now), 0
        if self._kept >= LINES_PER_SECOND:
            self._dropped += 1
            return
        self._kept += 1
        self._log(text[:LINE_LIMIT], execution)

    def flush(self) -> None:
        """Tell how many lines were left out, where any were."""
        dropped, self._dropped = self._dropped, 0
        if dropped:
            self._log(f"{dropped} lines were left out: more than {LINES_PER_SECOND} a second", None)
