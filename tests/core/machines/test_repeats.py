from outrider.core.events import Event
from outrider.core.machines.repeats import Repeater

DOWN = Event(id="1", source="eyes/web", type="http-probe", time="2026-07-01T10:00:00Z")


def counts(repeater: Repeater, now: float) -> list[int]:
    return [count for _, count in repeater.due(now)]


def test_lasting_state_is_repeated_with_a_count() -> None:
    repeater = Repeater(10.0)
    repeater.seen("web", DOWN, unhealthy=True, now=0.0)
    assert [counts(repeater, now) for now in (9.9, 10.0, 19.9, 20.0)] == [[], [2], [], [3]]


def test_recovery_ends_the_repetition() -> None:
    repeater = Repeater(10.0)
    repeater.seen("web", DOWN, unhealthy=True, now=0.0)
    repeater.seen("web", DOWN, unhealthy=False, now=5.0)
    assert counts(repeater, 10.0) == []


def test_neutral_event_changes_nothing() -> None:
    repeater = Repeater(10.0)
    repeater.seen("web", DOWN, unhealthy=None, now=0.0)
    assert repeater.next_due() is None
    repeater.seen("web", DOWN, unhealthy=True, now=0.0)
    repeater.seen("web", DOWN, unhealthy=None, now=5.0)
    assert counts(repeater, 10.0) == [2]


def test_states_are_repeated_each_for_itself() -> None:
    repeater = Repeater(10.0)
    repeater.seen("web", DOWN, unhealthy=True, now=0.0)
    repeater.seen("db", DOWN, unhealthy=True, now=4.0)
    assert repeater.next_due() == 10.0
    assert counts(repeater, 10.0) == [2]
    assert repeater.next_due() == 14.0


def test_period_of_zero_reports_once() -> None:
    repeater = Repeater(0.0)
    repeater.seen("web", DOWN, unhealthy=True, now=0.0)
    assert repeater.next_due() is None


def test_trigger_that_is_gone_is_forgotten() -> None:
    repeater = Repeater(10.0)
    repeater.seen("web", DOWN, unhealthy=True, now=0.0)
    repeater.clear()
    assert counts(repeater, 100.0) == []
