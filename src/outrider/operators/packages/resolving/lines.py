"""Lines of versions: those that are mostly compatible with one another."""

import re
from collections.abc import Iterable
from itertools import groupby

# Up to the first number that is not zero, as npm's ^ and Cargo have it.
_LINE = re.compile(r"v?(?:0\.)*[0-9]*", re.IGNORECASE)


def lines_of(versions: Iterable[str]) -> list[list[str]]:
    """Return versions by their line, in the order in which they come: `0.4.1`, then `0.5.0` and `0.5.1`, then `1.0` and `1.1`."""
    return [list(line) for _, line in groupby(versions, key=_line)]


def _line(version: str) -> str:
    found = _LINE.match(version)
    return "" if found is None else found[0]
