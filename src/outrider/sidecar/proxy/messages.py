"""A request as gates see it, and how heads are written."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus

from outrider.core.codec import encode

Field = tuple[bytes, bytes]
# Of one connection only (RFC 9110, section 7.6.1); length, framing and host are written anew.
HOP_BY_HOP = frozenset({
    b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
    b"host", b"content-length", b"expect",
})  # fmt: skip
# Where clients put what identifies them.
KEYS = frozenset({b"authorization", b"x-api-key", b"x-goog-api-key", b"proxy-authorization"})
# None of it is forwarded, nor what some put a key into without being asked for it there.
NOT_FORWARDED = KEYS | {b"api-key", b"cookie"}
CONTENT_TYPE, JSON, EVENT_STREAM = b"content-type", b"application/json", b"text/event-stream"
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}


class Request:
    """One request, complete.

    Attributes:
        method: As it was sent.
        target: Path and query, beginning with `/`.
        fields: Names in lower case, without those that belong to the connection or identify the client.
        key: Value of the field that identifies the client; empty without one.
        body: Whole, without its framing.
        origin: Of the web page that sends it; empty where none does.
    """

    __slots__ = ("body", "fields", "keep_alive", "key", "method", "old", "origin", "target")

    def __init__(self) -> None:
        self.method = b""
        self.target = b""
        self.fields: list[Field] = []
        self.key = b""
        self.origin = b""
        self.body = b""
        # Whether the connection stays, and whether it speaks HTTP/1.0, which knows no chunks.
        self.keep_alive = True
        self.old = False


def without_hop_by_hop(fields: Sequence[Field], named: bytes) -> list[Field]:
    """Return the fields without those that a `Connection` field names (comma-separated, in lower case)."""
    dropped = {name.strip() for name in named.split(b",")}
    return [field for field in fields if field[0] not in dropped]


def value_of(fields: Iterable[Field], name: bytes) -> bytes:
    """Return the value of the first field of a name; empty where there is none."""
    return next((value for found, value in fields if found == name), b"")


def is_event_stream(fields: Iterable[Field]) -> bool:
    """Return whether a body comes as server-sent events."""
    return any(name == CONTENT_TYPE and value.lower().startswith(EVENT_STREAM) for name, value in fields)


def with_content_type(fields: Iterable[Field], content_type: bytes) -> list[Field]:
    """Return fields of a body that is of another type now."""
    return [*(field for field in fields if field[0] != CONTENT_TYPE), (CONTENT_TYPE, content_type)]


def request_head(method: bytes, target: bytes, host: bytes, fields: Iterable[Field], length: int) -> bytes:
    """Return the head of a request to an upstream."""
    lines = [method, b" ", target, b" HTTP/1.1\r\nhost: ", host, b"\r\n"]
    for name, value in fields:
        lines += (name, b": ", value, b"\r\n")
    if length or method in (b"POST", b"PUT", b"PATCH"):
        lines.append(b"content-length: %d\r\n" % length)
    lines.append(b"\r\n")
    return b"".join(lines)


def answer_head(status: int, reason: bytes, fields: Iterable[Field], framing: bytes) -> bytes:
    """Return the head of an answer; `framing` is the lines that say where its body ends."""
    lines = [b"HTTP/1.1 %d " % status, reason, b"\r\n"]
    for name, value in fields:
        lines += (name, b": ", value, b"\r\n")
    lines += (framing, b"\r\n")
    return b"".join(lines)


def whole_answer(request: Request, status: int, fields: Iterable[Field], body: bytes, *, close: bool) -> bytes:
    """Return an answer that needs no upstream, as its request wants it."""
    framing = b"content-length: %d\r\n" % len(body)
    if close:
        framing += b"connection: close\r\n"
    elif request.old:
        framing += b"connection: keep-alive\r\n"
    head = answer_head(status, _REASONS.get(status, b""), fields, framing)
    return head if request.method == b"HEAD" else head + body


def error_body(code: str, message: str) -> bytes:
    """Return an error as OpenAI's and most other clients show it."""
    return encode({"error": {"message": message, "type": code, "code": code}})


JSON_FIELDS: list[Field] = [(CONTENT_TYPE, JSON)]
