import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.mcp.headers import check_headers, decode_value
from outrider.core.mcp.messages import ProtocolError, Request
from outrider.core.mcp.protocol import HEADER_MISMATCH, VERSION_KEY

VERSION = "2026-07-28"
GOOD = {"mcp-protocol-version": VERSION, "mcp-method": "tools/call", "mcp-name": "host_facts"}


def call(name: Any = "host_facts", method: str = "tools/call") -> Request:
    return Request(1, method, {"name": name, "_meta": {VERSION_KEY: VERSION}})


def encoded(text: str) -> str:
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


def test_headers_that_repeat_the_body_pass() -> None:
    check_headers(call(), GOOD)


def test_a_method_without_a_name_needs_no_name_header() -> None:
    check_headers(call(method="tools/list"), {**GOOD, "mcp-method": "tools/list"})


@given(st.text(min_size=1).filter(lambda text: text.encode("utf-8", "replace").decode() == text))
def test_a_name_in_base64_is_compared_decoded(name: str) -> None:
    check_headers(call(name), {**GOOD, "mcp-name": encoded(name)})


@pytest.mark.parametrize("missing", sorted(GOOD))
def test_each_header_is_required(missing: str) -> None:
    with pytest.raises(ProtocolError, match=missing) as caught:
        check_headers(call(), {name: value for name, value in GOOD.items() if name != missing})
    assert (caught.value.code, caught.value.status, caught.value.request_id) == (HEADER_MISMATCH, 400, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mcp-protocol-version", "2025-11-25"),
        ("mcp-method", "tools/List"),
        ("mcp-name", "HOST_facts"),
        ("mcp-name", encoded("other")),
        ("mcp-name", "=?base64?aG9zdF9mYWN0c=?="),
        ("mcp-name", "=?base64?aG9zdF9mYWN0cx==?="),
        ("mcp-name", "=?base64?/w==?="),
        ("mcp-name", "=?base64?äö?="),
    ],
)
def test_what_differs_or_cannot_be_read_is_refused(name: str, value: str) -> None:
    with pytest.raises(ProtocolError, match=name) as caught:
        check_headers(call(), {**GOOD, name: value})
    assert caught.value.code == HEADER_MISMATCH


def test_a_name_that_is_no_text_is_never_equal() -> None:
    with pytest.raises(ProtocolError):
        check_headers(call(name=None), {**GOOD, "mcp-name": "None"})


def test_plain_text_stands_for_itself() -> None:
    assert decode_value("=?base64?") == "=?base64?"
