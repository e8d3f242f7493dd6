"""What a service answers, as results."""

from typing import Any

import pytest

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.sidecar.tools.servers.openapi.answers import LONGEST_ERROR, read_answer


def answered(
    status: int, body: bytes = b"", media: str = "", method: str = "GET", **headers: str
) -> tuple[str, Any, bool]:
    fields = [
        *([("content-type", media)] if media else []),
        *((key.replace("_", "-"), value) for key, value in headers.items()),
    ]
    result = read_answer(method, Response(status, Headers(fields), body))
    ((content),) = result["content"]
    assert content["type"] == "text"
    return content["text"], result.get("structuredContent"), result["isError"]


@pytest.mark.parametrize(
    ("media", "body", "structured"),
    [
        ("application/json", b'{"a": 1}', {"a": 1}), ("application/json; charset=utf-8", b"[1]", {"result": [1]}),
        ("application/problem+json", b"5", {"result": 5}), ("application/json", b"null", {"result": None}),
        ("application/json", b"{", None), ("application/json", b"[" * 5000 + b"]" * 5000, None),
        ("text/plain", b"hello", None), ("application/xml", b"<a/>", None), ("", b"hello", None), ("", b'{"a":1}', None),
    ],
)  # fmt: skip
def test_texts(media: str, body: bytes, structured: Any) -> None:
    assert answered(200, body, media) == (body.decode(), structured, False)


@pytest.mark.parametrize(
    ("media", "body", "text"),
    [
        ("text/plain; charset=iso-8859-1", b"\xfc", "ü"), ("text/plain; charset='utf-16'", "ü".encode("utf-16"), "ü"),
        ("text/plain; charset=zip", b"x", "x"), ("text/plain", b"\xff", "\ufffd"),
        ("image/png", b"\x89PNG", "image/png, 4 bytes, which are not shown"), ("", b"\0\1", "2 bytes of no known type, which are not shown"),
        ("", b"\xff", "1 bytes of no known type, which are not shown"), ("application/octet-stream", b"", "application/octet-stream, 0 bytes, which are not shown"),
    ],
)  # fmt: skip
def test_encodings_and_what_is_no_text(media: str, body: bytes, text: str) -> None:
    assert answered(200, body, media) == (text, None, False)


def test_nothing() -> None:
    assert answered(204) == ("", None, False)
    assert answered(201, location="/a/1") == ("location: /a/1", {"location": "/a/1"}, False)


def test_head() -> None:
    text, structured, failed = answered(200, method="HEAD", etag='"a"', set_cookie="s=1")
    assert structured == {"status": 200, "headers": {"etag": '"a"'}}
    assert text.startswith('{"status":200')
    assert not failed


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (404, {}, "HTTP status 404 Not Found\nno"), (299, {}, "no"), (599, {}, "HTTP status 599\nno"),
        (302, {"location": "http://b.internal/"}, "HTTP status 302 Found, to http://b.internal/; redirects are not followed\nno"),
        (429, {"retry_after": "7"}, "HTTP status 429 Too Many Requests, again after 7\nno"),
    ],
)  # fmt: skip
def test_failures(status: int, headers: dict[str, str], said: str) -> None:
    text, structured, failed = answered(status, b"no", "text/plain", **headers)
    assert text == said
    assert failed is (status >= 300)
    assert structured == ({"status": status} if failed else None)


def test_a_long_failure_is_cut() -> None:
    text, _, failed = answered(500, b"x" * 10_000_000, "text/plain")
    assert failed
    assert len(text) < LONGEST_ERROR + 100
