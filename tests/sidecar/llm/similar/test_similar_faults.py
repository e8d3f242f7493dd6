"""Calls whose text gets no vector, and clients that leave meanwhile."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from outrider.ports.clock.manual import ManualClock
from outrider.sidecar.llm.similar import vectors
from tests.sidecar.llm.similar.support import CACHE, NEAR, Embeddings, how, user
from tests.sidecar.llm.support import ANSWER, Gateway, gateway, saying
from tests.sidecar.proxy.support import eventually

BUSY = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 29\r\n\r\n" + b'{"error":{"message":"closed"}}'[:29]
WRONG = b'HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{"data":[]}'


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if "the same call only" in one.getMessage()]


def problem(found: Gateway) -> str:
    return found.gate.status().cache


@pytest.mark.parametrize(
    ("failing", "said"), [(BUSY, "route 'embed' embeds nothing"), (WRONG, "its model answers otherwise")]
)
async def test_a_model_that_fails_costs_no_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, failing: bytes, said: str
) -> None:  # fmt: skip
    model = Embeddings()
    async with gateway(tmp_path, saying(ANSWER), embedding=model, cache=CACHE) as found:
        model.failing = failing
        assert [await how(found, text) for text in ("a 0", f"a {NEAR}", "a 0")] == ["", "", "hit"]
        assert said in problem(found)
        assert len(logged(caplog)) == 1
        assert found.agent.limits.running == 0
        model.failing = b""
        assert [await how(found, text) for text in ("b 0", f"b {NEAR}")] == ["", "similar"]
        assert problem(found) == ""
        told = await found.ask("/status", method="GET")
        assert told.document["cache"] == ""


@pytest.mark.parametrize("vector", [[], [0.0, 0.0], [1.7e308, 1.7e308], [1.0] * 5000])
async def test_vectors_that_have_no_direction(tmp_path: Path, vector: list[float]) -> None:
    model = Embeddings()
    async with gateway(tmp_path, saying(ANSWER), embedding=model, cache=CACHE) as found:
        model.vector = vector
        assert [await how(found, text) for text in ("a 0", f"a {NEAR}")] == ["", ""]
        assert "cannot be compared" in problem(found)


async def test_vectors_of_another_length_are_not_compared(tmp_path: Path) -> None:
    model = Embeddings()
    async with gateway(tmp_path, saying(ANSWER), embedding=model, cache=CACHE) as found:
        assert await how(found, "a 0") == ""
        model.vector = [1.0, 0.0, 0.0]
        assert await how(found, "b") == ""
        assert await how(found, "c") == "similar"
        model.vector = None
        assert await how(found, f"a {NEAR}") == "similar"


async def test_a_route_that_is_not_there(tmp_path: Path) -> None:
    cache = CACHE | {"similar": {"embedding": "nope"}}
    async with gateway(tmp_path, saying(ANSWER), cache=cache) as found:
        assert await how(found, "a 0") == ""
        assert "no route is called 'nope'" in problem(found)


async def test_a_slow_model_is_not_waited_for_and_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "EMBED_SECONDS", 0.01)
    model, clock = Embeddings(), ManualClock()
    model.wait.clear()
    async with gateway(tmp_path, saying(ANSWER), embedding=model, cache=CACHE, clock=clock) as found:
        assert [await how(found, text) for text in ("a 0", "b 0", "c 0")] == ["", "", ""]
        assert "no vector within" in problem(found)
        assert len(logged(caplog)) == 1
        asked = len(model.texts)
        assert asked <= 1, "after the first it is left alone"
        monkeypatch.setattr(vectors, "EMBED_SECONDS", 10.0)
        model.wait.set()
        clock.advance(vectors.REST_SECONDS)
        assert [await how(found, text) for text in ("d 0", f"d {NEAR}")] == ["", "similar"]
        assert problem(found) == ""
        assert found.agent.limits.running == 0


async def test_no_budget_for_a_vector(tmp_path: Path) -> None:
    budget = {"amount": 0, "per": "day"}
    async with gateway(tmp_path, saying(ANSWER), embedding=Embeddings(), cache=CACHE, budget=budget) as found:
        assert (await found.ask(**user("a 0"))).status == 402
        assert "the budget of this period is used up" in problem(found)
        assert found.agent.limits.running == 0


async def test_a_client_that_leaves_meanwhile_leaves_nothing(tmp_path: Path) -> None:
    model = Embeddings()
    model.wait.clear()
    async with gateway(tmp_path, saying(ANSWER), embedding=model, cache=CACHE) as found:
        _, writer = await asyncio.open_connection("127.0.0.1", found.port)
        body = json.dumps(user("a 0")).encode()
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-length: %d\r\n\r\n" % len(body)
        writer.write(head + body)
        await eventually(lambda: bool(model.texts))
        assert found.agent.limits.running == 2
        writer.close()
        await eventually(lambda: found.agent.limits.running == 0)
        (entry,) = await found.entries(1)
        assert (entry.endpoint, entry.outcome, entry.estimated) == ("embeddings", "failed", True)
        assert found.seen[0] == []
        cache: Any = found.cache
        assert (cache._answers, cache._waiting._tasks) == ({}, set())
        model.wait.set()
        assert [await how(found, text) for text in ("a 0", f"a {NEAR}")] == ["", "similar"]


async def test_a_fault_costs_one_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    async with gateway(tmp_path, saying(ANSWER), embedding=Embeddings(), cache=CACHE) as found:
        with monkeypatch.context() as patched:
            patched.setattr(found.gate, "_go_on", fail)
            assert (await found.ask(**user("a 0"))).status == 500
        assert await how(found, "a 0") == ""


async def test_an_end_lets_no_call_wait(tmp_path: Path) -> None:
    model = Embeddings()
    model.wait.clear()
    async with gateway(tmp_path, saying(ANSWER), embedding=model, cache=CACHE) as found:
        asking = asyncio.ensure_future(found.ask(**user("a 0")))
        await eventually(lambda: bool(model.texts))
    with pytest.raises((ConnectionError, ValueError)):
        await asking
