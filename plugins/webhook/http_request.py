"""Reading HTTP/1.1 requests piece by piece; RFC 9112, strictly where leniency would let two readers disagree."""

import json
import re
from typing import Any, NamedTuple

from outrider_payload import deeper, strict_json

MAX_HEAD = 8192
MAX_BODY = 256 * 1024
MAX_DEPTH = 64
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VERSION = re.compile(rb"HTTP/\d\.\d")
_TARGET = re.compile(rb"[!-~]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class RefusedError(Exception):
    """A request that is answered with an error; the connection ends with it.

    Args:
        status: HTTP status.
        reason: What is wrong.
        fields: Further header lines of the answer.
    """

    def __init__(self, status: int, reason: str, fields: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.fields = fields


class Head(NamedTuple):
    """The part of a request before its body."""

    method: str
    path: str
    authorization: bytes
    length: int
    keep_alive: bool
    expects_continue: bool


def take_head(buffer: bytearray) -> Head | None:
    """Remove the head from the buffer and return it; None while it is incomplete.

    Raises:
        RefusedError: It is no request that can be answered.
    """
    while buffer.startswith(b"\r\n"):  # RFC 9112, section 2.2: empty lines before a request are left out
        del buffer[:2]
    end = buffer.find(b"\r\n\r\n", 0, MAX_HEAD)
    if end < 0:
        line, found, _ = bytes(buffer).partition(b"\n")
        if found or (len(buffer) > 32 and b" " not in buffer[:32]):
            _request_line(line.removesuffix(b"\r"))
        if len(buffer) >= MAX_HEAD:
            raise RefusedError(431, f"the head has more than {MAX_HEAD} bytes")
        return None
    request_line, *lines = bytes(buffer[:end]).split(b"\r\n")
    del buffer[: end + 4]
    method, target, version = _request_line(request_line)
    return _head(method, target, version, _fields(lines))


def _request_line(line: bytes) -> tuple[bytes, bytes, bytes]:
    words = line.split(b" ")
    if len(words) != 3 or not (
        _TOKEN.fullmatch(words[0]) and _TARGET.fullmatch(words[1]) and _VERSION.fullmatch(words[2])
    ):
        raise RefusedError(400, "the request line is not HTTP")
    if words[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise RefusedError(505, "only HTTP/1.1 is spoken here")
    return words[0], words[1], words[2]


def _fields(lines: list[bytes]) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(name) or _CONTROL.search(value):
            raise RefusedError(400, "a header line is not HTTP")
        name = name.lower()
        if name in fields and name in (b"content-length", b"host", b"authorization", b"transfer-encoding"):
            raise RefusedError(400, f"{name.decode()} is given twice")
        fields[name] = value.strip(b" \t")
    return fields


def _head(method: bytes, target: bytes, version: bytes, fields: dict[bytes, bytes]) -> Head:
    newest = version == b"HTTP/1.1"
    if newest and b"host" not in fields:
        raise RefusedError(400, "the header Host is missing")
    length = fields.get(b"content-length")
    if b"transfer-encoding" in fields:
        if length is not None:
            raise RefusedError(400, "Content-Length and Transfer-Encoding exclude each other")
        raise RefusedError(411, "a Content-Length is needed")
    if length is not None and not (length.isdigit() and len(length) <= 18):
        raise RefusedError(400, "Content-Length is no number")
    connection = fields.get(b"connection", b"").lower()
    return Head(
        method=method.decode(),
        path=target.decode().partition("?")[0],
        authorization=fields.get(b"authorization", b""),
        length=-1 if length is None else int(length),
        keep_alive=b"close" not in connection if newest else b"keep-alive" in connection,
        expects_continue=newest and fields.get(b"expect", b"").lower() == b"100-continue",
    )


def read_body(data: bytes) -> Any:
    """Return the JSON of a body.

    Raises:
        RefusedError: It is none, or one that not every reader of JSON can hold.
    """
    try:
        text = data.decode()
        body = strict_json(text)
        if text.count("[") + text.count("{") > MAX_DEPTH and deeper(body, MAX_DEPTH):
            raise ValueError(f"it is nested deeper than {MAX_DEPTH}")
        if "\\u" in text:
            json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair has no UTF-8
    except RecursionError as error:
        raise RefusedError(400, f"the body is no JSON for here: it is nested deeper than {MAX_DEPTH}") from error
    except ValueError as error:
        raise RefusedError(400, f"the body is no JSON for here: {error}") from error
    return body
