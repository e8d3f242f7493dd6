import pytest

from outrider.core.events import Event
from outrider.core.machines.repeats import Repeater


def event(name: str = "1") -> Event:
    return Event(id=name, source="eyes/web", type="http-probe", time="2026-01-01T00:00:00.000Z")


def test_an_unhealthy_state_is_reported_again_with_a_count() -> None:
    repeater = Repeater(10)
    repeater.seen("web", event(), unhealthy=True, now=0)
    assert repeater.due(9.9) == []
    assert [count for _, count in repeater.due(10)] == [2]
    assert repeater.due(15) == []
    assert [count for _, count in repeater.due(20)] == [3]


def test_a_healthy_event_ends_the_state_of_its_key_only() -> None:
    repeater = Repeater(10)
    repeater.seen("a", event("a"), unhealthy=True, now=0)
    repeater.seen("b", event("b"), unhealthy=True, now=0)
    repeater.seen("a", event("c"), unhealthy=False, now=1)
    assert [found.id for found, _ in repeater.due(10)] == ["b"]


@pytest.mark.parametrize("unhealthy", [False, None])
def test_other_events_begin_nothing(unhealthy: bool | None) -> None:
    repeater = Repeater(10)
    repeater.seen("web", event(), unhealthy=unhealthy, now=0)
    assert repeater.next_due() is None


def test_zero_reports_once() -> None:
    repeater = Repeater(0)
    repeater.seen("web", event(), unhealthy=True, now=0)
    assert repeater.due(1e9) == []


def test_a_trigger_that_went_away_vouches_for_nothing() -> None:
    repeater = Repeater(10)
    repeater.seen("web", event(), unhealthy=True, now=0)
    repeater.clear()
    assert repeater.due(100) == []
