"""Buckets, budgets, prices and circuits: properties against naive models (traps T17, and those of 5.3)."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from outrider.core.errors import InvalidConfigError
from outrider.sidecar.llm.buckets import Bucket, Limits, per_minute
from outrider.sidecar.llm.budget import Budget, Reservation, period_of
from outrider.sidecar.llm.circuit import LONGEST_REST, Circuit
from outrider.sidecar.llm.prices import Price, read_prices
from outrider.sidecar.llm.usage import Usage

UTC = ZoneInfo("UTC")
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()


@given(
    st.integers(1, 1000),
    st.lists(st.tuples(st.floats(0, 30), st.integers(0, 400)), max_size=60),
)
def test_no_minute_lets_more_through_than_its_limit_and_what_was_saved(
    capacity: int, calls: list[tuple[float, int]]
) -> None:
    bucket, now, taken = Bucket(capacity, capacity / 60, 0.0), 0.0, list[tuple[float, int]]()
    for pause, amount in calls:
        now += pause
        if bucket.wait(amount, now) == 0:
            bucket.take(amount, now)
            taken.append((now, amount))
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            span = taken[last][0] - taken[first][0]
            assert sum(min(amount, capacity) for _, amount in taken[first : last + 1]) <= capacity * (
                1 + span / 60
            ) + capacity * 1e-6 + max(0, taken[last][1] - capacity)


@given(st.integers(1, 100), st.integers(1, 300), st.integers(0, 100))
def test_after_the_wait_that_is_told_it_can_be_taken(capacity: int, amount: int, before: int) -> None:
    bucket = Bucket(capacity, capacity / 60, 0.0)
    bucket.take(before, 0.0)
    wait = bucket.wait(amount, 0.0)
    assert wait == 0 or bucket.wait(amount, wait * 0.9) > 0
    assert bucket.wait(amount, wait + 1e-6) == 0


def test_a_clock_that_goes_back_fills_nothing() -> None:
    bucket = Bucket(10, 1, 100.0)
    bucket.take(10, 100.0)
    assert bucket.wait(1, 50.0) == 1
    assert bucket.wait(1, 100.5) == 0.5


def test_a_refusal_by_one_limit_takes_nothing_of_another() -> None:
    limits = Limits(requests=per_minute(2, 0.0), tokens=per_minute(100, 0.0), concurrent=5)
    assert limits.begin(90, 0.0) is None
    for _ in range(10):
        refusal = limits.begin(90, 0.0)
        assert refusal is not None
        assert "tokens" in refusal.reason
    assert limits.begin(5, 0.0) is None, "the requests were not used up by refusals"
    refusal = limits.begin(0, 0.0)
    assert refusal is not None
    assert "requests" in refusal.reason
    assert refusal.wait == 30
    assert limits.running == 2


def test_estimate_and_actual_are_not_both_charged() -> None:
    limits = Limits(tokens=per_minute(100, 0.0), concurrent=1)
    assert limits.begin(100, 0.0) is None
    assert limits.begin(0, 0.0) is not None, "one at a time"
    limits.end(100, 10, 0.0)
    assert limits.begin(90, 0.0) is None
    limits.end(90, 200, 0.0)
    refusal = limits.begin(1, 0.0)
    assert refusal is not None
    assert refusal.wait == pytest.approx(111 / 100 * 60)
    assert Limits().begin(10**9, 0.0) is None


class Spending(RuleBasedStateMachine):
    """Calls begin, end twice, never end, and time passes: the budget against plain sums."""

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.budget = Budget(1000, "day", UTC)
        self.now = NOON
        self.costs: dict[str, int] = {}
        self.overruns: dict[str, int] = {}
        self.held: dict[Reservation, float] = {}

    @rule(target=calls, amount=st.integers(0, 600), lasts=st.floats(1, 90_000))
    def reserve(self, amount: int, lasts: float) -> Reservation | None:
        day = period_of(self.now, "day", UTC)
        live = sum(one.amount for one, end in self.held.items() if end >= self.now and one.period == day)
        fits = self.costs.get(day, 0) + live + amount <= 1000
        made = self.budget.reserve(amount, self.now, lasts)
        assert (made is not None) == fits
        if made is not None:
            self.held[made] = self.now + lasts
        return made

    @rule(one=consumes(calls), cost=st.integers(0, 700), twice=st.booleans())
    def settle(self, one: Reservation | None, cost: int, twice: bool) -> None:
        if one is None:
            return
        for _ in range(1 + twice):
            self.budget.settle(one, cost)
        end = self.held.pop(one)
        self.costs[one.period] = self.costs.get(one.period, 0) + cost
        over = cost if end < self.now else max(0, cost - one.amount)
        self.overruns[one.period] = self.overruns.get(one.period, 0) + over

    @rule(seconds=st.floats(0, 100_000))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def sums_agree(self) -> None:
        day = period_of(self.now, "day", UTC)
        assert self.budget.spent(self.now) == self.costs.get(day, 0)
        assert self.costs.get(day, 0) - self.overruns.get(day, 0) <= 1000, (
            "only what cost more than was reserved goes over"
        )


TestSpending = Spending.TestCase


def test_periods_begin_where_their_zone_says() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    late = datetime(2026, 11, 28, 23, 30, tzinfo=UTC).timestamp()
    assert (period_of(late, "day", UTC), period_of(late, "day", berlin)) == ("2026-11-28", "2026-11-29")
    assert period_of(late, "month", UTC) == "2026-11"
    first, second = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC).timestamp() for hour in (0, 1))
    assert period_of(first, "hour", berlin) != period_of(second, "hour", berlin), "both are half past two"


def test_what_was_spent_before_counts_and_is_not_doubled() -> None:
    budget = Budget(100, "day", UTC)
    budget.know(NOON, 70)
    budget.know(NOON - 86_400, 500)
    assert budget.left(NOON) == 30
    made = budget.reserve(30, NOON, 60)
    assert made is not None
    assert budget.reserve(1, NOON, 60) is None
    budget.settle(made, 5)
    assert budget.left(NOON) == 25


def test_a_call_counts_in_the_period_in_which_it_began() -> None:
    budget = Budget(100, "day", UTC)
    midnight = NOON + 43_200
    made = budget.reserve(40, midnight - 1, 60)
    assert made is not None
    budget.settle(made, 40)
    assert (budget.spent(midnight - 1), budget.spent(midnight + 1)) == (40, 0)


PRICE = Price(input=2_500_000_000, output=10_000_000_000, cached=250_000_000)


def test_costs_are_exact() -> None:
    assert PRICE.cost(Usage(input=1_000_000, output=100_000)) == 3_500_000_000, "3.50"
    assert PRICE.cost(Usage(input=1000, cached=1000)) == 250_000
    assert PRICE.cost(Usage(input=1)) == 2500
    assert Price(input=1, output=1).cost(Usage(input=1)) == 1, "rounded up"
    assert PRICE.cost(Usage(input=5, cached=99)) == PRICE.cost(Usage(input=5, cached=5)), "no negative amounts"
    assert Price(input=10**6, output=0, written=2 * 10**6).cost(Usage(input=30, written=10)) == 40


@given(
    st.lists(
        st.builds(Usage, input=st.integers(0, 10**7), output=st.integers(0, 10**7), cached=st.integers(0, 10**6)),
        max_size=20,
    )
)
def test_no_cost_is_negative_and_more_is_never_cheaper(usages: list[Usage]) -> None:
    for usage in usages:
        cost = PRICE.cost(usage)
        assert cost >= 0
        assert PRICE.cost(Usage(input=usage.input + 1, output=usage.output, cached=usage.cached)) >= cost


def test_files_of_prices(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text('{"date": "2026-11-28", "currency": "USD", "models": {"openai/m": {"input": 1, "output": 2}}}')
    assert read_prices(path).models["openai/m"].output == 2
    path.write_text('{"date": "2026-11-28", "currency": "USD", "models": {"openai/m": {"input": 1.5, "output": 2}}}')
    for wrong in (path, tmp_path / "none"):
        with pytest.raises(InvalidConfigError):
            read_prices(wrong)


def test_a_circuit() -> None:
    circuit = Circuit(failures=3, rest=2.0)
    for moment in (0.0, 0.1):
        circuit.failed(moment)
        assert circuit.allows(moment)
    circuit.failed(0.2)
    assert circuit.state == "open"
    assert not circuit.allows(2.1)
    assert circuit.allows(2.3)
    trial = circuit.begin(2.3)
    assert not circuit.allows(2.3), "one call, to see"
    circuit.failed(2.4, trial=trial)
    assert not circuit.allows(6.3)
    assert circuit.allows(6.5), "twice as long"
    circuit.gave_up(circuit.begin(6.5))
    assert circuit.allows(6.5), "the trial told nothing"
    circuit.begin(6.5)
    circuit.succeeded()
    assert circuit.state == "closed"
    circuit.failed(7.0)
    assert circuit.allows(7.0), "failures count in a row"


def test_only_the_trial_says_how_it_went() -> None:
    circuit = Circuit(failures=1, rest=2.0)
    before = circuit.begin(0.0)
    assert before == 0
    circuit.failed(0.0)
    first = circuit.begin(2.0)
    for _ in range(2):
        circuit.gave_up(before)
        circuit.failed(2.1, trial=before)
        assert not circuit.allows(9.0), "one call, and that is still under way"
    circuit.gave_up(first)
    second = circuit.begin(9.0)
    circuit.gave_up(first)
    circuit.failed(9.1, trial=first)
    assert not circuit.allows(9.5)
    circuit.failed(10.0, trial=second)
    assert [circuit.allows(moment) for moment in (13.9, 14.0)] == [False, True]


def test_a_provider_that_asks_for_rest_gets_it_at_once_and_within_reason() -> None:
    circuit = Circuit(failures=5, rest=1.0)
    circuit.failed(0.0, rest=20.0)
    assert not circuit.allows(19.0)
    assert circuit.allows(20.5)
    other = Circuit(failures=5, rest=1.0)
    other.failed(0.0, rest=10**6)
    assert other.allows(LONGEST_REST + 1)
