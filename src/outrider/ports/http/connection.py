"""One connection of a server.

    receiving --request--> answering --answer--> receiving (the next request)
        |                      |
        | fault, time is up    | last answer, fault of the handler
        +----------------------+--> closing --all written, other end gone, time is up--> lost

One request is answered at a time. What the other end sends meanwhile waits, bounded, and then reading stops. Every state but
`answering` has a deadline, and so has a write that makes no progress; the server's sweep looks at them, because a timer per
request would cost more than everything else here. A handler whose caller is gone is cancelled: what must be finished all
the same runs in a task of its own.
"""

import asyncio
import math
from typing import cast

from outrider.core.errors import DeadlineExceededError, InternalError, UnavailableError
from outrider.core.http.errors import ProtocolError
from outrider.core.http.messages import Request, Response
from outrider.core.http.request_parser import CONTINUE_EXPECTED, RequestParser, Stage
from outrider.core.http.serialise import CONTINUE, response_start
from outrider.ports.http.peers import peer_of
from outrider.ports.http.routing import error_response
from outrider.ports.http.server_state import ServerState
from outrider.ports.http.writer import SLICE, BodyWriter, close_pieces

MAX_WAITING_BYTES = 64 * 1024
MAX_REFUSED = 64


class ServerConnection(asyncio.BufferedProtocol):
    """Reads requests, has them handled and writes the answers.

    Attributes:
        deadline: Time on the monotonic clock at which `expire` is due.
    """

    _transport: asyncio.Transport
    _parser: RequestParser
    _writer: BodyWriter

    def __init__(self, state: ServerState) -> None:
        self._state = state
        # What the deadline was set for, while a request is received.
        self._stage: Stage | None = Stage.START
        self._task: asyncio.Task[None] | None = None
        self._waiting = bytearray()
        self._started = False
        self._closing = False
        self._eof = False
        self.deadline = math.inf

    def handshake_begins(self, transport: asyncio.Transport) -> None:
        """Count the connection from now on, not only when its peer is verified."""
        state = self._state
        self._transport = transport
        self.deadline = state.monotonic() + state.timeouts.handshake
        state.add(self)
        if state.stopping or len(state.connections) > state.max_connections + MAX_REFUSED:
            self.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # those of uvloop are no subclass
        state = self._state
        if self not in state.connections:
            self.handshake_begins(transport)
        self._writer = BodyWriter(transport)
        self._parser = RequestParser(state.limits, peer_of(transport))
        self.deadline = state.monotonic() + state.timeouts.header
        if len(state.connections) > state.max_connections:
            busy = UnavailableError(f"{state.max_connections} connections are open already", retry_after=1.0)
            self._refuse(error_response(busy))

    def get_buffer(self, _sizehint: int) -> memoryview:
        return self._state.receive_buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._closing:
            return
        data = bytes(self._state.receive_buffer[:nbytes])
        if self._task is None:
            self._receive(data)
            return
        self._waiting += data
        if len(self._waiting) >= MAX_WAITING_BYTES:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Keep the sending half open for an answer that is under way. The TLS layer does not ask: it closes both halves."""
        self._eof = True
        return self._task is not None and not self._closing

    def pause_writing(self) -> None:
        self._writer.pause()
        if not self._closing:
            self.deadline = self._state.monotonic() + self._state.timeouts.write

    def resume_writing(self) -> None:
        self._writer.resume()
        if not self._closing:
            self.deadline = math.inf

    def connection_lost(self, _exc: Exception | None) -> None:
        self._closing = True
        self.deadline = math.inf
        if self._task is None:
            self._state.forget(self)
        else:
            # Not at the end of `_serve`, which does not run at all if it is cancelled before its first step.
            self._task.add_done_callback(lambda _: self._state.forget(self))
            self._task.cancel()

    def due(self, now: float) -> bool:
        """Return whether the deadline has passed. What is being closed has one even while its handler runs."""
        if self.deadline == math.inf and self._transport.is_closing():
            self.deadline = now + self._state.timeouts.write
        return self.deadline <= now

    def expire(self) -> None:
        """End a state that has lasted too long."""
        if self._closing or self._task is not None:
            self.abort()
        elif self._stage is Stage.START:
            self._close()
        else:
            late = DeadlineExceededError(f"the {self._parser.stage.value} of the request did not arrive in time")
            self._refuse(error_response(late, 408))

    def finish(self) -> None:
        """Close at once if no request is under way; otherwise the answer to it will be the last."""
        if self._task is None and self._stage is Stage.START:
            self._close()

    def abort(self) -> None:
        """Drop the connection; a handler at work is cancelled."""
        self._closing = True
        self._transport.abort()

    def _receive(self, data: bytes) -> None:
        try:
            events = self._parser.feed(data)
        except ProtocolError as error:
            self._refuse(error_response(error, error.status))
            return
        event = events[-1] if events else None
        if isinstance(event, Request):
            self.deadline = math.inf
            self._task = asyncio.get_running_loop().create_task(self._serve(event))
            return
        if event is CONTINUE_EXPECTED:
            self._transport.write(CONTINUE)
        self._wait_for_more()

    def _wait_for_more(self) -> None:
        """Give what comes next its time; further bytes of the same part do not extend it."""
        if self._eof:
            self._close()
            return
        stage = self._parser.stage
        if stage is self._stage:
            return
        self._stage = stage
        self.deadline = self._state.monotonic() + self._state.seconds(stage)

    async def _serve(self, request: Request) -> None:
        self._started = False
        last = None
        try:
            response = await self._state.handler(request)
            last = await self._answer(request, response)
        finally:
            self._task = None
            if last is None:
                self._fail()
        if last or self._state.stopping:
            self._end()
        elif not self._closing:
            self._next()

    async def _answer(self, request: Request, response: Response) -> bool:
        """Write the answer and return whether it is the last one."""
        state = self._state
        body = response.body
        start = response_start(
            response,
            method=request.method,
            minor=request.minor,
            close=request.close or state.stopping,
            date=state.date(),
        )
        self._started = True
        if isinstance(body, bytes):
            if len(body) <= SLICE or not start.length:
                self._transport.write(start.head + body if start.length else start.head)
            else:
                self._transport.write(start.head)
                await self._writer.send_bytes(body)
        else:
            self._transport.write(start.head)
            await (self._writer.send_pieces(body, start.length) if start.length else close_pieces(body))
        if self._writer.paused:
            await self._writer.drain()
        return start.close

    def _next(self) -> None:
        """Go on with what has arrived during the answer."""
        self._stage = None
        if not self._waiting:
            if self._parser.stage is Stage.START:
                self._wait_for_more()
            else:
                self._receive(b"")
            return
        waiting = bytes(self._waiting)
        self._waiting.clear()
        self._transport.resume_reading()
        self._receive(waiting)

    def _fail(self) -> None:
        """End after a handler that raised: with an answer if nothing was sent, else so that the caller sees a cut."""
        if self._started or self._closing:
            self.abort()
        else:
            self._refuse(error_response(InternalError("the request could not be handled")))

    def _refuse(self, response: Response) -> None:
        """Give an answer to what is no request, or not one that can be handled, and close."""
        start = response_start(response, method="GET", minor=1, close=True, date=self._state.date())
        assert isinstance(response.body, bytes)
        self._transport.write(start.head + response.body)
        self._end()

    def _end(self) -> None:
        """Close after the last answer, and drop what still comes until the other end closes too.

        Bytes that nobody reads would cause a reset, which could overtake the answer (RFC 9112 section 9.6).
        """
        timeouts = self._state.timeouts
        self._closing = True
        behind = self._transport.get_write_buffer_size() > 0
        self.deadline = self._state.monotonic() + (timeouts.write if behind else timeouts.linger)
        self._transport.resume_reading()
        if self._eof or (self._state.stopping and not self._waiting):
            self._transport.close()  # a server that stops does not wait for those who have their answer
        else:
            self._transport.write_eof()

    def _close(self) -> None:
        """Close where no answer is on its way."""
        self._closing = True
        self.deadline = self._state.monotonic() + self._state.timeouts.linger
        self._transport.close()
