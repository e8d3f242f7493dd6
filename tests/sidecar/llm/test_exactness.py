"""Many calls at once, providers that break in every way: the ledger is what they told, and no money is spent that is not there."""

import asyncio
import contextlib
import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from outrider.sidecar.llm.ledger import Ledger
from tests.sidecar.llm.support import Gateway, gateway
from tests.sidecar.proxy.support import Reader

CLIENTS = 40
ANSWER_BOUND = 60
WAYS = ["whole", "stream", "split", "gzip", "cut", "close", "busy", "slow"]


class Provider:
    """Answers at random, and counts what it has told to the end."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.told: dict[str, tuple[int, int]] = {}

    async def __call__(self, reader: Reader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"")
            body = json.loads(reader.body)  # type: ignore[attr-defined]  # of the harness
            way = self._chance.choice(WAYS)
            if way == "close":
                return
            if way == "busy":
                writer.write(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n")
                continue
            usage = {
                "prompt_tokens": self._chance.randint(1, 40),
                "completion_tokens": self._chance.randint(1, ANSWER_BOUND),
            }
            await self._answer(writer, way, body, usage)
            if way == "cut":
                return
            self.told[body["user"]] = (usage["prompt_tokens"], usage["completion_tokens"])

    async def _answer(
        self, writer: asyncio.StreamWriter, way: str, body: dict[str, Any], usage: dict[str, int]
    ) -> None:
        text = body["user"]
        if not body.get("stream"):
            data = json.dumps({"choices": [{"message": {"content": text}}], "usage": usage}).encode()
            packed = way == "gzip"
            data = gzip.compress(data) if packed else data
            head = b"content-encoding: gzip\r\n" if packed else b""
            answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n%s" % (
                head,
                len(data),
                data,
            )
            writer.write(answer[:-5] if way == "cut" else answer)
            await writer.drain()
            return
        events = [{"choices": [{"delta": {"content": f"{text} {number};"}}]} for number in range(5)]
        told = [] if way == "cut" else [{"choices": [], "usage": usage}]
        data = b"".join(b"data: %s\n\n" % json.dumps(one).encode() for one in [*events, *told])
        data += b"" if way == "cut" else b"data: [DONE]\n\n"
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        size = self._chance.randint(1, 60) if way in ("split", "cut") else 4000
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(0.002 if way == "slow" else 0)
        if way != "cut":
            writer.write(b"0\r\n\r\n")
            await writer.drain()


async def client(found: Gateway, numbers: Any, chance: random.Random, whole: set[str]) -> None:
    for number in numbers:
        name, stream = f"call-{number}", chance.random() < 0.5
        answer = await found.ask(model="default", messages=[], user=name, stream=stream, max_tokens=ANSWER_BOUND)
        if answer.status != 200:
            assert answer.status in (402, 502, 503), answer.raw
        elif not stream:
            if answer.body.endswith(b"}}"):
                assert answer.document["choices"][0]["message"]["content"] == name
                whole.add(name)
        else:
            said = answer.body.split(b"data: ")[1:]
            words = [json.loads(one)["choices"][0]["delta"]["content"] for one in said if b'"delta"' in one]
            assert words == [f"{name} {number};" for number in range(len(words))], "nothing lost or reordered"
            if answer.body.endswith(b"[DONE]\n\n"):
                assert len(words) == 5
                assert b'"usage"' not in answer.body
                whole.add(name)


async def exactness(folder: Path, calls: int, budget: int) -> None:
    providers, whole, chance = [Provider(1), Provider(2)], set[str](), random.Random(3)
    settings: dict[str, Any] = {"budget": {"amount": budget, "per": "month"}, "limits": {"concurrent": CLIENTS}}
    async with gateway(folder, *providers, **settings) as found:
        numbers = iter(range(calls))
        await asyncio.gather(*(client(found, numbers, chance, whole) for _ in range(CLIENTS)))
        assert found.agent.limits.running == 0
        assert found.agent.budget is not None
    with contextlib.closing(Ledger(folder / "ledger")) as ledger:
        entries = list(ledger.entries())
        moment = entries[-1].time
        assert found.agent.budget.reserved(moment) == 0
        assert found.agent.budget.spent(moment) == sum(entry.cost for entry in entries) <= budget
    counted = [
        (entry.input, entry.output)
        for entry in entries
        if entry.outcome == "whole" and not entry.estimated and entry.status == 200
    ]
    told = {**providers[0].told, **providers[1].told}
    assert sorted(counted) == sorted(told[name] for name in whole)
    assert len(whole) > 0.2 * calls or budget < 10**12


async def test_the_ledger_is_what_providers_told(tmp_path: Path) -> None:
    await exactness(tmp_path, 2_000, 10**12)


async def test_no_more_is_spent_than_there_is(tmp_path: Path) -> None:
    await exactness(tmp_path, 1_000, 20_000_000)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_the_ledger_is_what_providers_told_of_a_hundred_thousand_calls(tmp_path: Path) -> None:
    await exactness(tmp_path, 100_000, 10**13)
