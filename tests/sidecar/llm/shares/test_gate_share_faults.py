"""Calls that wait for a draw: how long, and what becomes of those that have been tried already."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import UnavailableError
from outrider.sidecar.llm.shares.counter import Window
from tests.sidecar.llm.shares.support import MemoryCounter
from tests.sidecar.llm.shares.test_gate_shares import BUDGET, CALL, COST
from tests.sidecar.llm.support import ANSWER, gateway, saying
from tests.sidecar.llm.test_left import silent
from tests.sidecar.proxy.support import eventually


class HalfCounter(MemoryCounter):
    """Does not answer about one of the amounts."""

    def __init__(self, broken: str) -> None:
        super().__init__()
        self._broken = broken

    async def draw(self, window: Window, sidecar: str, *, has: int, wants: int) -> int:
        if window.amount == self._broken:
            raise UnavailableError("the store is away")
        return await super().draw(window, sidecar, has=has, wants=wants)


async def test_the_next_provider_is_asked_when_its_money_was_drawn(tmp_path: Path) -> None:
    counter = MemoryCounter()
    counter.delay = 0.05
    async with gateway(
        tmp_path, silent, saying(ANSWER), counter=counter, allotment=0.001, budget=BUDGET, usual_answer=50
    ) as found:
        assert (await found.ask(**CALL)).status == 200, "there was money in the store"
        left, answered = await found.entries(2)
        assert (left.provider, answered.provider) == ("p0", "p1")
        assert found.agent.budget is not None
        assert found.agent.budget.spent(time.time()) == left.cost + answered.cost
        assert (found.agent.budget.reserved(time.time()), found.agent.limits.running) == (0, 0)


async def test_the_next_provider_is_not_asked_where_there_is_no_money_for_it(tmp_path: Path) -> None:
    counter = MemoryCounter()
    budget = {"amount": COST + COST // 4, "per": "month"}
    async with gateway(
        tmp_path, silent, saying(ANSWER), counter=counter, allotment=0.001, budget=budget, usual_answer=50
    ) as found:
        assert (await found.ask(**CALL)).status == 402
        assert [entry.provider for entry in await found.entries(2)] == ["p0", ""]
        assert found.seen[1] == []
        assert found.agent.limits.running == 0


async def test_a_client_that_leaves_while_the_next_try_waits_for_money(tmp_path: Path) -> None:
    counter = MemoryCounter()
    async with gateway(
        tmp_path, silent, saying(ANSWER), counter=counter, allotment=0.001, budget=BUDGET, usual_answer=50
    ) as found:
        calling = asyncio.ensure_future(found.ask(**CALL))
        await eventually(lambda: bool(found.seen[0]))
        counter.delay, before = 0.5, counter.draws
        await eventually(lambda: counter.draws > before)
        calling.cancel()
        await asyncio.wait({calling})
        assert [entry.outcome for entry in await found.entries(2)] == ["failed", "failed"]
        await asyncio.sleep(0.6)
        assert found.agent.limits.running == 0
        assert found.seen[1] == []


async def test_no_call_waits_longer_than_is_stated_for_a_slow_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outrider.sidecar.llm.admission.LONGEST_WAIT", 0.4)
    counter = MemoryCounter()
    counter.delay = 0.19
    async with gateway(tmp_path, saying(ANSWER), counter=counter, allotment=0.001, budget=BUDGET) as found:

        async def ask(number: int) -> float:
            await asyncio.sleep(number * 0.1)
            began = time.monotonic()
            await found.ask(**{**CALL, "max_tokens": 50 + number})
            return time.monotonic() - began

        assert max(await asyncio.gather(*(ask(number) for number in range(15)))) < 0.6


@pytest.mark.parametrize(
    ("broken", "more", "refused"),
    [
        ("tokens", {"budget": {"amount": COST, "per": "month"}}, 402),
        ("budget", {"limits": {"requests_per_minute": 1}}, 429),
    ],
)
async def test_what_is_used_up_is_named_although_another_amount_is_not_known(
    tmp_path: Path, broken: str, more: dict[str, Any], refused: int
) -> None:
    counter = HalfCounter(broken)
    async with gateway(tmp_path, saying(ANSWER), counter=counter, **more) as found:
        assert found.shares is not None
        other = found.shares.share(broken, 10, lasts=60.0)
        other.needs("w", 1)
        await found.shares.drawn(other)
        assert found.shares.problem
        statuses = [(await found.ask(**CALL)).status for _ in range(4)]
        assert statuses[-1] == refused
