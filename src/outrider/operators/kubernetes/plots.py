"""A history as a line of text."""

from collections.abc import Iterable

_LEVELS = "▁▂▃▄▅▆▇█"
_UNKNOWN = "·"


def sparkline(points: Iterable[tuple[float, float | None]], *, width: int = 40, top: float | None = None) -> str:
    """Return a history as blocks of different height, from the first to the last time.

    Args:
        points: Times and values, None where one is not known. Of those that share a place the highest is shown, and a dot
            where there is none.
        width: How many characters at most.
        top: The value of the highest block; the highest of the values if None.
    """
    found = list(points)
    if not found:
        return ""
    times = {time for time, _ in found}
    first, span, count = min(times), max(times) - min(times), min(width, len(times))
    slots: list[list[float]] = [[] for _ in range(count)]
    for time, value in found:
        if value is not None:
            slots[min(count - 1, int((time - first) / span * count)) if span else 0].append(value)
    highest = max((value for slot in slots for value in slot), default=0.0) if top is None else top
    return "".join(_block(max(slot), highest) if slot else _UNKNOWN for slot in slots)


def _block(value: float, highest: float) -> str:
    level = round(value / highest * (len(_LEVELS) - 1)) if highest > 0 else 0
    return _LEVELS[max(0, min(level, len(_LEVELS) - 1))]
