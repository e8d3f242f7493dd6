import pytest

from outrider.core.http.errors import ProtocolError
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Peer, Request
from outrider.core.http.request_parser import CONTINUE_EXPECTED, MAX_REMEMBERED_HEAD, RequestParser, Stage

PEER = Peer("127.0.0.1:5")
SMALL = Limits(request_line=40, header_bytes=60, header_count=3, body=10, chunk_line=10, chunk_extensions=12)


def make_parser(limits: Limits | None = None) -> RequestParser:
    return RequestParser(limits or Limits(), PEER)


def read_one(data: bytes, limits: Limits | None = None) -> Request:
    event = make_parser(limits).feed(data)[-1]
    assert isinstance(event, Request)
    return event


def refusal(data: bytes, limits: Limits | None = None) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        make_parser(limits).feed(data)
    return caught.value


def test_request_without_body() -> None:
    request = read_one(b"GET /a/b%20c?x=1&y HTTP/1.1\r\nHost: example:80\r\nX-A:  v \r\n\r\n")
    assert (request.method, request.target) == ("GET", "/a/b%20c?x=1&y")
    assert (request.path, request.query) == ("/a/b%20c", "x=1&y")
    assert list(request.headers) == [("host", "example:80"), ("x-a", "v")]
    assert (request.body, request.peer, request.close) == (b"", PEER, False)


def test_request_with_length() -> None:
    assert read_one(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello").body == b"hello"


def test_request_with_chunks_extensions_and_trailers() -> None:
    head = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: Chunked\r\n\r\n"
    request = read_one(
        head + b'3;a=b\r\nabc\r\n0A ;c="d"\r\n0123456789\r\n0\r\nx-sum: 1\r\n\r\n'.replace(b"A ;", b"A;")
    )
    assert request.body == b"abc0123456789"
    assert "x-sum" not in request.headers


def test_body_may_come_in_parts() -> None:
    parser = make_parser()
    stages = [parser.stage]
    for piece in (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-le", b"ngth: 5\r\n\r\nhe"):
        assert parser.feed(piece) == []
        stages.append(parser.stage)
    (request,) = parser.feed(b"llo")
    assert isinstance(request, Request)
    assert request.body == b"hello"
    assert [*stages, parser.stage] == [Stage.START, Stage.HEAD, Stage.BODY, Stage.START]


def test_pipelined_requests_come_one_by_one() -> None:
    parser = make_parser()
    data = b"".join(b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n" % number for number in range(3))
    paths = []
    events = parser.feed(data + b"GET /3")
    while events:
        (request,) = events
        assert isinstance(request, Request)
        paths.append(request.path)
        events = parser.feed(b"")
    assert paths == ["/0", "/1", "/2"]
    assert parser.stage is Stage.HEAD


def test_repeated_head_with_another_body() -> None:
    parser = make_parser()
    bodies = []
    for body in (b"one", b"two"):
        (request,) = parser.feed(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n" + body)
        assert isinstance(request, Request)
        bodies.append(request.body)
    assert bodies == [b"one", b"two"]


def test_long_head_is_not_remembered() -> None:
    parser = make_parser()
    parser.feed(b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * MAX_REMEMBERED_HEAD + b"\r\n\r\n")
    assert parser._known is None


@pytest.mark.parametrize("body", [b"", b"hel", b"hello"])
def test_expectation_is_told_before_the_body(body: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-Continue\r\ncontent-length: 5\r\n\r\n"
    assert make_parser().feed(head + body)[0] is CONTINUE_EXPECTED


def test_expectation_without_body_or_from_http_1_0_is_no_event() -> None:
    assert len(make_parser().feed(b"GET / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n\r\n")) == 1
    old = b"POST / HTTP/1.0\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n"
    assert make_parser().feed(old) == []


def test_unknown_expectation_is_refused() -> None:
    assert refusal(b"GET / HTTP/1.1\r\nhost: a\r\nexpect: tea\r\n\r\n").status == 417


@pytest.mark.parametrize(
    ("line", "close"),
    [
        (b"GET / HTTP/1.1\r\nhost: a", False),
        (b"GET / HTTP/1.1\r\nhost: a\r\nconnection: x, Close", True),
        (b"GET / HTTP/1.1\r\nhost: a\r\nconnection: keep-alive", False),
        (b"GET / HTTP/1.0", True),
        (b"GET / HTTP/1.0\r\nconnection: keep-alive", True),
        (b"GET / HTTP/1.7\r\nhost: a", False),
    ],
)
def test_when_the_connection_ends(line: bytes, *, close: bool) -> None:
    assert read_one(line + b"\r\n\r\n").close is close


@pytest.mark.parametrize(
    ("target", "path", "query", "host"),
    [
        (b"http://b:81/x?y", "/x", "y", "b:81"),
        (b"HTTPS://b", "/", "", "b"),
        (b"http://b?y", "/", "y", "b"),
        (b"http://[::1]:8/x", "/x", "", "[::1]:8"),
        (b"//b/x", "//b/x", "", "a"),
    ],
)
def test_absolute_target_replaces_host(target: bytes, path: str, query: str, host: str) -> None:
    request = read_one(b"GET " + target + b" HTTP/1.1\r\nhost: a\r\n\r\n")
    assert (request.path, request.query, request.headers.get_all("host")) == (path, query, [host])


def test_asterisk_is_for_options_only() -> None:
    assert read_one(b"OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n").path == "*"
    assert refusal(b"GET * HTTP/1.1\r\nhost: a\r\n\r\n").status == 400


def test_one_empty_line_before_a_request_is_skipped() -> None:
    assert read_one(b"\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n").path == "/"
    assert refusal(b"\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n").status == 400


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"a" * 40 + b" HTTP/1.1\r\n", 414),
        (b"GET /" + b"a" * 60, 414),
        (b"GET / HTTP/1.1\r\nhost: " + b"a" * 60 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nhost: " + b"a" * 60, 431),
        (b"GET / HTTP/1.1\r\nhost: a\r\nb: 1\r\nc: 1\r\nd: 1\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 11\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n8\r\n12345678\r\n3\r\n", 413),
        (b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nfffffffff\r\n", 413),
        (b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1;aaaaaaaaaa", 400),
        (b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1;aaaaaa\r\nx\r\n1;aaaaaa\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\na: " + b"b" * 60, 431),
    ],
)
def test_limits(data: bytes, status: int) -> None:
    assert refusal(data, SMALL).status == status


@pytest.mark.parametrize(
    "data",
    [
        b"GET /" + b"a" * 26 + b" HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: " + b"a" * 52 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nb: 1\r\nc: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n0123456789",
        b"GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\na;aaaaaaaa\r\n0123456789\r\n0\r\n\r\n",
    ],
)
def test_limits_are_inclusive(data: bytes) -> None:
    assert read_one(data, SMALL).method == "GET"


def test_fault_is_final() -> None:
    parser = make_parser()
    with pytest.raises(ProtocolError):
        parser.feed(b"GET\r\n")
    with pytest.raises(ProtocolError):
        parser.feed(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")


def test_tls_on_a_plain_port_is_named() -> None:
    assert "not TLS" in refusal(b"\x16\x03\x01\x02\x00\x01\x00").message


@pytest.mark.parametrize(("line", "status"), [(b"PRI * HTTP/2.0", 505), (b"GET / HTTP/0.9", 505), (b"GET /", 400)])
def test_other_versions(line: bytes, status: int) -> None:
    assert refusal(line + b"\r\nhost: a\r\n\r\n").status == status


def test_connect_is_not_supported() -> None:
    assert refusal(b"CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n").status == 501
