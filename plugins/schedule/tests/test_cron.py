import contextlib
from datetime import datetime, timedelta
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.plugins.harness import module

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1))  # noqa: DTZ001 - the plugin counts in UTC without a zone
SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


@pytest.fixture
def cron(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return module("schedule", "cron", monkeypatch)


@st.composite
def fields(draw: st.DrawFn) -> tuple[str, list[set[int]], bool]:
    """Return an expression, the values of its fields, and whether one of the two day fields is enough."""
    texts, sets = [], []
    for low, high in RANGES:
        first = draw(st.integers(low, high))
        last = draw(st.integers(first, high))
        step = draw(st.integers(1, 4))
        text, values = draw(st.sampled_from([
            ("*", set(range(low, high + 1))), (str(first), {first}), (f"{first}-{last}", set(range(first, last + 1))),
            (f"*/{step}", set(range(low, high + 1, step))), (f"{first},{last}", {first, last}),
            (f"{first}/{step}", set(range(first, high + 1, step))),
        ]))  # fmt: skip
        texts.append(text)
        sets.append(values)
    sets[4] = {day % 7 for day in sets[4]}
    return " ".join(texts), sets, texts[2][0] != "*" and texts[4][0] != "*"


def matches(moment: datetime, sets: list[set[int]], *, either: bool) -> bool:
    minutes, hours, days, months, weekdays = sets
    by_date, by_weekday = moment.day in days, moment.isoweekday() % 7 in weekdays
    on_day = by_date or by_weekday if either else by_date and by_weekday
    return on_day and moment.minute in minutes and moment.hour in hours and moment.month in months


def comes(sets: list[set[int]], *, either: bool) -> bool:
    """Tell whether any day of 42 years fits: by then a leap day was on every weekday."""
    first = datetime(2000, 1, 1, min(sets[1]), min(sets[0]))  # noqa: DTZ001 - as above
    return any(matches(first + timedelta(days=day), sets, either=either) for day in range(42 * 366))


@SETTINGS
@given(case=fields(), moment=MOMENTS)
def test_the_next_run_is_the_first_minute_that_matches(
    cron: ModuleType, case: tuple[str, list[set[int]], bool], moment: datetime
) -> None:
    text, sets, either = case
    if not comes(sets, either=either):
        with pytest.raises(ValueError, match="never comes"):
            cron.Cron(text)
        return
    found = cron.Cron(text).next_after(moment)
    assert found > moment
    assert matches(found, sets, either=either)
    minute = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    for _ in range(3000):
        if minute >= found:
            break
        assert not matches(minute, sets, either=either)
        minute += timedelta(minutes=1)


@SETTINGS
@given(text=st.text(alphabet="0123456789*/,- abcjnmosuL?#", max_size=30))
def test_any_text_is_an_expression_or_a_value_error(cron: ModuleType, text: str) -> None:
    with contextlib.suppress(ValueError):
        cron.Cron(text).next_after(datetime(2024, 2, 28))  # noqa: DTZ001 - as above


@pytest.mark.parametrize(
    ("text", "words"),
    [("* * * *", "4 fields"), ("60 * * * *", "minute: '60'"), ("* 24 * * *", "hour"), ("* * 0 * *", "day of month"),
     ("* * * 13 *", "month"), ("* * * * 8", "day of week"), ("5-2 * * * *", "backwards"), ("*/0 * * * *", "'0'"),
     ("0 0 30 2 *", "never comes"), ("0 0 31 4,6,9,11 *", "never comes"), (", * * * *", "minute"),
     ("\u0661 * * * *", "minute"), ("1- * * * *", "minute"), ("-1 * * * *", "minute")],
)  # fmt: skip
def test_faults_name_their_field(cron: ModuleType, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        cron.Cron(text)


@pytest.mark.parametrize(
    ("text", "moment", "expected"),
    [("0 0 29 feb *", "2097-01-01T00:00", "2104-02-29T00:00"), ("30 2 * * mon-fri", "2024-03-01T02:30", "2024-03-04T02:30"),
     ("0 0 13 * 5", "2024-01-01T00:00", "2024-01-05T00:00"), ("0 0 * * 7", "2024-01-01T00:00", "2024-01-07T00:00"),
     ("59 23 31 12 *", "2024-12-31T23:59", "2025-12-31T23:59")],
)  # fmt: skip
def test_known_dates(cron: ModuleType, text: str, moment: str, expected: str) -> None:
    assert cron.Cron(text).next_after(datetime.fromisoformat(moment)) == datetime.fromisoformat(expected)
