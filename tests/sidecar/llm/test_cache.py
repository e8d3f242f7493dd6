"""Answers that are given again to the same call."""

from pathlib import Path
from typing import Any

import pytest

from outrider.ports.clock.manual import ManualClock
from outrider.sidecar.llm.cache import LONGEST_ANSWER
from tests.sidecar.llm.support import ANSWER, PRICES, gateway, saying, streaming

HELLO: dict[str, Any] = {"model": "default", "messages": [{"role": "user", "content": "hello"}]}
CACHE = {"ttl": 60.0}


async def test_the_same_call_is_answered_once(tmp_path: Path) -> None:
    assert PRICES
    async with gateway(tmp_path, saying(ANSWER), cache=CACHE) as found:
        first = await found.ask(**HELLO)
        second = await found.ask(**HELLO, user="somebody", metadata={"a": "b"})
        assert first.body == second.body
        assert "x-outrider-cache" not in first.fields
        assert second.fields["x-outrider-cache"] == "hit"
        assert len(found.seen[0]) == 1
        paid, free = await found.entries(2)
        assert (paid.provider, paid.cost > 0) == ("p0", True)
        assert (free.provider, free.cost, free.input, free.output, free.outcome) == ("cache", 0, 0, 0, "whole")


@pytest.mark.parametrize(
    "other",
    [
        {"messages": [{"role": "user", "content": "hello!"}]},
        {"temperature": 0.5},
        {"stream": True},
        {"max_tokens": 5},
        {"unknown_key": 1},
    ],
)
async def test_another_call_is_asked_anew(tmp_path: Path, other: dict[str, Any]) -> None:
    async with gateway(tmp_path, saying(ANSWER), cache=CACHE) as found:
        await found.ask(**HELLO)
        await found.ask(**{**HELLO, **other})
        assert len(found.seen[0]) == 2


@pytest.mark.parametrize("field", ["anthropic-version: 2026-10-21", "anthropic-beta: tokens", "openai-beta: x"])
async def test_fields_that_change_an_answer_tell_calls_apart(tmp_path: Path, field: str) -> None:
    async with gateway(tmp_path, saying(ANSWER), cache=CACHE) as found:
        for fields in ("", f"{field}\r\n", f"{field}\r\nx-stainless-retry-count: 1\r\n"):
            await found.ask(fields=fields, **HELLO)
        assert len(found.seen[0]) == 2


async def test_a_key_with_a_line_break_is_not_another_key(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER), cache=CACHE) as found:
        await found.ask(**HELLO, a=1, b=2)
        await found.ask(**{**HELLO, "a:1\nb": 2})
        assert len(found.seen[0]) == 2


async def test_a_stream_is_told_again_as_it_was(tmp_path: Path) -> None:
    events = [b'data: {"choices": [{"index": 0, "delta": {"content": "hi"}}]}\n\n', b"data: [DONE]\n\n"]
    async with gateway(tmp_path, streaming(*events), cache=CACHE) as found:
        first = await found.ask(**HELLO, stream=True)
        second = await found.ask(**HELLO, stream=True)
        assert first.body == second.body == b"".join(events)
        assert second.fields["content-type"] == "text/event-stream"
        assert len(found.seen[0]) == 1


@pytest.mark.parametrize(
    "provider",
    [
        saying({"error": {"message": "no"}}, status="400 Bad Request"),
        streaming(b"data: {}\n\n", end=False),
        saying({"choices": [], "text": "x" * LONGEST_ANSWER}),
        saying({"error": {"message": "overloaded"}}),
        streaming(b"data: {}\n\n", b'data: {"error": {"message": "overloaded"}}\n\n'),
        streaming(b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error"}}\n\n'),
        streaming(b'data: {"type": "response.failed", "response": {}}\n\n'),
    ],
)
async def test_what_is_no_good_answer_is_not_kept(tmp_path: Path, provider: Any) -> None:
    async with gateway(tmp_path, provider, cache=CACHE) as found:
        for _ in range(2):
            await found.ask(**HELLO)
        assert len(found.seen[0]) == 2


async def test_an_answer_without_an_error_is_kept(tmp_path: Path) -> None:
    events = [
        b'data: {"type": "response.created", "response": {"error": null}, "error": null}\n\n',
        b"data: an error\n\n",
    ]
    async with gateway(tmp_path, streaming(*events), cache=CACHE) as found:
        for _ in range(2):
            await found.ask(**HELLO)
        assert len(found.seen[0]) == 1


async def test_a_client_may_ask_for_a_new_answer(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER), cache=CACHE) as found:
        for _ in range(2):
            await found.ask(fields="cache-control: no-cache\r\n", **HELLO)
        assert len(found.seen[0]) == 2


async def test_an_answer_grows_old(tmp_path: Path) -> None:
    clock = ManualClock()
    async with gateway(tmp_path, saying(ANSWER), cache=CACHE, clock=clock) as found:
        await found.ask(**HELLO)
        clock.advance(59)
        await found.ask(**HELLO)
        clock.advance(2)
        await found.ask(**HELLO)
        assert len(found.seen[0]) == 2


@pytest.mark.parametrize("bound", [{"entries": 2}, {"bytes": 400}])
async def test_of_too_many_answers_the_oldest_goes(tmp_path: Path, bound: dict[str, int]) -> None:
    async def ask(number: int) -> None:
        await found.ask(model="default", messages=[], seed=number)

    async with gateway(tmp_path, saying(ANSWER), cache=CACHE | bound) as found:
        for number in (1, 2, 1, 3):  # 2 was not asked for longest
            await ask(number)
        before = len(found.seen[0])
        await ask(1)
        assert len(found.seen[0]) == before
        await ask(2)
        assert len(found.seen[0]) == before + 1


async def test_limits_hold_and_guards_come_first(tmp_path: Path) -> None:
    rules = [{"detect": ["email"]}]
    async with gateway(tmp_path, saying(ANSWER), cache=CACHE, guard=rules, limits={"requests_per_minute": 2}) as found:
        for who in ("ana", "bob"):
            hello = [{"role": "user", "content": f"I am {who}@example.org"}]
            assert (await found.ask(model="default", messages=hello)).status == 200
        assert len(found.seen[0]) == 1  # to whom it goes they are the same
        assert (await found.ask(**HELLO)).status == 429
