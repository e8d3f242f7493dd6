"""Cron expressions of five fields, as in crontab(5): `*`, numbers, names, ranges, lists and steps."""

from datetime import datetime, timedelta

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# A leap day falls on one and the same weekday again after at most 40 years: what does not come by then never comes.
SEARCH_DAYS = 366 * 41


class Cron:
    """A parsed expression.

    Args:
        text: Minute, hour, day of month, month, day of week.

    Raises:
        ValueError: It is no such expression, or its date never comes; the message names the field.
    """

    def __init__(self, text: str) -> None:
        fields = text.lower().split()
        if len(fields) != 5:
            raise ValueError(f"{len(fields)} fields found, expected 5: minute, hour, day of month, month, day of week")
        self._minutes = sorted(_field("minute", fields[0], 0, 59))
        self._hours = sorted(_field("hour", fields[1], 0, 23))
        self._days = _field("day of month", fields[2], 1, 31)
        self._months = _field("month", fields[3], 1, 12, MONTHS)
        self._weekdays = {day % 7 for day in _field("day of week", fields[4], 0, 7, DAYS)}
        # crontab(5): where both day fields are restricted, one of them is enough.
        self._either_day = fields[2][0] != "*" and fields[4][0] != "*"
        self.next_after(datetime(2024, 1, 1))  # noqa: DTZ001 - all times here are UTC without a zone

    def next_after(self, moment: datetime) -> datetime:
        """Return the first run after a moment (UTC)."""
        start = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        for offset in range(SEARCH_DAYS):
            day = start.replace(hour=0, minute=0) + timedelta(days=offset)
            if not self._on_day(day):
                continue
            found = self._first_in_day(day, start)
            if found is not None:
                return found
        raise ValueError("this date never comes")

    def _on_day(self, day: datetime) -> bool:
        if day.month not in self._months:
            return False
        by_date = day.day in self._days
        by_weekday = day.isoweekday() % 7 in self._weekdays
        return by_date or by_weekday if self._either_day else by_date and by_weekday

    def _first_in_day(self, day: datetime, start: datetime) -> datetime | None:
        for hour in self._hours:
            if day.replace(hour=hour, minute=59) < start:
                continue
            for minute in self._minutes:
                moment = day.replace(hour=hour, minute=minute)
                if moment >= start:
                    return moment
        return None


def _field(name: str, text: str, low: int, high: int, names: tuple[str, ...] = ()) -> set[int]:
    values: set[int] = set()
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        first, last = _span(name, span, low, high, names)
        if slash and first == last and span != "*" and "-" not in span:
            last = high  # `5/15` counts from 5 to the end
        step = _number(name, step_text, 1, high + 1, ()) if slash else 1
        values.update(range(first, last + 1, step))
    return values


def _span(name: str, text: str, low: int, high: int, names: tuple[str, ...]) -> tuple[int, int]:
    if text == "*":
        return low, high
    begin, dash, end = text.partition("-")
    first = _number(name, begin, low, high, names)
    last = _number(name, end, low, high, names) if dash else first
    if last < first:
        raise ValueError(f"{name}: the range {text!r} runs backwards")
    return first, last


def _number(name: str, text: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if text in names:
        return names.index(text) + low
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and low <= int(text) <= high):
        raise ValueError(f"{name}: {text!r} found, expected {low} to {high}")
    return int(text)
