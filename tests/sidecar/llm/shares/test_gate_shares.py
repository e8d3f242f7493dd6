"""Calls through gateways that share their limits and their budget."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from tests.sidecar.llm.shares.support import MemoryCounter
from tests.sidecar.llm.support import ANSWER, gateway, saying
from tests.sidecar.proxy.support import eventually

# What a call costs, and what is reserved for it.
COST = 100 * 1000 + 50 * 2000
CALL: dict[str, Any] = {"model": "default", "messages": [], "max_tokens": 50}
BUDGET = {"amount": 20 * COST, "per": "month"}


async def test_two_gateways_spend_one_budget(tmp_path: Path) -> None:
    counter = MemoryCounter()
    more: dict[str, Any] = {"counter": counter, "allotment": 0.1, "budget": BUDGET}
    async with (
        gateway(tmp_path / "one", saying(ANSWER), **more) as one,
        gateway(tmp_path / "two", saying(ANSWER), **more) as two,
    ):
        answers = [await found.ask(**CALL) for _ in range(15) for found in (one, two)]
        paid = [answer for answer in answers if answer.status == 200]
        refused = [answer for answer in answers if answer.status != 200]
        assert 18 <= len(paid) <= 20
        assert {answer.status for answer in refused} == {402}
        assert one.agent.limits.running == two.agent.limits.running == 0
    assert counter.total("budget") == len(paid) * COST, "the rest was given back"


async def test_calls_at_a_time_wait_for_one_draw(tmp_path: Path) -> None:
    counter = MemoryCounter()
    counter.delay = 0.05
    async with gateway(
        tmp_path, saying(ANSWER), counter=counter, budget=BUDGET, limits={"requests_per_minute": 1000}
    ) as found:
        answers = await asyncio.gather(*(found.ask(**CALL) for _ in range(8)))
        assert [answer.status for answer in answers] == [200] * 8
        assert counter.draws <= 6


async def test_two_gateways_share_the_requests_of_a_minute(tmp_path: Path) -> None:
    counter = MemoryCounter()
    more: dict[str, Any] = {"counter": counter, "allotment": 0.1, "limits": {"requests_per_minute": 20}}
    async with (
        gateway(tmp_path / "one", saying(ANSWER), **more) as one,
        gateway(tmp_path / "two", saying(ANSWER), **more) as two,
    ):
        answers = [await found.ask(**CALL) for _ in range(20) for found in (one, two)]
    allowed = sum(answer.status == 200 for answer in answers)
    # A minute may end on the way.
    assert 16 <= allowed <= 20 * len(counter.rows)
    refused = next(answer for answer in answers if answer.status != 200)
    assert refused.status == 429
    assert 1 <= int(refused.fields["retry-after"]) <= 60


@pytest.mark.parametrize("limited", [{"budget": BUDGET}, {"limits": {"tokens_per_minute": 10_000}}])
async def test_a_store_that_is_away_is_named(tmp_path: Path, limited: dict[str, Any]) -> None:
    counter = MemoryCounter()
    counter.away = True
    async with gateway(tmp_path, saying(ANSWER), counter=counter, **limited) as found:
        refused = await found.ask(**CALL)
        assert refused.status == 503
        assert refused.document["error"]["code"] == "shares_unavailable"
        assert "the store is away" in refused.document["error"]["message"]
        assert found.gate.status().shares == "the store is away"
        assert found.agent.limits.running == 0


async def test_a_share_of_ones_own_bridges_the_time_without_a_store(tmp_path: Path) -> None:
    counter = MemoryCounter()
    counter.away = True
    async with gateway(tmp_path, saying(ANSWER), counter=counter, alone=0.2, budget=BUDGET) as found:
        answers = [(await found.ask(**CALL)).status for _ in range(6)]
    assert answers == [200] * 4 + [503] * 2


async def test_a_client_that_leaves_while_a_draw_is_under_way(tmp_path: Path) -> None:
    counter = MemoryCounter()
    counter.delay = 0.2
    async with gateway(tmp_path, saying(ANSWER), counter=counter, budget=BUDGET) as found:
        calling = asyncio.ensure_future(found.ask(**CALL))
        await eventually(lambda: counter.draws > 0)
        assert found.agent.limits.running == 1
        calling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await calling
        await eventually(lambda: found.agent.limits.running == 0)
        assert found.agent.budget is not None
        await asyncio.sleep(0.3)
        assert found.seen == [[]]
