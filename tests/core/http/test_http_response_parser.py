import pytest

from outrider.core.http.bodies import CHUNKED, UNTIL_CLOSE
from outrider.core.http.errors import ProtocolError
from outrider.core.http.limits import Limits
from outrider.core.http.response_parser import MESSAGE_END, ResponseEvent, ResponseHead, ResponseParser

SMALL = Limits(request_line=30, header_bytes=60, header_count=3, body=10, interim=2)


def make_parser(method: str = "GET", limits: Limits | None = None) -> ResponseParser:
    parser = ResponseParser(limits or Limits())
    parser.expect(method)
    return parser


def head_of(events: list[ResponseEvent]) -> ResponseHead:
    assert isinstance(events[0], ResponseHead)
    return events[0]


def test_response_with_length() -> None:
    parser = make_parser()
    events = parser.feed(b"HTTP/1.1 200 All fine\r\nContent-Length: 5\r\nx: y\r\n\r\nhello")
    head = head_of(events)
    assert (head.status, head.reason, head.length, head.close) == (200, "All fine", 5, False)
    assert head.headers.get("x") == "y"
    assert events[1:] == [b"hello", MESSAGE_END]
    assert parser.idle


def test_response_with_chunks() -> None:
    events = make_parser().feed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n")
    assert head_of(events).length == CHUNKED
    assert events[1:] == [b"abc", b"d", MESSAGE_END]


def test_pieces_come_as_they_arrive() -> None:
    parser = make_parser()
    assert len(parser.feed(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n")) == 1
    assert not parser.idle
    assert parser.feed(b"ab") == [b"ab"]
    assert parser.feed(b"cd") == [b"cd", MESSAGE_END]


def test_response_until_close() -> None:
    parser = make_parser()
    events = parser.feed(b"HTTP/1.0 200 OK\r\n\r\nabc")
    assert (head_of(events).length, head_of(events).close) == (UNTIL_CLOSE, True)
    assert parser.feed(b"def") == [b"def"]
    assert parser.eof() == [MESSAGE_END]


@pytest.mark.parametrize(
    ("method", "head"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 5"),
        ("HEAD", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nx: y"),
        ("GET", b"HTTP/1.1 204 No Content\r\nx: y"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5"),
        ("GET", b"HTTP/1.1 200 OK\r\ncontent-length: 0"),
    ],
)
def test_response_without_body(method: str, head: bytes) -> None:
    parser = make_parser(method)
    events = parser.feed(head + b"\r\n\r\n")
    assert events[1:] == [MESSAGE_END]
    assert not head_of(events).close
    assert parser.idle


def test_interim_responses_are_dropped() -> None:
    data = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    assert head_of(make_parser().feed(data)).status == 200


@pytest.mark.parametrize("data", [b"HTTP/1.1 101 Switching\r\n\r\n", b"HTTP/1.1 102 Processing\r\n\r\n" * 3])
def test_interim_responses_are_bounded(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="interim"):
        make_parser(limits=SMALL).feed(data)


def test_reason_may_be_missing() -> None:
    assert head_of(make_parser("HEAD").feed(b"HTTP/1.1 200\r\n\r\n")).reason == ""
    assert head_of(make_parser("HEAD").feed(b"HTTP/1.1 200 \r\n\r\n")).reason == ""


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\n\n",
        b"HTTP/1.1 200 O\rK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
        b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx : y\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: y\r\n z\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
    ],
)
def test_malformed_response_is_refused(data: bytes) -> None:
    parser = make_parser()
    with pytest.raises(ProtocolError):
        parser.feed(data)
    with pytest.raises(ProtocolError):
        parser.feed(b"")
    assert not parser.idle


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 " + b"a" * 40,
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 60,
        b"HTTP/1.1 200 OK\r\na: 1\r\nb: 1\r\nc: 1\r\nd: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nb\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n0123456789a",
    ],
)
def test_response_is_bounded(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        make_parser(limits=SMALL).feed(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 2",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
)
def test_cut_response_is_an_error(data: bytes) -> None:
    parser = make_parser()
    parser.feed(data)
    with pytest.raises(ProtocolError, match="within the response"):
        parser.eof()


def test_end_between_responses_is_none() -> None:
    parser = ResponseParser(Limits())
    assert parser.eof() == []


def test_response_without_request_is_refused() -> None:
    parser = ResponseParser(Limits())
    assert parser.feed(b"") == []
    with pytest.raises(ProtocolError, match="nobody asked"):
        parser.feed(b"HTTP/1.1 200 OK\r\n\r\n")


def test_bytes_after_a_response_spoil_the_connection() -> None:
    parser = make_parser()
    assert parser.feed(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n")[-1] is MESSAGE_END
    assert not parser.idle
