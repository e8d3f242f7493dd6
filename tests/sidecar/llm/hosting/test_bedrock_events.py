"""Streams of Amazon Bedrock on their way to what Anthropic would have sent."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.sidecar.llm.hosting.bedrock import Bedrock
from outrider.sidecar.llm.hosting.bedrock_events import EventReading, server_sent
from outrider.sidecar.proxy.messages import Field
from tests.core.profiles import thorough
from tests.sidecar.llm.hosting.frames import EVENTS, STREAM, chunk, exception, frame, message

HOST = "bedrock-runtime.eu-west-1.amazonaws.com"
STREAMED: list[Field] = [(b"content-type", b"application/vnd.amazon.eventstream")]


def reading_of(wire: bytes) -> tuple[bytes, EventReading]:
    fields = [*STREAMED, (b"x-amzn-requestid", b"r")]
    reading = Bedrock(HOST, b"").read(200, fields)
    assert isinstance(reading, EventReading)
    assert fields == [(b"x-amzn-requestid", b"r"), (b"content-type", b"text/event-stream; charset=utf-8")]
    return reading.feed(wire) + reading.end(), reading


def test_a_stream_is_what_anthropic_sends() -> None:
    said, reading = reading_of(STREAM)
    wanted = [{name: value for name, value in event.items() if "invocationMetrics" not in name} for event in EVENTS]
    blocks = said.decode().removesuffix("\n\n").split("\n\n")
    lines = [block.split("\n") for block in blocks]
    assert [line[0] for line in lines] == [f"event: {event['type']}" for event in wanted]
    assert [json.loads(line[1].removeprefix("data: ")) for line in lines] == wanted
    assert (reading.problem, reading.fault) == ("", b"")
    assert Bedrock(HOST, b"").read(200, [(b"content-type", b"application/json")]) is None


@pytest.mark.parametrize("size", [1, 3, 64])
def test_a_stream_in_pieces(size: int) -> None:
    reading = EventReading()
    said = b"".join(reading.feed(STREAM[at : at + size]) for at in range(0, len(STREAM), size))
    assert said + reading.end() == reading_of(STREAM)[0]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (b'{"type":"ping"}', b'event: ping\ndata: {"type":"ping"}\n\n'),
        (b'{"type":"ping","n":1e2,"s":"\\u00e4"}', b'event: ping\ndata: {"type":"ping","n":1e2,"s":"\\u00e4"}\n\n'),
        (b'{\r\n "type": "ping",\n "n": 1e2 }', b'event: ping\ndata: {"type":"ping","n":1e2}\n\n'),
        (b'{"type":"x","amazon-bedrock-invocationMetrics":{},"n":1e2}', b'event: x\ndata: {"type":"x","n":1e2}\n\n'),
        (b'{"completion":"of an older API"}', b""),
    ],
)
def test_events(event: bytes, said: bytes) -> None:
    assert server_sent(event) == said


@pytest.mark.parametrize("event", [b"", b"[]", b"{", b'{"type":1}', b'{"type":"a\\nb"}', b'{"type":"a b"}', b"\xff"])
def test_what_is_no_event_ends_the_stream(event: bytes) -> None:
    said, reading = reading_of(chunk(b'{"type":"ping"}') + chunk(event) + STREAM)
    assert said == b'event: ping\ndata: {"type":"ping"}\n\n'
    assert "no JSON" in reading.problem


@pytest.mark.parametrize(
    ("wire", "problem", "kind"),
    [
        (exception("throttlingException", message="slow"), "throttlingException: slow", "rate_limit_error"),
        (exception("validationException", message="bad"), "validationException: bad", "invalid_request_error"),
        (exception("serviceUnavailableException", message="x"), "serviceUnavailableException: x", "overloaded_error"),
        (
            exception("modelStreamErrorException", message="m", originalStatusCode=500, originalMessage="o"),
            "modelStreamErrorException: m: o",
            "api_error",
        ),
        (exception("internalServerException"), "internalServerException: the provider ended the stream", "api_error"),
        (message(b"", message_type="error", error_code="Code", error_message="told"), "Code: told", "api_error"),
        (message(b"", message_type="exception"), "the provider ended the stream", "api_error"),
        (STREAM[:-1][:20], "the provider's stream ended inside a message", "api_error"),
        (bytes(20), "checksum", "api_error"),
        (message(b"{}", event_type="chunk", message_type="event"), "no JSON", "api_error"),
        (message(b'{"bytes":"?"}', event_type="chunk", message_type="event"), "no JSON", "api_error"),
    ],
)
def test_problems_end_a_stream(wire: bytes, problem: str, kind: str) -> None:
    said, reading = reading_of(chunk(b'{"type":"ping"}') + wire)
    assert said == b'event: ping\ndata: {"type":"ping"}\n\n'
    assert problem in reading.problem
    name, data, *rest = reading.fault.decode().split("\n")
    assert (name, rest) == ("event: error", ["", ""])
    told = json.loads(data.removeprefix("data: "))["error"]
    assert (told["type"], told["message"]) == (kind, reading.problem)
    assert (reading.feed(STREAM), reading.end(), reading.fault[:12]) == (b"", b"", b"event: error")


def test_messages_that_are_no_chunks_say_nothing() -> None:
    wire = (
        message(b"{}", event_type="initial-response", message_type="event")
        + frame(b"", b"")
        + message(b"", event_type="later")
    )
    assert reading_of(wire)[0] == b""


@given(
    st.lists(st.binary(max_size=60) | st.binary(max_size=30).map(chunk) | st.just(STREAM), max_size=4),
    st.integers(1, 500),
)
@thorough
def test_no_stream_breaks_it(parts: list[bytes], size: int) -> None:
    wire, reading = b"".join(parts), EventReading()
    said = b"".join(reading.feed(wire[at : at + size]) for at in range(0, len(wire), size)) + reading.end()
    assert bool(reading.problem) == bool(reading.fault)
    assert all(block.startswith(b"event: ") and block.count(b"\n") == 1 for block in said.split(b"\n\n")[:-1])
