"""The lowest version that does, found without trying each: what is mended is often mended in several lines of versions."""

from collections.abc import Awaitable, Callable, Sequence

from outrider.operators.packages.resolving.lines import lines_of

_MOST_LINES = 8


async def lowest(versions: Sequence[str], does: Callable[[str], Awaitable[bool]]) -> str:
    """Return the lowest version from which on those of its line do, of the first line whose newest one does; empty where there is none.

    Args:
        versions: That may do, oldest first; beyond some lines only the last one is looked at.
        does: Tries one.
    """
    lines = lines_of(versions)
    for line in [*lines[: _MOST_LINES - 1], *lines[_MOST_LINES - 1 :][-1:]]:
        if await does(line[-1]):
            low, high = 0, len(line) - 1
            while low < high:
                middle = (low + high) // 2
                if await does(line[middle]):
                    high = middle
                else:
                    low = middle + 1
            return line[high]
    return ""
