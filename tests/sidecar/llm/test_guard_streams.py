"""Streams of answers in which something is found: what comes of them is still what clients can read."""

import json
from pathlib import Path
from typing import Any

import pytest

from outrider.core.sidecar_settings import GuardSettings
from outrider.sidecar.llm.guard import stream as streams
from outrider.sidecar.llm.guard.guard import Guard
from outrider.sidecar.llm.guard.stream import GuardedStream
from tests.sidecar.llm.support import gateway, streaming


def guarded(*events: Any, end: bool = True) -> list[Any]:
    """Return the documents that are told of a stream of some."""
    stream = GuardedStream(Guard([GuardSettings(detect=["email", "api_key"])]).answers)
    told = b"".join(stream.feed(b"data: " + json.dumps(one).encode() + b"\n\n") for one in events)
    told += stream.end() if end else stream.held()
    return [json.loads(line[6:]) for line in told.split(b"\n") if line.startswith(b"data: ")]


def chat(index: int = 0, reason: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"id": "c1", "choices": [{"index": index, "delta": delta, "finish_reason": reason}]}


def call(index: int, arguments: str, **more: Any) -> dict[str, Any]:
    return chat(tool_calls=[{"index": index, **more, "function": {"name": "send", "arguments": arguments}}])


def accumulated(events: list[Any]) -> dict[int, dict[str, str]]:
    """Return calls of tools as the SDK of OpenAI puts them together: texts of one name are joined, whatever they are."""
    calls: dict[int, dict[str, str]] = {}
    for event in events:
        for choice in event["choices"]:
            for one in choice["delta"].get("tool_calls", []):
                found = calls.setdefault(one["index"], {"id": "", "name": "", "arguments": ""})
                found["id"] += one.get("id", "")
                for name, text in one["function"].items():
                    found[name] += text
    return calls


def test_a_call_that_comes_in_one_piece_is_told_once() -> None:
    told = guarded(call(0, '{"to": "ana@example.org"}', id="call_1", type="function"), chat(reason="tool_calls"))
    assert accumulated(told) == {0: {"id": "call_1", "name": "send", "arguments": '{"to": "[EMAIL]"}'}}
    assert [one["choices"][0]["finish_reason"] for one in told] == [None, None, "tool_calls"]


def test_a_call_has_come_whole_when_the_next_one_begins() -> None:
    told = guarded(chat(content="I look."), call(0, '{"to": 1}', id="a"), call(1, '{"to": 2}', id="b"))
    kinds = [
        (one["index"], bool(one["function"]["arguments"]))
        for event in told
        for one in event["choices"][0]["delta"].get("tool_calls", [])
    ]
    assert kinds == [(0, False), (0, True), (1, False), (1, True)]
    contents = [event["choices"][0]["delta"].get("content") for event in told]
    assert contents.index("I look.") == 1


def test_another_answer_does_not_end_a_text() -> None:
    told = guarded(
        chat(0, content="ana@exam"),
        chat(1, content="x"),
        chat(0, content="ple.org"),
        chat(1, reason="stop", content="y"),
    )
    assert "ana@exam" not in json.dumps(told)


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content", "thinking", "refusal"])
def test_what_is_thought_is_looked_at_across_events(name: str) -> None:
    first, second = chat(), chat()
    first["choices"][0]["delta"][name], second["choices"][0]["delta"][name] = "ana@exam", "ple.org"
    told = guarded(first, second, chat(reason="stop"))
    assert "".join(one["choices"][0]["delta"].get(name, "") for one in told) == "[EMAIL]"


def test_parts_of_reasoning_and_of_content_are_looked_at_across_events() -> None:
    details = [[{"index": 0, "type": "reasoning.text", "text": text}] for text in ("ana@exam", "ple.org")]
    told = guarded(*(chat(reasoning_details=one) for one in details))
    assert "".join(one["choices"][0]["delta"]["reasoning_details"][0]["text"] for one in told) == "[EMAIL]"
    thought = [[{"type": "thinking", "thinking": [{"type": "text", "text": text}]}] for text in ("ana@exam", "ple.org")]
    told = guarded(*(chat(content=one) for one in thought))
    assert "".join(one["choices"][0]["delta"]["content"][0]["thinking"][0]["text"] for one in told) == "[EMAIL]"


