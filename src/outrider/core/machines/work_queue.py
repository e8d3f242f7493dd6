"""Keys that need work: each once, the most urgent first, and none by two workers at a time. Time and chance are passed in.

    add --> waiting --take--> working --done--> gone          added while it was at work: waiting again
    add later, retry --> delayed --its time comes--> waiting

However often a key is added while it waits, or while somebody works at it, that costs one run more: who works looks at what is so
then. So the queue is never longer than there are keys.
"""

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

import msgspec

# Of what is there when a controller starts, and of what is looked at again: a change that somebody made just now comes first.
START_UP = -100
NORMAL = 0
K = TypeVar("K", bound=Hashable)


class Pace(msgspec.Struct, frozen=True):
    """How a key waits; all times in seconds.

    Attributes:
        base: After its first failure; each further one doubles it.
        cap: At most.
        patience: After that long a key of low priority counts as one of the normal one.
    """

    base: float = 0.005
    cap: float = 1000.0
    patience: float = 30.0


class _Waiting(msgspec.Struct):
    """A key in its place: `number` counts what was added, so that those of one priority come in their order."""

    priority: int
    number: int
    since: float


class WorkQueue(Generic[K]):
    """See the module.

    Args:
        pace: How keys wait.
    """

    def __init__(self, pace: Pace | None = None) -> None:
        self._pace = pace or Pace()
        self._waiting: dict[K, _Waiting] = {}
        self._working: dict[K, float] = {}
        self._delayed: dict[K, tuple[float, int]] = {}
        self._failures: dict[K, int] = {}
        self._numbers = 0
        # What is taken next. An entry that says something else than the fields above is of before, and skipped.
        self._ready: list[tuple[int, int, K]] = []
        self._aging: list[tuple[float, int, K]] = []
        self._due: list[tuple[float, int, K]] = []

    def __len__(self) -> int:
        """Return how many keys wait for a worker now."""
        return len(self._waiting)

    @property
    def delayed(self) -> int:
        """How many keys wait for their time."""
        return len(self._delayed)

    @property
    def working(self) -> int:
        """How many keys somebody works at."""
        return len(self._working)

    def add(self, key: K, *, now: float, priority: int = NORMAL) -> None:
        """Have a key worked at; of one that waits already only the priority may rise."""
        there = self._waiting.get(key)
        if there is None:
            self._numbers += 1
            there = self._waiting[key] = _Waiting(priority, self._numbers, now)
        elif priority > there.priority:
            there.priority = priority
        else:
            return
        if key not in self._working:
            self._offer(key, there)

    def add_later(self, key: K, delay: float, *, now: float, priority: int = NORMAL) -> None:
        """Have a key worked at in so many seconds; where an earlier time is set already, that holds."""
        if delay <= 0:
            self.add(key, now=now, priority=priority)
            return
        due, known = now + delay, self._delayed.get(key)
        if known is not None:
            priority = max(priority, known[1])
            if known[0] <= due:
                self._delayed[key] = (known[0], priority)
                return
        self._delayed[key] = (due, priority)
        self._numbers += 1
        heapq.heappush(self._due, (due, self._numbers, key))

    def take(self, *, now: float) -> K | None:
        """Return the key that comes next, which is then at work; None where there is none now."""
        self._release(now)
        self._lift(now)
        while self._ready:
            urgency, number, key = heapq.heappop(self._ready)
            there = self._waiting.get(key)
            if there is not None and (-there.priority, there.number) == (urgency, number) and key not in self._working:
                del self._waiting[key]
                self._working[key] = now
                return key
        return None

    def done(self, key: K) -> None:
        """End the work at a key; one that was added meanwhile waits again, from when that was."""
        self._working.pop(key, None)
        there = self._waiting.get(key)
        if there is not None:
            self._offer(key, there)

    def retry(self, key: K, *, now: float, chance: float, priority: int = NORMAL) -> float:
        """Have a key worked at again after a failure, and return in how many seconds; `chance` (0 to 1) spreads them by a fifth."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        pause = min(self._pace.base * 2.0 ** min(failures - 1, 64), self._pace.cap) * (0.8 + 0.4 * chance)
        self.add_later(key, pause, now=now, priority=priority)
        return pause

    def forget(self, key: K) -> None:
        """Count its failures from none again."""
        self._failures.pop(key, None)

    def failures(self, key: K) -> int:
        """Return how often a key has failed in a row."""
        return self._failures.get(key, 0)

    def next_due(self) -> float | None:
        """Return when the next delayed key comes; None where there is none."""
        while self._due:
            due, _, key = self._due[0]
            known = self._delayed.get(key)
            if known is not None and known[0] == due:
                return due
            heapq.heappop(self._due)
        return None

    def longest_work(self, *, now: float) -> float:
        """Return for how many seconds the oldest work goes on."""
        return now - min(self._working.values(), default=now)

    def _offer(self, key: K, there: _Waiting) -> None:
        heapq.heappush(self._ready, (-there.priority, there.number, key))
        if there.priority < NORMAL:
            heapq.heappush(self._aging, (there.since, there.number, key))

    def _release(self, now: float) -> None:
        """Let keys wait for a worker whose time has come."""
        while (due := self.next_due()) is not None and due <= now:
            _, _, key = heapq.heappop(self._due)
            _, priority = self._delayed.pop(key)
            self.add(key, now=now, priority=priority)

    def _lift(self, now: float) -> None:
        """Let keys of low priority that have waited for long stand among the others, by their age."""
        while self._aging and self._aging[0][0] + self._pace.patience <= now:
            _, number, key = heapq.heappop(self._aging)
            there = self._waiting.get(key)
            if there is not None and there.number == number and there.priority < NORMAL:
                there.priority = NORMAL
                if key not in self._working:
                    self._offer(key, there)
