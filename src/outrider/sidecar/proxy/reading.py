"""Requests out of bytes: llhttp's strict grammar, and the bounds and rules that it leaves to its users."""

from collections.abc import Callable

import httptools

from outrider.sidecar.proxy.limits import ProxyLimits
from outrider.sidecar.proxy.messages import HOP_BY_HOP, KEYS, Request, without_hop_by_hop

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
    """

    __slots__ = (
        "_body", "_connection", "_expected", "_expects", "_fault", "_framing", "_hosts", "_limits", "_parser", "_raw",
        "_request", "_size", "_take", "begun", "in_head",
    )  # fmt: skip

    def __init__(self, limits: ProxyLimits, take: Callable[[Request], None], expected: Callable[[], None]) -> None:
        self._limits = limits
        self._take = take
        self._expected = expected
        self._parser = httptools.HttpRequestParser(self)
        self._fault: Fault | None = None
        self._raw = 0
        self.in_head = True
        self.begun = False
        self.on_message_begin()
        self.begun = False

    def feed(self, data: bytes) -> Fault | None:
        """Read on, and return status and reason where this is the end of it.

        Raises:
            httptools.HttpParserUpgrade: The last request wants to speak something else afterwards.
        """
        # Of a line without an end no callback tells.
        self._raw += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._fault is None:
                raise
        except httptools.HttpParserError as error:
            return self._fault or (400, f"not a request of HTTP/1.1: {error}")
        if self._fault is None and self.begun:
            self._check_raw()
        return self._fault

    def _check_raw(self) -> None:
        if self.in_head:
            if self._raw > self._limits.head + self._limits.target:
                self._refuse(431, f"the head is longer than {self._limits.head} bytes")
        elif self._raw > 2 * self._limits.body + self._limits.head:  # framing and trailers count too
            self._refuse(413, f"the body is longer than {self._limits.body} bytes")

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._request = Request()
        self._size = self._hosts = 0
        self._body: list[bytes] = []
        self._connection = self._framing = b""
        self._expects = False
        self.in_head = self.begun = True

    def on_url(self, url: bytes) -> None:
        self._request.target += url
        if len(self._request.target) > self._limits.target:
            self._refuse(414, f"the target is longer than {self._limits.target} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_head:
            return  # a trailer: nobody asked for it
        self._size += len(name) + len(value) + 4
        if self._size > self._limits.head:
            self._refuse(431, f"the head is longer than {self._limits.head} bytes")
        name = name.lower()
        if name in HOP_BY_HOP:
            self._note(name, value)
        elif name in KEYS:
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
        elif name == b"host":
            self._hosts += 1
        elif name == b"expect":
            self._expects = True

    def on_headers_complete(self) -> None:
        request, parser = self._request, self._parser
        self.in_head = False
        self._raw = self._size = 0
        request.method = parser.get_method()
        request.old = parser.get_http_version() != "1.1"
        request.keep_alive = parser.should_keep_alive()
        if self._connection:
            request.fields = without_hop_by_hop(request.fields, self._connection)
        if not request.target.startswith(b"/"):
            self._refuse(400, "the target is not a path")
        elif self._hosts != 1 and not request.old:
            self._refuse(400, f"{self._hosts} Host fields, expected one")
        elif self._framing not in (b"", b"chunked"):
            self._refuse(501, "a transfer encoding other than chunked")
        elif self._expects and not request.old:
            self._expected()

    def on_body(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limits.body:
            self._refuse(413, f"the body is longer than {self._limits.body} bytes")
        elif self._fault is None:
            self._body.append(data)

    def on_message_complete(self) -> None:
        self.begun, self.in_head = False, True
        self._raw = 0
        if self._fault is None:
            self._request.body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            self._take(self._request)

    def _refuse(self, status: int, message: str) -> None:
        self._fault = self._fault or (status, message)
