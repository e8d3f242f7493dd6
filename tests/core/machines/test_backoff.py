import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.machines.backoff import RestartPolicy, RestartState, after_exit, delay
from tests.core.profiles import quick

POLICY = RestartPolicy()
chances = st.floats(0.0, 1.0)
attempts = st.integers(1, 10_000)


def exits(*ran_for: float) -> RestartState:
    """Return the state after processes that ran for so long, with the delays at their longest."""
    state = RestartState()
    for seconds in ran_for:
        state = after_exit(state, POLICY, ran_for=seconds, chance=1.0)
    return state


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 0.2), (2, 0.4), (3, 0.8), (8, 25.6), (9, 30.0), (5000, 30.0)])
def test_delay_doubles_up_to_its_cap(attempt: int, seconds: float) -> None:
    assert delay(attempt, base=0.2, cap=30.0, chance=1.0) == pytest.approx(seconds)


@given(attempts, chances)
@quick
def test_chance_spreads_the_upper_half(attempt: int, chance: float) -> None:
    longest = delay(attempt, base=0.2, cap=30.0, chance=1.0)
    assert longest / 2 <= delay(attempt, base=0.2, cap=30.0, chance=chance) <= longest


@given(attempts, chances)
@quick
def test_delay_never_shrinks_with_attempts(attempt: int, chance: float) -> None:
    shorter, longer = (delay(attempt + more, base=0.2, cap=30.0, chance=chance) for more in (0, 1))
    assert shorter <= longer


def test_exits_in_a_row_become_a_crash_loop() -> None:
    assert not exits(0, 0, 0, 0).looping
    assert exits(0, 0, 0, 0, 0).looping
    assert exits(0, 0, 0, 0, 0).delay == pytest.approx(3.2)


def test_crash_loop_reaches_the_longest_delay() -> None:
    assert exits(*[0.0] * 9).delay == POLICY.cap


def test_long_run_clears_the_count() -> None:
    assert exits(0, 0, 0, 0, 0, POLICY.stable) == exits(0)
    assert exits(0, 0, POLICY.stable - 0.1).failures == 3
