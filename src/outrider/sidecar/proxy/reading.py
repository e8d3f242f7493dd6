"""Requests out of bytes: llhttp's strict grammar, and the bounds and rules that it leaves to its users."""

from collections.abc import Callable

import httptools

from outrider.sidecar.proxy.limits import ProxyLimits
from outrider.sidecar.proxy.messages import HOP_BY_HOP, KEYS, NOT_FORWARDED, Request, without_hop_by_hop

Fault = tuple[int, str]


class RequestReader:
    """Reads the requests of one connection.

    Args:
        limits: Bounds.
        take: Called with each complete request.
        expected: Called where a client waits to be told that it may send its body.

    Attributes:
        in_head: Whether the head of a request is not complete.
        begun: Whether a request has begun and is not complete.
        size: Bytes that have come of the head or the body that is being read.
    """

    __slots__ = (
        "_body", "_connection", "_expected", "_expects", "_fault", "_framing", "_hosts", "_length", "_limits", "_parser",
        "_raw", "_request", "_staying", "_take", "_upgrades", "begun", "in_head", "size",
    )  # fmt: skip

    def __init__(self, limits: ProxyLimits, take: Callable[[Request], None], expected: Callable[[], None]) -> None:
        self._limits = limits
        self._take = take
        self._expected = expected
        self._parser = httptools.HttpRequestParser(self)
        self._fault: Fault | None = None
        # Whether the request offers another protocol, and whether a new parser is being told where it is.
        self._upgrades = self._staying = False
        self._raw = 0
        self.in_head = True
        self.begun = False
        self.on_message_begin()
        self.begun = False

    def feed(self, data: bytes) -> Fault | None:
        """Read on, and return status and reason where this is the end of it."""
        # Of a line without an end no callback tells.
        self._raw += len(data)
        while data and self._fault is None:
            try:
                self._parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                self._stay(len(data))
            except httptools.HttpParserError as error:
                self._refuse(400, f"not a request of HTTP/1.1: {error}")
        if self._fault is None and self.begun:
            self._check_raw()
        return self._fault

    def _stay(self, rest: int) -> None:
        """Go on in HTTP/1.1, as who is offered something else may (RFC 9110, section 7.8); the parser would not read on.

        A new one is told how the body is framed, and reads it.
        """
        self._parser = httptools.HttpRequestParser(self)
        self._staying = True
        framing = b"transfer-encoding: chunked" if self._framing else b"content-length: " + (self._length or b"0")
        self._parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n")
        self._raw = rest

    def _check_raw(self) -> None:
        if self.in_head:
            if self._raw > self._limits.head + self._limits.target:
                self._refuse(431, f"the head is longer than {self._limits.head} bytes")
        elif self._raw > 2 * self._limits.body + self._limits.head:  # framing and trailers count too
            self._refuse(413, f"the body is longer than {self._limits.body} bytes")

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._staying:
            return
        self._request = Request()
        self.size = self._hosts = 0
        self._body: list[bytes] = []
        self._connection = self._framing = self._length = b""
        self._expects = False
        self.in_head = self.begun = True

    def on_url(self, url: bytes) -> None:
        if self._staying:
            return
        self._request.target += url
        if len(self._request.target) > self._limits.target:
            self._refuse(414, f"the target is longer than {self._limits.target} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_head:
            return  # a trailer: nobody asked for it
        self.size += len(name) + len(value) + 4
        if self.size > self._limits.head:
            self._refuse(431, f"the head is longer than {self._limits.head} bytes")
        name = name.lower()
        if name in HOP_BY_HOP:
            self._note(name, value)
        elif name in NOT_FORWARDED:
            if name in KEYS:
                self._request.key = self._request.key or value
        else:
            self._request.fields.append((name, value))
            if name == b"origin":
                self._request.origin = value

    def _note(self, name: bytes, value: bytes) -> None:
        if name == b"connection":
            self._connection += b"," + value.lower()
        elif name == b"transfer-encoding":
            self._framing += value.lower()
        elif name == b"content-length":
            self._length = value
        elif name == b"host":
            self._hosts += 1
        elif name == b"expect":
            self._expects = True

    def on_headers_complete(self) -> None:
        if self._staying:
            self._staying = False
            return
        request, parser = self._request, self._parser
        self.in_head = False
        self._raw = self.size = 0
        request.method = parser.get_method()
        request.old = parser.get_http_version() != "1.1"
        self._upgrades = parser.should_upgrade()
        request.keep_alive = parser.should_keep_alive() or (
            self._upgrades and not request.old and b"close" not in self._connection
        )
        if self._connection:
            request.fields = without_hop_by_hop(request.fields, self._connection)
        if not request.target.startswith(b"/"):
            self._refuse(
                400, "the target is not a path: other hosts are reached by CONNECT only, as clients do for https"
            )
        elif self._hosts != 1 and not request.old:
            self._refuse(400, f"{self._hosts} Host fields, expected one")
        elif self._framing not in (b"", b"chunked"):
            self._refuse(501, "a transfer encoding other than chunked")
        elif self._expects and not request.old:
            self._expected()

    def on_body(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > self._limits.body:
            self._refuse(413, f"the body is longer than {self._limits.body} bytes")
        elif self._fault is None:
            self._body.append(data)

    def on_message_complete(self) -> None:
        if self._upgrades:  # the body is still to come
            self._upgrades = False
            return
        self.begun, self.in_head = False, True
        self._raw = 0
        if self._fault is None:
            self._request.body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            self._body = []  # a call may wait for hours, and needs it once
            self._take(self._request)

    def _refuse(self, status: int, message: str) -> None:
        self._fault = self._fault or (status, message)
