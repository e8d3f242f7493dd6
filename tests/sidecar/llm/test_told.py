"""What providers tell of a call, or do not, is what it costs; who leaves early pays for what may have been made."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from outrider.sidecar.llm.attempt import LONGEST_ANSWER
from outrider.sidecar.llm.bodies import Call
from outrider.sidecar.llm.unpacking import LONGEST_PIECE, Unpacker
from outrider.sidecar.llm.usage import StreamScanner, Usage, usage_in, usage_of
from tests.sidecar.llm.support import ANSWER, USAGE, Gateway, gateway, saying, streaming
from tests.sidecar.llm.test_gate import CALL, DELTA, DONE, TOLD, event


def anthropic(kind: str, **more: Any) -> bytes:
    return b"event: %s\n" % kind.encode() + event({"type": kind, **more})


START = anthropic(
    "message_start", message={"usage": {"input_tokens": 10, "cache_read_input_tokens": 1000, "output_tokens": 1}}
)
PIECE = anthropic("content_block_delta", delta={"type": "text_delta", "text": "a"})


async def leave(found: Gateway, after: float) -> None:
    body = json.dumps(CALL).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", found.port)
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    await asyncio.sleep(after)
    writer.close()


async def test_who_leaves_before_the_answer_pays_for_what_may_come(tmp_path: Path) -> None:
    async def slow(reader: Any, writer: asyncio.StreamWriter) -> None:
        del writer
        await reader.readuntil(b"")
        await asyncio.sleep(30)

    budget = {"amount": 20_000_000, "per": "day"}
    async with gateway(tmp_path, slow, budget=budget, usual_answer=1000) as found:
        await leave(found, 0.2)
        (entry,) = await found.entries(1)
        size = len(json.dumps(CALL))
        assert (entry.outcome, entry.estimated) == ("failed", True)
        assert entry.output == 1000
        assert entry.cost >= 1000 * 2000
        assert entry.input <= size


async def test_a_cut_stream_of_anthropic_costs_what_had_come(tmp_path: Path) -> None:
    async with gateway(tmp_path, streaming(START, *[PIECE] * 50, end=False), dialect="anthropic") as found:
        await found.ask("/v1/messages", stream=True, max_tokens=100, **CALL)
        (entry,) = await found.entries(1)
        assert (entry.outcome, entry.estimated) == ("cut", True)
        assert (entry.input, entry.cached, entry.output) == (1010, 1000, 51)


def test_what_events_tell_is_merged_as_it_is_written() -> None:
    scanner = StreamScanner()
    scanner.feed(START)
    found = [scanner.partial]
    scanner.feed(anthropic("message_delta", usage={"input_tokens": 10, "output_tokens": 77}))
    assert [*found, scanner.partial] == [True, False]
    assert scanner.usage == Usage(input=1010, output=77, cached=1000)


def test_a_long_event_is_looked_into_however_it_comes() -> None:
    told = event(
        {
            "type": "response.completed",
            "response": {"instructions": "a" * 90_000, "usage": {"input_tokens": 7, "output_tokens": 3}},
        }
    )
    scanner = StreamScanner()
    for at in range(0, len(told), 16_000):
        scanner.feed(told[at : at + 16_000])
    assert scanner.usage == Usage(input=7, output=3)


@pytest.mark.parametrize(
    "told", [{}, {"total_tokens": 150}, {"completion_tokens": 50}, {"prompt_tokens": 100.0}, {"prompt_tokens": None}]
)
def test_what_is_not_understood_is_not_nothing(told: dict[str, Any]) -> None:
    assert usage_in({"usage": told}) is None
    assert usage_of(json.dumps({"usage": told}).encode()) is None


async def test_the_end_of_a_very_long_answer_tells_its_usage(tmp_path: Path) -> None:
    long = {"data": [{"embedding": [0.123456789] * 400_000}], "usage": {"prompt_tokens": 500, "total_tokens": 500}}
    untold = {"data": long["data"]}
    for document, expected in ((long, (500, 0, False)), (untold, (11, 0, True))):
        async with gateway(tmp_path / str(len(document)), saying(document)) as found:
            await found.ask("/v1/embeddings", model="default", input="hello world")
            (entry,) = await found.entries(1)
            assert (entry.input, entry.output, entry.estimated) == expected


@pytest.mark.parametrize(
    ("body", "most", "answers"),
    [
        ({"max_tokens": 1, "max_completion_tokens": 100}, 100, 1), ({"max_output_tokens": 0, "max_tokens": 100}, 100, 1),
        ({"prompt": ["a", "b", "c"], "max_tokens": 10}, 10, 3), ({"prompt": [1, 2, 3], "max_tokens": 10}, 10, 1),
        ({"prompt": "a", "n": 2, "best_of": 20}, None, 20), ({"n": 100}, None, 100),
        ({"generationConfig": {"maxOutputTokens": 60, "candidateCount": 4}}, 60, 4),
    ],
)  # fmt: skip
def test_as_much_is_reserved_as_a_call_allows(body: dict[str, Any], most: int | None, answers: int) -> None:
    call = Call(json.dumps(body).encode())
    assert (call.most_tokens, call.answers) == (most, answers)


async def test_a_packed_stream_may_have_a_member_for_each_event(tmp_path: Path) -> None:
    packed = b"".join(gzip.compress(one) for one in (DELTA, DELTA, TOLD, DONE))
    fields = "content-type: Text/Event-Stream\r\ncontent-encoding: gzip\r\n"
    async with gateway(tmp_path, saying(packed, fields=fields)) as found:
        answer = await found.ask(stream=True, **CALL)
        assert answer.body == DELTA + DELTA + DONE
        (entry,) = await found.entries(1)
        assert (entry.input, entry.output, entry.outcome) == (
            USAGE["prompt_tokens"],
            USAGE["completion_tokens"],
            "whole",
        )


async def test_a_packed_answer_without_its_end_is_not_whole(tmp_path: Path) -> None:
    packed = gzip.compress(json.dumps(ANSWER).encode())[:-12]
    async with gateway(tmp_path, saying(packed, fields="content-encoding: gzip\r\n"), saying(ANSWER)) as found:
        assert (await found.ask(**CALL)).document == ANSWER, "of the next provider"
        entries = [(one.provider, one.outcome, one.estimated, one.cost > 0) for one in await found.entries(2)]
        assert entries == [("p0", "failed", True, True), ("p1", "whole", False, True)], "both have made one"


async def test_its_last_piece_may_be_short(tmp_path: Path) -> None:
    async def script(reader: Any, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
        body = json.dumps({"data": "a" * (LONGEST_ANSWER + 1000), "usage": {"prompt_tokens": 500}}).encode()
        for piece in (body[:-4], body[-4:]):
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(0.1)
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async with gateway(tmp_path, script) as found:
        await found.ask("/v1/embeddings", model="default", input="hello world")
        (entry,) = await found.entries(1)
        assert (entry.input, entry.estimated) == (500, False)


GEMINI_CALL = "/v1beta/models/default:streamGenerateContent"


def generated(text: str, tokens: int) -> dict[str, Any]:
    usage = {"promptTokenCount": 100, "candidatesTokenCount": tokens, "promptTokensDetails": [{"tokenCount": 100}]}
    return {"candidates": [{"content": {"parts": [{"text": text}]}}], "usageMetadata": usage}


@pytest.mark.parametrize(("end", "expected"), [("]", (100, 50, "whole")), ("", (100, 50, "cut"))])
async def test_a_stream_of_gemini_without_events_tells_its_usage_last(
    tmp_path: Path, end: str, expected: tuple[int, int, str]
) -> None:
    body = json.dumps([generated('"usageMetadata": {"promptTokenCount": 7}', 20), generated("hi", 50)])[:-1] + end

    async def script(reader: Any, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
        for piece in (body[:99].encode(), body[99:].encode()):
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n" if end else b"")

    async with gateway(tmp_path, script, dialect="gemini") as found:
        assert (await found.ask(GEMINI_CALL, contents=[])).body == body.encode()
        (entry,) = await found.entries(1)
        assert (entry.input, entry.output, entry.outcome) == expected
        assert not entry.estimated


async def test_one_that_is_cut_before_it_tells_is_estimated(tmp_path: Path) -> None:
    script = saying(b'[{"candidates": [', fields="content-type: application/json\r\n")
    async with gateway(tmp_path, script, dialect="gemini") as found:
        await found.ask(GEMINI_CALL, contents=[])
        assert (await found.entries(1))[0].estimated


def test_unpacking_is_bounded() -> None:
    zeros = gzip.compress(bytes(LONGEST_PIECE + 1))
    with pytest.raises(ValueError, match="more than"):
        Unpacker().unpack(zeros)
    with pytest.raises(ValueError, match="more than"):
        Unpacker().unpack(gzip.compress(bytes(LONGEST_PIECE // 2 + 1)) * 2)
    unpacker = Unpacker()
    pieces = b"".join(unpacker.unpack(bytes([byte])) for byte in gzip.compress(b"ab") + gzip.compress(b"cd"))
    assert (pieces, unpacker.whole) == (b"abcd", True)


async def test_offline_a_body_that_cannot_be_read_holds_no_place(tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("- say: hi\n")
    async with gateway(tmp_path, saying(ANSWER), offline=str(script), limits={"concurrent": 1}) as found:
        for _ in range(2):
            refused = await found.raw("/v1/chat/completions", b'{"model": "default", "messages": [], "x": "\xff"}')
            assert refused.status == 400
        assert found.agent.limits.running == 0


async def test_events_that_hold_many_words_are_many_tokens(tmp_path: Path) -> None:
    words = event({"choices": [{"delta": {"content": "word " * 200}}], "usage": None})
    budget = {"amount": 2_000_000, "per": "day"}
    async with gateway(tmp_path, streaming(*[words] * 100, pause=0.001), budget=budget, usual_answer=50) as found:
        answer = await found.ask(**CALL, stream=True)
        assert b"the budget of this period is used up" in answer.body
        (entry,) = await found.entries(1)
        assert (entry.outcome, entry.estimated) == ("cut", True)
        assert entry.cost <= 2_000_000


async def test_the_end_of_a_torn_stream_is_an_event_of_its_own(tmp_path: Path) -> None:
    async with gateway(tmp_path, streaming(START, b'event: ping\ndata: {"a', end=False), dialect="anthropic") as found:
        answer = await found.ask("/v1/messages", stream=True, max_tokens=100, **CALL)
        assert answer.body.split(b"\n\n")[-2].startswith(b"event: error\ndata: {")
