"""What sidecars hold of a shared amount, against plain sums."""

import asyncio
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.ports.clock.manual import ManualClock
from outrider.sidecar.llm.budget import LONGEST_SECONDS, Budget
from outrider.sidecar.llm.shares.rate import SharedRate
from outrider.sidecar.llm.shares.shares import DRAW_SECONDS, Shares
from tests.sidecar.llm.shares.support import MemoryCounter

UTC = ZoneInfo("UTC")
LIMIT = 1000


class Replica:
    """A sidecar with a shared budget."""

    def __init__(self, counter: MemoryCounter, name: str, *, alone: float = 0.0, allotment: float = 0.1) -> None:
        self.clock = ManualClock()
        self.shares = Shares(counter, agent="a", sidecar=name, clock=self.clock, allotment=allotment, alone=alone)
        self.share = self.shares.share("budget", LIMIT, lasts=LONGEST_SECONDS)
        self.budget = Budget(LIMIT, "day", UTC, share=self.share)
        self.shares.give_back(self.share, self.budget.used)

    async def spend(self, amount: int, cost: int) -> bool:
        """Reserve, wait for a draw where one may help, and settle; return whether it could be done."""
        now = self.clock.now()
        for _ in range(3):
            held = self.budget.reserve(amount, now, 60.0)
            if held is not None:
                self.budget.settle(held, cost)
                return True
            if not self.budget.may_grow(now):
                return False
            await self.shares.drawn(self.share)
        return False

    @property
    def spent(self) -> int:
        return self.budget.spent(self.clock.now())

    async def told(self) -> None:
        """Do once what is done now and then."""
        self.share.look_again()
        for window in self.share.windows()[-1:]:
            await self.shares._ask(self.share, window, 0)


async def test_a_budget_is_drawn_in_allotments_and_ends_for_all() -> None:
    counter = MemoryCounter()
    one, two = Replica(counter, "one"), Replica(counter, "two")
    spent = 0
    while await one.spend(10, 10) or await two.spend(10, 10):
        spent += 10
    await asyncio.gather(one.shares.drawn(one.share), two.shares.drawn(two.share))
    assert one.spent + two.spent == spent
    assert LIMIT - 2 * 100 <= spent <= LIMIT
    assert counter.total("budget") == LIMIT
    assert counter.draws < 40


async def test_what_was_not_used_is_given_back_at_a_clean_end_and_lost_at_another() -> None:
    counter = MemoryCounter()
    one, two, three = Replica(counter, "one"), Replica(counter, "two"), Replica(counter, "three")
    assert await one.spend(10, 4)
    await one.shares.close()
    assert counter.total("budget") == 4
    assert await two.spend(10, 4)
    lost = counter.total("budget") - 8
    assert lost >= 100 - 4, "it was killed"
    while await three.spend(1, 1):
        await three.told()
    assert three.spent == LIMIT - 4 - 4 - lost


async def test_one_that_comes_back_goes_on_with_what_it_holds() -> None:
    counter = MemoryCounter()
    first = Replica(counter, "one", allotment=1.0)
    assert await first.spend(10, 10)
    again = Replica(counter, "one", allotment=1.0)
    again.budget.know(again.clock.now(), 10)
    assert await again.spend(LIMIT - 10, LIMIT - 10)
    assert not await again.spend(1, 1)
    assert counter.total("budget") == LIMIT


async def test_a_store_that_was_lost_is_filled_again() -> None:
    counter = MemoryCounter()
    one, two = Replica(counter, "one", allotment=0.5), Replica(counter, "two", allotment=0.5)
    assert await one.spend(400, 400)
    counter.rows.clear()
    await one.told()
    assert counter.total("budget") >= 500
    assert not await two.spend(LIMIT, LIMIT)
    assert one.share.drawn(one.share.windows()[-1]) + two.share.drawn(two.share.windows()[-1]) <= LIMIT


async def test_what_cost_more_than_was_reserved_is_told() -> None:
    counter = MemoryCounter()
    one = Replica(counter, "one")
    assert await one.spend(10, 700)
    await one.told()
    assert counter.total("budget") >= 700


@pytest.mark.parametrize(("alone", "possible"), [(0.0, 0), (0.2, 200)])
async def test_while_the_store_is_away(alone: float, possible: int) -> None:
    counter = MemoryCounter()
    one = Replica(counter, "one", alone=alone)
    counter.away = True
    assert not await one.spend(150, 150) or alone
    assert one.shares.problem == "the store is away"
    draws, done = counter.draws, one.spent
    while await one.spend(1, 1):
        done += 1
    assert done == possible
    assert counter.draws == draws, "it is left in peace"
    counter.away = False
    await one.told()
    assert one.shares.problem == ""
    assert counter.total("budget") == possible, "what was used meanwhile is told"
    assert await one.spend(100, 100)


