from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.runtime.schedule import Schedule


def times(expression: str, zone: str, start: str, count: int) -> list[str]:
    schedule, moment, found = Schedule(expression, zone), datetime.fromisoformat(start).timestamp(), []
    for _ in range(count):
        moment = schedule.next_after(moment)
        found.append(datetime.fromtimestamp(moment, UTC).strftime("%m-%dT%H:%M"))
    return found


@pytest.mark.parametrize(
    ("expression", "zone", "start", "expected"),
    [
        ("0 3 * * *", "UTC", "2026-01-01T03:00:00Z", ["01-02T03:00", "01-03T03:00"]),
        ("*/20 * * * *", "UTC", "2026-01-01T03:05:00Z", ["01-01T03:20", "01-01T03:40", "01-01T04:00"]),
        ("0 9 * * mon", "Asia/Tokyo", "2026-01-01T00:00:00Z", ["01-05T00:00", "01-12T00:00"]),
        ("0 9 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", ["03-28T08:00", "03-29T07:00"]),
        # 02:30 does not exist on 2026-03-29 in Berlin, and comes twice on 2026-10-25.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", ["03-29T01:00", "03-30T00:30"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", ["10-25T00:30", "10-26T01:30"]),
        ("0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", ["10-25T00:00", "10-25T01:00", "10-25T02:00"]),
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", ["02-29T00:00"]),
    ],
)
def test_times(expression: str, zone: str, start: str, expected: list[str]) -> None:
    assert times(expression, zone, start, len(expected)) == expected


@pytest.mark.parametrize(
    ("expression", "zone", "path"),
    [
        ("* * * *", "UTC", "schedule"),
        ("61 * * * *", "UTC", "schedule"),
        ("0 0 31 2 *", "UTC", "schedule"),
        ("hello you there my friend", "UTC", "schedule"),
        ("0 3 * * *", "Europe/Nowhere", "timeZone"),
        ("0 3 * * *", "", "timeZone"),
        ("0 3 * * *", "../../etc/passwd", "timeZone"),
        ("0 3 * * *", "/etc/localtime", "timeZone"),
        ("0 3 * * *", "Europe", "timeZone"),
    ],
)
def test_what_never_comes_is_refused(expression: str, zone: str, path: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        Schedule(expression, zone)
    assert caught.value.path == path
    assert caught.value.suggestions


@given(
    st.sampled_from(["* * * * *", "*/7 3 * * *", "15 2 * * *", "0 */3 1 * *", "30 1 * * sun"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.integers(1_600_000_000, 1_900_000_000),
)
def test_each_time_is_later_and_fits(expression: str, zone: str, start: int) -> None:
    schedule = Schedule(expression, zone)
    following = schedule.next_after(start)
    assert following > start
    assert following % 60 == 0
    assert datetime.fromtimestamp(following, ZoneInfo(zone)).second == 0
