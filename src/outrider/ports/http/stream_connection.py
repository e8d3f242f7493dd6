"""A connection for an answer that may go on without end: its body is handed over as it comes."""

import asyncio
import sys
from collections.abc import Callable

import msgspec

from outrider.core.http.limits import Limits
from outrider.core.http.response_parser import ResponseEvent, ResponseHead
from outrider.ports.http.client_connection import ClientConnection


class StreamConnection(ClientConnection):
    """Hands over the pieces of a successful answer; the body of any other one is kept, for its error.

    Args:
        limits: Bounds of the head of an answer; its body has none.
        buffer: As for every connection.
        connections: As for every connection.
        receive: Is given each piece of the body. It must not wait; a ProtocolError that it raises ends the connection.

    Attributes:
        headed: Done when the head of the answer is there.
    """

    def __init__(
        self,
        limits: Limits,
        buffer: memoryview,
        connections: "set[ClientConnection]",
        receive: Callable[[bytes], object],
    ) -> None:
        super().__init__(msgspec.structs.replace(limits, body=sys.maxsize), buffer, connections)
        self._receive = receive
        self._success = False
        self._bound = limits.body
        self.headed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def forget(self) -> None:
        """Drop the connection, and whatever may still be said of its answer."""
        if self._waiter is not None:
            self._waiter.cancel()
        self.abort()

    def _begin(self, head: ResponseHead) -> None:
        super()._begin(head)
        self._success = head.status < 300
        if not self.headed.done():
            self.headed.set_result(None)

    def _take(self, event: ResponseEvent) -> None:
        if not isinstance(event, bytes):
            super()._take(event)
        elif self._success:
            self._receive(event)
        elif len(self._content) < self._bound:
            super()._take(event)

    def _fail(self, error: Exception) -> None:
        super()._fail(error)
        if not self.headed.done():
            self.headed.set_result(None)
