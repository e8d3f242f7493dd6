"""The sensor's outbox: what may be accepted, what is sent next, and what an answer removes. No I/O.

An accepted event is removed only when the orchestrator has answered for it. Until then it may be sent any number of times:
its id makes the repetition harmless. When the outbox is full nothing is dropped: the triggers get no credit and wait.
"""

from collections.abc import Iterable

import msgspec

from outrider.core.events import EventOutcome


class OutboxLimits(msgspec.Struct, frozen=True):
    """Bounds: events and bytes that wait, events and bytes in one request."""

    events: int = 20_000
    size: int = 64 * 1024 * 1024
    batch: int = 500
    batch_size: int = 1024 * 1024


class Outbox:
    """Accounting of the events that wait.

    Args:
        limits: Bounds.
        sizes: Id and size in bytes of each event found on disk, oldest first.
    """

    def __init__(self, limits: OutboxLimits, sizes: Iterable[tuple[str, int]] = ()) -> None:
        self._limits = limits
        self._pending: dict[str, int] = dict(sizes)
        self._size = sum(self._pending.values())

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, event: str) -> bool:
        return event in self._pending

    @property
    def size(self) -> int:
        """Bytes waiting."""
        return self._size

    def room(self) -> int:
        """Return how many further events may be accepted now."""
        if self._size >= self._limits.size:
            return 0
        return max(0, self._limits.events - len(self._pending))

    def accepted(self, event: str, size: int) -> None:
        """Note an event that waits from now on."""
        if event not in self._pending:
            self._pending[event] = size
            self._size += size

    def next_batch(self) -> list[str]:
        """Return the oldest events that fit one request; at least one when any waits."""
        batch: list[str] = []
        size = 0
        for event, event_size in self._pending.items():
            if batch and (len(batch) >= self._limits.batch or size + event_size > self._limits.batch_size):
                break
            batch.append(event)
            size += event_size
        return batch

    def answered(self, outcomes: Iterable[EventOutcome]) -> list[str]:
        """Return the events that an answer settles, to be removed from the disk; unknown ids are ignored."""
        settled = list(dict.fromkeys(outcome.id for outcome in outcomes if outcome.id in self._pending))
        for event in settled:
            self._size -= self._pending.pop(event)
        return settled
