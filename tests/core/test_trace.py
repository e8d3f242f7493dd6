import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.trace import (
    TraceParent,
    format_traceparent,
    is_trace_id,
    new_span_id,
    new_trace_id,
    parse_traceparent,
)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


def test_new_ids_are_valid_and_differ() -> None:
    assert is_trace_id(new_trace_id())
    assert len({new_trace_id() for _ in range(100)}) == 100
    assert len(new_span_id()) == 16


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("03", True), ("02", False)])
def test_header_is_read(flags: str, sampled: bool) -> None:
    assert parse_traceparent(f"00-{TRACE}-{SPAN}-{flags}") == TraceParent(TRACE, SPAN, sampled)


def test_header_round_trip() -> None:
    assert parse_traceparent(format_traceparent(TRACE, SPAN, sampled=False)) == TraceParent(TRACE, SPAN, False)


def test_later_versions_may_say_more() -> None:
    assert parse_traceparent(f"01-{TRACE}-{SPAN}-01-more") == TraceParent(TRACE, SPAN, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01-more",
        f"01-{TRACE}-{SPAN}-01more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-01\n",
    ],
)
def test_malformed_header_is_replaced(text: str) -> None:
    found = parse_traceparent(text)
    assert is_trace_id(found.trace_id)
    assert found.trace_id != TRACE
    assert (found.span_id, found.sampled) == ("", True)


@given(st.text())
def test_any_text_gives_a_valid_trace(text: str) -> None:
    assert is_trace_id(parse_traceparent(text).trace_id)


@pytest.mark.parametrize("text", ["", "0" * 32, TRACE[:-1], TRACE.upper(), TRACE + "\n"])
def test_other_texts_are_no_trace_ids(text: str) -> None:
    assert not is_trace_id(text)
