"""WebSockets to an API server: several channels in one connection, such as what a command reads and writes.

Source: KEP-4006 "Transition from SPDY to WebSockets"; `k8s.io/apimachinery/pkg/util/httpstream/wsstream`.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from outrider.core.errors import ConnectionFailedError, DeadlineExceededError, OutriderError, UnsupportedError
from outrider.ports.http.addresses import failure, open_tunnel
from outrider.ports.kube.errors import error_of, read_status
from outrider.ports.kube.transport import ATTEMPT_SECONDS, Call, Route, Transport

PIECE = 32 * 1024
_MESSAGE_BYTES = 1024 * 1024
_CLOSE_SECONDS = 1.0


class Stream:
    """One connection.

    Args:
        socket: The WebSocket.
        shown: As errors name what goes on in it.
    """

    def __init__(self, socket: ClientConnection, shown: str) -> None:
        self._socket, self.shown = socket, shown

    @property
    def protocol(self) -> str:
        """What both sides have agreed upon."""
        return str(self._socket.subprotocol)

    async def send(self, channel: int, data: bytes) -> None:
        """Send bytes on a channel, once the other side has room for them.

        Raises:
            ConnectionFailedError: The connection has ended.
        """
        try:
            await self._socket.send(bytes((channel,)) + data)
        except ConnectionClosed as error:
            raise self.broken(_told(error)) from error

    async def receive(self) -> tuple[int, bytes] | None:
        """Return the next channel and bytes; None where the server has ended the connection properly.

        Raises:
            ConnectionFailedError: It broke, or the server does not keep to the protocol.
        """
        try:
            message = await self._socket.recv(decode=False)
        except ConnectionClosedOK:
            return None
        except ConnectionClosed as error:
            raise self.broken(_told(error)) from error
        if not message:
            raise self.broken("a message without a channel")
        return message[0], message[1:]

    def broken(self, why: str) -> ConnectionFailedError:
        """Return the error for a connection that is of no more use."""
        error = ConnectionFailedError(f"{self.shown}: the connection to the server broke: {why}", found=why)
        error.sent = True
        return error


@asynccontextmanager
async def open_stream(
    transport: Transport, path: str, protocols: Sequence[str], *, shown: str, timeout: float = ATTEMPT_SECONDS
) -> AsyncIterator[Stream]:
    """Open a connection, and end it in the end.

    Args:
        transport: The server.
        path: With its query.
        protocols: What we speak, the best first.
        shown: As errors name it.
        timeout: Seconds until it is open.

    Raises:
        DeadlineExceededError: It is not in time.
        UnsupportedError: The server speaks none of the protocols, or something on the way lets no WebSocket through.
        OutriderError: What else the server says, or that it cannot be reached.
    """
    try:
        async with asyncio.timeout(timeout):
            socket = await transport.upgrade(
                Call("GET", path, shown, accept="*/*"), lambda route: _open(route, protocols, shown)
            )
    except TimeoutError as error:
        raise DeadlineExceededError(f"{shown}: no connection within {timeout:g} s") from error
    try:
        if socket.subprotocol is None:
            raise _unsupported(shown, "none named by the server", protocols)
        yield Stream(socket, shown)
        await socket.close()
    finally:
        # Whoever is cancelled does not wait for the other side's farewell.
        socket.transport.abort()
        await socket.wait_closed()


async def _open(route: Route, protocols: Sequence[str], shown: str) -> ClientConnection:
    address = route.address
    place: dict[str, Any] = {"host": address.host, "port": address.port}
    try:
        if address.proxy is not None:
            place = {"sock": await open_tunnel(address.proxy, address)}
        if address.secure:
            place.update(ssl=route.tls, server_hostname=address.server_name or address.host)
        # Pings keep proxies from ending what is silent. That they go without an answer means nothing here: a server reads
        # none while the container does not take what was sent before.
        return await connect(
            f"{'wss' if address.secure else 'ws'}://{address.authority}{route.path}", additional_headers=list(route.headers),
            user_agent_header=None, subprotocols=[Subprotocol(name) for name in protocols], compression=None, proxy=None, open_timeout=None,
            ping_timeout=None, close_timeout=_CLOSE_SECONDS, max_size=_MESSAGE_BYTES, **place,
        )  # fmt: skip
    except InvalidStatus as error:
        raise _refusal(error, shown, protocols) from error
    except OSError as error:
        raise failure(address, error, sent=False) from error
    except (InvalidHandshake, ValueError) as error:  # ValueError: it points to another server
        raise ConnectionFailedError(
            f"{shown}: {address.shown} gives no WebSocket: {error}", found=str(error)
        ) from error


def _refusal(error: InvalidStatus, shown: str, protocols: Sequence[str]) -> OutriderError:
    code, body = error.response.status_code, bytes(error.response.body or b"")
    if code < 300:
        return _unsupported(shown, f"status {code}", protocols)
    if code == 403 and not body:  # so does the server say that it knows none of the protocols; a Role says why
        return _unsupported(shown, "status 403 without a reason", protocols)
    return error_of(code, read_status(body), shown)


def _unsupported(shown: str, found: str, protocols: Sequence[str]) -> UnsupportedError:
    return UnsupportedError(
        f"{shown}: the server, or a proxy before it, takes no WebSocket of these protocols", found=found, expected=" or ".join(protocols),
        suggestions=["have proxies before the server let WebSockets through"],
    )  # fmt: skip


def _told(error: ConnectionClosed) -> str:
    close = error.rcvd or error.sent
    return f"code {close.code} {close.reason}".rstrip() if close is not None else str(error.__cause__ or "no farewell")
