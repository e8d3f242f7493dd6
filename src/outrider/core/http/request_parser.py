"""Reads requests from bytes.

start --request line, fields--> body --complete--> start        one Request for each round
  |                               |
  +---------- any fault ----------+--> failed (every later call raises the same error)
"""

from enum import Enum

from outrider.core.http.bodies import CHUNKED, ChunkedBody, FixedBody
from outrider.core.http.errors import ProtocolError
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Peer, Request
from outrider.core.http.request_head import RequestHead, read_request_head

MAX_REMEMBERED_HEAD = 2048


class ContinueExpected(Enum):
    """The sender of the next request waits for `100 Continue` before it sends the body."""

    CONTINUE_EXPECTED = "100-continue"


CONTINUE_EXPECTED = ContinueExpected.CONTINUE_EXPECTED
RequestEvent = Request | ContinueExpected


class Stage(Enum):
    """What has been received of the next request: nothing, a part of its head, its head."""

    START = "start"
    HEAD = "head"
    BODY = "body"


class _Unfinished:
    """A request whose body is not complete yet."""

    __slots__ = ("content", "decoder", "head")

    def __init__(self, head: RequestHead, limits: Limits) -> None:
        self.head = head
        self.decoder = ChunkedBody(limits) if head.length == CHUNKED else FixedBody(head.length)
        self.content = bytearray()

    def feed(self, data: bytes) -> int:
        """Return how many bytes were used."""
        pieces: list[bytes] = []
        used = self.decoder.feed(data, 0, pieces)
        for piece in pieces:
            self.content += piece
        return used


class RequestParser:
    """An incremental reader of the requests of one connection.

    Args:
        limits: Bounds; what goes beyond is refused with 413, 414 or 431.
        peer: Put into every request.
    """

    __slots__ = ("_failure", "_known", "_known_bytes", "_limits", "_peer", "_rest", "_unfinished")

    def __init__(self, limits: Limits, peer: Peer) -> None:
        self._limits = limits
        self._peer = peer
        self._rest = b""
        self._unfinished: _Unfinished | None = None
        self._failure: ProtocolError | None = None
        # Senders on a kept connection repeat themselves, and the same bytes mean the same head.
        self._known: RequestHead | None = None
        self._known_bytes = b""

    @property
    def stage(self) -> Stage:
        """What has been received of the next request."""
        if self._unfinished is not None:
            return Stage.BODY
        return Stage.HEAD if self._rest else Stage.START

    def feed(self, data: bytes) -> list[RequestEvent]:
        """Take bytes and return what they complete: at most one Request, before it CONTINUE_EXPECTED where asked for.

        Bytes after that request wait inside, so that a sender of many cannot fill the memory with parsed requests:
        `feed(b"")` goes on with them.

        Raises:
            ProtocolError: The bytes are no request that is accepted. The connection must end.
        """
        if self._failure is not None:
            raise self._failure
        if self._rest:
            data = self._rest + data
        try:
            return self._read_message(data) if self._unfinished is None else self._read_body(self._unfinished, data)
        except ProtocolError as error:
            self._failure = error
            self._rest = b""
            raise

    def _read_message(self, data: bytes) -> list[RequestEvent]:
        head, at = self._read_head(data)
        if head is None:
            self._rest = data
            return []
        end = at + head.length
        if head.length != CHUNKED and end <= len(data):
            self._rest = data[end:]
            events: list[RequestEvent] = [self._request(head, data[at:end])]
        else:
            self._unfinished = _Unfinished(head, self._limits)
            events = self._read_body(self._unfinished, data[at:])
        return [CONTINUE_EXPECTED, *events] if head.expects_continue else events

    def _read_head(self, data: bytes) -> tuple[RequestHead | None, int]:
        if self._known is not None and data.startswith(self._known_bytes):
            return self._known, len(self._known_bytes)
        head, at = read_request_head(data, self._limits)
        if head is not None and at <= MAX_REMEMBERED_HEAD:
            self._known, self._known_bytes = head, data[:at]
        return head, at

    def _read_body(self, unfinished: _Unfinished, data: bytes) -> list[RequestEvent]:
        used = unfinished.feed(data)
        self._rest = data[used:]
        if not unfinished.decoder.done:
            return []
        self._unfinished = None
        return [self._request(unfinished.head, bytes(unfinished.content))]

    def _request(self, head: RequestHead, body: bytes) -> Request:
        return Request(
            head.method, head.target, head.path, head.query, head.headers, body, self._peer, head.minor, head.close
        )
