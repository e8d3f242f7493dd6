"""Trace ids and the `traceparent` header. Rules: W3C Trace Context, sections 3.2 and 4.3."""

import re
import secrets

import msgspec

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16
_SAMPLED = 1
TRACEPARENT = "traceparent"


class TraceParent(msgspec.Struct, frozen=True):
    """A place in a trace.

    Attributes:
        trace_id: 32 hexadecimal digits, not all zero.
        span_id: 16 hexadecimal digits, not all zero; empty where a trace begins.
        sampled: Whether the caller records the trace.
    """

    trace_id: str
    span_id: str = ""
    sampled: bool = True


def new_trace_id() -> str:
    """Return a random trace id."""
    return secrets.token_hex(16)


def new_span_id() -> str:
    """Return a random span id."""
    return secrets.token_hex(8)


def is_trace_id(text: str) -> bool:
    """Return whether the text is a valid trace id; the one of zeros only is not."""
    return _TRACE_ID.fullmatch(text) is not None and text != _NO_TRACE


def parse_traceparent(text: str) -> TraceParent:
    """Return what the header says; a malformed, all-zero or absent one is replaced by the start of a new trace."""
    match = _TRACEPARENT.fullmatch(text.strip(" \t"))
    if match is None:
        return TraceParent(new_trace_id())
    version, trace_id, span_id, flags, more = match.groups()
    # Later versions may append fields, version 00 may not; ff is forbidden.
    if version == "ff" or (version == "00" and more) or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return TraceParent(new_trace_id())
    return TraceParent(trace_id, span_id, bool(int(flags, 16) & _SAMPLED))


def format_traceparent(trace_id: str, span_id: str, *, sampled: bool = True) -> str:
    """Return the header of version 00."""
    return f"00-{trace_id}-{span_id}-{'01' if sampled else '00'}"
