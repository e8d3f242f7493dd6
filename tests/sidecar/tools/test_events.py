"""Requests that are sent together."""

import asyncio
from typing import Any, cast

from outrider.core.http.limits import DEFAULT_LIMITS
from outrider.ports.http.client_connection import RECEIVE_BYTES
from outrider.sidecar.tools.servers.events import EventConnection, Outbox


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def abort(self) -> None:
        pass


def connected(outbox: Outbox) -> tuple[EventConnection, Transport]:
    buffer = memoryview(bytearray(RECEIVE_BYTES))
    connection, transport = EventConnection(DEFAULT_LIMITS, buffer, set(), outbox), Transport()
    connection.connection_made(cast("Any", transport))
    return connection, transport


async def test_requests_of_one_turn_are_sent_at_its_end() -> None:
    outbox = Outbox()
    made = [connected(outbox) for _ in range(3)]
    for number, (connection, _) in enumerate(made):
        outbox.add(connection, b"%d" % number)
    assert [transport.written for _, transport in made] == [[], [], []]
    await asyncio.sleep(0)
    assert [transport.written for _, transport in made] == [[b"0"], [b"1"], [b"2"]]
    outbox.add(made[0][0], b"3")
    await asyncio.sleep(0)
    assert made[0][1].written == [b"0", b"3"]


async def test_a_connection_that_was_given_up_sends_nothing() -> None:
    outbox = Outbox()
    (left, silent), (kept, transport) = connected(outbox), connected(outbox)
    outbox.add(left, b"1")
    outbox.add(kept, b"2")
    left.abort()
    await asyncio.sleep(0)
    assert (silent.written, transport.written) == ([], [b"2"])
