"""The work queue: cases by hand, and any order of what can happen to it against a plain model."""

from collections.abc import Iterator

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from outrider.core.machines.work_queue import NORMAL, START_UP, Pace, WorkQueue

KEYS = [f"shop/{name}" for name in "abcde"]


def taken(queue: WorkQueue[str], *, now: float = 0.0) -> Iterator[str]:
    while (key := queue.take(now=now)) is not None:
        yield key
        queue.done(key)


def test_the_most_urgent_comes_first_and_those_of_one_priority_in_their_order() -> None:
    queue = WorkQueue[str]()
    for number in range(1000):
        queue.add(f"old/{number}", now=0.0, priority=START_UP)
    queue.add("live/b", now=1.0)
    queue.add("live/a", now=2.0)
    order = list(taken(queue, now=3.0))
    assert order[:2] == ["live/b", "live/a"]
    assert order[2:] == [f"old/{number}" for number in range(1000)]


def test_any_number_of_changes_costs_one_run_more() -> None:
    queue = WorkQueue[str]()
    for _ in range(5):
        queue.add("a", now=0.0)
    assert (len(queue), queue.take(now=0.0)) == (1, "a")
    for _ in range(5):
        queue.add("a", now=1.0)
    assert queue.take(now=1.0) is None, "somebody works at it"
    queue.done("a")
    assert list(taken(queue)) == ["a"]


def test_a_change_lifts_a_key_of_the_start() -> None:
    queue = WorkQueue[str]()
    for key in KEYS:
        queue.add(key, now=0.0, priority=START_UP)
    queue.add(KEYS[3], now=1.0)
    queue.add(KEYS[3], now=1.0, priority=START_UP)
    assert list(taken(queue, now=1.0)) == [KEYS[3], *KEYS[:3], KEYS[4]]


def test_a_key_of_the_start_does_not_wait_for_ever() -> None:
    queue = WorkQueue[str](Pace(patience=30.0))
    queue.add("old", now=0.0, priority=START_UP)
    queue.add("new", now=1.0)
    assert queue.take(now=29.0) == "new"
    queue.add("newer", now=29.0)
    assert queue.take(now=30.0) == "old"


def test_failures_wait_longer_and_longer_up_to_the_cap() -> None:
    queue = WorkQueue[str](Pace(base=1.0, cap=10.0))
    pauses = [queue.retry("a", now=0.0, chance=0.5) for _ in range(6)]
    assert pauses == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert queue.failures("a") == 6
    assert queue.next_due() == 1.0, "the earliest time holds"
    queue.forget("a")
    assert queue.retry("a", now=0.0, chance=0.0) == 0.8


@pytest.mark.parametrize("delay", [0.0, -1.0])
def test_what_is_due_at_once_does_not_wait(delay: float) -> None:
    queue = WorkQueue[str]()
    queue.add_later("a", delay, now=5.0)
    assert (queue.take(now=5.0), queue.delayed) == ("a", 0)


def test_an_earlier_time_replaces_a_later_one_and_is_taken_once() -> None:
    queue = WorkQueue[str]()
    queue.add_later("a", 10.0, now=0.0)
    queue.add_later("a", 2.0, now=0.0, priority=START_UP)
    queue.add_later("a", 5.0, now=0.0)
    assert queue.take(now=1.9) is None
    assert list(taken(queue, now=2.0)) == ["a"]
    assert list(taken(queue, now=20.0)) == []


def test_how_long_the_oldest_work_goes_on() -> None:
    queue = WorkQueue[str]()
    assert queue.longest_work(now=9.0) == 0.0
    queue.add("a", now=0.0)
    queue.take(now=1.0)
    assert queue.longest_work(now=9.0) == 8.0


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens in whatever order: no key is lost, and none is worked at twice at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = WorkQueue[str](Pace(base=0.5, cap=4.0, patience=10.0))
        self.now = 0.0
        self.wanted: set[str] = set()  # changed since somebody began to work at it last
        self.later: dict[str, float] = {}
        self.working: set[str] = set()

    @rule(key=st.sampled_from(KEYS), priority=st.sampled_from([NORMAL, START_UP, 7]))
    def add(self, key: str, priority: int) -> None:
        self.queue.add(key, now=self.now, priority=priority)
        self.wanted.add(key)

    @rule(key=st.sampled_from(KEYS), delay=st.floats(0.01, 5.0))
    def add_later(self, key: str, delay: float) -> None:
        self.queue.add_later(key, delay, now=self.now)
        self.later[key] = min(self.later.get(key, float("inf")), self.now + delay)

    @rule(seconds=st.floats(0.0, 12.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def take(self) -> None:
        for due in [key for key, due in self.later.items() if due <= self.now]:
            del self.later[due]
            self.wanted.add(due)
        key = self.queue.take(now=self.now)
        free = self.wanted - self.working
        assert (key is None) == (not free)
        if key is not None:
            assert key in free
            self.wanted.discard(key)
            self.working.add(key)

    @precondition(lambda self: self.working)
    @rule(data=st.data(), well=st.booleans(), chance=st.floats(0.0, 1.0))
    def end(self, data: st.DataObject, *, well: bool, chance: float) -> None:
        key = data.draw(st.sampled_from(sorted(self.working)))
        if well:
            self.queue.forget(key)
        else:
            due = self.now + self.queue.retry(key, now=self.now, chance=chance)
            self.later[key] = min(self.later.get(key, float("inf")), due)
        self.queue.done(key)
        self.working.discard(key)

    @invariant()
    def counts_agree(self) -> None:
        assert self.queue.working == len(self.working)
        assert len(self.queue) + self.queue.delayed <= 2 * len(KEYS)
        assert self.queue.next_due() == min(self.later.values(), default=None)


TestAnyOrder = AnyOrder.TestCase
