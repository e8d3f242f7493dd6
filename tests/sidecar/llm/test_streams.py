"""Events in pieces of any size, whatever their lines end with; what is taken out of a stream, and what stays in it."""

import asyncio
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.sidecar.llm.streams import WithoutUsage
from outrider.sidecar.llm.usage import LONGEST_LINE, StreamScanner, Usage
from tests.sidecar.llm.support import USAGE, gateway
from tests.sidecar.llm.test_gate import CALL, DELTA, DONE, TOLD
from tests.sidecar.proxy.support import Reader, Script

ENDS = [b"\n", b"\r\n", b"\r"]


def passed(filter_: WithoutUsage, *pieces: bytes) -> bytes:
    return b"".join([*(filter_.pass_on(piece) for piece in pieces), filter_.rest()])


def events_of(stream: bytes) -> list[bytes]:
    """Return the events as a client reads them."""
    lines = stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return [event.strip(b"\n") for event in lines.split(b"\n\n") if event.strip(b"\n")]


@given(
    st.lists(st.sampled_from([DELTA, TOLD, DONE, b": ping\n\n", b"event: a\ndata: b\ndata: c\n\n"]), max_size=6),
    st.lists(st.sampled_from(ENDS), min_size=1, max_size=6),
    st.lists(st.integers(0, 1500), max_size=40),
)
def test_only_usage_is_taken_out_however_lines_end_and_pieces_are_cut(
    events: list[bytes], ends: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(event.replace(b"\n", ends[number % len(ends)]) for number, event in enumerate(events))
    filter_, places = WithoutUsage(), [0, *sorted(cuts), len(data)]
    got = passed(filter_, *(data[first:last] for first, last in itertools.pairwise(places)))
    assert events_of(got) == [event.strip() for event in events if event != TOLD]
    assert filter_.scanner.usage == (Usage(input=100, output=50) if TOLD in events else None)
    assert filter_.scanner.events == sum(event.count(b"data:") for event in events)


@pytest.mark.parametrize("end", ENDS)
def test_an_event_leaves_with_its_last_byte(end: bytes) -> None:
    filter_, scanner = WithoutUsage(), StreamScanner()
    for event in (DELTA, b"event: a\ndata: 1\n\n", DELTA):
        data = event.replace(b"\n", end)
        assert filter_.pass_on(data) == data
        scanner.feed(data)
    assert scanner.events == filter_.scanner.events == 3


@pytest.mark.timeout(20)
def test_a_long_event_that_comes_byte_by_byte_is_looked_at_once() -> None:
    text = json.dumps({"choices": ["a"], "x": "a" * (LONGEST_LINE - 1000), "usage": USAGE}).encode()
    data = b"data: %s\n\n" % text
    filter_ = WithoutUsage()
    assert passed(filter_, *(data[at : at + 1] for at in range(len(data)))) == data
    assert filter_.scanner.usage == Usage(input=100, output=50)
    assert filter_.scanner.events == 1


def test_what_has_no_end_is_not_held_for_ever() -> None:
    filter_ = WithoutUsage()
    for _ in range(50):
        filter_.pass_on(b"a" * 100_000)
        assert len(filter_._held) + len(filter_.scanner._rest) <= 2 * LONGEST_LINE


def event(**more: Any) -> bytes:
    return b"data: %s\n\n" % json.dumps({"choices": [], "usage": USAGE, **more}).encode()


@pytest.mark.parametrize(
    "more",
    [{"citations": ["https://a.test"]}, {"error": {"message": "m"}}, {"choices": [{"delta": {}}]}, {"x": 1}, {"usage": None}],
)  # fmt: skip
def test_an_event_that_says_more_than_usage_is_the_client_s(more: dict[str, Any]) -> None:
    assert passed(WithoutUsage(), event(**more)) == event(**more)


@pytest.mark.parametrize(
    "more",
    [{}, {"id": "c", "object": "o", "created": 1, "model": "m", "system_fingerprint": "f", "service_tier": "s", "obfuscation": "x"},
     {"provider": "p", "timings": {"prompt_n": 1}}, {"error": None, "citations": []}],
)  # fmt: skip
def test_one_that_does_not_is_the_gateway_s(more: dict[str, Any]) -> None:
    assert passed(WithoutUsage(), event(**more)) == b""


@pytest.mark.parametrize("end", ENDS)
def test_a_stream_is_torn_where_it_ends_inside_an_event(end: bytes) -> None:
    whole = {"", "data: 1\n\n", "data: 1\n\n: ping\n", ": ping", "data: 1\n\ndata: [DONE]", "data:[DONE]\n"}
    torn = {"d", "data: 1", "data: 1\n", "event: a\n", "data: 1\n\ndata: {", "data: [DONE", ": ping\n\nevent: a"}
    for stream in sorted(whole | torn):
        data = stream.encode().replace(b"\n", end)
        for step in (1, 100):
            scanner = StreamScanner()
            for at in range(0, len(data), step):
                scanner.feed(data[at : at + step])
            assert scanner.torn is (stream in torn), stream


def closing(data: bytes) -> Script:
    """Return a script that streams until it closes the connection."""

    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + DELTA)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(data)

    return script


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("torn", [b'data: {"choices": [', DELTA[:-1], b"event: a\n"])
async def test_one_that_ends_with_the_connection_must_not_end_inside_an_event(
    tmp_path: Path, torn: bytes, own: bool
) -> None:
    async with gateway(tmp_path, closing(DELTA + torn)) as found:
        answer = await found.ask(**CALL, stream=True, stream_options={"include_usage": own})
        assert b'"message":"the upstream closed the connection inside an event"' in answer.body
        assert answer.body.startswith(DELTA + DELTA)
        (entry,) = await found.entries(1)
        assert (entry.outcome, entry.estimated) == ("cut", True)


async def test_one_that_does_not_is_whole(tmp_path: Path) -> None:
    async with gateway(tmp_path, closing(TOLD + DONE)) as found:
        assert (await found.ask(**CALL, stream=True)).body == DELTA + DONE
        (entry,) = await found.entries(1)
        assert (entry.outcome, entry.output) == ("whole", 50)