async def test_a_store_that_hangs_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outrider.sidecar.llm.shares.shares.DRAW_SECONDS", 0.05)
    assert DRAW_SECONDS > 0.05
    counter = MemoryCounter()
    counter.delay = 60.0
    one = Replica(counter, "one")
    assert not await one.spend(1, 1)
    assert "no answer within" in one.shares.problem


async def test_a_stream_goes_on_while_a_draw_is_under_way_and_stops_when_there_is_nothing() -> None:
    counter = MemoryCounter()
    one = Replica(counter, "one")
    assert await one.spend(1, 1)
    held = one.budget.reserve(50, one.clock.now(), 60.0)
    assert held is not None
    grown = 0
    while one.budget.extend(held, 100, one.clock.now()):
        grown += 100
        await one.shares.drawn(one.share)
    assert LIMIT - 200 <= grown + 51 <= LIMIT + 100, "at most what was held for one more piece"


async def test_a_shared_rate_is_so_many_in_each_minute() -> None:
    counter, clock = MemoryCounter(), ManualClock()
    rates = []
    for name in ("one", "two"):
        shares = Shares(counter, agent="a", sidecar=name, clock=clock, allotment=0.1, alone=0.0)
        rates.append((shares, SharedRate(shares.share("requests", 60, lasts=60.0), clock.now)))
    clock.advance(60.0 - clock.now() % 60)

    async def takes() -> int:
        taken = 0
        for shares, rate in rates * 60:
            wait = rate.wait(1, 0.0)
            if wait and rate.may_grow():
                await shares.drawn(rate.share)
                wait = rate.wait(1, 0.0)
            if wait:
                assert 0 < wait <= 60
                continue
            rate.take(1, 0.0)
            taken += 1
        return taken

    assert 60 - 2 * 6 <= await takes() <= 60
    clock.advance(60.0)
    assert 60 - 2 * 6 <= await takes() <= 60
    assert all(sum(rows.values()) <= 60 for rows in counter.rows.values())


async def drawn_minute() -> tuple[ManualClock, Shares, SharedRate]:
    """Return a rate of 100 a minute at the beginning of one, of which all was drawn as more is wanted."""
    counter, clock = MemoryCounter(), ManualClock()
    clock.advance(60.0 - clock.now() % 60)
    shares = Shares(counter, agent="a", sidecar="one", clock=clock, allotment=1.0, alone=0.0)
    rate = SharedRate(shares.share("tokens", 100, lasts=60.0), clock.now)
    assert rate.wait(500, 0.0)
    await shares.drawn(rate.share)
    return clock, shares, rate


async def test_what_was_used_beyond_a_minute_is_owed_by_the_next() -> None:
    clock, shares, rate = await drawn_minute()
    assert rate.wait(500, 0.0) == 0, "more than a minute ever has needs a whole one"
    rate.take(500, 0.0)
    rate.give(400, 0.0)
    clock.advance(60.0)
    for _ in range(2):
        rate.wait(1, 0.0)
        await shares.drawn(rate.share)
    assert rate.wait(1, 0.0) > 0


MOVES = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["spend", "spend", "spend", "tell", "lose", "restart", "away", "back"]),
        st.integers(0, 300),
        st.integers(0, 300),
    ),
    max_size=60,
)


@given(MOVES)
def test_never_more_is_spent_than_is_stated(moves: list[tuple[int, str, int, int]]) -> None:
    asyncio.run(_never_more(moves))


async def _never_more(moves: list[tuple[int, str, int, int]]) -> None:
    """All together spend at most the limit, what calls cost beyond their reservations, and what a lost store forgot."""
    counter = MemoryCounter()
    replicas = [Replica(counter, str(number)) for number in range(3)]
    beyond = forgotten = 0
    for number, move, amount, cost in moves:
        one = replicas[number]
        if move == "spend" and await one.spend(amount, cost):
            beyond += max(0, cost - amount)
        elif move == "tell" and not counter.away:
            await one.told()
        elif move == "lose":
            forgotten += counter.total("budget")
            counter.rows.clear()
        elif move == "restart":
            replicas[number] = Replica(counter, str(number))
            replicas[number].budget.know(one.clock.now(), one.spent)
        else:
            counter.away = {"away": True, "back": False}.get(move, counter.away)
        await asyncio.gather(*(one.shares.drawn(one.share) for one in replicas))
    assert sum(one.spent for one in replicas) <= LIMIT + beyond + forgotten
