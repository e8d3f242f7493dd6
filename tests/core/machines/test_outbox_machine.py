import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from outrider.core.events import EventOutcome
from outrider.core.machines.outbox import Outbox, OutboxLimits
from tests.core.profiles import machine

SMALL = OutboxLimits(events=5, size=100, batch=3, batch_size=40)


def outcomes(*events: str) -> list[EventOutcome]:
    return [EventOutcome(event, "accepted") for event in events]


def test_full_outbox_has_no_room() -> None:
    assert Outbox(SMALL, [(str(number), 1) for number in range(5)]).room() == 0
    assert Outbox(SMALL, [("big", 100)]).room() == 0
    assert Outbox(SMALL, [("a", 99)]).room() == 4


def test_limits_that_shrank_leave_no_negative_room() -> None:
    assert Outbox(SMALL, [(str(number), 1) for number in range(9)]).room() == 0


def test_event_larger_than_a_batch_is_sent_alone() -> None:
    assert Outbox(SMALL, [("big", 41), ("small", 1)]).next_batch() == ["big"]


def test_batch_is_sent_again_until_it_is_answered() -> None:
    outbox = Outbox(SMALL, [("a", 1), ("b", 1)])
    assert outbox.next_batch() == outbox.next_batch() == ["a", "b"]


@pytest.mark.parametrize("outcome", ["accepted", "duplicate", "rejected"])
def test_every_answer_settles(outcome: str) -> None:
    outbox = Outbox(SMALL, [("a", 1)])
    assert outbox.answered([EventOutcome("a", outcome)]) == ["a"]  # type: ignore[arg-type]  # of the list above
    assert len(outbox) == outbox.size == 0


def test_answer_that_names_an_event_twice_settles_it_once() -> None:
    outbox = Outbox(SMALL, [("a", 7), ("b", 1)])
    assert outbox.answered(outcomes("a", "a", "unknown")) == ["a"]
    assert outbox.size == 1


identifiers = st.sampled_from([f"e{number}" for number in range(8)])


class OutboxRules(RuleBasedStateMachine):
    """The accounting agrees with a plain list of what is on disk."""

    @initialize()
    def begin(self) -> None:
        self.outbox = Outbox(SMALL)
        self.disk: list[tuple[str, int]] = []

    @rule(event=identifiers, size=st.integers(0, 60))
    def accept(self, event: str, size: int) -> None:
        self.outbox.accepted(event, size)
        if event not in dict(self.disk):
            self.disk.append((event, size))

    @rule(events=st.lists(identifiers, max_size=6))
    def answer(self, events: list[str]) -> None:
        known = dict(self.disk)
        assert self.outbox.answered(outcomes(*events)) == [e for e in dict.fromkeys(events) if e in known]
        self.disk = [(event, size) for event, size in self.disk if event not in events]

    @rule()
    def restart(self) -> None:
        self.outbox = Outbox(SMALL, self.disk)

    @invariant()
    def counts_agree(self) -> None:
        size = sum(size for _, size in self.disk)
        assert (len(self.outbox), self.outbox.size) == (len(self.disk), size)
        assert self.outbox.room() == (max(0, 5 - len(self.disk)) if size < 100 else 0)
        assert all(event in self.outbox for event, _ in self.disk)

    @invariant()
    def batch_is_the_longest_beginning_that_fits(self) -> None:
        fitting = [
            count
            for count in range(len(self.disk) + 1)
            if count <= 1 or (count <= 3 and sum(size for _, size in self.disk[:count]) <= 40)
        ]
        assert self.outbox.next_batch() == [event for event, _ in self.disk[: max(fitting)]]


TestOutboxRules = OutboxRules.TestCase
TestOutboxRules.settings = machine
