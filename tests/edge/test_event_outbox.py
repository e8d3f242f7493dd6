import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import ConnectionFailedError, OutriderError, UnavailableError
from outrider.core.events import Event, EventOutcome
from outrider.core.machines.outbox import OutboxLimits
from outrider.edge.outbox import EventOutbox
from outrider.ports.clock import SystemClock


class PlayedLink:
    """Accepts events once `answer` is set, or fails as long as `fault` is."""

    def __init__(self) -> None:
        self.fault: OutriderError | None = None
        self.received: list[str] = []
        self.asked = 0
        self.answer = asyncio.Event()
        self.answer.set()

    async def events(self, events: list[Event]) -> list[EventOutcome]:
        if self.fault is not None:
            raise self.fault
        self.asked += 1
        await self.answer.wait()
        self.received += [event.id for event in events]
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


def stored(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM outbox ORDER BY id")]


async def test_what_is_answered_at_once_is_not_written(tmp_path: Path) -> None:
    link = PlayedLink()
    committed: list[int] = []
    async with serving(tmp_path / "o.db", link) as outbox:
        outbox.offer(event(1), lambda: committed.append(1))
        await until(lambda: committed == [1])
        assert link.received == ["00000001"]
        assert stored(tmp_path / "o.db") == []


async def test_what_is_not_answered_at_once_is_written_and_counts(tmp_path: Path) -> None:
    link = PlayedLink()
    link.answer.clear()
    committed: list[int] = []
    async with serving(tmp_path / "o.db", link) as outbox:
        outbox.offer(event(1), lambda: committed.append(1))
        await until(lambda: committed == [1])
        assert stored(tmp_path / "o.db") == ["00000001"]
        link.answer.set()
        await until(lambda: len(outbox) == 0)
        await until(lambda: stored(tmp_path / "o.db") == [])
    assert committed == [1]


async def test_events_pass_a_full_disk(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    link = PlayedLink()
    link.answer.clear()
    committed: list[int] = []
    async with serving(tmp_path / "o.db", link) as outbox:
        fill(outbox)
        for number in range(3):
            outbox.offer(event(number, 20_000), lambda number=number: committed.append(number))  # type: ignore[misc]
        await until(lambda: "events are not on disk" in caplog.text)
        assert committed == []
        link.answer.set()
        await until(lambda: committed == [0, 1, 2])


async def test_a_stop_writes_what_is_not_answered_for(tmp_path: Path) -> None:
    link = PlayedLink()
    link.answer.clear()
    async with serving(tmp_path / "o.db", link) as outbox:
        outbox.offer(event(1), lambda: None)
        await until(lambda: link.asked == 1)
    assert stored(tmp_path / "o.db") == ["00000001"]


def fill(outbox: EventOutbox) -> None:
    """Leave the file no page to grow by: what SQLite says then is what it says of a full disk."""
    pages = outbox._database._connection.execute("PRAGMA page_count").fetchone()[0]
    outbox._database._connection.execute(f"PRAGMA max_page_count = {pages}")
