"""Times of a schedule: a crontab expression in a time zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from outrider.core.errors import InvalidConfigError


class Schedule:
    """The times at which something is to be done.

    Around a change of the clocks it follows Debian's cron: what falls into the hour that is left out is done once, right
    after it; what falls into the hour that comes twice is done once; what recurs at every hour or minute just goes on.

    Args:
        expression: Minute, hour, day of month, month, day of week.
        zone: IANA name of the zone in which it is meant.

    Raises:
        InvalidConfigError: The expression or the zone is not known; `path` is `schedule` or `timeZone`.
    """

    def __init__(self, expression: str, zone: str) -> None:
        try:
            self._zone = ZoneInfo(zone)
        except (KeyError, OSError, ValueError) as error:  # ZoneInfo says it in all three ways
            raise InvalidConfigError(
                f"no time zone is called '{zone}'", path="timeZone", found=zone, expected="an IANA name such as Europe/Berlin",
                suggestions=["write for example timeZone: Europe/Berlin, or leave it out for UTC"],
            ) from error  # fmt: skip
        self._expression = expression
        try:
            CronSim(expression, datetime(2024, 1, 1, tzinfo=UTC))
            self.next_after(0.0)
        except (CronSimError, StopIteration) as error:
            raise InvalidConfigError(
                f"not a schedule that ever comes: {str(error) or 'no such date'}", path="schedule", found=expression,
                expected="five fields: minute, hour, day of month, month, day of week",
                suggestions=['write for example "0 3 * * *" for every night at three'],
            ) from error  # fmt: skip

    def next_after(self, seconds: float) -> float:
        """Return the first time after another, both in seconds since the epoch."""
        start = datetime.fromtimestamp(seconds, self._zone)
        return next(CronSim(self._expression, start)).timestamp()
