"""Requests and responses as handlers and callers see them."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.http.headers import Headers

MAX_QUERY_FIELDS = 100
NO_HEADERS = Headers()
REASONS: dict[int, str] = {status.value: status.phrase for status in HTTPStatus} | {499: "Client Closed Request"}


class Peer(msgspec.Struct, frozen=True):
    """Who is at the other end of a connection.

    Attributes:
        address: `host:port`, or `unix` for a local socket.
        certificate: The verified certificate as `ssl.SSLSocket.getpeercert` describes it; None where none was shown.
        spiffe_id: The URI in the certificate's subject alternative names, if there is exactly one.
        not_after: Seconds since the epoch at which the certificate ends.
    """

    address: str
    certificate: dict[str, Any] | None = None
    spiffe_id: str | None = None
    not_after: float | None = None

    def expired(self, now: float) -> bool:
        """Return whether the certificate has ended since the handshake, which is the only time that TLS looks at it.

        Args:
            now: Seconds since the epoch.
        """
        return self.not_after is not None and now >= self.not_after


class Request(msgspec.Struct):
    """One request with its whole body.

    Attributes:
        method: Such as `GET`; methods are case-sensitive.
        target: The request target exactly as received.
        path: Its path, still percent-encoded, so that a check and a later use cannot decode it differently.
        query: What follows the `?`, still encoded.
        peer: Who sent it.
        minor: Minor version of HTTP/1 that the sender speaks.
        close: The connection ends after the answer.
        params: Decoded values of the placeholders of the route.
        trace_id: The trace that the sender continues here; empty if it names none.
    """

    method: str
    target: str
    path: str
    query: str
    headers: Headers
    body: bytes
    peer: Peer
    minor: int = 1
    close: bool = False
    params: dict[str, str] = {}
    trace_id: str = ""

    def arguments(self) -> dict[str, list[str]]:
        """Return the decoded fields of the query.

        Raises:
            InvalidConfigError: It is not UTF-8 in percent form, or has more than 100 fields.
        """
        try:
            return parse_qs(self.query, keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_FIELDS)
        except ValueError as error:
            raise InvalidConfigError(
                f"the query of {self.path} cannot be read: {error}",
                path="query",
                expected=f"name=value pairs joined by &, at most {MAX_QUERY_FIELDS}, UTF-8 in percent form",
                suggestions=["encode the values in percent form"],
            ) from error

    def __repr__(self) -> str:
        return f"Request({self.method} {self.path}, {len(self.body)} bytes, from {self.peer.address})"


class Response(msgspec.Struct):
    """One final answer.

    A body that is an iterator is sent piece by piece: with the `content-length` of `headers` where it is given (the pieces
    must then add up to it), else chunked.

    Attributes:
        reason: What stands behind the status, for clients that show nothing else of an error; empty for the usual words.
    """

    status: int
    headers: Headers = NO_HEADERS
    body: bytes | AsyncIterator[bytes] = b""
    reason: str = ""

    @property
    def content(self) -> bytes:
        """The body of an answer that was read whole, as our client reads each; empty of one that is sent piece by piece."""
        return self.body if isinstance(self.body, bytes) else b""
