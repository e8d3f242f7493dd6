"""What the connections of one server share."""

import asyncio
from typing import TYPE_CHECKING

import msgspec

from outrider.core.http.limits import Limits
from outrider.core.http.request_parser import Stage
from outrider.core.http.serialise import date_line
from outrider.ports.clock import Clock
from outrider.ports.http.routing import Handler

if TYPE_CHECKING:
    from outrider.ports.http.connection import ServerConnection

SWEEP_SECONDS = 0.5
RECEIVE_BYTES = 64 * 1024


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """How long a connection may stay in a state, in seconds.

    Attributes:
        handshake: TLS handshake.
        header: From the first byte of a request (or the start of the connection) to the end of its headers.
        body: From the end of the headers to the end of the body.
        idle: Between two requests.
        write: Without progress of a reader that is behind.
        linger: After the last answer, while what the other end still sends is dropped.
    """

    handshake: float = 10.0
    header: float = 10.0
    body: float = 30.0
    idle: float = 75.0
    write: float = 30.0
    linger: float = 2.0


DEFAULT_TIMEOUTS = Timeouts()


class ServerState:
    """Settings and the set of connections.

    One buffer serves all connections: the event loop fills it and hands it over in one step, and a connection takes a copy
    of its size before the next one is served.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        limits: Limits,
        timeouts: Timeouts,
        max_connections: int,
        clock: Clock,
    ) -> None:
        self.handler = handler
        self.limits = limits
        self.timeouts = timeouts
        self.max_connections = max_connections
        self.monotonic = clock.monotonic
        self.stopping = False
        self.connections: set[ServerConnection] = set()
        self.receive_buffer = memoryview(bytearray(RECEIVE_BYTES))
        self._emptied = asyncio.Event()
        self._sweep: asyncio.TimerHandle | None = None
        self._interval = min(SWEEP_SECONDS, *(seconds / 4 for seconds in msgspec.structs.astuple(timeouts)))
        self._now = clock.now
        self._date = (0, b"")

    def date(self) -> bytes:
        """Return the `date` line of this second."""
        second = int(self._now())
        if second != self._date[0]:
            self._date = (second, date_line(second))
        return self._date[1]

    def seconds(self, stage: Stage) -> float:
        """Return how long a request may take from here to its next stage."""
        if stage is Stage.START:
            return self.timeouts.idle
        return self.timeouts.header if stage is Stage.HEAD else self.timeouts.body

    def add(self, connection: "ServerConnection") -> None:
        """Take in a new connection and look at its deadlines from now on."""
        self.connections.add(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._interval, self._expire)

    def forget(self, connection: "ServerConnection") -> None:
        """Take a connection out once it is lost and its handler has ended."""
        self.connections.discard(connection)
        if not self.connections:
            self._emptied.set()

    async def wait_until_empty(self, seconds: float) -> bool:
        """Return whether all connections ended within that time."""
        try:
            async with asyncio.timeout(seconds):
                while self.connections:
                    self._emptied.clear()
                    await self._emptied.wait()
        except TimeoutError:
            return False
        return True

    def stop_sweeping(self) -> None:
        """Look at deadlines no longer."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    def _expire(self) -> None:
        now = self.monotonic()
        for connection in [connection for connection in self.connections if connection.due(now)]:
            connection.expire()
        again = bool(self.connections)
        self._sweep = asyncio.get_running_loop().call_later(self._interval, self._expire) if again else None
