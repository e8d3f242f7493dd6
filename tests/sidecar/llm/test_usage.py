"""Usage in every dialect, however its bytes are cut (traps T11 and T13)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.sidecar.llm.usage import LONGEST_LINE, StreamScanner, Usage, usage_at_end, usage_in, usage_of

CHAT: dict[str, Any] = {
    "choices": [],
    "usage": {
        "prompt_tokens": 20, "completion_tokens": 7, "total_tokens": 27, "prompt_tokens_details": {"cached_tokens": 16, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 3},
    },
}  # fmt: skip
RESPONSES: dict[str, Any] = {
    "type": "response.completed",
    "response": {"id": "r", "usage": {"input_tokens": 20, "output_tokens": 7, "input_tokens_details": {"cached_tokens": 16},
                                      "output_tokens_details": {"reasoning_tokens": 3}}},
}  # fmt: skip
ANTHROPIC_START: dict[str, Any] = {
    "type": "message_start",
    "message": {
        "usage": {
            "input_tokens": 4,
            "cache_read_input_tokens": 16,
            "cache_creation_input_tokens": 0,
            "output_tokens": 1,
        }
    },
}
ANTHROPIC_END: dict[str, Any] = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 7}}
GEMINI: dict[str, Any] = {
    "candidates": [],
    "usageMetadata": {
        "promptTokenCount": 20,
        "candidatesTokenCount": 4,
        "thoughtsTokenCount": 3,
        "cachedContentTokenCount": 16,
        "totalTokenCount": 27,
    },
}
WHOLE = Usage(input=20, output=7, cached=16, reasoning=3)


@pytest.mark.parametrize("document", [CHAT, RESPONSES, RESPONSES["response"], GEMINI])
def test_whole_answers(document: dict[str, Any]) -> None:
    assert usage_in(document) == WHOLE
    assert usage_of(json.dumps(document).encode()) == WHOLE


@pytest.mark.parametrize(
    "told",
    [
        {"prompt_tokens": 20, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 10},
         "completion_tokens_details": {"reasoning_tokens": 3}},
        {"input_tokens": 20, "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 3},
         "input_tokens_details": {
             "cached_tokens": 4, "cache_write_tokens": 10, "cache_write_tokens_details": {"ttl_30m_tokens": 10}}},
        {"input_tokens": 6, "output_tokens": 7, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 10,
         "output_tokens_details": {"thinking_tokens": 3}, "cache_creation": {"ephemeral_5m_input_tokens": 10}},
    ],
)  # fmt: skip
def test_what_was_written_to_a_cache_and_what_was_thought(told: dict[str, Any]) -> None:
    found = Usage(input=20, output=7, cached=4, written=10, reasoning=3)
    answer = json.dumps({"usage": told}).encode()
    assert usage_of(answer) == found
    assert usage_at_end(b'[{"text":"' + answer[1:]) == found


@given(
    st.dictionaries(
        st.sampled_from(["prompt_tokens", "completion_tokens", "prompt_tokens_details", "x"]),
        st.none()
        | st.integers()
        | st.text()
        | st.booleans()
        | st.dictionaries(st.sampled_from(["cached_tokens", "y"]), st.none() | st.integers(-5, 10**6)),
    )
)
def test_both_ways_of_reading_agree(usage: dict[str, Any]) -> None:
    document = {"choices": [{"message": {"content": "x"}}], "usage": usage}
    assert usage_of(json.dumps(document).encode()) == usage_in(document)


@pytest.mark.parametrize("indent", [None, 2])
def test_an_answer_that_is_a_list_of_parts(indent: int | None) -> None:
    first = {"candidates": [], "usageMetadata": {"promptTokenCount": 20, "candidatesTokenCount": 1}}
    parts = [first, GEMINI, {"candidates": []}]
    assert usage_of(json.dumps(parts, indent=indent).encode()) == WHOLE
    assert usage_of(b"[]") is usage_of(b"[1, null, []]") is None


def test_an_answer_of_anthropic() -> None:
    told = {
        "usage": {
            "input_tokens": 4,
            "cache_read_input_tokens": 10,
            "cache_creation_input_tokens": 6,
            "output_tokens": 7,
        }
    }
    assert usage_in(told) == Usage(input=20, output=7, cached=10, written=6)


@pytest.mark.parametrize(
    "document", [None, [], {}, {"usage": None}, {"usage": [1]}, {"usage": {}, "x": 1}, {"message": "m"}]
)
def test_answers_that_tell_nothing(document: Any) -> None:
    found = usage_in(document)
    assert found is None or found == Usage()


def test_numbers_that_are_none_count_as_nothing() -> None:
    told = {"prompt_tokens": -5, "completion_tokens": "7", "prompt_tokens_details": {"cached_tokens": True}}
    assert usage_in({"usage": told}) == Usage()


def events(*documents: Any, end: bytes = b"data: [DONE]\n\n") -> bytes:
    return b"".join(b"data: %s\n\n" % json.dumps(one).encode() for one in documents) + end


DELTA = {"choices": [{"delta": {"content": 'the word "usage": {"x": 1} in a text\n'}}], "usage": None}
STREAMS = [
    (events(DELTA, DELTA, CHAT), WHOLE),
    (b": ping\n\n" + events(RESPONSES, end=b""), WHOLE),
    (events(ANTHROPIC_START, DELTA, ANTHROPIC_END, end=b""), Usage(input=20, output=7, cached=16)),
    (events({"usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1}}, GEMINI, end=b""), WHOLE),
    (events(DELTA, CHAT).replace(b"\n", b"\r\n"), WHOLE),
    (events(DELTA, CHAT).replace(b"\n", b"\r"), WHOLE),
    (
        events(ANTHROPIC_START, end=b"") + events(ANTHROPIC_END, end=b"").replace(b"\n", b"\r"),
        Usage(input=20, output=7, cached=16),
    ),
    (events(CHAT, end=b"")[:-2], WHOLE),
]


@given(st.sampled_from(STREAMS), st.lists(st.integers(0, 900), max_size=40))
def test_streams_in_pieces(stream: tuple[bytes, Usage], cuts: list[int]) -> None:
    data, expected = stream
    scanner, at = StreamScanner(), 0
    for cut in sorted(cuts):
        scanner.feed(data[at:cut])
        at = max(at, cut)
    scanner.feed(data[at:])
    scanner.end()
    assert scanner.usage == expected


def test_byte_by_byte() -> None:
    for data, expected in STREAMS:
        scanner = StreamScanner()
        for at in range(len(data)):
            scanner.feed(data[at : at + 1])
        scanner.end()
        assert scanner.usage == expected


def test_a_line_without_an_end_takes_no_memory() -> None:
    scanner = StreamScanner()
    scanner.feed(b"data: ")
    for _ in range(100):
        scanner.feed(b'"usage' * 5000)
    assert len(scanner._rest) <= LONGEST_LINE
    scanner.feed(b"\n" + events(CHAT))
    assert scanner.overlong
    assert scanner.usage == WHOLE


def test_what_is_no_json_is_passed_over() -> None:
    scanner = StreamScanner()
    scanner.feed(b'data: {"usage\ndata: \xff"usage"\n"usage"\nevent: "usage\n' + events(CHAT))
    assert scanner.usage == WHOLE
