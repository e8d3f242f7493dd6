"""One connection of a client: one request at a time."""

import asyncio
import select
from typing import cast

from outrider.core.http.errors import ProtocolError
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Response
from outrider.core.http.response_parser import ResponseEvent, ResponseHead, ResponseParser

RECEIVE_BYTES = 64 * 1024


class ClientConnection(asyncio.BufferedProtocol):
    """Sends a request and collects its answer.

    Args:
        limits: Bounds of an answer.
        buffer: Filled by the event loop; shared by connections of one loop, because each takes a copy at once.
        connections: The set that this connection is in while it is open.

    Attributes:
        sent: A byte of the request may have left.
        answering: A byte of the answer has come.
        ready: Done when requests can be sent.
        lost: Set when the connection is gone.
        idle_since: Time at which the last answer was complete, set by the owner.
    """

    _transport: asyncio.Transport
    # Made once: to ask the transport for its socket costs more than to look.
    _poll: "select.poll | None" = None

    def __init__(self, limits: Limits, buffer: memoryview, connections: "set[ClientConnection]") -> None:
        self._parser = ResponseParser(limits)
        self._buffer = buffer
        self._connections = connections
        self._waiter: asyncio.Future[Response] | None = None
        self._head: ResponseHead | None = None
        self._content = bytearray()
        self._ended = False
        self._error: Exception | None = None
        self.sent = False
        self.answering = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost = asyncio.Event()
        self.idle_since = 0.0

    async def exchange(self, method: str, request: bytes) -> Response:
        """Send a whole request and return its answer.

        Raises:
            ProtocolError: The answer is malformed, too long or cut off.
            OSError: The connection failed.
        """
        return await self.begin(method, request)

    def begin(self, method: str, request: bytes) -> "asyncio.Future[Response]":
        """Send a whole request and return what will be its answer; errors as for `exchange`."""
        self.sent = self.answering = False
        if self._ended:
            raise self._error or ConnectionResetError("the connection has ended")
        self._parser.expect(method)
        self._waiter = asyncio.get_running_loop().create_future()
        self.sent = True
        self._transmit(request)
        return self._waiter

    def _transmit(self, request: bytes) -> None:
        self._transport.write(request)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way, so that another request can be sent."""
        return not self._ended and self._parser.idle

    def readable(self) -> bool:
        """Return whether the other end has closed or spoken, which the event loop may not have noticed yet.

        It has not above all after the process was stopped or the machine asleep.
        """
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(self._poll.poll(0))

    def abort(self) -> None:
        """Drop the connection, also while it is being made."""
        self._ended = True
        if not self.ready.done():
            self.ready.set_exception(ConnectionAbortedError("the connection was dropped"))
            self.ready.exception()  # whoever waits for it is told; that nobody does is no fault
        if self in self._connections:
            self._transport.abort()

    def handshake_begins(self, transport: asyncio.Transport) -> None:
        """Take the transport, through which nothing can be sent yet."""
        self._transport = transport
        self._connections.add(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # those of uvloop are no subclass
        self.handshake_begins(transport)
        if not self.ready.done():
            self.ready.set_result(None)

    def get_buffer(self, _sizehint: int) -> memoryview:
        return self._buffer

    def pause_writing(self) -> None:
        """Nothing to do: a request is sent as one, and its size is the caller's choice."""

    def resume_writing(self) -> None:
        """Nothing to do."""

    def buffer_updated(self, nbytes: int) -> None:
        self.answering = True
        try:
            for event in self._parser.feed(bytes(self._buffer[:nbytes])):
                self._take(event)
        except ProtocolError as error:
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._connections.discard(self)
        self.lost.set()
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionResetError("the other end closed at once"))
        if exc is not None:
            self._fail(exc)
            return
        try:
            events = self._parser.eof()
        except ProtocolError as error:
            self._fail(error)
            return
        for event in events:
            self._take(event)

    def _take(self, event: ResponseEvent) -> None:
        if isinstance(event, ResponseHead):
            self._begin(event)
        elif isinstance(event, bytes):
            self._content += event
        elif self._head is not None:
            self._complete(self._head)

    def _begin(self, head: ResponseHead) -> None:
        self._head = head

    def _complete(self, head: ResponseHead) -> None:
        response = Response(head.status, head.headers, bytes(self._content))
        self._content = bytearray()
        if head.close:
            self.abort()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(response)

    def _fail(self, error: Exception) -> None:
        self._error = error
        self.abort()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
