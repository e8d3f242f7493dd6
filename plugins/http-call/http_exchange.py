"""One HTTP request and its answer, on a thread of its own: neither name resolution nor a reader keeps a deadline over the whole."""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from typing import Any

BODY_LIMIT = 64 * 1024


class Server:
    """Where requests go; `trust` makes it HTTPS."""

    def __init__(self, host: str, port: int, trust: ssl.SSLContext | None) -> None:
        self.host, self.port, self.trust = host, port, trust


class Answer:
    """A whole answer, its body up to the bound."""

    def __init__(self, response: http.client.HTTPResponse, body: bytes) -> None:
        self.status, self.reason, self.headers = response.status, response.reason, response.headers
        self.truncated = len(body) > BODY_LIMIT
        self.body = body[:BODY_LIMIT]


class Lines(io.BufferedReader):
    """What the server sends; the end of the connection inside of the head is an error, which http.client lets pass."""

    in_head = True

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if self.in_head and not line.endswith(b"\n") and len(line) != size:
            raise http.client.IncompleteRead(line)
        return line


class Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = self._lines = Lines(self.fp.detach())

    def begin(self) -> None:
        super().begin()
        self._lines.in_head = False


class Connection(http.client.HTTPConnection):
    """Its socket can be shut down from another thread at any moment, also while TLS begins."""

    response_class = Response

    def __init__(self, server: Server, timeout: float) -> None:
        super().__init__(server.host, server.port, timeout=timeout)
        self._trust = server.trust

    def connect(self) -> None:
        self.sock = socket.create_connection((self.host, self.port), self.timeout)
        if self._trust is not None:
            secured = self._trust.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
            self.sock = secured
            secured.do_handshake()


class Exchange:
    """One request.

    Attributes:
        ended: Set when there is an answer or an error.
        answer: None where there is none.
        error: Why there is none.
    """

    def __init__(
        self, server: Server, *, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> None:
        self._server = server
        self._method, self._target, self._headers, self._body = method, target, headers, body
        self._connection: Connection | None = None
        self._aborted = False
        self.ended = threading.Event()
        self.answer: Answer | None = None
        self.error: Exception | None = None

    def start(self, timeout: float) -> None:
        """Begin; `timeout` bounds each step of it, so that an aborted one does not stay for ever."""
        self._connection = Connection(self._server, timeout)
        threading.Thread(target=self._run, args=(self._connection,), daemon=True).start()

    def abort(self) -> None:
        """Give it up; returns at once."""
        self._aborted = True
        if self._connection is not None and self._connection.sock is not None:
            try:
                # Past the methods of a TLS socket, which is in use by the other thread.
                socket.socket.shutdown(self._connection.sock, socket.SHUT_RDWR)
            except OSError:
                return  # closed already

    def _run(self, connection: Connection) -> None:
        try:
            self.answer = self._exchange(connection)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.error = error
        finally:
            connection.close()
            self.ended.set()

    def _exchange(self, connection: Connection) -> Answer:
        connection.connect()
        if self._aborted:
            raise ConnectionAbortedError
        connection.putrequest(self._method, self._target, skip_host=True, skip_accept_encoding=True)
        for name, value in self._headers.items():
            connection.putheader(name, value.encode())
        connection.putheader("Connection", "close")
        if self._body is not None or self._method in {"POST", "PUT", "PATCH"}:
            connection.putheader("Content-Length", str(len(self._body or b"")))
        # A server may answer, and close, before it has read a long body.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.endheaders(self._body)
        with connection.getresponse() as response:
            return Answer(response, _read(response))


def _read(response: http.client.HTTPResponse) -> bytes:
    """Return the body, one byte more than the bound where it is longer."""
    body = b""
    while len(body) <= BODY_LIMIT and (data := response.read(BODY_LIMIT + 1 - len(body))):
        body += data
    if len(body) <= BODY_LIMIT and response.length:
        raise http.client.IncompleteRead(body, response.length)
    return body
