"""Calls that go to a provider of another dialect than their client's."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.sidecar.llm.support import ANSWER, gateway, saying, streaming

CHAT: dict[str, Any] = {
    "model": "default",
    "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "hello " * 50}],
    "max_completion_tokens": 40,
}
MESSAGES: dict[str, Any] = {
    "model": "default", "max_tokens": 40, "system": "Be short.", "messages": [{"role": "user", "content": "hello " * 50}],
}  # fmt: skip
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn", "stop_sequence": None,
    "content": [{"type": "text", "text": "hi"}], "usage": {"input_tokens": 100, "output_tokens": 50},
}  # fmt: skip
COST = 100 * 1000 + 50 * 2000


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


BEGAN = event("message_start", message={**MESSAGE, "content": [], "usage": {"input_tokens": 100, "output_tokens": 1}})
BLOCK = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
DELTA = event("content_block_delta", index=0, delta={"type": "text_delta", "text": "hi"})
STOPPED = event("content_block_stop", index=0)
TOLD = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 50})
ENDED = event("message_stop")


async def test_a_chat_is_answered_by_an_anthropic_provider(tmp_path: Path) -> None:
    fields = "authorization: Bearer x\r\nx-stainless-lang: python\r\nopenai-organization: o\r\nx-mine: 1\r\n"
    async with gateway(tmp_path, saying(MESSAGE), dialect="anthropic") as found:
        answer = await found.ask(fields=fields, **CHAT)
        assert answer.status == 200
        assert answer.document["choices"][0]["message"]["content"] == "hi"
        assert answer.document["usage"]["total_tokens"] == 150
        head, body = found.seen[0][0]
        assert head.startswith(b"POST /v1/messages HTTP/1.1\r\n")
        assert b"x-api-key: key-of-p0\r\n" in head
        assert b"anthropic-version: " in head
        assert b"x-mine: 1" in head
        assert b"stainless" not in head
        assert b"openai-" not in head
        asked = json.loads(body)
        assert (asked["model"], asked["system"], asked["max_tokens"]) == ("m", "Be short.", 40)
        (entry,) = await found.entries(1)
        assert (entry.endpoint, entry.provider, entry.input, entry.output, entry.cost) == ("chat", "p0", 100, 50, COST)
        assert not entry.estimated


async def test_messages_are_answered_by_an_openai_provider(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER)) as found:
        answer = await found.ask("/v1/messages", fields="anthropic-version: 2023-06-01\r\n", **MESSAGES)
        assert answer.document["content"] == [{"type": "text", "text": "hi"}]
        assert answer.document["usage"]["input_tokens"] == 100
        head, body = found.seen[0][0]
        assert head.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
        assert b"anthropic-version" not in head
        assert json.loads(body)["messages"][0] == {"role": "system", "content": "Be short."}
        (entry,) = await found.entries(1)
        assert (entry.endpoint, entry.cost) == ("messages", COST)


async def test_a_stream_is_translated_event_by_event(tmp_path: Path) -> None:
    script = streaming(BEGAN, BLOCK, DELTA, STOPPED, TOLD, ENDED)
    async with gateway(tmp_path, script, dialect="anthropic") as found:
        answer = await found.ask(stream=True, stream_options={"include_usage": True}, **CHAT)
        chunks = [json.loads(line[6:]) for line in answer.body.split(b"\n\n") if line.startswith(b"data: {")]
        assert "".join(choice["delta"].get("content") or "" for one in chunks for choice in one["choices"]) == "hi"
        assert chunks[-1]["usage"]["total_tokens"] == 150
        assert answer.body.endswith(b"data: [DONE]\n\n")
        (entry,) = await found.entries(1)
        assert (entry.input, entry.output, entry.outcome) == (100, 50, "whole")


async def test_a_stream_that_breaks_ends_with_an_error(tmp_path: Path) -> None:
    script = streaming(BEGAN, BLOCK, DELTA, end=False)
    async with gateway(tmp_path, script, dialect="anthropic") as found:
        answer = await found.ask(stream=True, **CHAT)
        assert b'"error"' in answer.body
        assert b"[DONE]" not in answer.body
        (entry,) = await found.entries(1)
        assert entry.outcome == "cut"


async def test_a_stream_that_stops_too_early_is_not_whole(tmp_path: Path) -> None:
    async with gateway(tmp_path, streaming(BEGAN, BLOCK, DELTA), dialect="anthropic") as found:
        answer = await found.ask(stream=True, **CHAT)
        assert answer.body.count(b'"error"') == 1
        (entry,) = await found.entries(1)
        assert entry.outcome == "cut"


@pytest.mark.parametrize("stream", [False, True])
async def test_the_next_provider_may_speak_another_dialect(tmp_path: Path, stream: bool) -> None:
    failing = saying({"error": {"message": "busy"}}, status="503 Service Unavailable")
    good = streaming(BEGAN, BLOCK, DELTA, STOPPED, TOLD, ENDED) if stream else saying(MESSAGE)
    async with gateway(tmp_path, failing, good, dialect="openai,anthropic") as found:
        answer = await found.ask(stream=stream, **CHAT)
        assert answer.status == 200
        assert b"hi" in answer.body
        (entry,) = await found.entries(1)
        assert (entry.provider, entry.cost) == ("p1", COST)


async def test_errors_are_those_of_the_clients_dialect(tmp_path: Path) -> None:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "too long"}}
    async with gateway(tmp_path, saying(error, status="400 Bad Request"), dialect="anthropic") as found:
        answer = await found.ask(**CHAT)
        assert answer.status == 400
        assert answer.document["error"]["message"] == "too long"
        assert answer.document["error"]["code"] == "invalid_request_error"
        (entry,) = await found.entries(1)
        assert entry.cost == 0


async def test_what_cannot_be_translated_is_refused_or_goes_elsewhere(tmp_path: Path) -> None:
    async with gateway(tmp_path / "a", saying(MESSAGE), dialect="anthropic") as found:
        answer = await found.ask(**CHAT, n=2)
        assert answer.status == 400
        assert "n:" in answer.document["error"]["message"]
        assert found.seen[0] == []
        (entry,) = await found.entries(1)
        assert (entry.outcome, entry.cost) == ("failed", 0)
    async with gateway(tmp_path / "b", saying(MESSAGE), saying(ANSWER), dialect="anthropic,openai") as found:
        answer = await found.ask(**CHAT, n=2)
        assert answer.status == 200
        assert found.seen[0] == []


async def test_an_answer_that_is_none_is_the_providers_failure(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying({"hello": 1}), dialect="anthropic") as found:
        answer = await found.ask(**CHAT)
        assert answer.status == 502
        assert "cannot be read" in answer.document["error"]["message"]
        (entry,) = await found.entries(1)
        assert entry.outcome == "failed"


async def test_an_answer_that_cannot_be_translated_is_paid_for(tmp_path: Path) -> None:
    function = {"name": "look", "arguments": '{"at": '}
    said = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function", "function": function}]}
    torn = saying({**ANSWER, "choices": [{"index": 0, "message": said, "finish_reason": "length"}]})
    async with gateway(tmp_path / "a", torn) as found:
        assert (await found.ask("/v1/messages", **MESSAGES)).status == 502
        (entry,) = await found.entries(1)
        assert (entry.outcome, entry.provider, entry.cost) == ("failed", "p0", COST)
    async with gateway(tmp_path / "b", torn, saying(MESSAGE), dialect="openai,anthropic") as found:
        assert (await found.ask("/v1/messages", **MESSAGES)).status == 200
        entries = [(one.provider, one.outcome, one.cost) for one in await found.entries(2)]
        assert entries == [("p0", "failed", COST), ("p1", "whole", COST)]


async def test_a_budget_ends_a_translated_stream(tmp_path: Path) -> None:
    script = streaming(BEGAN, BLOCK, *[DELTA] * 200, STOPPED, TOLD, ENDED)
    budget = {"amount": 600_000, "per": "day"}
    async with gateway(tmp_path, script, dialect="anthropic", budget=budget, usual_answer=20) as found:
        asked = {**CHAT, "max_completion_tokens": None}
        answer = await found.ask(stream=True, **asked)
        assert b"the budget of this period is used up" in answer.body
        assert b"[DONE]" not in answer.body
