"""One HTTP request with JSON as answer; one deadline and one bound hold for all of it, however the server deals it out."""

from __future__ import annotations

import io
import json
import socket
import ssl
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead, RemoteDisconnected
from urllib.parse import urlsplit

from outrider_payload import INT64, UINT64, finite, no_json
from outrider_plugin import PluginError
from outrider_probe import left

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_BODY = 1024 * 1024
MAX_WIRE = 2 * MAX_BODY  # with headers and the lengths of chunks
HTTPS_PORT, HTTP_PORT = 443, 80


class Client:
    """Asks one URL.

    Args:
        url: An http:// or https:// URL.
        headers: Request headers; of two with one name the value of the later counts, in the spelling of the first.
        ca_file: PEM file with the authorities to trust; None for the system's.

    Raises:
        ValueError: URL or headers cannot be sent.
        OSError: The file holds no authorities.
    """

    def __init__(self, url: str, headers: dict[str, str], ca_file: str | None) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (HTTPS_PORT if self._secure else HTTP_PORT)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers: dict[str, tuple[str, str]] = {}
        for name, value in headers.items():
            if not value.isascii():
                raise ValueError(f"the header {name} is not ASCII")
            spelt, _ = self._headers.get(name.lower(), (name, ""))
            self._headers[name.lower()] = (spelt, value)
        self._ca_file = ca_file
        if ca_file is not None:
            self._trust()

    def ask(self, deadline: float, body: bytes | None = None) -> tuple[int, bytes]:
        """Return status and body of the answer to a GET, or with a body to a POST.

        Args:
            deadline: Time of the monotonic clock by which the answer must be there.
            body: What to post.

        Raises:
            TimeoutError: It is not there by then.
            OSError: There is no connection, or the answer is too long.
            ValueError: The answer is not HTTP, cut off, or too long.
        """
        with socket.create_connection((self._host, self._port), timeout=left(deadline)) as plain:
            plain.settimeout(left(deadline))  # for the handshake as a whole
            wire = _Wire(self._secured(plain) if self._secure else plain, deadline)
            try:
                return self._exchange(wire, body)
            except IncompleteRead as error:
                raise ValueError("the answer is cut off") from error
            except RemoteDisconnected as error:
                raise ValueError("the connection ended before the answer") from error
            except HTTPException as error:
                raise ValueError(f"the answer is not HTTP: {type(error).__name__}") from error
            finally:
                wire.close()

    def _exchange(self, wire: Any, body: bytes | None) -> tuple[int, bytes]:
        connection = HTTPConnection(self._host, self._port)
        connection.default_port = HTTPS_PORT if self._secure else HTTP_PORT  # which the header Host leaves out
        connection.sock = wire
        connection.request("GET" if body is None else "POST", self._target, body, dict(self._headers.values()))
        response = HTTPResponse(wire)
        response.begin()
        text = response.read(MAX_BODY + 1)
        if len(text) > MAX_BODY:
            raise ValueError(f"the answer has more than {MAX_BODY} bytes")
        if response.length:  # reading a part does not complain about an early end
            raise ValueError("the answer is cut off")
        return response.status, text

    def _secured(self, plain: socket.socket) -> socket.socket:
        return self._trust().wrap_socket(plain, server_hostname=self._host)

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._ca_file)


def configured(config: dict[str, Any], url: str, own: dict[str, str]) -> Client:
    """Return a client for a URL with the headers of a configuration, and its `ca_file`.

    Raises:
        PluginError: They cannot be used.
    """
    try:
        return Client(url, {**own, **config["headers"]}, config.get("ca_file"))
    except OSError as error:
        raise PluginError(f"config.ca_file holds no authorities: {error}", code="INVALID_CONFIG") from error
    except ValueError as error:
        raise PluginError(f"config.url or config.headers: {error}", code="INVALID_CONFIG") from error


class _Wire(io.RawIOBase):
    """A connection as http.client uses it, where every read and write has the time that is left."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        super().__init__()
        self._connection = connection
        self._deadline = deadline
        self._room = MAX_WIRE

    def sendall(self, data: bytes) -> None:
        self._connection.settimeout(left(self._deadline))
        self._connection.sendall(data)

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(left(self._deadline))
        count = self._connection.recv_into(buffer)
        self._room -= count
        if self._room < 0:  # http.client would take a ValueError for a broken chunk
            raise OSError(f"the answer has more than {MAX_WIRE} bytes with its headers")
        return count

    def close(self) -> None:
        self._connection.close()
        super().close()


def read_json(body: bytes) -> Any:
    """Return the JSON of a body, with numbers that every reader of JSON can hold.

    Raises:
        ValueError: It is none.
    """
    try:
        return json.loads(body, parse_constant=no_json, parse_int=_integer, parse_float=finite)
    except RecursionError as error:
        raise ValueError("the answer is no JSON for here: it is nested too deep") from error
    except ValueError as error:
        raise ValueError(f"the answer is no JSON: {error}") from error


def _integer(digits: str) -> float:
    """Return an integer, or the number next to it where it needs more than 64 bits."""
    number = int(digits) if len(digits) <= 20 else UINT64
    return number if INT64 <= number < UINT64 else finite(digits)
