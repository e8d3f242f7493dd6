"""Ranges as NuGet writes them into packages.lock.json: `VersionRange.ToNormalizedString` and `ToLegacyShortString`.

https://github.com/NuGet/NuGet.Client/tree/dev/src/NuGet.Core/NuGet.Versioning, compared with nuget.exe 5.8.0.6930.
"""

import re
from typing import NamedTuple

from outrider.operators.packages.nuget.ranges import ANY, normalised

_RANGE = re.compile(r"(?P<open>[\[(])(?P<low>[^,]*)(?P<comma>,?)(?P<high>[^,]*)(?P<close>[\])])")


class _Bounds(NamedTuple):
    """A range in its parts; a bound that is not there is empty, and its bracket round."""

    opened: str
    low: str
    high: str
    closed: str


def requested_text(text: str) -> str:
    """Return a range that can be read as a lock has what is asked for: `[1.0.0, )`."""
    bounds = _bounds(text)
    low = _floating(bounds.low) if "*" in bounds.low else _version(bounds.low)
    return _shown(bounds._replace(low=low))


def needed_text(text: str) -> str:
    """Return a range that can be read as a lock has what a package needs: `1.0.0`, or `[1.0.0, 2.0.0)`; what floats begins where it does."""
    bounds = _bounds(text)
    low = _lowest(bounds.low) if "*" in bounds.low else _version(bounds.low)
    high = _version(bounds.high)
    if bounds.opened == "[" and not high:
        return low
    if low == high and (bounds.opened, bounds.closed) == ("[", "]"):
        return f"[{low}]"
    return _shown(bounds._replace(low=low))


def _shown(bounds: _Bounds) -> str:
    return f"{bounds.opened}{bounds.low}, {_version(bounds.high)}{bounds.closed}"


def _bounds(text: str) -> _Bounds:
    written = text.strip() or ANY
    match = _RANGE.fullmatch(written)
    if match is None:
        return _Bounds("[", written, "", ")")
    low, high = match["low"].strip(), match["high"].strip()
    if not match["comma"]:
        return _Bounds("[", low, low, "]")
    return _Bounds(match["open"] if low else "(", low, high, match["close"] if high else ")")


def _version(text: str) -> str:
    return normalised(text) if text else ""


def _floating(text: str) -> str:
    """Return what floats as NuGet writes it."""
    numbers, dash, labels = text.partition("-")
    shown = _numbers(numbers) if "*" in numbers else normalised(numbers)
    return f"{shown}{dash}{labels}"


def _numbers(text: str) -> str:
    return ".".join(part if part == "*" else str(int(part)) for part in text.split("."))


def _lowest(text: str) -> str:
    """Return the lowest version of what floats."""
    numbers, dash, labels = text.partition("-")
    lowest = normalised(numbers.replace("*", "0"))
    begin = labels.removesuffix("*")
    return f"{lowest}-{begin}{'' if begin and not begin.endswith('.') else '0'}" if dash else lowest
