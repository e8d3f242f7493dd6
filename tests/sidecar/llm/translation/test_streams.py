"""Streams: any split of their bytes, all that can go wrong in them, and bounds."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.sidecar.llm.translation import events, translate
from outrider.sidecar.llm.translation.translate import Form, Stream, Translation
from tests.core.profiles import thorough
from tests.sidecar.llm.translation.answers import CALLS, SAID, event, stream
from tests.sidecar.llm.translation.samples import FORMS, PAIRS, Document

pairs = pytest.mark.parametrize(("client", "provider"), PAIRS)


def opened(client: Form, provider: Form) -> Stream:
    return Translation(client, provider).stream()


def whole(client: Form, provider: Form, *pieces: bytes) -> tuple[bytes, Stream]:
    translated = opened(client, provider)
    body = b"".join(translated.feed(piece) for piece in pieces)
    return body + translated.end(), translated


def told(body: bytes) -> list[Document]:
    """Return the events of a stream."""
    data = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: ")]
    return [json.loads(one) for one in data if one != b"[DONE]"]


@thorough
@given(st.sampled_from(PAIRS), st.sampled_from(["\n", "\r\n"]), st.data())
def test_where_the_pieces_begin_and_end_changes_nothing(pair: tuple[Form, Form], newline: str, data: Any) -> None:
    body = stream(pair[1], newline=newline)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    found, translated = whole(*pair, *pieces)
    assert translated.whole
    assert found == whole(*pair, stream(pair[1]))[0]


@pairs
def test_byte_by_byte(client: Form, provider: Form) -> None:
    body = stream(provider, newline="\r\n")
    found, _ = whole(client, provider, *(body[at : at + 1] for at in range(len(body))))
    assert found == whole(client, provider, body)[0]


@pairs
def test_no_thinking_is_shown(client: Form, provider: Form) -> None:
    assert b'"hm"' in stream(provider).replace(b": ", b":")
    assert b'"hm"' not in whole(client, provider, stream(provider))[0]


@thorough
@given(st.sampled_from(PAIRS), st.data())
def test_a_stream_that_is_cut_anywhere_is_not_whole(pair: tuple[Form, Form], data: Any) -> None:
    body = stream(pair[1])
    last = body.rindex(b"data:", 0, body.rindex(b'"tool_calls"')) if pair[1] == "chat" else body.rindex(b"event:")
    cut = body[: data.draw(st.integers(0, last))]
    found, translated = whole(*pair, cut)
    assert not translated.whole
    assert told(found)[-1].get("error") is not None
    assert b"[DONE]" not in found


def test_chat_is_whole_when_it_says_why_it_stopped() -> None:
    body = stream("chat").removesuffix(b"data: [DONE]\n\n")
    found, translated = whole("messages", "chat", body)
    assert translated.whole
    assert told(found)[-1] == {"type": "message_stop"}


@pairs
def test_what_comes_after_the_end_is_nothing(client: Form, provider: Form) -> None:
    found, translated = whole(client, provider, stream(provider), stream(provider), b"data: [DONE]\n\n")
    assert found == whole(client, provider, stream(provider))[0]
    assert translated.end() == b""


@pytest.mark.parametrize("provider", FORMS)
@pytest.mark.parametrize("data", [b"data: {\n\n", b"data: [1]\n\n", b"data: \xff\n\n", b"data: 3\n\n"])
def test_an_event_that_cannot_be_read_ends_the_stream(provider: Form, data: bytes) -> None:
    body = stream(provider)
    begun = body[: len(body) // 3]
    for client in FORMS:
        found, translated = whole(client, provider, begun, b"\n\n", data, stream(provider))
        assert "cannot be read" in translated.problem
        assert "cannot be read" in found.decode()


def test_an_event_has_a_longest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LONGEST_EVENT", 100)
    translated = opened("chat", "messages")
    assert translated.feed(b": ping\n\n" * 100) == b""
    found = b"".join(translated.feed(b"x" * 60) for _ in range(3))
    assert b"longer than 100 bytes" in found
    assert translated.feed(stream("messages")) == b""


def test_an_answer_has_a_longest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translate, "LONGEST_ANSWER", len(SAID))
    _, translated = whole("responses", "chat", stream("chat", "stop"))
    assert translated.whole
    _, translated = whole("responses", "chat", stream("chat"))
    assert "longer than" in translated.problem


def chunk(delta: Document, reason: str | None = None) -> bytes:
    return event({"id": "id", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})


def call(index: int, arguments: str, **more: Any) -> bytes:
    name = {"name": more.pop("name")} if "name" in more else {}
    return chunk({"tool_calls": [{"index": index, "function": {"arguments": arguments, **name}, **more}]})


def test_calls_that_are_all_numbered_alike() -> None:
    pieces = [call(0, arguments, id=call_id, name=name) for call_id, name, arguments in CALLS]
    found, _ = whole("messages", "chat", *pieces, chunk({}, "stop"))
    blocks = [one["content_block"] for one in told(found) if one["type"] == "content_block_start"]
    assert [[block["id"], block["name"]] for block in blocks] == [one[:2] for one in CALLS]
    assert told(found)[-2]["delta"]["stop_reason"] == "tool_use"


def test_calls_that_name_themselves_in_every_piece() -> None:
    pieces = [call(0, half, id="c", name="f") for half in ('{"a":', "1}")]
    found, _ = whole("messages", "chat", *pieces, chunk({}, "tool_calls"))
    assert [one["type"] for one in told(found)].count("content_block_start") == 1


def test_calls_that_are_mixed_are_refused() -> None:
    pieces = [call(0, "{}", id="a", name="f"), call(1, "{", id="b", name="g"), call(0, "}")]
    _, translated = whole("messages", "chat", *pieces, chunk({}, "tool_calls"))
    assert "goes back to a call" in translated.problem


def test_arguments_that_are_no_object_end_a_stream_for_anthropic() -> None:
    pieces = [call(0, "{,", id="a", name="f"), chunk({}, "tool_calls")]
    _, translated = whole("messages", "chat", *pieces)
    assert "the arguments for f are no JSON object" in translated.problem
    found, translated = whole("responses", "chat", *pieces)
    assert translated.whole
    assert told(found)[-1]["response"]["output"][0]["arguments"] == "{,"


def test_text_after_a_call_is_a_part_of_its_own() -> None:
    pieces = [call(0, "{}", id="a", name="f"), chunk({"content": "so"}), chunk({"refusal": "no"}), chunk({}, "stop")]
    found, _ = whole("messages", "chat", *pieces)
    kinds = [one["content_block"]["type"] for one in told(found) if one["type"] == "content_block_start"]
    assert kinds == ["tool_use", "text"]
    assert told(found)[-2]["delta"]["stop_reason"] == "refusal"


@pytest.mark.parametrize(
    ("provider", "document", "why"),
    [
        ("messages", {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "x"}}, "nothing has begun"),
        ("messages", {"type": "content_block_start", "index": 0, "content_block": {"type": "mcp_tool_use"}}, "mcp_tool_use"),
        ("messages", {"type": "message_stop"}, "the reason None"),
        ("responses", {"type": "response.function_call_arguments.delta", "delta": "{"}, "nothing has begun"),
        ("responses", {"type": "response.output_item.added", "item": {"type": "mcp_call"}}, "mcp_call"),
        ("responses", {"type": "response.failed", "response": {"error": {"message": "out of luck"}}}, "out of luck"),
        ("responses", {"type": "error"}, "ended with an error"),
        ("chat", {"error": "out of luck"}, "out of luck"),
    ],
)  # fmt: skip
def test_streams_that_are_not_as_they_should_be(provider: Form, document: Document, why: str) -> None:
    for client in FORMS:
        found, translated = whole(client, provider, event(document))
        assert why in translated.problem
        assert why in told(found)[-1]["error"]["message"]


def test_what_is_new_in_a_dialect_is_passed_over() -> None:
    body = event({"type": "message_news"}) + stream("messages")
    assert whole("chat", "messages", body)[1].whole
    assert whole("chat", "responses", event({"type": "response.news", "delta": {"a": 1}}), stream("responses"))[1].whole


def test_the_events_of_responses_are_numbered() -> None:
    found, _ = whole("responses", "messages", stream("messages"))
    assert [one["sequence_number"] for one in told(found)] == list(range(len(told(found))))
    names = [line[7:].decode() for line in found.split(b"\n") if line.startswith(b"event: ")]
    assert names == [one["type"] for one in told(found)]


def test_arguments_that_come_only_when_the_call_is_whole() -> None:
    item = {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": '{"a":1}'}
    response = {"id": "id", "model": "m", "status": "completed", "output": [item]}
    body = b"".join(
        event(one)
        for one in (
            {"type": "response.created", "response": {**response, "output": []}},
            {"type": "response.output_item.added", "item": item},
            {"type": "response.output_item.done", "item": item},
            {"type": "response.completed", "response": response},
        )
    )
    found, _ = whole("messages", "responses", body)
    assert [one["delta"]["partial_json"] for one in told(found) if one["type"] == "content_block_delta"] == ['{"a":1}']
