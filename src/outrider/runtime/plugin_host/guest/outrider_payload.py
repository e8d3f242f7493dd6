"""What a message holds, as an event can carry it: JSON, text, or bytes in base64. Standard library only."""

from __future__ import annotations

import base64
import json
import math
import re

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ROOM = 200 * 1024  # bytes of an event that may be used; the agent takes 256 KiB
DEPTH = 64
INT64, UINT64 = -(2**63), 2**64
UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def payload(data: bytes) -> tuple[Any, str]:
    """Return a payload, and how it is told: `json`, `text` or `base64`."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return base64.b64encode(data).decode(), "base64"
    try:
        return parsed(text), "json"
    except ValueError:
        if UNREADABLE.search(text):
            return base64.b64encode(data).decode(), "base64"
        return text, "text"


def name(given: str | bytes) -> str:
    """Return a name as readable text."""
    text = given.decode("utf-8", "replace") if isinstance(given, bytes) else given
    return UNREADABLE.sub("\ufffd", text).encode("utf-8", "replace").decode()


def fits(found: Any) -> bool:
    """Tell whether an event has room for it."""
    return len(json.dumps(found, ensure_ascii=False).encode()) <= ROOM


def parsed(text: str) -> Any:
    """Return the JSON of a text.

    Raises:
        ValueError: It is none, or none that every reader of JSON can hold, or it would grow too large.
    """
    try:
        found = strict_json(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    # A half of a surrogate pair fails in `fits`, with a ValueError.
    if (text.count("[") + text.count("{") > DEPTH and deeper(found, DEPTH)) or not fits(found):
        raise ValueError("nested too deep, or too large")
    return found


def strict_json(text: str) -> Any:
    """Return the JSON of a text, with numbers that every reader of JSON can hold.

    Raises:
        ValueError: It is none.
        RecursionError: It is nested very deep.
    """
    return json.loads(text, parse_constant=no_json, parse_int=_integer, parse_float=finite)


def deeper(found: Any, levels: int) -> bool:
    """Tell whether lists and objects are nested deeper."""
    if not isinstance(found, dict | list):
        return False
    inner = found.values() if isinstance(found, dict) else found
    return levels == 0 or any(deeper(item, levels - 1) for item in inner)


def no_json(word: str) -> None:
    """Refuse NaN and the infinities, for `parse_constant` of json."""
    raise ValueError(f"{word} is no JSON")


def _integer(digits: str) -> int:
    number = int(digits) if len(digits) <= 20 else UINT64
    if not INT64 <= number < UINT64:
        raise ValueError("an integer needs more than 64 bits")
    return number


def finite(digits: str) -> float:
    """Return a number, for `parse_float` of json; one that no double can hold is refused."""
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number
