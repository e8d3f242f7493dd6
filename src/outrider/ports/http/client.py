"""An HTTP/1.1 client for one server, with kept connections."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from outrider.core import codec
from outrider.core.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    LimitedError,
    UnavailableError,
)
from outrider.core.http.errors import ProtocolError
from outrider.core.http.headers import Headers
from outrider.core.http.limits import DEFAULT_LIMITS, Limits
from outrider.core.http.messages import NO_HEADERS, Response
from outrider.core.http.serialise import request_bytes
from outrider.core.trace import TRACEPARENT
from outrider.ports.clock import Clock, SystemClock
from outrider.ports.http.addresses import Address, connect, failure, parse_address
from outrider.ports.http.answers import read_answer
from outrider.ports.http.client_connection import RECEIVE_BYTES, ClientConnection
from outrider.ports.http.deadline import Deadline
from outrider.ports.http.stream_connection import StreamConnection
from outrider.ports.telemetry import current_traceparent

T = TypeVar("T")
SYSTEM_CLOCK = SystemClock()
MAX_WAITING = 1000
IDLE_SECONDS = 60.0
_JSON = Headers({"accept": "application/json", "content-type": "application/json"})
_ACCEPT = Headers({"accept": "application/json"})
# RFC 9110 section 9.2.2.
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})


class Client:
    """Sends requests to one server. Redirects are not followed and proxy variables are not read.

    Args:
        base_url: `https://host:port`, `http://host:port` or `unix:/path`, or an address that was read already.
        tls: Context for https; the system's CAs without one.
        limits: Bounds of an answer.
        timeout: Seconds that a request may take, from waiting for a connection to the last byte of the answer.
        max_connections: More requests at a time wait for a connection.
        clock: For the age of idle connections.

    Raises:
        InvalidConfigError: The address cannot be used.
    """

    def __init__(
        self,
        base_url: str | Address,
        *,
        tls: ssl.SSLContext | None = None,
        limits: Limits = DEFAULT_LIMITS,
        timeout: float = 10.0,
        max_connections: int = 8,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._address = base_url if isinstance(base_url, Address) else parse_address(base_url)
        self._tls = tls
        self._limits = limits
        self._timeout = timeout
        self._clock = clock
        self._free = asyncio.Semaphore(max_connections)
        self._users = 0
        self._max_users = max_connections + MAX_WAITING
        self._idle: list[ClientConnection] = []
        self._connections: set[ClientConnection] = set()
        self._buffer = memoryview(bytearray(RECEIVE_BYTES))
        self._closed = self._retired = False

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | Headers | None = None,
        body: bytes = b"",
        timeout: float | None = None,
        repeat: bool | None = None,
    ) -> Response:
        """Send a request and return the answer, whatever its status.

        A request on a kept connection that ends before the first byte of an answer is sent once more on a new one if it may
        be repeated. Other requests never are.

        Args:
            method: Such as `GET`.
            path: Path and query, percent-encoded.
            headers: Further fields; Host and those of the framing are set here.
            body: Sent as it is.
            timeout: Seconds, in place of the client's.
            repeat: Whether it may be sent twice; what its method says if None.

        Raises:
            InvalidConfigError: A part of the request cannot be sent as given.
            DeadlineExceededError: No complete answer in time.
            ConnectionFailedError: `sent` says whether the server may have seen the request.
            UnauthenticatedError: One side does not accept the other's certificate.
            LimitedError: Too many requests wait already.
        """
        fields = _with_trace(headers if isinstance(headers, Headers) else Headers(headers or ()))
        message = self._message(method, path, fields, body)
        seconds = self._timeout if timeout is None else timeout
        self._enter()
        try:
            with Deadline(seconds):
                async with self._free:
                    return await self._send(method, message, repeat=method in _IDEMPOTENT if repeat is None else repeat)
        except TimeoutError as error:
            raise _no_answer(self._address, method, path, seconds, "no complete answer") from error
        finally:
            self._users -= 1

    async def request_json(
        self,
        method: str,
        path: str,
        payload: Any,
        target: type[T],
        *,
        headers: Headers = NO_HEADERS,
        timeout: float | None = None,
    ) -> T:
        """Send `payload` as JSON (None: no body) and return the answer as `target`.

        `headers` come on top, and in place of those that say that it is JSON.

        Raises:
            OutriderError: The error in an answer with a status from 400 on; where it holds none, one that follows from
                the status. Otherwise as `request`.
            ExecutionFailedError: The answer is no success, or does not fit `target`.
        """
        body = b"" if payload is None else codec.encode(payload)
        fields = _JSON if body else _ACCEPT
        if headers:
            fields = Headers([*((name, value) for name, value in fields if name not in headers), *headers])
        response = await self.request(method, path, headers=fields, body=body, timeout=timeout)
        return read_answer(response, target, f"{method} {self._address.shown}{path.partition('?')[0]}")

    async def stream(
        self,
        method: str,
        path: str,
        receive: Callable[[bytes], object],
        *,
        headers: Headers = NO_HEADERS,
        timeout: float | None = None,
    ) -> Response:
        """Send a request whose answer may go on without end, on a connection of its own, and return it when it has ended.

        The body of a successful answer goes to `receive`, piece by piece, which must not wait; that of another one is in the
        answer, as for `request`. It goes on until the server ends it: cancel it to end it earlier.

        Args:
            method: Such as `GET`.
            path: Path and query, percent-encoded.
            receive: Is given each piece of the body, as they come; a ProtocolError that it raises ends the connection.
            headers: Further fields.
            timeout: Seconds until the head of the answer, in place of the client's for a whole answer.

        Raises:
            InvalidConfigError: A part of the request cannot be sent as given.
            DeadlineExceededError: No head in time.
            ConnectionFailedError: The connection failed, or ended within the answer.
            UnauthenticatedError: One side does not accept the other's certificate.
        """
        message = self._message(method, path, headers)
        seconds = self._timeout if timeout is None else timeout
        self._enter()
        connection = StreamConnection(self._limits, self._buffer, self._connections, receive)
        try:
            with Deadline(seconds):
                await connect(self._address, connection, self._tls)
                answer = connection.begin(method, message)
                await connection.headed
            return await answer
        except TimeoutError as error:
            raise _no_answer(self._address, method, path, seconds, "no answer began") from error
        except (OSError, ProtocolError) as error:
            raise failure(self._address, error, sent=connection.sent) from error
        finally:
            connection.forget()
            self._users -= 1

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return self._users > 0

    async def close(self) -> None:
        """Drop all connections; requests under way fail with ConnectionFailedError."""
        self._closed = True
        self._idle.clear()
        for connection in list(self._connections):
            connection.abort()
            await connection.lost.wait()

    def retire(self) -> None:
        """Begin nothing new, let go of connections that nothing happens on, and of each other one when its answer is there."""
        self._retired = True
        for connection in self._idle:
            connection.abort()
        self._idle.clear()

    def _message(self, method: str, path: str, headers: Headers, body: bytes = b"") -> bytes:
        """Return a whole request; a proxy that makes no tunnel is told whom it is for."""
        address, whole = self._address, ""
        if address.proxy is not None and not address.secure and not address.path:
            whole = f"http://{address.authority}"
            if address.proxy.authorization is not None:
                headers = Headers([*headers, ("proxy-authorization", address.proxy.authorization.reveal())])
        return request_bytes(method, path, host=address.authority, headers=headers, body=body, server=whole)

    async def _send(self, method: str, message: bytes, *, repeat: bool) -> Response:
        connection = self._kept()
        if connection is not None:
            try:
                return await self._exchange(connection, method, message)
            except ConnectionFailedError:
                if connection.answering or not repeat:
                    raise
        connection = await connect(self._address, self._new_connection(), self._tls)
        if self._closed:
            connection.abort()
        return await self._exchange(connection, method, message)

    async def _exchange(self, connection: ClientConnection, method: str, message: bytes) -> Response:
        try:
            return await connection.exchange(method, message)
        except (OSError, ProtocolError) as error:
            raise failure(self._address, error, sent=connection.sent) from error
        finally:
            if connection.idle and not self._retired:
                connection.idle_since = self._clock.monotonic()
                self._idle.append(connection)
            else:
                connection.abort()

    def _new_connection(self) -> ClientConnection:
        return ClientConnection(self._limits, self._buffer, self._connections)

    def _kept(self) -> ClientConnection | None:
        """Return the connection used last that is still good; drop those that are not."""
        oldest = self._clock.monotonic() - IDLE_SECONDS
        while self._idle:
            connection = self._idle.pop()
            if connection.idle and connection.idle_since > oldest and not connection.readable():
                return connection
            connection.abort()
        return None

    def _enter(self) -> None:
        if self._closed or self._retired:
            raise UnavailableError(f"the client for {self._address.shown} is closed")
        if self._users >= self._max_users:
            raise LimitedError(f"{MAX_WAITING} requests to {self._address.shown} wait already", retry_after=1.0)
        self._users += 1


def _no_answer(address: Address, method: str, path: str, seconds: float, what: str) -> DeadlineExceededError:
    return DeadlineExceededError(
        f"{method} {address.shown}{path.partition('?')[0]}: {what} within {seconds:g} s",
        suggestions=["check that the server is well", "allow more time"],
    )


def _with_trace(headers: Headers) -> Headers:
    """Let the server continue the trace of the work that asks, unless the caller has said which."""
    place = current_traceparent()
    return headers if not place or TRACEPARENT in headers else Headers([*headers, (TRACEPARENT, place)])