@pytest.mark.parametrize(
    "idle", [chat(), chat(role="assistant", content=None), {"choices": [], "usage": {"total_tokens": 1}}]
)
def test_an_event_that_says_nothing_does_not_end_a_text(idle: Any) -> None:
    told = guarded(chat(content="ana@exam"), idle, chat(content="ple.org"), chat(reason="stop"))
    assert "exam" not in json.dumps(told)
    assert idle in told


def test_what_stands_beside_a_piece_is_looked_at() -> None:
    parts = [{"text": "I send it."}, {"functionCall": {"name": "send", "args": {"to": ["ana@example.org"]}}}]
    told = guarded({"candidates": [{"content": {"role": "model", "parts": parts}}]})
    calls = [part for one in told for part in one["candidates"][0]["content"]["parts"] if "functionCall" in part]
    assert calls == [{"functionCall": {"name": "send", "args": {"to": ["[EMAIL]"]}}}]
    texts = [part["text"] for one in told for part in one["candidates"][0]["content"]["parts"] if "text" in part]
    assert "".join(texts) == "I send it."


@pytest.mark.parametrize("size", [1, 3, 50])
def test_escapes_of_arguments_stay_whole_however_they_are_parted(size: int) -> None:
    said = {"body": "é\nana@example.org\n\\" * 20 + "AKIAIOSFODNN7EXAMPLE\n" * 20}
    for text in (json.dumps(said), json.dumps({"inner": json.dumps(said)})):
        told = guarded(*(call(0, text[at : at + size]) for at in range(0, len(text), size)))
        passed = json.loads(accumulated(told)[0]["arguments"])
        inner = json.loads(passed["inner"]) if "inner" in passed else passed
        assert inner["body"] == "é\n[EMAIL]\n\\" * 20 + "[API_KEY]\n" * 20


def test_what_never_ends_is_not_held_for_ever() -> None:
    stream = GuardedStream(Guard([GuardSettings(detect=["api_key"])]).answers)
    text = "sk-" + "a" * 4 * streams.LONGEST_HELD
    told = b"".join(
        stream.feed(b"data: " + json.dumps(chat(content=text[at : at + 1000])).encode() + b"\n\n")
        for at in range(0, len(text), 1000)
    )
    said = [json.loads(line[6:])["choices"][0]["delta"]["content"] for line in told.split(b"\n") if line]
    assert "".join(said).startswith("[API_KEY]a")
    assert len("".join(said)) > len(text) - 2 * streams.LONGEST_HELD


def test_of_a_torn_event_nothing_is_told_where_a_stream_is_cut() -> None:
    stream = GuardedStream(Guard([GuardSettings(detect=["email"])]).answers)
    stream.feed(b'data: {"choices": [{"delta": {"content": "write to ana@example.org')
    assert stream.held() == b""


def test_a_last_event_that_is_torn_is_looked_at_too() -> None:
    stream = GuardedStream(Guard([GuardSettings(detect=["email"])]).answers)
    told = stream.feed(b"data: ana@example.org\n\n") + stream.feed(
        b'data: {"choices": [{"delta": {"content": "bob@example.org '
    )
    told += stream.end()
    assert b"[EMAIL]" in told
    assert b"@example" not in told


def test_an_event_that_is_too_long_stops_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LONGEST_EVENT", 1000)
    stream = GuardedStream(Guard([GuardSettings(detect=["email"])]).answers)
    assert stream.feed(b"data: " + b"a" * 990 + b"@example.org" * 10) == b""
    assert "longer than 1000 bytes" in stream.problem
    assert stream.feed(b"\n\n") == b""


async def test_a_stream_that_breaks_tells_what_was_held_and_why(tmp_path: Path) -> None:
    events = [
        b"data: " + json.dumps(chat(content="ana@example.org is")).encode() + b"\n\n",
        b'data: {"choices": [{"del',
    ]
    provider = streaming(*events, end=False)
    async with gateway(tmp_path, provider, guard=[{"detect": ["email"]}]) as found:
        answer = await found.ask(model="default", stream=True, messages=[])
        said = [json.loads(line[6:]) for line in answer.body.split(b"\n") if line.startswith(b"data: ")]
        assert said[-2]["choices"][0]["delta"] == {"content": "[EMAIL] is"}
        assert said[-1]["error"]["code"] == "stream_ended"
