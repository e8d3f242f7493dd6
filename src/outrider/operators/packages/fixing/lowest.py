"""The lowest version that does, found without trying each: what is mended is often mended in several lines of versions."""

from collections.abc import Awaitable, Callable, Collection, Sequence

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.resolving.facts import PackageFacts
from outrider.operators.packages.resolving.lines import lines_of
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

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


def newer(facts: PackageFacts, asked: str, locked: Collection[str], last: str) -> list[str]:
    """Return the versions of a package that are newer than what it is now, oldest first.

    Args:
        facts: What its registry has.
        asked: The range that is asked for.
        locked: Versions that are locked; where there is none, all that the range allows was of no use.
        last: Where the versions end; empty for the newest one.
    """
    left_out = {*facts.prereleases, *facts.taken_back} - {last}
    known = [one for one in facts.versions if one not in left_out]
    now = [one for one in locked or facts.versions if _allows(facts.ecosystem, asked, one)] or locked
    table = VersionTable(scheme_of(facts.ecosystem), [*known, *now])
    end = table.versions.index(last) + 1 if last in table.versions else 0 if last else len(table.versions)
    positions = [table.versions.index(one) + 1 for one in now if one in table.versions]
    return table.versions[max((one for one in positions if one < end), default=end) : end]


def _allows(ecosystem: str, text: str, version: str) -> bool:
    try:
        return bool(VersionTable(scheme_of(ecosystem), [version]).mask(text))
    except InvalidConfigError:
        return False  # it is written in another way
