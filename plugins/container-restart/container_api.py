"""Requests to the API of Docker, which Podman has, too, over a unix socket or TCP; each on a thread, so that it can be given up."""

from __future__ import annotations

import http.client
import json
import socket
import threading

from outrider_plugin import PluginError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from typing import Any

TICK = 0.05
ANSWER_LIMIT = 4 * 1024 * 1024
SHOWN = 500
CONNECT_SECONDS = 10.0


class Endpoint:
    """Where the API is: a path, or host and port; `trust` makes it HTTPS."""

    def __init__(self, *, path: str = "", host: str = "", port: int = 0, trust: ssl.SSLContext | None = None) -> None:
        self.path, self.host, self.port, self.trust = path, host, port, trust

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}"


class Answer:
    """A whole answer; `data` is empty where the body is no JSON object."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        body = response.read(ANSWER_LIMIT + 1)
        if len(body) > ANSWER_LIMIT or response.length:
            raise http.client.IncompleteRead(b"")
        self.status = response.status
        self.version = response.headers["Api-Version"] or ""
        self.data: dict[str, Any] = {}
        self.text = body.decode("utf-8", "replace").strip()
        try:
            data = json.loads(body) if body else {}
        except (ValueError, RecursionError):
            return
        if isinstance(data, dict):
            self.data = data
            self.text = str(data.get("message", self.text))


class Connection(http.client.HTTPConnection):
    """Its socket can be shut down from another thread at any moment."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint.host or "localhost", endpoint.port or None)
        self._endpoint = endpoint

    def connect(self) -> None:
        endpoint = self._endpoint
        if endpoint.path:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(CONNECT_SECONDS)
            self.sock.connect(endpoint.path)
        else:
            self.sock = socket.create_connection((endpoint.host, endpoint.port), CONNECT_SECONDS)
        if endpoint.trust is not None:
            secured = endpoint.trust.wrap_socket(
                self.sock, server_hostname=endpoint.host, do_handshake_on_connect=False
            )
            self.sock = secured
            secured.do_handshake()
        # From here on it may take as long as the container takes; who waits sees to the end.
        self.sock.settimeout(None)


class Exchange:
    """One request; `ended` is set when there is an answer or an error."""

    def __init__(self, endpoint: Endpoint, method: str, target: str) -> None:
        self._connection = Connection(endpoint)
        self._method, self._target = method, target
        self.ended = threading.Event()
        self.answer: Answer | None = None
        self.error: Exception | None = None
        self._aborted = False
        threading.Thread(target=self._run, daemon=True).start()

    def abort(self) -> None:
        """Give it up; returns at once."""
        self._aborted = True
        try:
            if self._connection.sock is not None:
                # Past the methods of a TLS socket, which is in use by the other thread.
                socket.socket.shutdown(self._connection.sock, socket.SHUT_RDWR)
        except OSError:
            return  # closed already

    def _run(self) -> None:
        try:
            self._connection.connect()
            if self._aborted:
                return
            self._connection.request(self._method, self._target, headers={"Connection": "close"})
            with self._connection.getresponse() as response:
                self.answer = Answer(response)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.error = error
        finally:
            self._connection.close()
            self.ended.set()


def ask(endpoint: Endpoint, request: tuple[str, str], check: Callable[[], None]) -> Answer:
    """Return the answer to a request.

    Args:
        endpoint: Where the API is.
        request: Method and path.
        check: Called again and again; what it raises gives the request up.

    Raises:
        PluginError: There is none.
    """
    exchange = Exchange(endpoint, *request)
    while not exchange.ended.wait(TICK):
        try:
            check()
        except PluginError:
            exchange.abort()
            raise
    if exchange.answer is None:
        raise _no_answer(endpoint, exchange.error)
    return exchange.answer


def refusal(answer: Answer) -> PluginError:
    """Return the error for a status that is no success."""
    message = f"the API answered {answer.status}: {answer.text[:SHOWN]}"
    if answer.status == 404:
        return PluginError(message, code="NOT_FOUND")
    if answer.status in {401, 403}:
        return PluginError(message, code="DENIED")
    if answer.status in {429, 502, 503, 504}:
        return PluginError(message, code="UNAVAILABLE", retryable=True)
    return PluginError(message)


def _no_answer(endpoint: Endpoint, error: Exception | None) -> PluginError:
    if type(error).__name__ == "SSLCertVerificationError":
        return PluginError(f"{endpoint}: its certificate is not accepted: {error}")
    if isinstance(error, PermissionError):
        return PluginError(f"{endpoint}: {error.strerror}", code="DENIED")
    if isinstance(error, http.client.HTTPException) and not isinstance(error, OSError):
        reason = f"the answer is not HTTP, or ends early: {type(error).__name__}"
    else:
        reason = getattr(error, "strerror", None) or str(error)
    return PluginError(f"{endpoint}: {reason}", code="CONNECTION_FAILED", retryable=True)
