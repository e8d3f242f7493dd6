"""Where a client connects to, and what a failure to do so means."""

import asyncio
import os
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from outrider.core.errors import ConnectionFailedError, InvalidConfigError, OutriderError, UnauthenticatedError
from outrider.core.http.urls import PORTS
from outrider.ports.certificates.authorities import context_for
from outrider.ports.http.client_connection import ClientConnection
from outrider.ports.http.proxies import Proxy, ProxyError
from outrider.ports.http.tls_layer import TlsLayer

_URL = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9\-._]*)(?::([0-9]{1,5}))?/?")
_HEAD_BYTES = 8192
_PROXY_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})")
_REFUSED = re.compile("ALERT_.*(CERTIFICATE|UNKNOWN_CA|DECRYPT_ERROR|ACCESS_DENIED|HANDSHAKE_FAILURE|PROTOCOL_VERSION)")


class Address(msgspec.Struct, frozen=True):
    """One server.

    Attributes:
        shown: The address as errors name it.
        authority: Value of the Host field.
        host: Name or IP address; empty for a unix socket.
        path: File of a unix socket; empty for TCP.
        server_name: What the certificate of the server must hold; empty for the host.
        proxy: A proxy on the way to the server; None for none.
    """

    shown: str
    authority: str
    host: str = ""
    port: int = 0
    path: str = ""
    secure: bool = False
    server_name: str = ""
    proxy: Proxy | None = None


def parse_address(base_url: str) -> Address:
    """Read `http://host:port`, `https://host:port` or `unix:/path`.

    Raises:
        InvalidConfigError: It is none of these; paths, queries and credentials are not part of an address.
    """
    if base_url.startswith("unix:/"):
        return Address(base_url, "localhost", path=base_url.removeprefix("unix:"))
    match = _URL.fullmatch(base_url)
    port = int(match[3] or PORTS[match[1]]) if match else 0
    if match is None or not 0 < port < 65536:
        raise InvalidConfigError(
            "the address of the server is not one that can be used",
            # A URL may hold credentials; what stands before the @ is not shown.
            found=base_url.rpartition("@")[2],
            expected="http://host:port, https://host:port or unix:/path",
            suggestions=["give scheme, host and port only"],
        )
    authority = base_url.rstrip("/").partition("://")[2]
    return Address(base_url, authority, match[2].strip("[]"), port, secure=match[1] == "https")


async def connect(address: Address, connection: ClientConnection, tls: ssl.SSLContext | None) -> ClientConnection:
    """Open a connection and return it.

    Raises:
        ConnectionFailedError: Nobody answers there; nothing was sent.
        UnauthenticatedError: The certificate of the server is not trusted.
    """
    connected = False
    try:
        await _open(address, connection, tls)
        await connection.ready
        connected = True
    except (OSError, UnicodeError) as error:
        raise failure(address, error, sent=False) from error
    finally:
        # Here also after a cancellation, which must not leave a connection that nobody knows.
        if not connected:
            connection.abort()
    return connection


async def _open(address: Address, connection: ClientConnection, tls: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    if address.path:
        await loop.create_unix_connection(lambda: connection, address.path)
        return
    protocol: Callable[[], asyncio.BaseProtocol] = lambda: connection  # noqa: E731
    if address.secure:
        context = tls or context_for()
        protocol = lambda: TlsLayer(connection, context, address.server_name or address.host)  # noqa: E731
    if address.proxy is not None and address.secure:
        tunnel = await open_tunnel(address.proxy, address)
        await loop.create_connection(protocol, sock=tunnel)
    elif address.proxy is not None:
        with _reaching(address.proxy):
            await loop.create_connection(protocol, address.proxy.host, address.proxy.port)
    else:
        await loop.create_connection(protocol, address.host, address.port)


@contextmanager
def _reaching(proxy: Proxy) -> Iterator[None]:
    """Have it said of the proxy that it cannot be reached, and not of the server behind it."""
    try:
        yield
    except OSError as error:
        said = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
        raise ProxyError(f"the proxy {proxy.url} cannot be reached: {said}") from error


async def open_tunnel(proxy: Proxy, target: Address) -> socket.socket:
    """Return a connection to the target through an HTTP proxy (CONNECT, RFC 9110 section 9.3.6).

    Raises:
        ProxyError: The proxy cannot be reached, or makes no tunnel.
    """
    loop = asyncio.get_running_loop()
    with _reaching(proxy):
        found = await loop.getaddrinfo(proxy.host, proxy.port, type=socket.SOCK_STREAM)
    tunnel = socket.socket(found[0][0], socket.SOCK_STREAM)
    try:
        tunnel.setblocking(False)
        with _reaching(proxy):
            await loop.sock_connect(tunnel, found[0][4])
        where = f"[{target.host}]:{target.port}" if ":" in target.host else f"{target.host}:{target.port}"
        login = "" if proxy.authorization is None else f"Proxy-Authorization: {proxy.authorization.reveal()}\r\n"
        await loop.sock_sendall(tunnel, f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n{login}\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            # One byte at a time: what comes after the head belongs to the tunnel.
            piece = await loop.sock_recv(tunnel, 1) if len(head) < _HEAD_BYTES else b""
            if not piece:
                raise ProxyError(f"the proxy {proxy.url} ended the connection")
            head += piece
        status = _PROXY_STATUS.match(head)
        if status is None or status[1] != b"200":
            said = head.partition(b"\r\n")[0][:60].decode("latin-1")
            raise ProxyError(f"the proxy {proxy.url} makes no tunnel: {said}")
    except BaseException:
        tunnel.close()
        raise
    return tunnel


def failure(address: Address, error: Exception, *, sent: bool) -> OutriderError:
    """Return the error for a connection that could not be made or used.

    Args:
        address: Where to.
        error: What the system said.
        sent: Whether a byte of a request may have arrived.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return UnauthenticatedError(
            f"the certificate of {address.shown} is not trusted: {error.verify_message}",
            found=error.verify_message,
            suggestions=["check the CA file of this client", "use a name that the certificate of the server holds"],
        )
    if isinstance(error, ssl.SSLError) and _REFUSED.search(error.reason or ""):
        return UnauthenticatedError(
            f"{address.shown} refused this client's certificate or TLS version: {error.reason}",
            found=str(error.reason),
            suggestions=["check certificate, key and expiry on this side", "enrol again"],
        )
    failed = ConnectionFailedError(
        f"{address.shown}: {_reason(error)}", found=_reason(error), suggestions=[_remedy(error, address)]
    )
    failed.sent = sent
    return failed


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"no TLS connection: {error.reason}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _remedy(error: Exception, address: Address) -> str:
    if isinstance(error, socket.gaierror | UnicodeError):
        return "check the name of the host"
    if isinstance(error, ConnectionRefusedError | FileNotFoundError):
        return "start the server, or correct the address"
    if isinstance(error, ProxyError):
        return "start the proxy, or correct it where it is named: a setting of the client, or https_proxy, HTTPS_PROXY or http_proxy"
    if isinstance(error, PermissionError):
        return f"run as the user who may use {address.shown}"
    if isinstance(error, ssl.SSLError):
        return "use http:// if the server speaks no TLS"
    return "try again; if it stays so, look at the server's log"
