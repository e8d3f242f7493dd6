from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from outrider.core.http.errors import ProtocolError
from outrider.core.http.headers import Headers
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Peer, Request, Response
from outrider.core.http.request_parser import RequestEvent, RequestParser
from outrider.core.http.response_parser import ResponseEvent, ResponseHead, ResponseParser
from outrider.core.http.serialise import LAST_CHUNK, chunk, request_bytes, response_start

LIMITS = Limits(request_line=200, header_bytes=400, header_count=8, body=300, chunk_line=20, chunk_extensions=60)
TOKEN = st.text("abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=12)
VALUE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=20)
VALUES = VALUE.filter(lambda value: not any(0x80 <= ord(character) <= 0x9F for character in value))
RESERVED = {"host", "content-length", "transfer-encoding", "connection", "expect", "te", "upgrade", "date"}
NAME = TOKEN.filter(lambda name: name.lower() not in RESERVED)
FIELDS = st.lists(st.tuples(NAME, VALUES), max_size=5)
BODY = st.binary(max_size=100)
TARGET = st.text("abc/%20?&=.~-", max_size=20).map("/".__add__)
METHOD = TOKEN.filter(lambda method: method != "CONNECT")
SEEDS = (
    b"GET /a?b=c HTTP/1.1\r\nhost: a\r\nx-y: z\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nt: 1\r\n\r\n",
    b"GET http://b/c HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    b"OPTIONS * HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\nhost: a\n\n",
    b"GET / HTTP/2.0\r\n\r\n",
)
ANSWERS = (
    b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"HTTP/1.0 200\r\nx: y\r\n\r\nuntil the end",
    b"HTTP/1.1 204 No Content\r\n\r\n",
)


def request_events(pieces: list[bytes]) -> list[RequestEvent | int]:
    """All events, and the status of the refusal where there is one."""
    parser = RequestParser(LIMITS, Peer("a:1"))
    found: list[RequestEvent | int] = []
    try:
        for piece in pieces:
            events = parser.feed(piece)
            while events:
                found += events
                events = parser.feed(b"")
    except ProtocolError as error:
        found.append(error.status)
    return found


def response_events(pieces: list[bytes]) -> list[ResponseEvent | int]:
    """All events with the body in one piece, and the status of the refusal where there is one."""
    parser = ResponseParser(LIMITS)
    parser.expect("GET")
    found: list[ResponseEvent | int] = []
    try:
        for piece in pieces:
            for event in parser.feed(piece):
                last = found[-1] if found else None
                if isinstance(event, bytes) and isinstance(last, bytes):
                    found[-1] = last + event
                else:
                    found.append(event)
        found += parser.eof()
    except ProtocolError as error:
        found.append(error.status)
    return found


def without_early(events: list[Any]) -> list[Any]:
    """What does not depend on whether a part of a message came before the fault in the rest of it."""
    if events and isinstance(events[-1], int):
        return [event for event in events if isinstance(event, Request | int)]
    return events


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(bounds)]


def mutated(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for place, length, replacement in changes:
        at = place % (len(data) + 1)
        data = data[:at] + replacement + data[at + length :]
    return data


PLACES = st.lists(st.integers(0, 2000), max_size=6)
INSERTS = st.binary(max_size=3) | st.sampled_from([b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b"\0", b"0", b"\r\n\r\n"])
CHANGES = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 4), INSERTS), max_size=4)


@given(METHOD, TARGET, FIELDS, BODY, PLACES)
def test_request_round_trip(
    method: str, target: str, fields: list[tuple[str, str]], body: bytes, places: list[int]
) -> None:
    data = request_bytes(method, target, host="h:1", headers=Headers(fields), body=body)
    (request,) = request_events(cut(data, places))
    assert isinstance(request, Request)
    assert (request.method, request.target, request.body) == (method, target, body)
    sent = [field for field in request.headers if field[0] not in RESERVED]
    assert sent == list(Headers(fields))


@given(st.sampled_from([200, 201, 404, 500, 599]), FIELDS, st.lists(BODY.filter(len), max_size=3), PLACES)
def test_chunked_response_round_trip(
    status: int, fields: list[tuple[str, str]], bodies: list[bytes], places: list[int]
) -> None:
    head = b"HTTP/1.1 %d \r\n%btransfer-encoding: chunked\r\n\r\n" % (status, Headers(fields).wire())
    events = response_events(cut(head + b"".join(map(chunk, bodies)) + LAST_CHUNK, places))
    assert isinstance(events[0], ResponseHead)
    assert events[0].status == status
    assert b"".join(event for event in events if isinstance(event, bytes)) == b"".join(bodies)


@given(st.sampled_from([200, 204, 304, 404]), FIELDS, BODY, PLACES)
def test_response_round_trip(status: int, fields: list[tuple[str, str]], body: bytes, places: list[int]) -> None:
    response = Response(status, Headers(fields), body)
    start = response_start(response, method="GET", minor=1, close=False, date=b"")
    events = response_events(cut(start.head + body[: start.length], places))
    assert isinstance(events[0], ResponseHead)
    assert [field for field in events[0].headers if field[0] not in RESERVED] == list(Headers(fields))
    content = b"".join(event for event in events if isinstance(event, bytes))
    assert content == (b"" if status in (204, 304) else body)


@given(st.lists(st.sampled_from(SEEDS), min_size=1, max_size=3).map(b"".join), CHANGES, PLACES)
def test_cutting_changes_no_request(data: bytes, changes: list[tuple[int, int, bytes]], places: list[int]) -> None:
    data = mutated(data, changes)
    whole = without_early(request_events([data]))
    assert without_early(request_events(cut(data, places))) == whole
    assert without_early(request_events([bytes([octet]) for octet in data])) == whole


def test_every_place_to_cut_a_request() -> None:
    for data in SEEDS:
        whole = request_events([data])
        assert all(request_events([data[:place], data[place:]]) == whole for place in range(len(data)))


@given(st.sampled_from(ANSWERS), CHANGES, PLACES)
def test_cutting_changes_no_response(data: bytes, changes: list[tuple[int, int, bytes]], places: list[int]) -> None:
    data = mutated(data, changes)
    whole = without_early(response_events([data]))
    assert without_early(response_events(cut(data, places))) == whole
    assert without_early(response_events([bytes([octet]) for octet in data])) == whole


def test_every_place_to_cut_a_response() -> None:
    for data in ANSWERS:
        whole = response_events([data])
        assert all(response_events([data[:place], data[place:]]) == whole for place in range(len(data)))
        assert response_events([bytes([octet]) for octet in data]) == whole


@given(st.binary(max_size=600))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    request_events([data])
    response_events([data])


@given(st.sampled_from(SEEDS), CHANGES)
def test_accepted_requests_mean_one_thing(data: bytes, changes: list[tuple[int, int, bytes]]) -> None:
    """What is accepted is written again without the words of the sender, and is then the same request."""
    for event in request_events([mutated(data, changes)]):
        if isinstance(event, Request) and event.target.startswith("/"):
            kept = Headers.trusted([field for field in event.headers if field[0] not in RESERVED])
            again = request_bytes(event.method, event.target, host="a", headers=kept, body=event.body)
            (request,) = request_events([again])
            assert isinstance(request, Request)
            assert (request.path, request.query, request.body) == (event.path, event.query, event.body)
