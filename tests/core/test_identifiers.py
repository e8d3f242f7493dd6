import re

from hypothesis import given
from hypothesis import strategies as st

from outrider.core.identifiers import TimeOrdered, derived, time_ordered
from tests.core.profiles import quick

moments = st.floats(0.0, 2.8e11)
randomness = st.binary(min_size=10, max_size=10)
parts = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x1f"), max_size=10), min_size=1, max_size=4)


def test_example_of_the_specification() -> None:
    """The time part of 01ARYZ6S41 is the one that github.com/ulid/spec shows for 1469918176385."""
    assert time_ordered(1469918176.385, b"\0" * 10) == "01ARYZ6S410000000000000000"


def test_largest() -> None:
    assert time_ordered((2**48 - 1) / 1000, b"\xff" * 10) == "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"


@given(moments, randomness, moments, randomness)
@quick
def test_they_sort_by_time(one: float, some: bytes, two: float, other: bytes) -> None:
    first, second = time_ordered(one, some), time_ordered(two, other)
    if int(one * 1000) != int(two * 1000):
        assert (one < two) == (first < second)


@given(moments, randomness, randomness)
@quick
def test_randomness_tells_them_apart(now: float, some: bytes, other: bytes) -> None:
    assert (time_ordered(now, some) == time_ordered(now, other)) == (some == other)


def test_parts_do_not_run_into_each_other() -> None:
    assert len({derived(0.0, "ab", "c"), derived(0.0, "a", "bc"), derived(0.0, "abc")}) == 3


@given(moments, parts, parts)
@quick
def test_derived_ones_follow_from_their_parts(now: float, some: list[str], other: list[str]) -> None:
    assert (derived(now, *some) == derived(now, *other)) == (some == other)


@given(moments, parts)
@quick
def test_derived_ones_look_and_sort_like_the_others(now: float, some: list[str]) -> None:
    identifier = derived(now, *some)
    assert re.fullmatch("[0-7][0-9A-HJKMNP-TV-Z]{25}", identifier)
    assert identifier[:10] == time_ordered(now, b"\0" * 10)[:10]


def test_identifiers_of_one_maker_sort_in_the_order_of_their_making() -> None:
    maker = TimeOrdered()
    moments = [5.0, 5.0, 5.0001, 4.0, 6.0, 6.0]
    made = [maker.next(moment, b"\xff" * 10) for moment in moments]
    assert made == sorted(set(made))
