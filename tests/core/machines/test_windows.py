from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from outrider.core.codec import decode, encode
from outrider.core.machines.windows import (
    FIRE,
    HOLD,
    Held,
    KeyState,
    Limits,
    RateState,
    Verdict,
    on_clear,
    on_due,
    on_match,
)
from tests.core.profiles import machine, quick

NEW = (KeyState(), RateState())
DEBOUNCED = Limits(debounce=5.0)


def matches(limits: Limits, times: list[float], key: KeyState = NEW[0], rate: RateState = NEW[1]) -> list[str]:
    """Return the verdicts on matches of one key at these times."""
    actions = []
    for now in times:
        verdict, key, rate = on_match(limits, key, rate, event="e", now=now)
        actions.append(verdict.action)
    return actions


def test_without_limits_every_match_fires() -> None:
    assert matches(Limits(), [0.0, 0.0, 1.0]) == ["fire", "fire", "fire"]


def test_once_per_key_and_period() -> None:
    assert matches(Limits(once_period=10.0), [0.0, 9.9, 10.0, 19.9]) == ["fire", "suppress", "fire", "suppress"]


def test_suppression_says_why() -> None:
    _, key, rate = on_match(Limits(once_period=10.0), *NEW, event="e", now=0.0)
    assert on_match(Limits(once_period=10.0), key, rate, event="e", now=4.0)[0].reason == "fired 4.0 s ago for this key"
    _, key, rate = on_match(Limits(rate_count=1, rate_period=60.0), *NEW, event="e", now=0.0)
    verdict, _, _ = on_match(Limits(rate_count=1, rate_period=60.0), KeyState(), rate, event="e", now=4.0)
    assert verdict.reason == "rate limit: 1 in 60 s"


def test_rate_counts_in_a_sliding_period() -> None:
    limits = Limits(rate_count=2, rate_period=10.0)
    assert matches(limits, [0.0, 5.0, 9.9, 10.0, 14.9]) == ["fire", "fire", "suppress", "fire", "suppress"]


def test_suppressed_match_does_not_count() -> None:
    assert matches(Limits(once_period=10.0), [0.0, 6.0, 12.0]) == ["fire", "suppress", "fire"]


def test_debounce_fires_the_first_event_when_its_time_has_come() -> None:
    _, key, rate = on_match(DEBOUNCED, *NEW, event="first", now=0.0)
    verdict, key, rate = on_match(DEBOUNCED, key, rate, event="second", now=3.0)
    assert (verdict, key.held) == (HOLD, Held("first", 5.0))
    assert on_due(DEBOUNCED, key, rate, now=4.9)[0] == HOLD
    verdict, key, _ = on_due(DEBOUNCED, key, rate, now=5.0)
    assert (verdict, key) == (FIRE, KeyState(last_fired=5.0))


def test_condition_that_no_longer_holds_forgets_the_held_match() -> None:
    _, key, rate = on_match(DEBOUNCED, *NEW, event="e", now=0.0)
    assert on_due(DEBOUNCED, on_clear(key), rate, now=9.0)[0] == HOLD


@given(period=st.floats(1.0, 600.0), step=st.floats(0.0, 7200.0))
@quick
def test_clock_that_steps_back_silences_for_one_period_at_most(period: float, step: float) -> None:
    fired_at = 10_000.0
    after = fired_at - step
    times = [after, after + period * 1.01]
    assert matches(Limits(once_period=period), times, KeyState(last_fired=fired_at))[-1] == "fire"
    rated = Limits(rate_count=1, rate_period=period)
    assert matches(rated, times, rate=RateState([fired_at]))[-1] == "fire"


def test_clock_that_steps_back_holds_for_one_debounce_at_most() -> None:
    _, key, rate = on_match(DEBOUNCED, *NEW, event="e", now=10_000.0)
    _, key, rate = on_match(DEBOUNCED, key, rate, event="e", now=6_400.0)
    assert on_due(DEBOUNCED, key, rate, now=6_405.0)[0] == FIRE


@given(st.lists(st.sampled_from([0.0, 1.0, 30.0, 61.0]), max_size=50))
@quick
def test_what_is_remembered_of_the_rate_is_bounded(pauses: list[float]) -> None:
    limits, key, rate, now = Limits(rate_count=3, rate_period=60.0), *NEW, 0.0
    for pause in pauses:
        now += pause
        _, key, rate = on_match(limits, key, rate, event="e", now=now)
        assert len(rate.fired) <= 3


class NaiveRule:
    """The words of the module as directly as possible: every firing is remembered for ever."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.fired: list[tuple[str, float]] = []
        self.held: dict[str, float] = {}

    def match(self, key: str, now: float) -> str:
        if self.limits.debounce == 0:
            return self.judge(key, now)
        self.held.setdefault(key, now + self.limits.debounce)
        return "hold"

    def due(self, key: str, now: float) -> str:
        if key not in self.held or now < self.held[key]:
            return "hold"
        del self.held[key]
        return self.judge(key, now)

    def judge(self, key: str, now: float) -> str:
        same_key = [moment for name, moment in self.fired if name == key and now - moment < self.limits.once_period]
        recent = [moment for _, moment in self.fired if now - moment < self.limits.rate_period]
        if same_key or (self.limits.rate_count is not None and len(recent) >= self.limits.rate_count):
            return "suppress"
        self.fired.append((key, now))
        return "fire"


keys = st.sampled_from(["web", "db"])


class WindowRules(RuleBasedStateMachine):
    """The decisions agree with the naive rule; states go through the store between any two of them."""

    @initialize(
        debounce=st.sampled_from([0.0, 3.0]),
        once_period=st.sampled_from([0.0, 10.0]),
        rate_count=st.one_of(st.none(), st.integers(0, 3)),
    )
    def begin(self, debounce: float, once_period: float, rate_count: int | None) -> None:
        self.limits = Limits(debounce=debounce, once_period=once_period, rate_count=rate_count, rate_period=20.0)
        self.model = NaiveRule(self.limits)
        self.keys: dict[str, bytes] = {}
        self.rate = encode(RateState())
        self.now = 0.0

    def load(self, key: str) -> tuple[KeyState, RateState]:
        return decode(self.keys.get(key, b"{}"), KeyState), decode(self.rate, RateState)

    def take(self, key: str, decision: tuple[Verdict, KeyState, RateState]) -> str:
        self.keys[key], self.rate = encode(decision[1]), encode(decision[2])
        return decision[0].action

    @rule(seconds=st.sampled_from([0.0, 1.0, 2.5, 7.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(key=keys)
    def match(self, key: str) -> None:
        decision = on_match(self.limits, *self.load(key), event="e", now=self.now)
        assert self.take(key, decision) == self.model.match(key, self.now)

    @rule(key=keys)
    def clear(self, key: str) -> None:
        self.keys[key] = encode(on_clear(self.load(key)[0]))
        self.model.held.pop(key, None)

    @rule(key=keys)
    def due(self, key: str) -> None:
        decision = on_due(self.limits, *self.load(key), now=self.now)
        assert self.take(key, decision) == self.model.due(key, self.now)


TestWindowRules = WindowRules.TestCase
TestWindowRules.settings = machine
