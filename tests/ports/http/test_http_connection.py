"""Orders of events that a real network brings about only by chance."""

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest

from outrider.core.http.limits import Limits
from outrider.core.http.messages import Request, Response
from outrider.ports.clock.manual import ManualClock
from outrider.ports.http.connection import ServerConnection
from outrider.ports.http.routing import Handler
from outrider.ports.http.server_state import ServerState, Timeouts
from tests.ports.http.support import GET, Sleeper, eventually


class Recorder(asyncio.Transport):
    """A transport that notes what is done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.late = 0
        self.closing = False
        self.aborted = False

    def write(self, data: Any) -> None:
        self.written += data
        self.late += self.closing

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True

    def write_eof(self) -> None:
        """Nothing follows."""

    def get_write_buffer_size(self) -> int:
        return 0

    def resume_reading(self) -> None:
        """Nothing is read."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered."""


def connected(handler: Handler, clock: ManualClock | None = None) -> tuple[ServerState, ServerConnection, Recorder]:
    state = ServerState(handler, limits=Limits(), timeouts=Timeouts(), max_connections=10, clock=clock or ManualClock())
    connection, transport = ServerConnection(state), Recorder()
    connection.connection_made(transport)
    return state, connection, transport


def receive(connection: ServerConnection, data: bytes) -> None:
    connection.get_buffer(-1)[: len(data)] = data
    connection.buffer_updated(len(data))


async def test_connection_lost_before_the_handler_began() -> None:
    sleeper = Sleeper()
    state, connection, _ = connected(sleeper)
    receive(connection, GET)
    connection.connection_lost(None)
    await eventually(lambda: not state.connections)
    assert not sleeper.started.is_set()
    state.stop_sweeping()


async def test_connection_counts_until_its_handler_has_ended() -> None:
    go_on, begun = asyncio.Event(), asyncio.Event()

    async def handler(_: Request) -> Response:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await go_on.wait()
        return Response(200)

    state, connection, _ = connected(handler)
    receive(connection, GET)
    await begun.wait()
    connection.connection_lost(None)
    assert not await state.wait_until_empty(0.01)
    go_on.set()
    assert await state.wait_until_empty(5)
    state.stop_sweeping()


async def test_stream_stops_at_a_connection_that_is_closing() -> None:
    async def pieces(transport: Recorder) -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            transport.closing = True  # as after a failed send, which the protocol is told of later

    async def handler(_: Request) -> Response:
        return Response(200, body=pieces(transport))

    state, connection, transport = connected(handler)
    receive(connection, GET)
    await eventually(lambda: transport.closing)
    connection.connection_lost(None)
    await eventually(lambda: not state.connections)
    assert transport.written.endswith(b"1\r\nx\r\n")
    assert transport.late == 1
    state.stop_sweeping()


async def test_closing_connection_has_a_deadline_while_its_handler_runs() -> None:
    clock, sleeper = ManualClock(), Sleeper()
    state, connection, transport = connected(sleeper, clock)
    receive(connection, GET)
    assert not connection.due(clock.monotonic())
    assert connection.deadline == math.inf
    transport.close()
    assert not connection.due(clock.monotonic())
    clock.advance(state.timeouts.write)
    assert connection.due(clock.monotonic())
    connection.expire()
    assert transport.aborted
    connection.connection_lost(None)
    await eventually(lambda: not state.connections)
    state.stop_sweeping()


async def test_connection_made_while_stopping_is_dropped() -> None:
    state, connection, transport = connected(Sleeper())
    connection.connection_lost(None)
    state.stopping = True
    late = ServerConnection(state)
    late.handshake_begins(transport)
    assert transport.aborted
    late.connection_lost(None)
    state.stop_sweeping()


async def test_handler_that_answers_nonsense_costs_its_caller_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(_: Request) -> Response:
        return Response(100)

    state, connection, transport = connected(handler)
    receive(connection, GET)
    await eventually(lambda: bool(transport.written))
    assert transport.written.startswith(b"HTTP/1.1 500 ")
    await eventually(lambda: "100 is not the status" in caplog.text)
    connection.connection_lost(None)
    state.stop_sweeping()
