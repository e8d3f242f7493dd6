import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from outrider.core.errors import ConnectionFailedError, OutriderError, UnavailableError
from outrider.core.events import Event, EventOutcome
from outrider.core.machines.outbox import OutboxLimits
from outrider.edge.outbox import EventOutbox
from outrider.ports.clock import SystemClock


class PlayedLink:
    """Accepts events, or fails as long as `fault` is set."""

    def __init__(self) -> None:
        self.fault: OutriderError | None = None
        self.received: list[str] = []
        self.got = asyncio.Event()

    async def events(self, events: list[Event]) -> list[EventOutcome]:
        if self.fault is not None:
            raise self.fault
        self.received += [event.id for event in events]
        self.got.set()
        return [EventOutcome(event.id, "accepted") for event in events]


def event(number: int, size: int = 10) -> Event:
    return Event(id=f"{number:08d}", source="e/t", type="t", time="2026-01-01T00:00:00.000Z", data={"x": "y" * size})


@asynccontextmanager
async def serving(path: Path, link: PlayedLink, limits: OutboxLimits | None = None) -> AsyncIterator[EventOutbox]:
    played: Any = link
    outbox = EventOutbox(path, played, SystemClock(), limits)
    task = asyncio.ensure_future(outbox.run())
    try:
        yield outbox
    finally:
        task.cancel()
        await asyncio.wait({task})
        outbox.close()


async def until(check: Any, seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not check():  # noqa: ASYNC110 - what is waited for happens in another thread
            await asyncio.sleep(0.005)


async def test_ten_thousand_events_arrive_once_in_order(tmp_path: Path) -> None:
    link = PlayedLink()
    async with serving(tmp_path / "o.db", link) as outbox:
        for number in range(10_000):
            outbox.offer(event(number), lambda: None)
        await until(lambda: len(link.received) == 10_000, 20)
    assert link.received == sorted(set(link.received))


async def test_events_survive_the_process(tmp_path: Path) -> None:
    link = PlayedLink()
    link.fault = ConnectionFailedError("cut")
    committed: list[int] = []
    async with serving(tmp_path / "o.db", link) as outbox:
        for number in range(5):
            outbox.offer(event(number), lambda number=number: committed.append(number))  # type: ignore[misc]
        await until(lambda: len(committed) == 5)
    link.fault = None
    async with serving(tmp_path / "o.db", link):
        await until(lambda: len(link.received) == 5)


async def test_a_busy_orchestrator_loses_nothing(tmp_path: Path) -> None:
    link = PlayedLink()
    link.fault = UnavailableError("full", retry_after=0.05)
    async with serving(tmp_path / "o.db", link) as outbox:
        outbox.offer(event(1), lambda: None)
        await until(lambda: len(outbox) == 1)
        link.fault = None
        await until(lambda: link.received == ["00000001"])
        await until(lambda: len(outbox) == 0)


async def test_a_full_outbox_withholds_the_credit(tmp_path: Path) -> None:
    link = PlayedLink()
    link.fault = ConnectionFailedError("cut")
    committed: list[int] = []
    async with serving(tmp_path / "o.db", link, OutboxLimits(events=3)) as outbox:
        for number in range(5):
            outbox.offer(event(number), lambda number=number: committed.append(number))  # type: ignore[misc]
        await until(lambda: len(committed) == 3)
        assert len(outbox) == 3
        link.fault = None
        await until(lambda: len(committed) == 5 and len(link.received) == 5)


async def test_an_event_that_is_too_large_is_refused_and_its_credit_returns(tmp_path: Path) -> None:
    link = PlayedLink()
    committed: list[int] = []
    async with serving(tmp_path / "o.db", link) as outbox:
        outbox.offer(event(1, 10_000_000), lambda: committed.append(1))
        outbox.offer(event(2), lambda: committed.append(2))
        await until(lambda: link.received == ["00000002"])
    assert committed == [1, 2]
