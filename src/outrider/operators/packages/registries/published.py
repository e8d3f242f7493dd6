"""When versions were published, as registries write it."""

from typing import Any

from outrider.core.errors import InvalidConfigError
from outrider.core.timestamps import parse_timestamp


def seconds_of(text: Any) -> float:
    """Return seconds since the epoch for a time of RFC 3339; 0 for what is none: nobody may take that for old."""
    try:
        return parse_timestamp(text) if isinstance(text, str) else 0.0
    except InvalidConfigError:
        return 0.0


def all_or_none(times: list[float]) -> list[float]:
    """Return the times of all versions; nothing where not one is known, which is the rule with some registries."""
    return times if any(times) else []
