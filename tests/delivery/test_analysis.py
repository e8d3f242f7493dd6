import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.delivery.analysis import Counts, Tolerance, Verdict, judge, upper_bound

LOOKS, EVENTS = 40, 250


def trial(source: random.Random, new: float, present: float, tolerance: Tolerance) -> Verdict:
    """Look again and again at two versions with given shares of bad events, until there is a verdict."""
    counts = [0, 0]
    for look in range(1, LOOKS + 1):
        for side, share in enumerate((new, present)):
            counts[side] += sum(source.random() < share for _ in range(EVENTS))
        total = look * EVENTS
        found = judge(Counts(counts[0], total), Counts(counts[1], total), tolerance, look=look).verdict
        if found is not Verdict.OPEN:
            return found
    return Verdict.OPEN


@pytest.mark.parametrize("share", [0.0, 0.002, 0.05])
def test_a_version_that_is_as_good_is_hardly_ever_refused(share: float) -> None:
    source = random.Random(1)
    found = [trial(source, share, share, Tolerance(worsening=0.05)) for _ in range(60)]
    assert found.count(Verdict.FAIL) <= 2
    assert found.count(Verdict.PASS) >= 50


@pytest.mark.parametrize(("new", "present"), [(0.06, 0.01), (0.02, 0.0), (0.5, 0.4)])
def test_a_version_that_is_worse_is_found(new: float, present: float) -> None:
    source = random.Random(2)
    found = [trial(source, new, present, Tolerance(worsening=0.01)) for _ in range(20)]
    assert found.count(Verdict.FAIL) >= 19


def test_few_requests_and_one_error_are_neither_good_nor_bad() -> None:
    assert judge(Counts(1, 3), Counts(0, 30), Tolerance(), look=1).verdict is Verdict.OPEN
    assert judge(Counts(0, 99), Counts(0, 1000), Tolerance(worsening=0.5), look=1).verdict is Verdict.OPEN
    assert judge(Counts(0, 0), Counts(0, 1000), Tolerance(), look=1).verdict is Verdict.OPEN
    assert judge(Counts(0, 1000), Counts(0, 0), Tolerance(), look=1).verdict is Verdict.OPEN


def test_errors_of_the_new_version_alone_are_found_at_once() -> None:
    assert judge(Counts(9, 9), Counts(0, 91), Tolerance(), look=1).verdict is Verdict.FAIL
    assert judge(Counts(500, 500), Counts(0, 500), Tolerance(), look=1).verdict is Verdict.FAIL


def test_the_bound_is_that_of_clopper_and_pearson() -> None:
    # Rule of three: nothing bad in n, at 5 %.
    assert upper_bound(Counts(0, 300), 0.05) == pytest.approx(1 - 0.05 ** (1 / 300), rel=1e-9)
    assert upper_bound(Counts(5, 100), 0.025) == pytest.approx(0.1128349, rel=1e-5)
    assert upper_bound(Counts(7, 7), 0.01) == 1.0


@given(st.integers(0, 5000), st.integers(1, 5000), st.integers(0, 5000), st.integers(1, 5000), st.integers(1, 1000))
def test_figures_are_figures_whatever_was_counted(
    bad: int, total: int, bad_now: int, total_now: int, look: int
) -> None:
    found = judge(Counts(min(bad, total), total), Counts(min(bad_now, total_now), total_now), Tolerance(), look=look)
    assert math.isfinite(found.ratio)
    assert not math.isnan(found.bound)
    assert found.verdict is not Verdict.FAIL or found.difference > 0
    assert found.verdict is not Verdict.PASS or (total >= 100 and found.bound < 0.01)
