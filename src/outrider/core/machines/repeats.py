"""Unhealthy states are reported again while they last, with a count, so that a failed remedy is tried again by its rule."""

import msgspec

from outrider.core.events import Event


class _Lasting(msgspec.Struct):
    event: Event
    due: float
    count: int


class Repeater:
    """The unhealthy states of one trigger.

    Args:
        every: Seconds between two reports; 0 reports a state once.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._lasting: dict[str, _Lasting] = {}

    def seen(self, key: str, event: Event, *, unhealthy: bool | None, now: float) -> None:
        """Note an event: True begins or renews a state, False ends it, None leaves it."""
        if unhealthy is False:
            self._lasting.pop(key, None)
        elif unhealthy and self._every > 0:
            self._lasting[key] = _Lasting(event, now + self._every, event.count)

    def due(self, now: float) -> list[tuple[Event, int]]:
        """Return the events to report again, each with its new count."""
        found = []
        for lasting in self._lasting.values():
            if now >= lasting.due:
                lasting.count += 1
                lasting.due = now + self._every
                found.append((lasting.event, lasting.count))
        return found

    def next_due(self) -> float | None:
        """Return when `due` has something next; None where nothing lasts."""
        return min((lasting.due for lasting in self._lasting.values()), default=None)

    def clear(self) -> None:
        """Forget all states: their trigger is gone and cannot vouch for them."""
        self._lasting.clear()
