"""Sidecars of one agent as processes that share a budget on a real server, one of which is killed."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.servers.models import INPUT, OUTPUT, ModelServer
from tests.servers.redis import RedisServer
from tests.sidecar.process import Sidecar, started

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
# What a call costs, and what is reserved for one: a token for each byte, and the answer's bound.
COST = INPUT * 1000 + OUTPUT * 2000
BODY: dict[str, Any] = {"model": "default", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}
RESERVED = len(json.dumps(BODY)) * 1000 + 4 * 2000
CALLS = 120
LIMIT = CALLS * COST


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def settings(folder: Path, provider: ModelServer, redis: RedisServer) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    (folder / "virtual").write_text("sk-virtual")
    (folder / "key").write_text("sk-provider")
    prices = {"date": "2026-11-28", "currency": "USD", "models": {"openai/m": {"input": 10**9, "output": 2 * 10**9}}}
    (folder / "prices.json").write_text(json.dumps(prices))
    openai = {
        "provider": "openai",
        "dialect": "openai",
        "url": f"{provider.url}/v1",
        "model": "m",
        "key": {"secret": "key"},
    }
    return {
        "agent": "triage", "state": str(folder / "state"), "keys": [{"secret": "virtual"}],
        "secret_sources": {name: {"file": str(folder / name)} for name in ("virtual", "key")},
        "llm": {
            "routes": [{"alias": "default", "providers": [openai]}], "prices": str(folder / "prices.json"),
            "budget": {"amount": LIMIT, "per": "month"}, "shared": {"url": f"redis://127.0.0.1:{redis.port}/0"},
        },
    }  # fmt: skip


def spend(sidecar: Sidecar, statuses: list[int], *, until_killed: threading.Event | None = None) -> None:
    """Call until there is no money, or until the sidecar is killed in the middle."""
    refused = 0
    while refused < 3:
        try:
            status, _ = sidecar.call(**BODY)
        except OSError:
            return
        statuses.append(status)
        refused += status != 200
        if until_killed is not None and len(statuses) == 30:
            sidecar.process.kill()
            until_killed.set()


def test_no_more_is_spent_than_there_is_although_one_is_killed(tmp_path: Path, redis: RedisServer) -> None:
    with ModelServer("sk-provider") as provider, ExitStack() as stack:
        sidecars = [
            stack.enter_context(started(folder, settings(folder, provider, redis)))
            for folder in (tmp_path / name for name in ("one", "two", "three"))
        ]
        killed, statuses = threading.Event(), [list[int]() for _ in sidecars]
        threads = [
            threading.Thread(target=spend, args=(sidecar, seen), kwargs={"until_killed": killed if number == 0 else None})
            for number, (sidecar, seen) in enumerate(zip(sidecars, statuses, strict=True))
        ]  # fmt: skip
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert killed.is_set()
        spent = sum(tokens_in * 1000 + tokens_out * 2000 for tokens_in, tokens_out in provider.told)
        assert spent <= LIMIT
        # What is not spent is the lost allotment, and of each of the others what is too little for one more call.
        allotment = LIMIT // 20
        assert spent >= LIMIT - 2 * allotment - 3 * (allotment + RESERVED)
        assert all(402 in seen for seen in statuses[1:])
        assert {status for seen in statuses for status in seen} == {200, 402}


def test_a_server_that_is_lost_and_comes_back_empty(tmp_path: Path, redis: RedisServer) -> None:
    with ModelServer("sk-provider") as provider, started(tmp_path, settings(tmp_path, provider, redis)) as sidecar:
        assert [sidecar.call(**BODY)[0] for _ in range(5)] == [200] * 5
        redis.stop()
        statuses = [sidecar.call(**BODY)[0] for _ in range(30)]
        assert statuses[0] == 200, "what was drawn is there"
        assert statuses[-1] == 503
        assert set(statuses) == {200, 503}
        redis.start()
        seen: list[int] = []
        for _ in range(100):
            status, document = sidecar.call(**BODY)
            seen.append(status)
            if status == 200:
                break
            assert document["error"]["code"] == "shares_unavailable"
            threading.Event().wait(0.1)
        assert seen[-1] == 200
        rest: list[int] = []
        spend(sidecar, rest)
        spent = sum(tokens_in * 1000 + tokens_out * 2000 for tokens_in, tokens_out in provider.told)
        assert LIMIT - RESERVED - COST <= spent <= LIMIT
