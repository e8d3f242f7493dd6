"""Times of statements."""

from outrider.core.errors import InvalidConfigError
from outrider.core.timestamps import parse_timestamp


def time_of(value: object) -> float:
    """Return a time as seconds since the epoch; 0 where it is none, as of what is older than all else."""
    try:
        return parse_timestamp(value) if isinstance(value, str) else 0.0
    except InvalidConfigError:
        return 0.0
