from collections.abc import AsyncIterator

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.core.http.bodies import CHUNKED, UNTIL_CLOSE
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.core.http.serialise import ResponseStart, chunk, date_line, request_bytes, response_start

DATE = b"date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"


async def pieces() -> AsyncIterator[bytes]:
    yield b"piece"


def start(response: Response, *, method: str = "GET", minor: int = 1, close: bool = False) -> ResponseStart:
    return response_start(response, method=method, minor=minor, close=close, date=DATE)


def with_headers(**fields: str) -> Headers:
    return Headers({name.replace("_", "-"): value for name, value in fields.items()})


def test_response_with_bytes() -> None:
    result = start(Response(200, with_headers(x="y"), b"hello"))
    assert result.head == b"HTTP/1.1 200 OK\r\nx: y\r\n" + DATE + b"content-length: 5\r\n\r\n"
    assert (result.length, result.close) == (5, False)


@pytest.mark.parametrize(
    ("response", "method", "minor", "framing", "length", "close"),
    [
        (Response(200), "GET", 1, b"content-length: 0\r\n", 0, False),
        (Response(200, body=b"ab"), "HEAD", 1, b"content-length: 2\r\n", 0, False),
        (Response(200, with_headers(content_length="9")), "HEAD", 1, b"content-length: 9\r\n", 0, False),
        (Response(200, with_headers(content_length="9"), b"ab"), "GET", 1, b"content-length: 2\r\n", 2, False),
        (Response(204, body=b"ab"), "GET", 1, b"", 0, False),
        (Response(304, with_headers(content_length="9")), "GET", 1, b"", 0, False),
        (Response(200, body=pieces()), "GET", 1, b"transfer-encoding: chunked\r\n", CHUNKED, False),
        (Response(200, body=pieces()), "GET", 0, b"", UNTIL_CLOSE, True),
        (Response(200, body=pieces()), "HEAD", 1, b"", 0, False),
        (Response(200, with_headers(content_length="5"), pieces()), "GET", 0, b"content-length: 5\r\n", 5, False),
        (Response(200, with_headers(content_length="5"), pieces()), "HEAD", 1, b"content-length: 5\r\n", 0, False),
        (Response(200, with_headers(connection="close")), "GET", 1, b"content-length: 0\r\n", 0, True),
        (Response(200, with_headers(connection="x-hop")), "GET", 1, b"content-length: 0\r\n", 0, False),
    ],
)
def test_framing(response: Response, method: str, minor: int, framing: bytes, length: int, *, close: bool) -> None:
    result = start(response, method=method, minor=minor)
    end = b"connection: close\r\n\r\n" if close else b"\r\n"
    assert result.head.partition(b"\r\n")[2] == DATE + framing + end
    assert (result.length, result.close) == (length, close)


def test_last_response_says_so() -> None:
    assert start(Response(200), close=True).head.endswith(b"\r\nconnection: close\r\n\r\n")


def test_date_of_the_handler_is_kept() -> None:
    head = start(Response(200, with_headers(date="yesterday"))).head
    assert head.count(b"date:") == 1
    assert b"date: yesterday\r\n" in head


def test_unusual_status_has_no_reason() -> None:
    assert start(Response(599)).head.startswith(b"HTTP/1.1 599 \r\n")
    assert start(Response(499)).head.startswith(b"HTTP/1.1 499 Client Closed Request\r\n")


@pytest.mark.parametrize(
    "response",
    [
        Response(100),
        Response(199),
        Response(600),
        Response(200, with_headers(transfer_encoding="chunked")),
        Response(200, with_headers(content_length="x")),
        Response(200, with_headers(content_length="\xb2")),
    ],
)
def test_impossible_response_is_refused(response: Response) -> None:
    with pytest.raises(InvalidConfigError):
        start(response)


def test_chunk_and_date() -> None:
    assert chunk(b"a" * 26) == b"1a\r\n" + b"a" * 26 + b"\r\n"
    assert date_line(784111777) == b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"


def make_request(
    method: str = "GET", target: str = "/", fields: dict[str, str] | None = None, body: bytes = b""
) -> bytes:
    return request_bytes(method, target, host="h:1", headers=Headers(fields or {}), body=body)


def test_request() -> None:
    assert make_request(target="/a?b", fields={"X": "y"}) == b"GET /a?b HTTP/1.1\r\nhost: h:1\r\nx: y\r\n\r\n"
    assert make_request("POST").endswith(b"content-length: 0\r\n\r\n")
    assert make_request("DELETE", body=b"ab").endswith(b"content-length: 2\r\n\r\nab")


@pytest.mark.parametrize("method", ["", "GET /", "GET\r\n", "G T", "GET\0", "Ä", "A" * 33])
def test_bad_method_is_refused(method: str) -> None:
    with pytest.raises(InvalidConfigError, match="method"):
        make_request(method)


@pytest.mark.parametrize("target", ["", "a", "/a b", "/a\r\nx: y", "/a\n", "/a\0", "/ä", "/a#b", "http://a/", "*"])
def test_bad_target_is_refused(target: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        make_request(target=target)
    assert caught.value.path == "path"


@pytest.mark.parametrize(
    "name", ["Host", "content-length", "Transfer-Encoding", "connection", "expect", "te", "upgrade"]
)
def test_framing_is_not_the_callers(name: str) -> None:
    with pytest.raises(InvalidConfigError, match="set by the client"):
        make_request(fields={name: "1"})
