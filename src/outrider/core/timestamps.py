"""Times on the wire: RFC 3339 in UTC with milliseconds. A time without a zone is refused, never guessed."""

import math
import re
from datetime import UTC, datetime
from functools import lru_cache

from outrider.core.errors import InvalidConfigError

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)

_SHOWN = 80


def timestamp(seconds: float) -> str:
    """Return `2026-07-01T10:00:00.000Z` for seconds since the epoch."""
    rest, whole = math.modf(seconds)
    more, microseconds = divmod(round(rest * 1e6), 1_000_000)
    return f"{_second(int(whole) + more)}.{microseconds // 1000:03}Z"


def timestamp_of_second(seconds: float) -> str:
    """Return `2026-07-01T10:00:00Z` for seconds since the epoch, as formats want it that know whole seconds only."""
    return f"{_second(math.floor(seconds))}Z"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    # Most times are those of the same second.
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").removesuffix("+00:00")


def parse_timestamp(text: str) -> float:
    """Return seconds since the epoch, for a `date-time` of RFC 3339 section 5.6; leap seconds are refused.

    Raises:
        InvalidConfigError: The text is no RFC 3339 time, or names no zone.
    """
    try:
        moment = datetime.fromisoformat(text.upper()) if _RFC_3339.fullmatch(text) else None
    except ValueError:
        moment = None
    if moment is None:
        raise InvalidConfigError(
            f"{text[:_SHOWN]!r} is not a time with a zone",
            found=text[:_SHOWN],
            expected="RFC 3339, such as 2026-07-01T10:00:00Z",
            suggestions=["add Z for UTC, or an offset such as +02:00"],
        )
    return moment.timestamp()
