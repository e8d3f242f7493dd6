"""A provider that is late is left for the next one; it goes on working, and what it may charge is accounted for."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.sidecar.llm.support import ANSWER, gateway, saying, streaming
from tests.sidecar.llm.test_gate import CALL, COST, DELTA, DONE, TOLD
from tests.sidecar.proxy.support import eventually

SIZE = len(json.dumps(CALL))
LOST = SIZE // 4 * 1000 + 100 * 2000


async def silent(reader: Any, _: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"")
    await asyncio.Event().wait()


async def test_a_try_that_was_left_is_in_the_ledger_beside_the_one_that_answered(tmp_path: Path) -> None:
    budget = {"amount": 10**9, "per": "day"}
    async with gateway(tmp_path, silent, saying(ANSWER), budget=budget, usual_answer=100) as found:
        assert (await found.ask(**CALL)).document == ANSWER
        left, answered = await found.entries(2)
        assert (left.provider, left.outcome, left.estimated) == ("p0", "failed", True)
        assert (left.input, left.output, left.cost) == (SIZE // 4, 100, LOST)
        assert (answered.provider, answered.cost, answered.estimated) == ("p1", COST, False)
        assert found.agent.budget is not None
        assert found.agent.budget.spent(time.time()) == LOST + COST
        assert (found.agent.budget.reserved(time.time()), found.agent.limits.running) == (0, 0)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1beta/models/default:streamGenerateContent?alt=sse"])
async def test_of_a_stream_the_prompt_is_charged(tmp_path: Path, path: str) -> None:
    dialect = "gemini" if "models" in path else "openai"
    async with gateway(tmp_path, silent, streaming(DELTA, TOLD, DONE), dialect=dialect) as found:
        assert (await found.ask(path, **CALL, stream=True)).status == 200
        left, answered = await found.entries(2)
        assert left.id != answered.id
        assert left.input > 10
        assert (left.output, answered.output) == (0, 50)


async def test_the_last_one_that_is_late_is_the_call_s_only_line(tmp_path: Path) -> None:
    budget = {"amount": 10**9, "per": "day"}
    async with gateway(tmp_path, silent, budget=budget, usual_answer=100) as found:
        assert (await found.ask(**CALL)).status == 504
        (entry,) = await found.entries(1)
        assert (entry.provider, entry.outcome, entry.estimated, entry.cost) == ("p0", "failed", True, LOST)
        assert found.agent.budget is not None
        assert found.agent.budget.left(time.time()) == 10**9 - LOST


async def test_another_try_needs_money_of_its_own(tmp_path: Path) -> None:
    budget = {"amount": SIZE * 1000 + 100 * 2000 + LOST - 1, "per": "day"}
    async with gateway(tmp_path, silent, saying(ANSWER), budget=budget, usual_answer=100) as found:
        refused = await found.ask(**CALL)
        assert (refused.status, refused.document["error"]["code"]) == (402, "budget_exceeded")
        assert found.seen[1] == []
        left, failed = await found.entries(2)
        assert (left.cost, failed.cost, failed.outcome) == (LOST, 0, "failed")
        assert found.agent.budget is not None
        assert (found.agent.budget.reserved(time.time()), found.agent.limits.running) == (0, 0)


async def test_its_tokens_count_in_the_limits(tmp_path: Path) -> None:
    limits = {"tokens_per_minute": SIZE // 4 + 100 + 150}
    async with gateway(tmp_path, silent, saying(ANSWER), limits=limits, usual_answer=100) as found:
        assert (await found.ask(**CALL)).status == 200
        assert (await found.ask(**CALL)).status == 429
    async with gateway(tmp_path / "2", saying(ANSWER), limits=limits, usual_answer=100) as found:
        assert [(await found.ask(**CALL)).status for _ in range(2)] == [200, 200]


async def test_who_leaves_ends_no_trial_but_his_own(tmp_path: Path) -> None:
    async with gateway(tmp_path, silent) as found:
        circuit = found.gate._routes["default"].providers[0].circuit
        first = asyncio.create_task(found.ask(**CALL))
        await eventually(lambda: len(found.seen[0]) == 1)
        circuit.failed(-1000.0, rest=1.0)
        trial = asyncio.create_task(found.ask(**CALL))
        await eventually(lambda: len(found.seen[0]) == 2)
        for task, allows in ((first, False), (trial, True)):
            task.cancel()
            await asyncio.wait({task})
            await found.entries(1 + allows)
            assert circuit.allows(time.monotonic()) is allows


async def test_what_costs_nothing_costs_nothing_late(tmp_path: Path) -> None:
    async with gateway(tmp_path, silent, saying({"input_tokens": 3}), dialect="anthropic") as found:
        assert (await found.ask("/v1/messages/count_tokens", **CALL)).status == 200
        assert [(one.cost, one.input) for one in await found.entries(1)] == [(0, 0)]
