"""An HTTP/1.1 server on asyncio."""

import asyncio
import ssl
from pathlib import Path

from outrider.core.http.limits import DEFAULT_LIMITS, Limits
from outrider.ports.clock import Clock, SystemClock
from outrider.ports.http.connection import ServerConnection
from outrider.ports.http.listening import BACKLOG, cannot_listen, check_port, listen_unix, remove_unix
from outrider.ports.http.routing import Handler
from outrider.ports.http.server_state import DEFAULT_TIMEOUTS, ServerState, Timeouts
from outrider.ports.http.tls_layer import TlsLayer

SYSTEM_CLOCK = SystemClock()
CANCEL_SECONDS = 5.0


class Server:
    """Serves one handler on any number of addresses.

    A handler that raises costs its caller a 500 and the connection; the report goes to the event loop's exception handler.
    A `Router` as handler turns errors into answers before that. A handler whose caller is gone is cancelled.

    Args:
        handler: Answers a request; called in a task per request.
        limits: Bounds of one request.
        timeouts: Bounds in time.
        max_connections: More get 503 and are closed.
        tls: Makes all TCP listeners speak TLS; unix sockets never do.
        clock: For the timeouts and the Date field.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        limits: Limits = DEFAULT_LIMITS,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        max_connections: int = 1024,
        tls: ssl.SSLContext | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._state = ServerState(
            handler,
            limits=limits,
            timeouts=timeouts,
            max_connections=max_connections,
            clock=clock,
        )
        self._tls = tls
        self._listeners: list[asyncio.Server] = []
        self._files: list[tuple[Path, int]] = []

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._state.connections)

    async def start_tcp(self, host: str, port: int) -> int:
        """Listen on an address and return the port, which is a free one where 0 was asked for.

        Raises:
            ConflictError: The port is taken.
            InvalidConfigError: The address is not one of this machine, or not allowed.
        """
        check_port(port)
        try:
            listener = await asyncio.get_running_loop().create_server(
                self._secure_connection if self._tls else self._connection,
                host,
                port,
                backlog=BACKLOG,
            )
        except (OSError, UnicodeError) as error:
            raise cannot_listen(f"{host}:{port}", error) from error
        self._listeners.append(listener)
        bound: int = listener.sockets[0].getsockname()[1]
        return bound

    async def start_unix(self, path: Path, mode: int = 0o600) -> None:
        """Listen on a unix socket, in the place of one that nobody listens on any more.

        Raises:
            ConflictError: Another process listens there, or something else is there.
            InvalidConfigError: The path cannot hold a socket.
        """
        listener, inode = listen_unix(path, mode)
        self._files.append((path, inode))
        self._listeners.append(
            await asyncio.get_running_loop().create_unix_server(self._connection, sock=listener, backlog=BACKLOG)
        )

    def _connection(self) -> ServerConnection:
        return ServerConnection(self._state)

    def _secure_connection(self) -> TlsLayer:
        assert self._tls is not None
        return TlsLayer(ServerConnection(self._state), self._tls, None)

    async def stop(self, grace: float) -> None:
        """Accept nothing more, close idle connections, let requests under way finish, then cancel the rest.

        Args:
            grace: Seconds that requests under way have.
        """
        state = self._state
        state.stopping = True
        for listener in self._listeners:
            listener.close()
        for connection in list(state.connections):
            connection.finish()
        if not await state.wait_until_empty(grace):
            for connection in list(state.connections):
                connection.abort()
            await state.wait_until_empty(CANCEL_SECONDS)
        state.stop_sweeping()
        for path, inode in self._files:
            remove_unix(path, inode)
