"""Moments in which what a sidecar holds and what the store knows of it could part."""

import asyncio
from pathlib import Path

import pytest

from outrider.core.sidecar_settings import BudgetSettings, Period
from outrider.ports.clock.manual import ManualClock
from outrider.sidecar.llm.budget import LONGEST_SECONDS
from outrider.sidecar.llm.building import build_budget
from outrider.sidecar.llm.ledger import Entry, Ledger
from outrider.sidecar.llm.shares.counter import Window
from outrider.sidecar.llm.shares.shares import DRAW_SECONDS, Shares
from tests.sidecar.llm.shares.support import MemoryCounter
from tests.sidecar.llm.shares.test_share import LIMIT, Replica, drawn_minute


class NotingCounter(MemoryCounter):
    """Notes until when windows are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.expires: list[float] = []

    async def draw(self, window: Window, sidecar: str, *, has: int, wants: int) -> int:
        self.expires.append(window.expires)
        return await super().draw(window, sidecar, has=has, wants=wants)


class SlowToAnswer(MemoryCounter):
    """Draws at once, and says so later."""

    async def draw(self, window: Window, sidecar: str, *, has: int, wants: int) -> int:
        drawn = await super().draw(window, sidecar, has=has, wants=wants)
        await asyncio.sleep(0.1)
        return drawn


async def test_a_clean_end_in_the_middle_of_a_draw_loses_nothing() -> None:
    counter = SlowToAnswer()
    one = Replica(counter, "one")
    assert one.budget.reserve(10, one.clock.now(), 60.0) is None
    await asyncio.sleep(0.01)
    assert counter.total("budget") == 100
    await one.shares.close()
    assert counter.total("budget") == 0


async def test_what_cost_more_than_was_drawn_is_told_at_the_end() -> None:
    counter = MemoryCounter()
    one = Replica(counter, "one")
    assert await one.spend(10, 700)
    await one.shares.close()
    assert counter.total("budget") == 700


async def test_a_draw_of_which_nobody_heard_is_given_back_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = MemoryCounter()
    one = Replica(counter, "one")
    monkeypatch.setattr(counter, "draw", lost_answer(counter))
    assert not await one.spend(10, 10)
    assert counter.total("budget") == 100
    await one.shares.close()
    assert counter.total("budget") == 0


def lost_answer(counter: MemoryCounter) -> object:
    """Return a draw that is made, and whose answer does not come."""
    draw = counter.draw

    async def made(window: Window, sidecar: str, *, has: int, wants: int) -> int:
        await draw(window, sidecar, has=has, wants=wants)
        counter.away = True
        try:
            return await draw(window, sidecar, has=has, wants=wants)
        finally:
            counter.away = False

    return made


async def test_an_older_answer_that_comes_last_takes_nothing_away() -> None:
    one = Replica(MemoryCounter(), "one")
    one.share.drew("w", 200, 200)
    one.share.drew("w", 100, 0)
    assert one.share.held("w") == 200


async def test_a_budget_that_was_lowered_holds_for_what_a_killed_one_had_drawn() -> None:
    counter = MemoryCounter()
    killed = Replica(counter, "one", allotment=1.0)
    assert await killed.spend(10, 10)
    again = Replica(counter, "one")
    again.share.limit = again.budget.limit = 300
    again.budget.know(again.clock.now(), 10)
    assert not await again.spend(300, 300)
    assert await again.spend(290, 290)


async def test_what_an_earlier_process_has_spent_is_told_before_anybody_calls(tmp_path: Path) -> None:
    counter, clock = MemoryCounter(), ManualClock()
    ledger = Ledger(tmp_path)
    ledger.append(entry(clock.now(), 700))
    await asyncio.to_thread(ledger.close)
    shares = Shares(counter, agent="a", sidecar="one", clock=clock, allotment=0.1, alone=0.0)
    ledger = Ledger(tmp_path)
    build_budget(BudgetSettings(amount=LIMIT, per="day"), ledger, clock.now(), shares)
    await asyncio.to_thread(ledger.close)
    telling = asyncio.ensure_future(shares.keep_telling())
    await asyncio.sleep(0)
    clock.advance(10.0)
    for _ in range(10):
        await asyncio.sleep(0)
    telling.cancel()
    assert counter.total("budget") == 700
    two = Replica(counter, "two")
    assert not await two.spend(301, 301)


def entry(time: float, cost: int) -> Entry:
    return Entry(
        id="1", time=time, agent="a", endpoint="chat", alias="m", provider="p", model="m", outcome="whole", status=200,
        currency="USD", seconds=0.1, cost=cost,
    )  # fmt: skip


@pytest.mark.parametrize(("per", "most"), [("hour", 3 * 3600), ("day", 3 * 86_400), ("month", 2 * LONGEST_SECONDS)])
async def test_a_store_does_not_keep_what_is_long_over(tmp_path: Path, per: Period, most: float) -> None:
    counter, clock = NotingCounter(), ManualClock()
    shares = Shares(counter, agent="a", sidecar="one", clock=clock, allotment=0.1, alone=0.0)
    ledger = Ledger(tmp_path)
    budget = build_budget(BudgetSettings(amount=LIMIT, per=per), ledger, clock.now(), shares)
    await asyncio.to_thread(ledger.close)
    assert budget is not None
    assert budget.share is not None
    assert budget.reserve(1, clock.now(), 60.0) is None
    await shares.drawn(budget.share)
    assert counter.expires[0] - clock.now() <= most


async def test_a_call_waits_for_its_draw_and_not_for_those_that_others_begin_meanwhile() -> None:
    counter = MemoryCounter()
    counter.delay = 0.02
    one = Replica(counter, "one", allotment=0.01)
    one.share.needs("w", 10)
    waiting = asyncio.ensure_future(one.shares.drawn(one.share))
    wants = 10
    for _ in range(20):
        await asyncio.sleep(0.01)
        wants += 20
        one.share.needs("w", wants)
    assert waiting.done()
    await one.shares.close()


async def test_nobody_waits_longer_than_there_is_time() -> None:
    counter = MemoryCounter()
    counter.delay = 60.0
    one = Replica(counter, "one")
    assert one.budget.reserve(10, one.clock.now(), 60.0) is None
    async with asyncio.timeout(DRAW_SECONDS / 2):
        await one.shares.drawn(one.share, 0.01)
    next(iter(one.shares._draws.values())).cancel()


async def test_minutes_without_a_call_pay_for_what_was_used_beyond_one() -> None:
    clock, shares, rate = await drawn_minute()
    rate.take(500, 0.0)
    clock.advance(5 * 60.0)
    assert rate.wait(50, 0.0)
    await shares.drawn(rate.share)
    assert rate.wait(50, 0.0) == 0
