"""In which order what is asked for is answered, were each answer of a registry to take as long as any other.

pnpm asks for what stands nearer to the project first, some things at a time, and goes on with whatever answer comes first: with what it
knows already at once. With answers that take equally long the same is chosen each time.
"""

import heapq
from itertools import count

from outrider.operators.packages.npm.pnpm.levels import Level
from outrider.operators.packages.npm.pnpm.manifests import Wanted

# `network-concurrency` of pnpm on a machine with few cores.
_AT_A_TIME = 16
# How long an answer takes, in the time that lies between two of them.
_TIME = 1_000_000
# A document of a registry: its name, and whether it is the long one.
Document = tuple[str, bool]


class Requests:
    """What is asked for."""

    def __init__(self) -> None:
        self._numbers = count()
        self._now = self._last = 0
        self._waiting: list[tuple[int, int, Document, Level, Wanted]] = []
        self._running: list[tuple[int, int, Level, Wanted]] = []
        self._arrivals: dict[Document, int] = {}

    def add(self, level: Level, wanted: Wanted, document: Document) -> None:
        """Ask for something.

        Args:
            level: Who needs it.
            wanted: What.
            document: That tells of it.
        """
        heapq.heappush(self._waiting, (level.depth, next(self._numbers), document, level, wanted))

    def answered(self) -> tuple[Level, Wanted] | None:
        """Return what is answered next; None where nothing is asked for."""
        while self._waiting and len(self._running) < _AT_A_TIME:
            _, _, document, level, wanted = heapq.heappop(self._waiting)
            arrival = self._arrivals.get(document)
            if arrival is None:
                # Answers come one after the other, and what can be done at once is done before the next one comes.
                arrival = self._last = max(self._last + 1, self._now + _TIME)
                self._arrivals[document] = arrival
            heapq.heappush(self._running, (max(arrival, self._now), next(self._numbers), level, wanted))
        if not self._running:
            return None
        self._now, _, level, wanted = heapq.heappop(self._running)
        return level, wanted
