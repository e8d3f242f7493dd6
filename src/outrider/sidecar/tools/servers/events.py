"""Answers in events: read up to the one that counts, as some servers leave the stream open after it."""

import asyncio
import contextlib
import re
import ssl
from contextvars import ContextVar

import msgspec

from outrider.core.codec import decode_plain
from outrider.core.errors import ExecutionFailedError, InvalidConfigError
from outrider.core.http.headers import Headers
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Response
from outrider.core.http.response_parser import ResponseHead
from outrider.core.mcp.asking import EVENTS, events, read_answer
from outrider.ports.http.client import Client
from outrider.ports.http.client_connection import ClientConnection
from outrider.sidecar.tools.progress import Heard, listener, read_progress

_BLANK = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
# So many bytes of a blank line may be there before its last one comes.
_OVERLAP = 3
# The id of the request that a task sends, for the connection that it gets.
_number: ContextVar[int] = ContextVar("number", default=0)


class Outbox:
    """Requests of several connections, sent together at the end of a turn of the event loop.

    Their server is then woken once for all of them. Between one and the next it would fall asleep and be woken again, which
    costs more than the request.
    """

    def __init__(self) -> None:
        self._held: list[tuple[EventConnection, bytes]] = []

    def add(self, connection: "EventConnection", request: bytes) -> None:
        """Hold a request until the end of this turn."""
        if not self._held:
            asyncio.get_running_loop().call_soon(self._send)
        self._held.append((connection, request))

    def _send(self) -> None:
        held, self._held = self._held, []
        for connection, request in held:
            connection.send_now(request)


class EventConnection(ClientConnection):
    """A connection on which an answer in events is complete with the event that has the request's id.

    Args:
        limits: As those of ClientConnection.
        buffer: As that of ClientConnection.
        connections: As those of ClientConnection.
        outbox: Holds what is to be sent.
    """

    _wanted = 0
    _heard: Heard | None = None
    _is_events = False
    # Where in the content the event begins that is not complete yet, and up to where it was looked for its end.
    _first = 0
    _looked = 0

    def __init__(
        self, limits: Limits, buffer: memoryview, connections: "set[ClientConnection]", outbox: Outbox
    ) -> None:
        super().__init__(limits, buffer, connections)
        self._outbox = outbox

    def _transmit(self, request: bytes) -> None:
        self._wanted, self._heard = _number.get(), listener()
        self._outbox.add(self, request)

    def send_now(self, request: bytes) -> None:
        """Send what was held, unless nobody waits for its answer any more."""
        if not self._ended:
            self._transport.write(request)

    def buffer_updated(self, nbytes: int) -> None:
        super().buffer_updated(nbytes)
        if not self._is_events or self._head is None or self._waiter is None or self._waiter.done():
            return
        if self._has_answer():
            self._complete(msgspec.structs.replace(self._head, close=True))

    def _begin(self, head: ResponseHead) -> None:
        super()._begin(head)
        self._first = self._looked = 0
        self._is_events = (head.headers.get("content-type", "") or "").lower().startswith(EVENTS)

    def _has_answer(self) -> bool:
        while (blank := _BLANK.search(self._content, self._looked)) is not None:
            event = bytes(self._content[self._first : blank.end()])
            self._first = self._looked = blank.end()
            if _answers(event, self._wanted):
                return True
            if self._heard is not None:
                _tell(event, self._wanted, self._heard)
        self._looked = max(self._first, len(self._content) - _OVERLAP)
        return False


class EventClient(Client):
    """A client of a server that may answer in events; arguments as those of Client."""

    def __init__(self, base_url: str, *, tls: ssl.SSLContext | None, limits: Limits, max_connections: int) -> None:
        super().__init__(base_url, tls=tls, limits=limits, max_connections=max_connections)
        self._outbox = Outbox()

    async def ask(self, path: str, number: int, *, headers: Headers, body: bytes, timeout: float) -> Response:
        """Send a JSON-RPC request; errors are those of `request`.

        Args:
            path: Where to.
            number: Its id; 0 for a notification.
            headers: Of the HTTP request.
            body: It.
            timeout: Seconds.
        """
        _number.set(number)
        return await self.request("POST", path, headers=headers, body=body, timeout=timeout)

    def _new_connection(self) -> ClientConnection:
        return EventConnection(self._limits, self._buffer, self._connections, self._outbox)


def _tell(event: bytes, number: int, heard: Heard) -> None:
    """Tell of the progress of a request, where an event is about that."""
    for document in events(event):
        with contextlib.suppress(InvalidConfigError):
            progress = read_progress(decode_plain(document), number)
            if progress is not None:
                heard(progress)


def _answers(event: bytes, number: int) -> bool:
    try:
        read_answer(event, EVENTS, number)
    except ExecutionFailedError:
        return False
    return True
