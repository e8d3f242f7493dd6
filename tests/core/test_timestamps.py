from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.core.timestamps import parse_timestamp, timestamp, timestamp_of_second
from tests.core.profiles import quick
from tests.core.values import outcome

TEN_O_CLOCK = 1_782_900_000.0
YEAR_2200 = 7_258_118_400_000
milliseconds = st.integers(0, YEAR_2200)


def test_written_form() -> None:
    assert timestamp(TEN_O_CLOCK) == "2026-07-01T10:00:00.000Z"


@given(milliseconds)
@quick
def test_round_trip(count: int) -> None:
    written = timestamp(count / 1000)
    assert timestamp(parse_timestamp(written)) == written


@given(st.floats(-1e9, YEAR_2200 / 1000) | st.integers(0, YEAR_2200 // 1000).map(lambda second: second + 0.9999996))
@quick
def test_parts_of_a_second_are_cut_as_datetime_cuts_them(seconds: float) -> None:
    told = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    assert timestamp(seconds) == told.replace("+00:00", "Z")


@given(st.lists(milliseconds, min_size=2, max_size=5))
@quick
def test_written_forms_sort_by_time(counts: list[int]) -> None:
    assert [timestamp(count / 1000) for count in sorted(counts)] == sorted(timestamp(count / 1000) for count in counts)


@pytest.mark.parametrize(
    "text",
    [
        "2026-07-01T10:00:00Z",
        "2026-07-01t10:00:00z",
        "2026-07-01 10:00:00Z",
        "2026-07-01T12:00:00+02:00",
        "2026-07-01T05:30:00-04:30",
        "2026-07-01T10:00:00.000000000Z",
    ],
)
def test_forms_of_one_moment(text: str) -> None:
    assert parse_timestamp(text) == TEN_O_CLOCK


def test_nanoseconds_are_cut_to_microseconds() -> None:
    assert parse_timestamp("2026-07-01T10:00:00.123456789Z") == TEN_O_CLOCK + 0.123456


@pytest.mark.parametrize(
    "text",
    [
        "2026-07-01T10:00:00",
        "2026-07-01T10:00:00.5",
        "2026-07-01",
        "2026-W27-3T10:00:00Z",
        "20260701T100000Z",
        "2026-07-01T10Z",
        "2026-07-01T10:00:00,5Z",
        "2026-07-01T10:00:00+0200",
        "2026-07-01T10:00:00+24:00",
        "2026-02-30T10:00:00Z",
        "2026-07-01T24:00:00Z",
        "2026-07-01T23:59:60Z",
        "2026-07-01T10:00:00Z\n",
        "٢٠٢٦-07-01T10:00:00Z",
        "1782900000",
        "",
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        parse_timestamp(text)
    assert caught.value.suggestions == ["add Z for UTC, or an offset such as +02:00"]


@given(st.text(max_size=40) | st.text("0123456789-:TZ.+ ", max_size=32))
@quick
def test_random_text_is_read_or_refused(text: str) -> None:
    found = outcome(lambda: parse_timestamp(text))
    assert isinstance(found, float | InvalidConfigError)


@pytest.mark.parametrize(
    ("seconds", "text"), [(1_782_900_000, "2026-07-01T10:00:00Z"), (1_782_900_000.999, "2026-07-01T10:00:00Z")]
)
def test_whole_seconds_are_cut(seconds: float, text: str) -> None:
    assert timestamp_of_second(seconds) == text
