"""Request line and fields of a request (RFC 9112 sections 2, 3 and 5)."""

import re

import msgspec

from outrider.core.http.bodies import body_too_long
from outrider.core.http.errors import ProtocolError
from outrider.core.http.framing import closes, declared_length
from outrider.core.http.grammar import LINE_END, TOKEN, TOO_LONG, fields_end, line_end, parse_fields
from outrider.core.http.headers import Headers
from outrider.core.http.limits import Limits

_REQUEST_LINE = re.compile(b"(" + TOKEN + rb"{1,32}) ([!-~]++) HTTP/1\.([0-9])")
_OTHER_VERSION = re.compile(TOKEN + rb"{1,32} [!-~]++ HTTP/[0-9]\.[0-9]")
_BEGINNING = re.compile(rb"\r?|(?:\r\n)?(?:" + TOKEN + rb"{1,32}(?: [!-~]*+(?: [HTP/.0-9]{0,8}\r?)?)?)?")
_ABSOLUTE = re.compile(r"https?://([^/?]+)([/?].*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+,;=%]*)(?::[0-9]{0,5})?")


class RequestHead(msgspec.Struct, frozen=True):
    """What stands before the body. `length` is the number of its bytes, or CHUNKED."""

    method: str
    target: str
    path: str
    query: str
    headers: Headers
    minor: int
    close: bool
    length: int
    expects_continue: bool


def read_request_head(data: bytes, limits: Limits) -> tuple[RequestHead | None, int]:
    """Return the head at the start of `data` and the position after it; None when more bytes are needed.

    One empty line before it is skipped (RFC 9112 section 2.2).

    Raises:
        ProtocolError: It is malformed, too long, or asks for what is not supported.
    """
    start = LINE_END if data.startswith(b"\r\n") else 0
    end = line_end(data, start, limits.request_line)
    if end < 0:
        _check_beginning(data, start, limits, too_long=end == TOO_LONG)
        return None, 0
    method, target, minor = _request_line(data, start, end)
    authority, path = _split_target(method, target)
    block = end + LINE_END
    after = fields_end(data, block, limits)
    if after < 0:
        return None, 0
    headers = _with_host(Headers.trusted(parse_fields(data[block:after], limits)), authority, minor)
    length = declared_length(headers, minor) or 0
    if length > limits.body:
        raise body_too_long(limits.body)
    path, _, query = path.partition("?")
    expects = _expects_continue(headers, minor)
    return RequestHead(
        method, target, path, query, headers, minor, closes(headers, minor), length, expects and length != 0
    ), after + LINE_END


def _check_beginning(data: bytes, start: int, limits: Limits, *, too_long: bool) -> None:
    """Refuse at once what can no longer become a request line."""
    if _BEGINNING.fullmatch(data, 0, start + limits.request_line + LINE_END) is None:
        tls = data.startswith(b"\x16\x03")
        raise ProtocolError(400, "this port speaks plain HTTP, not TLS" if tls else "this is no HTTP request")
    if too_long:
        raise ProtocolError(414, f"the request line is longer than {limits.request_line} bytes")


def _request_line(data: bytes, start: int, end: int) -> tuple[str, str, int]:
    match = _REQUEST_LINE.fullmatch(data, start, end)
    if match is None:
        if _OTHER_VERSION.fullmatch(data, start, end):
            raise ProtocolError(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
        raise ProtocolError(400, "the request line is malformed")
    return match[1].decode("ascii"), match[2].decode("ascii"), match[3][0] - ord("0")


def _split_target(method: str, target: str) -> tuple[str | None, str]:
    """Return authority, if the target names one, and path with query (RFC 9112 section 3.2)."""
    if "#" in target:
        raise ProtocolError(400, "the request target has a fragment")
    if method == "CONNECT":
        raise ProtocolError(501, "CONNECT is not supported")
    if target.startswith("/") or (target == "*" and method == "OPTIONS"):
        return None, target
    match = _ABSOLUTE.fullmatch(target)
    if match is None or _AUTHORITY.fullmatch(match[1]) is None:
        raise ProtocolError(400, "the request target is neither a path nor an http URL")
    path = match[2] or "/"
    return match[1], path if path.startswith("/") else "/" + path


def _with_host(headers: Headers, authority: str | None, minor: int) -> Headers:
    hosts = headers.get_all("host")
    if len(hosts) > 1:
        raise ProtocolError(400, "Host is given more than once")
    if not hosts and minor > 0:
        raise ProtocolError(400, "Host is missing")
    if hosts and _AUTHORITY.fullmatch(hosts[0]) is None:
        raise ProtocolError(400, "Host is malformed")
    # RFC 9112 section 3.2.2: the authority of an absolute target replaces the field.
    return headers if authority is None else headers.replaced("host", authority)


def _expects_continue(headers: Headers, minor: int) -> bool:
    """Return whether 100 Continue is awaited; HTTP/1.0 does not know it (RFC 9110 section 10.1.1)."""
    if minor == 0 or "expect" not in headers:
        return False
    if headers.tokens("expect") != ["100-continue"]:
        raise ProtocolError(417, "the only expectation known is 100-continue")
    return True
