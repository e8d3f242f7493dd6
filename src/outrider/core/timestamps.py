"""Times on the wire: RFC 3339 in UTC with milliseconds. A time without a zone is refused, never guessed."""

from datetime import UTC, datetime

from outrider.core.errors import InvalidConfigError


def timestamp(seconds: float) -> str:
    """Return `2026-07-01T10:00:00.000Z` for seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_timestamp(text: str) -> float:
    """Return seconds since the epoch.

    Raises:
        InvalidConfigError: The text is no RFC 3339 time, or names no zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidConfigError(
            f"{text!r} is not a time with a zone",
            found=text,
            expected="RFC 3339, such as 2026-07-01T10:00:00Z",
            suggestions=["add Z for UTC, or an offset such as +02:00"],
        )
    return moment.timestamp()
