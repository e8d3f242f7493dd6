"""Reads responses from bytes, each after its request was announced with `expect`.

start --expect--> head --final status--> body --complete--> start
                   ^ |
                   +-+ interim status (1xx)
"""

import re
from enum import Enum

import msgspec

from outrider.core.http.bodies import CHUNKED, UNTIL_CLOSE, Body, ChunkedBody, FixedBody, UntilCloseBody, body_too_long
from outrider.core.http.errors import ProtocolError
from outrider.core.http.framing import closes, declared_length
from outrider.core.http.grammar import LINE_END, TOO_LONG, fields_end, line_end, parse_fields
from outrider.core.http.headers import Headers
from outrider.core.http.limits import Limits

_STATUS_LINE = re.compile(rb"HTTP/1\.([0-9]) ([1-9][0-9]{2})(?: ([\t -~\x80-\xff]*+))?")
SWITCHING_PROTOCOLS = 101
BODILESS = (204, 304)


class ResponseHead(msgspec.Struct, frozen=True):
    """Status and fields of a final response.

    Attributes:
        close: The connection cannot be used again.
        length: Number of bytes of the body, or CHUNKED, or UNTIL_CLOSE.
    """

    status: int
    reason: str
    headers: Headers
    minor: int
    close: bool
    length: int


class MessageEnd(Enum):
    """The response is complete."""

    MESSAGE_END = "end"


MESSAGE_END = MessageEnd.MESSAGE_END
ResponseEvent = ResponseHead | bytes | MessageEnd


class ResponseParser:
    """An incremental reader of the responses of one connection.

    Args:
        limits: Bounds of each response.
    """

    __slots__ = ("_body", "_failure", "_interim", "_limits", "_method", "_rest")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._method = ""
        self._rest = b""
        self._body: Body | None = None
        self._interim = 0
        self._failure: ProtocolError | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing is expected and nothing has come: only then can another request be sent."""
        return not self._method and not self._rest and self._failure is None

    def expect(self, method: str) -> None:
        """Announce the request whose answer comes next; its method decides whether that has a body."""
        self._method = method
        self._interim = 0

    def feed(self, data: bytes) -> list[ResponseEvent]:
        """Take bytes and return a ResponseHead, pieces of the body as they come, and MESSAGE_END.

        Interim responses are dropped. Bytes after the end stay inside and make the parser not `idle`.

        Raises:
            ProtocolError: The bytes are no response that is accepted. The connection must end.
        """
        if self._failure is not None:
            raise self._failure
        if self._rest:
            data = self._rest + data
        try:
            return self._read(data) if data else []
        except ProtocolError as error:
            self._failure = error
            raise

    def eof(self) -> list[ResponseEvent]:
        """Take the end of the stream, which ends a body that has neither length nor chunks.

        Raises:
            ProtocolError: The response is cut off.
        """
        if isinstance(self._body, UntilCloseBody):
            self._finish()
            return [MESSAGE_END]
        if self._method or self._rest:
            raise ProtocolError(400, "the connection ended within the response")
        return []

    def _read(self, data: bytes) -> list[ResponseEvent]:
        events: list[ResponseEvent] = []
        at = 0
        if self._body is None:
            if not self._method:
                raise ProtocolError(400, "a response came that nobody asked for")
            head, at = self._read_head(data)
            if head is None:
                self._rest = data[at:]
                return events
            events.append(head)
            self._body = self._decoder(head.length)
        pieces: list[bytes] = []
        at = self._body.feed(data, at, pieces)
        self._rest = data[at:]
        events += pieces
        if self._body.done:
            self._finish()
            events.append(MESSAGE_END)
        return events

    def _finish(self) -> None:
        self._body = None
        self._method = ""

    def _decoder(self, length: int) -> Body:
        if length == CHUNKED:
            return ChunkedBody(self._limits)
        return UntilCloseBody(self._limits) if length == UNTIL_CLOSE else FixedBody(length)

    def _read_head(self, data: bytes) -> tuple[ResponseHead | None, int]:
        """Return the final head and the position after it; None when more bytes are needed after that position."""
        at = 0
        while True:
            head, after = self._read_one_head(data, at)
            if head is None:
                return None, at
            at = after
            if head.status >= 200:
                return head, at
            self._interim += 1
            if head.status == SWITCHING_PROTOCOLS or self._interim > self._limits.interim:
                raise ProtocolError(400, f"an interim response was not asked for (status {head.status})")

    def _read_one_head(self, data: bytes, at: int) -> tuple[ResponseHead | None, int]:
        end = line_end(data, at, self._limits.request_line)
        if end < 0:
            if end == TOO_LONG:
                raise ProtocolError(400, f"the status line is longer than {self._limits.request_line} bytes")
            return None, 0
        match = _STATUS_LINE.fullmatch(data, at, end)
        if match is None:
            raise ProtocolError(400, "the status line is not one of HTTP/1.1")
        block = end + LINE_END
        after = fields_end(data, block, self._limits)
        if after < 0:
            return None, 0
        headers = Headers.trusted(parse_fields(data[block:after], self._limits))
        minor, status = match[1][0] - ord("0"), int(match[2])
        length = self._length(status, declared_length(headers, minor))
        close = closes(headers, minor) or length == UNTIL_CLOSE
        reason = (match[3] or b"").decode("latin-1")
        return ResponseHead(status, reason, headers, minor, close, length), after + LINE_END

    def _length(self, status: int, declared: int | None) -> int:
        if self._method == "HEAD" or status < 200 or status in BODILESS:
            return 0
        if declared is None:
            return UNTIL_CLOSE
        if declared > self._limits.body:
            raise body_too_long(self._limits.body)
        return declared
