"""The window machine against a model that keeps every event and looks at all of them each time."""

from collections.abc import Collection
from itertools import combinations
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outrider.core.codec import decode, encode
from outrider.core.machines.correlation import BUCKETS, EMPTY, Measure, Shape, Window, advance, expires, oldest, ripen
from tests.core.profiles import thorough

Happening = tuple[float, Collection[int], bool, float]


class Naive:
    """What correlation means, without a thought about cost."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.events: list[tuple[str, float, Collection[int], float]] = []
        self.awaiting: tuple[list[str], float] | None = None

    def see(self, event: str, happening: Happening) -> list[list[str]]:
        now, met, refuted, value = happening
        matches = self.ripe(now)
        if refuted:
            self.awaiting = None
        if not met:
            return matches
        self.events.append((event, now, met, value))
        matched = self.matched(now)
        if matched:
            self.events.clear()
            if not self.shape.not_within:
                matches.append(matched)
            elif self.awaiting is None:
                self.awaiting = (matched, now + self.shape.not_within)
        return matches

    def ripe(self, now: float) -> list[list[str]]:
        if self.awaiting is None or now < self.awaiting[1]:
            return []
        matched, self.awaiting = self.awaiting[0], None
        return [matched]

    def matched(self, now: float) -> list[str]:
        recent = [item for item in self.events if now - item[1] <= self.shape.within]
        if self.shape.join == "all":
            return self._all(recent)
        if self.shape.join == "then":
            return self._then(recent)
        if self.shape.measure is not None:
            return self._measure(self.shape.measure, now)
        return [item[0] for item in recent] if len(recent) >= self.shape.count else []

    def _all(self, recent: list[Any]) -> list[str]:
        newest = [
            max((place for place, item in enumerate(recent) if number in item[2]), default=None)
            for number in range(self.shape.conditions)
        ]
        return [] if None in newest else [recent[place][0] for place in sorted({p for p in newest if p is not None})]

    def _then(self, recent: list[Any]) -> list[str]:
        """Return the chain that ends now and began last, by trying all."""
        length = self.shape.conditions
        found = [
            chain
            for chain in combinations(range(len(recent)), length)
            if chain[-1] == len(recent) - 1 and all(number in recent[place][2] for number, place in enumerate(chain))
        ]
        latest = max((chain[0] for chain in found), default=None)
        began = [chain for chain in found if chain[0] == latest]
        # Which of the chains that began together is named is not promised: both are in time.
        self.possible = [[recent[place][0] for place in chain] for chain in began]
        return self.possible[0] if self.possible else []

    def _measure(self, measure: Measure, now: float) -> list[str]:
        width = self.shape.within / BUCKETS
        values = [item[3] for item in self.events if now // width - item[1] // width < BUCKETS]
        amount = {
            "sum": sum(values),
            "rate": sum(values) / self.shape.within,
            "mean": sum(values) / len(values),
            "min": min(values),
            "max": max(values),
        }[measure.function]
        beyond = (measure.above is not None and amount > measure.above) or (
            measure.below is not None and amount < measure.below
        )
        return [self.events[-1][0]] if beyond and len(values) >= measure.minimum else []


measures = st.builds(
    Measure,
    function=st.sampled_from(["sum", "rate", "mean", "min", "max"]),
    above=st.one_of(st.none(), st.sampled_from([0.0, 1.0, 5.0])),
    below=st.sampled_from([None, 2.0]),
    minimum=st.integers(1, 3),
)
refutable = st.sampled_from([0.0, 4.0])
within = st.sampled_from([1.0, 6.0, 15.0])
shapes = st.one_of(
    st.builds(Shape, join=st.just("all"), conditions=st.integers(1, 3), within=within, not_within=refutable),
    st.builds(Shape, join=st.just("then"), conditions=st.integers(2, 3), within=within, not_within=refutable),
    st.builds(Shape, count=st.integers(1, 4), within=within, not_within=refutable),
    st.builds(Shape, measure=measures, within=within, not_within=refutable),
)
happenings = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.5, 1.0, 2.0, 4.0, 7.0]),
        st.sets(st.integers(0, 2), max_size=3),
        st.booleans(),
        st.sampled_from([-1.0, 0.0, 1.0, 4.0]),
    ),
    max_size=14,
)


@given(shape=shapes, steps=happenings)
@example(
    shape=Shape(join="all", conditions=3, within=1.0), steps=[(0.0, {0, 1}, False, 0.0), (0.0, {0, 2}, False, 0.0)]
)
@thorough
def test_the_machine_does_what_the_naive_model_does(shape: Shape, steps: list[Happening]) -> None:
    naive, window, now = Naive(shape), EMPTY, 0.0
    for number, (pause, met, refuted, value) in enumerate(steps):
        now += pause
        conditions = {condition for condition in met if condition < shape.conditions}
        step = advance(shape, window, f"e{number}", met=conditions, refuted=refuted, now=now, value=value)
        expected = naive.see(f"e{number}", (now, conditions, refuted, value))
        if shape.join == "then" and step.matches != expected:
            assert len(step.matches) == len(expected)
            assert [(m[0], m[-1]) for m in step.matches] == [(m[0], m[-1]) for m in expected]
        else:
            assert step.matches == expected
        # What is on disk is all that is known: the window survives being written and read.
        window = decode(encode(step.window), Window)
        assert window == step.window


@given(shape=shapes, steps=happenings)
@thorough
def test_a_window_that_has_expired_says_what_an_empty_one_says(shape: Shape, steps: list[Happening]) -> None:
    window, now = EMPTY, 0.0
    for number, (pause, met, refuted, value) in enumerate(steps):
        now += pause
        conditions = {condition for condition in met if condition < shape.conditions}
        window = advance(shape, window, f"e{number}", met=conditions, refuted=refuted, now=now, value=value).window
        first = oldest(window)
        assert first is None or first <= now
    end = expires(shape, window)
    if end is None or window.awaiting is not None:
        return
    late = max(now, end) + shape.within / BUCKETS
    for met in ({0}, {1}, {2}, {0, 1, 2}):
        conditions = {condition for condition in met if condition < shape.conditions}
        kept = advance(shape, window, "late", met=conditions, refuted=False, now=late)
        fresh = advance(shape, EMPTY, "late", met=conditions, refuted=False, now=late)
        assert kept.matches == fresh.matches
        assert oldest(kept.window) == oldest(fresh.window)


def matches(shape: Shape, *events: tuple[float, Collection[int]]) -> list[list[str]]:
    """Return the matches of events a, b, c..., each with when it came and what it meets."""
    window, found = EMPTY, []
    for letter, (now, met) in zip("abcdefgh", events, strict=False):
        step = advance(shape, window, letter, met=met, refuted=False, now=now)
        window = step.window
        found += step.matches
    return found


def test_all_takes_the_newest_of_each_in_any_order() -> None:
    both = Shape(join="all", conditions=2, within=10)
    assert matches(both, (0, {1}), (1, {1}), (2, {0})) == [["b", "c"]]
    assert matches(both, (0, {1}), (10, {0})) == [["a", "b"]]
    assert matches(both, (0, {1}), (10.5, {0})) == []
    assert matches(both, (0, {0, 1})) == [["a"]]


def test_then_wants_the_order_and_different_events() -> None:
    sequence = Shape(join="then", conditions=2, within=10)
    assert matches(sequence, (0, {1}), (1, {0})) == []
    assert matches(sequence, (0, {0}), (1, {1})) == [["a", "b"]]
    assert matches(sequence, (0, {0, 1})) == []
    assert matches(sequence, (0, {0, 1}), (1, {0, 1})) == [["a", "b"]]


def test_an_event_is_in_one_match_only() -> None:
    assert matches(Shape(count=2, within=10), *[(n, {0}) for n in range(5)]) == [["a", "b"], ["c", "d"]]


def test_a_refuting_event_ends_the_wait_and_one_that_comes_too_late_does_not() -> None:
    shape = Shape(not_within=5)
    opened = advance(shape, EMPTY, "a", met={0}, refuted=False, now=0)
    assert (opened.matches, opened.progress) == ([], "stands in 5s unless refuted")
    refuted = advance(shape, opened.window, "b", met=(), refuted=True, now=4.9)
    assert (refuted.matches, refuted.window) == ([], EMPTY)
    assert advance(shape, opened.window, "b", met=(), refuted=True, now=5).matches == [["a"]]
    assert ripen(shape, opened.window, now=4.9).matches == []
    assert ripen(shape, opened.window, now=5).matches == [["a"]]


def test_a_heartbeat_that_both_opens_and_refutes_starts_over() -> None:
    shape, window = Shape(not_within=5), EMPTY
    for now in (0, 4, 8):
        step = advance(shape, window, f"beat{now}", met={0}, refuted=True, now=now)
        assert step.matches == []
        window = step.window
    assert ripen(shape, window, now=13).matches == [["beat8"]]


@pytest.mark.parametrize(
    "shape",
    [
        Shape(join="all", conditions=2, within=10),
        Shape(join="then", conditions=2, within=10),
        Shape(count=2, within=10),
    ],
)
def test_after_the_clock_stepped_back_a_window_lasts_its_length_and_no_longer(shape: Shape) -> None:
    window = advance(shape, EMPTY, "a", met={0}, refuted=False, now=1_000_000).window
    window = advance(shape, window, "other", met=(), refuted=False, now=0).window
    last = {shape.conditions - 1}
    assert advance(shape, window, "b", met=last, refuted=False, now=10).matches == [["a", "b"]]
    assert advance(shape, window, "b", met=last, refuted=False, now=10.1).matches == []


def test_a_wait_lasts_its_time_after_the_clock_stepped_back() -> None:
    shape = Shape(not_within=5)
    window = advance(shape, EMPTY, "a", met={0}, refuted=False, now=1_000_000).window
    window = ripen(shape, window, now=0).window
    assert ripen(shape, window, now=5).matches == [["a"]]


def test_progress_says_how_far_it_is() -> None:
    said = [
        advance(shape, EMPTY, "a", met={0}, refuted=False, now=0, value=2).progress
        for shape in (
            Shape(join="all", conditions=2, within=60),
            Shape(join="then", conditions=3, within=60),
            Shape(count=5, within=60),
            Shape(measure=Measure(function="mean", above=5), within=60),
        )
    ]
    assert said == [
        "1 of 2 conditions within 1m",
        "1 of 3 in order within 1m",
        "1 of 5 events within 1m",
        "mean is 2 of 1 values within 1m",
    ]
