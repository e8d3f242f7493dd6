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
# How long it takes to look on the disk.
_DISK_TIME = 1000
# A document of a registry: its name, and whether it is the long one.
Document = tuple[str, bool]


class Requests:
    """What is asked for."""

    def __init__(self) -> None:
        self._numbers = count()
        self._now = self._last = 0
        self._round = 0
        self._waiting: list[tuple[int, int, int, Document, bool, Level, Wanted]] = []
        # Without a document once it is known when that comes.
        self._running: list[tuple[int, int, int, Document | None, Level, Wanted]] = []
        self._arrivals: dict[Document, int] = {}

    def add(self, level: Level, wanted: Wanted, document: Document, *, exact: bool) -> None:
        """Ask for something.

        Args:
            level: Who needs it.
            wanted: What.
            document: That tells of it; without a name for what no registry is asked for.
            exact: Whether one version is asked for, for which pnpm looks at what it keeps on disk before it asks.
        """
        after = self._round + 1
        heapq.heappush(self._waiting, (level.depth, next(self._numbers), after, document, exact, level, wanted))

    def moment(self) -> tuple[int, int]:
        """Return when the last answer came: what follows from one at once, and what is answered at once then, come one after the other."""
        return self._now, self._round

    def answered(self) -> tuple[Level, Wanted] | None:
        """Return what is answered next; None where nothing is asked for."""
        while True:
            while self._waiting and len(self._running) < _AT_A_TIME:
                _, _, after, document, exact, level, wanted = heapq.heappop(self._waiting)
                if exact and self._arrivals.get(document, self._now + 1) > self._now:
                    self._run(self._now + _DISK_TIME, 0, document, level, wanted)
                else:
                    self._run(self._arrival(document), after, None, level, wanted)
            if not self._running:
                return None
            self._now, self._round, _, asked, level, wanted = heapq.heappop(self._running)
            if asked is None:
                return level, wanted
            self._run(self._arrival(asked), 0, None, level, wanted)

    def _run(self, time: int, after: int, document: Document | None, level: Level, wanted: Wanted) -> None:
        which = after if time <= self._now else 0
        heapq.heappush(self._running, (max(time, self._now), which, next(self._numbers), document, level, wanted))

    def _arrival(self, document: Document) -> int:
        """Return when a document comes: answers come one after the other, and what can be done at once is done before the next one."""
        if not document[0]:
            return self._now
        if document not in self._arrivals:
            self._last = self._arrivals[document] = max(self._last + 1, self._now + _TIME)
        return self._arrivals[document]
