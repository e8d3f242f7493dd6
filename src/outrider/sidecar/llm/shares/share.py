"""What this sidecar holds of a shared amount."""

from collections.abc import Callable

# Of windows that have passed nobody asks.
KEPT_WINDOWS = 3


class Share:
    """One amount, by windows of time. Nothing here waits: what is missing is asked for, and may be there a moment later.

    Args:
        amount: Which: `budget`, `requests` or `tokens`.
        limit: What all sidecars may hold together in a window.
        allotment: What is drawn at a time.
        alone: What may be used in a window while the store is away.
        ask: Called when more is wanted.

    Attributes:
        problem: Why nothing can be drawn now; empty where that is not known.
    """

    def __init__(
        self, amount: str, limit: int, *, allotment: int, alone: int, ask: Callable[["Share"], None]
    ) -> None:  # fmt: skip
        self.amount, self.limit = amount, limit
        self.allotment, self._alone = max(1, allotment), alone
        self._ask = ask
        self.problem = ""
        self._drawn: dict[str, int] = {}
        self._wanted: dict[str, int] = {}
        self._empty: set[str] = set()

    def held(self, window: str) -> int:
        """Return how much may be used in a window, with what was used of it."""
        # A sidecar that was killed may have drawn more than a limit that is lower by now.
        drawn = min(self.limit, self._drawn.get(window, 0))
        return max(drawn, self._alone) if self.problem else drawn

    def drawn(self, window: str) -> int:
        """Return what the store lets this sidecar hold."""
        return self._drawn.get(window, 0)

    def begin(self, window: str) -> None:
        """Have the store told what was used in a window, although nothing was drawn yet: an earlier process may have used it."""
        self._drawn.setdefault(window, 0)

    def needs(self, window: str, total: int) -> None:
        """Ask for so much in all, in allotments; what cannot be had is not asked for again at once."""
        if self.problem or window in self._empty or total <= self._drawn.get(window, 0):
            return
        self._wanted[window] = max(self._wanted.get(window, 0), total)
        self._ask(self)

    def used(self, window: str, total: int) -> None:
        """Ask for another allotment before the last one is used up."""
        if total + self.allotment // 2 > self._drawn.get(window, 0):
            self.needs(window, total + self.allotment)

    def may_grow(self, window: str) -> bool:
        """Return whether a draw is under way that may bring more."""
        return window in self._wanted

    def wanted(self) -> dict[str, int]:
        """Return what is asked for, by window."""
        return dict(self._wanted)

    def drew(self, window: str, drawn: int, asked: int) -> None:
        """Note what a draw has brought that asked for so much in all."""
        self.problem = ""
        # Of two answers the older one may come last.
        drawn = self._drawn[window] = max(drawn, self._drawn.get(window, 0))
        wanted = self._wanted.get(window)
        if wanted is not None and asked >= wanted:
            del self._wanted[window]
            if drawn < wanted:
                self._empty.add(window)
        while len(self._drawn) > KEPT_WINDOWS:
            oldest = next(iter(self._drawn))
            del self._drawn[oldest]
            self._empty.discard(oldest)

    def failed(self, window: str, problem: str) -> None:
        """Note that nothing can be drawn, until it could be told what is held."""
        self.problem = problem
        self._wanted.clear()
        self.begin(window)

    def look_again(self) -> None:
        """Ask anew for what there was none of: another sidecar may have given some back."""
        self._empty.clear()

    def windows(self) -> list[str]:
        """Return the windows of which something is held, the oldest first."""
        return list(self._drawn)
