"""Quantities as people write them: durations, sizes, percentages."""

import math
import re
from fractions import Fraction

from outrider.core.errors import InvalidConfigError

_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?)\s*(B|kB|KB|MB|GB|TB|Ki|Mi|Gi|Ti|KiB|MiB|GiB|TiB)?")
_BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}

_MONEY = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,9}))? ([A-Z]{3})")
NANO = 1_000_000_000
_CENTS = 10_000_000

_SHOWN = 80


def parse_duration(text: str) -> float:
    """Return seconds for `500ms`, `10s`, `1h30m`, `0s`; digits are ASCII, and the sum is finite.

    Raises:
        InvalidConfigError: The text is no duration.
    """
    position, seconds = 0, 0.0
    while match := _DURATION_PART.match(text, position):
        seconds += float(match[1]) * _SECONDS[match[2]]
        position = match.end()
    if position == 0 or position != len(text) or not math.isfinite(seconds):
        meant = (
            f"{text}s, {text}m, {text}h or {text}d" if text.isascii() and text.isdecimal() else "500ms, 10s or 1h30m"
        )
        raise _not_a("duration", text, "a number with a unit: ms, s, m, h, d", meant)
    return seconds


def format_duration(seconds: float) -> str:
    """Return the shortest exact text of whole milliseconds, such as `1h30m` or `500ms`."""
    milliseconds = round(seconds * 1000)
    if milliseconds == 0:
        return "0s"
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def parse_money(text: str) -> tuple[int, str]:
    """Return nano-units and the currency (ISO 4217) for `5.00 USD`.

    Raises:
        InvalidConfigError: The text is no amount of money.
    """
    match = _MONEY.fullmatch(text)
    if match is None:
        raise _not_a("amount of money", text, "a number, a blank, and a currency of three capital letters", "5.00 USD")
    return int(match[1]) * NANO + int((match[2] or "").ljust(9, "0")), match[3]


def format_money(nano: int, currency: str) -> str:
    """Return the shortest exact text with at least two decimals, such as `5.00 USD` or `0.0034 USD`."""
    whole, rest = divmod(abs(nano), NANO)
    cents, less = divmod(rest, _CENTS)
    decimals = f"{cents:02d}{less:07d}".rstrip("0").ljust(2, "0")
    return f"{'-' if nano < 0 else ''}{whole}.{decimals} {currency}".rstrip()


def parse_size(text: str) -> int:
    """Return bytes for `64MB` (decimal), `64Mi` or `64MiB` (binary), `512`; a fraction of a byte is cut off.

    Raises:
        InvalidConfigError: The text is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise _not_a("size", text, "a number with a unit: B, kB, MB, GB, Ki, Mi, Gi", "64MB or 64Mi")
    unit = match[2] or "B"
    # Exact: above 2**53 a float would change the size.
    return int(Fraction(match[1]) * _BYTES[unit.removesuffix("B") if unit.endswith("iB") else unit])


def format_size(size: float) -> str:
    """Return a readable size with decimal units, such as `1.5 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(size) < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _not_a(quantity: str, text: str, expected: str, example: str) -> InvalidConfigError:
    shown = text[:_SHOWN]
    return InvalidConfigError(
        f"{shown!r} is not a {quantity}", found=shown, expected=expected, suggestions=[f"write for example {example}"]
    )
