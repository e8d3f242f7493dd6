"""Writes messages as bytes, framed in exactly one way whatever the headers of the caller say."""

import re
import time
from collections.abc import AsyncIterator
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.core.http.bodies import CHUNKED, UNTIL_CLOSE
from outrider.core.http.framing import MAX_LENGTH_DIGITS
from outrider.core.http.headers import Headers
from outrider.core.http.messages import REASONS, Response

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
NO_BODY = frozenset({204, 304})
BODY_EXPECTED = frozenset({"POST", "PUT", "PATCH"})
_OURS = frozenset({"content-length", "transfer-encoding", "connection", "date"})
_NOT_THE_CALLERS = frozenset({"content-length", "transfer-encoding", "connection", "host", "expect", "te", "upgrade"})
_STATUS_LINES = {
    status: f"HTTP/1.1 {status} {reason}\r\n".encode() for status, reason in REASONS.items() if status >= 200
}
_METHOD = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}")
_TARGET = re.compile(r"/[!-\"$-~]*+")
_UNPRINTABLE = re.compile(r"[^ -~]")
_LONGEST_REASON = 500
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class ResponseStart(NamedTuple):
    """The bytes before a body.

    Attributes:
        head: Status line, fields and the empty line.
        length: Bytes of the body that must follow, or CHUNKED, or UNTIL_CLOSE.
        close: The connection ends after the body.
    """

    head: bytes
    length: int
    close: bool


def response_start(response: Response, *, method: str, minor: int, close: bool, date: bytes) -> ResponseStart:
    """Return how the answer to a request of this method and version begins (RFC 9112 section 6.3).

    Args:
        response: What is answered. Its `content-length` counts where the body is not at hand (an iterator, or none
            because of HEAD); its `connection` counts if it says close.
        method: Method of the request; an answer to HEAD has no body.
        minor: Minor version of the caller; HTTP/1.0 gets no chunks.
        close: The connection ends after this answer.
        date: The `date` line, with its line end.

    Raises:
        InvalidConfigError: The status is no final one, or the headers set a Transfer-Encoding or a malformed length.
    """
    headers = response.headers
    length: int | None = None
    for name, _ in headers:
        if name in _OURS:
            length, closing = _framing_asked_for(headers)
            close = close or closing
            date = b"" if "date" in headers else date
            headers = _without_framing(headers)
            break
    line = (_STATUS_LINES.get(response.status) if not response.reason else None) or _status_line(response)
    framing, length, close = _framing(response, length, method=method, minor=minor, close=close)
    return ResponseStart(
        b"".join((line, headers.wire(), date, framing, b"connection: close\r\n\r\n" if close else b"\r\n")),
        length,
        close,
    )


def _framing(response: Response, given: int | None, *, method: str, minor: int, close: bool) -> tuple[bytes, int, bool]:
    """Return the framing field, the length that follows, and whether the connection ends."""
    if response.status in NO_BODY:
        return b"", 0, close
    length = _known_length(response.body, given, method=method)
    if length is not None:
        return b"content-length: %d\r\n" % length, 0 if method == "HEAD" else length, close
    if method == "HEAD":
        return b"", 0, close
    if minor > 0:
        return b"transfer-encoding: chunked\r\n", CHUNKED, close
    return b"", UNTIL_CLOSE, True


def _known_length(body: bytes | AsyncIterator[bytes], given: int | None, *, method: str) -> int | None:
    if isinstance(body, bytes) and (body or given is None or method != "HEAD"):
        return len(body)
    return given


def _framing_asked_for(headers: Headers) -> tuple[int | None, bool]:
    if "transfer-encoding" in headers:
        raise InvalidConfigError(
            "a response must not set Transfer-Encoding",
            path="headers[transfer-encoding]",
            suggestions=["remove it: the framing follows from the body"],
        )
    length = headers.get("content-length")
    if length is not None and not (length.isascii() and length.isdigit() and len(length) <= MAX_LENGTH_DIGITS):
        raise InvalidConfigError("the Content-Length of a response is not a number", path="headers[content-length]")
    return None if length is None else int(length), "close" in headers.tokens("connection")


def _without_framing(headers: Headers) -> Headers:
    return Headers.trusted([field for field in headers if field[0] not in _OURS or field[0] == "date"])


def _status_line(response: Response) -> bytes:
    status = response.status
    if not 200 <= status <= 599:
        raise InvalidConfigError(
            f"{status} is not the status of a final response", path="status", expected="200 to 599"
        )
    reason = _UNPRINTABLE.sub("?", response.reason)[:_LONGEST_REASON]
    return f"HTTP/1.1 {status} {reason}\r\n".encode()


def request_bytes(method: str, target: str, *, host: str, headers: Headers, body: bytes, server: str = "") -> bytes:
    """Return a whole request.

    Args:
        method: A token.
        target: Path and query, already percent-encoded.
        host: Value of the Host field.
        headers: Further fields.
        body: Sent with its length.
        server: `http://host:port` before the target, for a proxy that is asked itself (RFC 9112 section 3.2.2).

    Raises:
        InvalidConfigError: Method or target hold a character that could end the line, or the headers set the framing.
    """
    if _METHOD.fullmatch(method) is None:
        raise InvalidConfigError(f"{method!r} is not a method", path="method", expected="a token such as GET")
    if _TARGET.fullmatch(target) is None:
        raise InvalidConfigError(
            f"{target!r} is not a request target",
            path="path",
            expected="a path that begins with / in printable ASCII, without space and #",
            suggestions=["encode the parts of the path in percent form"],
        )
    for name, _ in headers:
        if name in _NOT_THE_CALLERS:
            raise InvalidConfigError(f"header {name!r} is set by the client itself", path=f"headers[{name}]")
    length = f"content-length: {len(body)}\r\n" if body or method in BODY_EXPECTED else ""
    line = f"{method} {server}{target} HTTP/1.1\r\nhost: {host}\r\n{length}".encode("ascii")
    return b"".join((line, headers.wire(), b"\r\n", body))


def chunk(piece: bytes) -> bytes:
    """Return one chunk; an empty piece must not be sent, because it would end the body."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def date_line(seconds: float) -> bytes:
    """Return the `date` field line (RFC 9110 section 6.6.1) for seconds since the epoch."""
    now = time.gmtime(seconds)
    day, month = _DAYS[now.tm_wday], _MONTHS[now.tm_mon - 1]
    clock = f"{now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02}"
    return f"date: {day}, {now.tm_mday:02} {month} {now.tm_year} {clock} GMT\r\n".encode()
