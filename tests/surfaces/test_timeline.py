import re
from typing import Any, cast

import pytest

from outrider.orchestrator.timeline import KEPT, Timeline
from outrider.orchestrator.wire import TimelineAnswer, TimelineEntry
from outrider.ports.clock.manual import ManualClock
from outrider.runtime.client import PlatformClient
from outrider.surfaces.cli.timeline import TimelinePrinter, TimelineReader


class Front:
    """A client whose calls reach the orchestrator that answers right now."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline

    async def get(self, path: str, target: type[Any], *, timeout: float) -> Any:
        after, of, wait = (int(number) for number in re.findall(r"=(\d+)", path))
        assert target is TimelineAnswer
        assert timeout > wait
        return TimelineAnswer(await self.timeline.after(after, 0, of=of), self.timeline.began)


def entry(text: str, kind: str = "event", *, event: str = "", run: str = "") -> TimelineEntry:
    return TimelineEntry(kind=kind, subject="eyes/web", text=text, event=event, run=run)


async def texts(reader: TimelineReader) -> list[str]:
    return [found.text for found in await reader.new(wait=0)]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1000.0)


async def test_each_entry_is_read_once(clock: ManualClock) -> None:
    timeline = Timeline(clock)
    reader = TimelineReader(cast("PlatformClient", Front(timeline)))
    timeline.add([entry("a"), entry("b")])
    assert await texts(reader) == ["a", "b"]
    assert await texts(reader) == []
    timeline.add([entry("c")])
    assert await texts(reader) == ["c"]


async def test_a_reader_goes_on_with_an_orchestrator_that_was_started_again(clock: ManualClock) -> None:
    front = Front(Timeline(clock))
    reader = TimelineReader(cast("PlatformClient", front))
    front.timeline.add([entry(str(number)) for number in range(100)])
    assert len(await texts(reader)) == 100
    clock.advance(1)
    front.timeline = Timeline(clock)
    front.timeline.add([entry("anew")])
    assert await texts(reader) == ["anew"]
    assert await texts(reader) == []


async def test_of_another_orchestrator_only_what_is_newer_is_read(clock: ManualClock) -> None:
    other = Timeline(clock)
    other.add([entry("old")])
    clock.advance(1)
    front = Front(Timeline(clock))
    reader = TimelineReader(cast("PlatformClient", front))
    front.timeline.add([entry("mine")])
    assert await texts(reader) == ["mine"]
    clock.advance(1)
    other.add([entry("new")])
    front.timeline = other
    assert await texts(reader) == ["new"]
    other.add([entry("newer")])
    assert await texts(reader) == ["newer"]


async def test_the_ring_is_bounded(clock: ManualClock) -> None:
    timeline = Timeline(clock)
    timeline.add([entry(str(number)) for number in range(KEPT + 5)])
    assert (await timeline.after(0, 0))[0].text == "5"


def test_latencies_count_from_an_event_that_is_not_shown() -> None:
    written: list[str] = []
    printer = TimelinePrinter(written.append, colour=False)
    event, rule, action = (
        entry("down", event="E"),
        entry("matched", "rule", event="E", run="R"),
        entry("ok", "action", run="R"),
    )
    event.time, rule.time, action.time = 5.0, 5.002, 5.044
    for seen in (event, rule, action):
        printer.note(seen)
    printer.show(action)
    assert written[0].endswith("+44 ms\n")


@pytest.mark.parametrize(("colour", "label"), [(True, "\x1b[32maction      \x1b[0m"), (False, "  action       ")])
def test_colour(colour: bool, label: str) -> None:
    written: list[str] = []
    TimelinePrinter(written.append, colour=colour).show(entry("ok", "action"))
    assert label in written[0]
    assert ("\x1b" in written[0]) == colour
