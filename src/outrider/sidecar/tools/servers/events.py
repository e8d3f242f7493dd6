"""Answers in events: read up to the one that counts, as some servers leave the stream open after it."""

import re
from contextvars import ContextVar

import msgspec

from outrider.core.errors import ExecutionFailedError
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.core.http.response_parser import ResponseEvent, ResponseHead
from outrider.core.mcp.asking import EVENTS, read_answer
from outrider.ports.http.client import Client
from outrider.ports.http.client_connection import ClientConnection

_BLANK = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
# So many bytes of a blank line may be there before its last one comes.
_OVERLAP = 3
# The id of the request that a task sends, for the connection that it gets.
_number: ContextVar[int] = ContextVar("number", default=0)


class EventConnection(ClientConnection):
    """A connection on which an answer in events is complete with the event that has the request's id."""

    _wanted = 0
    _is_events = False
    # Where in the content the event begins that is not complete yet, and up to where it was looked for its end.
    _begin = 0
    _looked = 0

    async def exchange(self, method: str, request: bytes) -> Response:
        """Send a whole request and return its answer; as that of ClientConnection."""
        self._wanted = _number.get()
        return await super().exchange(method, request)

    def buffer_updated(self, nbytes: int) -> None:
        super().buffer_updated(nbytes)
        waits = self._waiter is not None and not self._waiter.done()
        if waits and self._is_events and self._head is not None and self._has_answer():
            self._complete(msgspec.structs.replace(self._head, close=True))

    def _take(self, event: ResponseEvent) -> None:
        super()._take(event)
        if isinstance(event, ResponseHead):
            self._begin = self._looked = 0
            self._is_events = (event.headers.get("content-type", "") or "").lower().startswith(EVENTS)

    def _has_answer(self) -> bool:
        while (blank := _BLANK.search(self._content, self._looked)) is not None:
            event = bytes(self._content[self._begin : blank.end()])
            self._begin = self._looked = blank.end()
            if _answers(event, self._wanted):
                return True
        self._looked = max(self._begin, len(self._content) - _OVERLAP)
        return False


class EventClient(Client):
    """A client of a server that may answer in events."""

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
        return EventConnection(self._limits, self._buffer, self._connections)


def _answers(event: bytes, number: int) -> bool:
    try:
        read_answer(event, EVENTS, number)
    except ExecutionFailedError:
        return False
    return True
