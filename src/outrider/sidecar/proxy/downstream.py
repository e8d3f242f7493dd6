"""A client's connection: requests are read, one at a time is in flight, the others wait their turn."""

import asyncio
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, cast

from outrider.sidecar.proxy.exchange import Exchange
from outrider.sidecar.proxy.gate import Tunnels
from outrider.sidecar.proxy.messages import JSON_FIELDS, Request, error_body, whole_answer
from outrider.sidecar.proxy.reading import RequestReader

if TYPE_CHECKING:
    from outrider.sidecar.proxy.proxy import Proxy

LINGER_SECONDS = 2.0
_TUNNEL = b"CONNECT "
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_FOREVER = float("inf")
_LINGER_NOT = struct.pack("ii", 1, 0)


class Downstream(asyncio.Protocol):
    """One client.

    Args:
        proxy: Whose.

    Attributes:
        deadline: When it has taken too long over a request, or been idle too long; on the loop's clock.
        choked: Whether the client reads more slowly than it is written to.
    """

    __slots__ = (
        "_beginning", "_calls_begun", "_closing", "_current", "_expecting", "_fault", "_paused", "_phase", "_proxy", "_queue", "_reader", "_transport", "_unsent",
        "choked", "deadline",
    )  # fmt: skip

    def __init__(self, proxy: "Proxy") -> None:
        self._proxy = proxy
        self._reader = RequestReader(proxy.limits, self._read, self._expected)
        self._transport: asyncio.Transport
        self._queue: deque[Exchange] = deque()
        self._current: Exchange | None = None
        self._fault: tuple[int, str] | None = None
        self._beginning = self._calls_begun = False
        # Whether the client waits with a body until it is told to go on, once what came before is answered.
        self._expecting = False
        self._unsent: list[bytes] = []
        self._paused = False
        # Of the request that is being read, what is awaited: its head or its body.
        self._phase = ""
        self._closing = False
        self.choked = False
        self.deadline = _FOREVER

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._proxy.admit(self):
            self.deadline = self._proxy.now() + self._proxy.limits.idle_time
        else:
            self._refuse(503, "too many connections")
            self._close()

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self._closing = True
        self._proxy.forget(self)
        self._queue.clear()
        self._unsent.clear()
        current, self._current = self._current, None
        if current is not None:
            current.abandon()

    def data_received(self, data: bytes) -> None:
        if self._closing or self._fault is not None:
            return
        if self._proxy.tunnels is not None and not self._calls_begun and data.startswith(_TUNNEL):
            self._become_tunnel(self._proxy.tunnels, data)
            return
        self._calls_begun = True
        self._fault = self._reader.feed(data)
        if self._fault is not None:
            self._give_up()
        elif self._current is None and not self._queue:
            self._await_rest()
        elif self._reader.begun:
            self._bound()

    def eof_received(self) -> bool:
        """Take the end of what a client sends for its leave: whoever generates an answer for it stops, and costs no more."""
        return False

    def pause_writing(self) -> None:
        self.choked = True
        if self._current is not None and self._current.upstream is not None:
            self._current.upstream.pause()

    def resume_writing(self) -> None:
        self.choked = False
        if self._current is not None and self._current.upstream is not None:
            self._current.upstream.resume()
        self._begin()

    # What exchanges call.

    def write(self, data: bytes) -> None:
        """Send to the client, at the end of this turn."""
        if not self._unsent:
            self._proxy.send_soon(self)
        self._unsent.append(data)

    def send_now(self) -> None:
        """Send what is held."""
        unsent = self._unsent
        if unsent:
            self._transport.write(unsent[0] if len(unsent) == 1 else b"".join(unsent))
            unsent.clear()

    def finished(self, exchange: Exchange, *, close: bool) -> None:
        """Note that an answer is whole, and go on with the next request."""
        if exchange is not self._current:
            return
        self._current = None
        if close or (self._closing and not self._queue):
            self._close()
            return
        self.deadline = self._proxy.now() + self._proxy.limits.idle_time
        self._begin()

    def cut(self, *, reset: bool = False) -> None:
        """Break the connection, so that the client sees that its answer is not whole.

        Args:
            reset: Without a plain end: where the end of the connection is that of the body, it would say that all is well.
        """
        self._closing = True
        if reset:
            connection: socket.socket = self._transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._transport.abort()

    # What the proxy calls.

    def expire(self) -> None:
        """End a connection whose time is over."""
        if self._closing:
            self._transport.abort()
        elif self._queue:
            self._transport.abort()  # answers wait for a client that does not read
        elif self._reader.begun:
            self._refuse(408, "the request did not come in time")
        else:
            self._close()

    @property
    def number(self) -> int:
        """The descriptor of its connection."""
        connection: socket.socket = self._transport.get_extra_info("socket")
        return connection.fileno()

    def left(self) -> None:
        """Note that the client has left, although nothing is read of it now."""
        self._transport.abort()

    @property
    def calls(self) -> int:
        """Requests that are to be answered."""
        return len(self._queue) + (self._current is not None)

    def drain(self) -> None:
        """Take no further request; close when the one in flight is answered, and say so to who is still sending one."""
        if self.calls:
            self._take_no_more()
        elif self._reader.begun:
            self._refuse(503, "the sidecar is ending; the request had not come in whole")
        else:
            self._close()

    # Inside.

    def _become_tunnel(self, tunnels: Tunnels, data: bytes) -> None:
        """Leave a connection to who tunnels it."""
        tunnel = tunnels.begin(self._transport)
        self._transport.set_protocol(tunnel)
        self._closing = True
        self._proxy.forget(self)
        tunnel.data_received(data)

    def _await_rest(self) -> None:
        """Bound the time for what is still to come of a request, from the first byte of its head and of its body."""
        limits, reader = self._proxy.limits, self._reader
        phase = ("head" if reader.in_head else "body") if reader.begun else ""
        if phase and phase != self._phase:
            self.deadline = self._proxy.now() + (limits.head_time if reader.in_head else limits.body_time)
        self._phase = phase

    def _read(self, request: Request) -> None:
        self._expecting = False
        self._queue.append(Exchange(self, request))
        self._begin()
        if self._queue:
            self._bound()

    def _bound(self) -> None:
        """Read no more for now, if so much waits behind the request in flight that it would only fill our memory."""
        if not self._paused and self._full():
            self._paused = True
            self._transport.pause_reading()
            self._proxy.unread.add(self)

    def _full(self) -> bool:
        queue, limits = self._queue, self._proxy.limits
        if not queue and self._current is None:
            return False
        waiting = self._reader.size + sum(len(one.request.body) for one in queue)
        return len(queue) >= limits.pipeline or waiting > limits.waiting

    def _expected(self) -> None:
        """The client waits with its body until it is told to go on."""
        if self._current is None and not self._queue:
            self.write(_CONTINUE)
        else:
            self._expecting = True

    def _begin(self) -> None:
        """Decide about requests in their turn. Answers that need nobody else come back here, in place of a deep recursion."""
        if self._beginning:
            return
        self._beginning = True
        while self._queue and self._current is None and not self.choked and not self._transport.is_closing():
            self._current = self._queue.popleft()
            self.deadline = _FOREVER  # it waits for us now
            self._phase = ""
            self._proxy.decide(self._current)
        self._beginning = False
        if self._expecting and self._current is None and not self._queue:
            self._expecting = False
            self.write(_CONTINUE)
        if self._paused and self._fault is None and not self._closing and not self._full():
            self._paused = False
            self._proxy.unread.discard(self)
            self._transport.resume_reading()
        if self._fault is not None:
            self._give_up()

    def _take_no_more(self) -> None:
        self._closing = True
        if not self._queue and self._current is None:
            self._close()
            return
        last = self._queue[-1] if self._queue else self._current
        if last is not None:
            last.request.keep_alive = False

    def _give_up(self) -> None:
        """Refuse what cannot be read, once what came before it is answered."""
        if self._fault is not None and self._current is None and not self._queue:
            self._refuse(*self._fault)

    def _refuse(self, status: int, message: str) -> None:
        if not self._closing:
            body = error_body("invalid_request_error" if status < 500 else "unavailable", message)
            self._closing = True
            self._queue.clear()
            self.send_now()
            self._transport.write(whole_answer(Request(), status, JSON_FIELDS, body, close=True))
            # Who still sends would be reset, and not see why, if what it sends were not read.
            self._transport.write_eof()
            self.deadline = self._proxy.now() + LINGER_SECONDS

    def _close(self) -> None:
        self._closing = True
        self.send_now()
        self._transport.close()
        self.deadline = self._proxy.now() + self._proxy.limits.silence_time  # for what it has still to read
