"""Faults of the lines of a watch. On an answer that is no watch they do nothing, save `Cut`."""

from collections.abc import AsyncIterator

import msgspec

from outrider.core.http.messages import Response
from tests.servers.kube_api.calls import Call
from tests.servers.kube_api.errors import ApiError
from tests.servers.kube_api.faults import Exchange, json_answer
from tests.servers.kube_api.lists import invalid_options
from tests.servers.kube_api.watches import WatchLines, error_line

_ADDED = b'{"type":"ADDED"'
_BOOKMARK = b'{"type":"BOOKMARK"'


class StreamFault(msgspec.Struct, frozen=True):
    """What changes the lines of a watch."""

    async def __call__(self, exchange: Exchange) -> Response:
        response = exchange.answer()
        if not isinstance(response.body, WatchLines):
            return response
        return Response(response.status, response.headers, self._closing(response.body, exchange))

    async def _closing(self, lines: WatchLines, exchange: Exchange) -> AsyncIterator[bytes]:
        try:
            async for piece in self.pieces(lines, exchange):
                yield piece
        finally:
            await lines.aclose()

    def pieces(self, lines: WatchLines, exchange: Exchange) -> AsyncIterator[bytes]:
        """Return what is sent, each piece in a chunk of its own.

        Args:
            lines: What would be sent.
            exchange: For a reset.
        """
        raise NotImplementedError


class EndAtOnce(StreamFault, frozen=True):
    """Ends after some lines as if its time were over: by default after none.

    Attributes:
        after: So many.
    """

    after: int = 0

    async def pieces(self, lines: WatchLines, _: Exchange) -> AsyncIterator[bytes]:
        async for line in _some(lines, self.after):
            yield line


class Cut(StreamFault, frozen=True):
    """Is cut in the middle of a line: the connection is reset. Another answer is cut in the middle of its body.

    Attributes:
        after: Lines that come before.
    """

    after: int = 0

    async def __call__(self, exchange: Exchange) -> Response:
        response = exchange.answer()
        if not isinstance(response.body, bytes):
            return await StreamFault.__call__(self, exchange.answered(response))
        headers = response.headers.replaced("content-length", str(len(response.body)))
        return Response(response.status, headers, _half(response.body, exchange))

    async def pieces(self, lines: WatchLines, exchange: Exchange) -> AsyncIterator[bytes]:
        async for line in _some(lines, self.after):
            yield line
        line = await anext(lines, b"")
        yield line[: len(line) // 2]
        await exchange.reset()


class HalfLine(StreamFault, frozen=True):
    """Ends cleanly, but its last line is only half there.

    Attributes:
        after: Lines that come before.
    """

    after: int = 0

    async def pieces(self, lines: WatchLines, _: Exchange) -> AsyncIterator[bytes]:
        async for line in _some(lines, self.after):
            yield line
        line = await anext(lines, b"")
        yield line[: len(line) // 2]


class ErrorEvent(StreamFault, frozen=True):
    """Tells an error within the stream, and ends.

    Attributes:
        code: Of the Status.
        reason: Of the Status.
        after: Lines that come before.
    """

    code: int = 410
    reason: str = "Expired"
    after: int = 0

    async def pieces(self, lines: WatchLines, _: Exchange) -> AsyncIterator[bytes]:
        async for line in _some(lines, self.after):
            yield line
        yield error_line(ApiError(self.code, self.reason, "as the script says"))


class NoBookmarks(StreamFault, frozen=True):
    """Never sends a bookmark, so that the end of what was there before is not marked either."""

    async def pieces(self, lines: WatchLines, _: Exchange) -> AsyncIterator[bytes]:
        async for line in lines:
            if not line.startswith(_BOOKMARK):
                yield line


class Duplicates(StreamFault, frozen=True):
    """Tells of each new object twice, in the same version."""

    async def pieces(self, lines: WatchLines, _: Exchange) -> AsyncIterator[bytes]:
        async for line in lines:
            yield line
            if line.startswith(_ADDED):
                yield line


class Pieces(StreamFault, frozen=True):
    """Sends each line in many chunks.

    Attributes:
        size: Bytes of one.
    """

    size: int = 7

    async def pieces(self, lines: WatchLines, _: Exchange) -> AsyncIterator[bytes]:
        async for line in lines:
            for at in range(0, len(line), self.size):
                yield line[at : at + self.size]


class Together(StreamFault, frozen=True):
    """Sends all lines that are there in one chunk."""

    async def pieces(self, lines: WatchLines, _: Exchange) -> AsyncIterator[bytes]:
        waiting = b""
        async for line in lines:
            waiting += line
            if lines.waits:
                yield waiting
                waiting = b""


class EmptyLines(StreamFault, frozen=True):
    """Sends empty lines before and after each line."""

    async def pieces(self, lines: WatchLines, _: Exchange) -> AsyncIterator[bytes]:
        async for line in lines:
            yield b"\n" + line + b"\r\n\n"


class IgnoreInitialEvents(msgspec.Struct, frozen=True):
    """Is a server that does not know `sendInitialEvents`: it tells only what comes later, without an end mark."""

    async def __call__(self, exchange: Exchange) -> Response:
        return exchange.answer(_without_initial(exchange.call))


class RefuseInitialEvents(msgspec.Struct, frozen=True):
    """Is a server that refuses `sendInitialEvents` (422); all other requests are answered."""

    async def __call__(self, exchange: Exchange) -> Response:
        if "sendInitialEvents" not in exchange.call.query:
            return exchange.answer()
        why = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
        return json_answer(422, invalid_options("sendInitialEvents", why).status)


def _without_initial(call: Call) -> Call:
    """Return a watch that begins now, whatever it asked for."""
    if "sendInitialEvents" not in call.query:
        return call
    return msgspec.structs.replace(call, query={**call.query, "sendInitialEvents": "false"})


async def _some(lines: WatchLines, count: int) -> AsyncIterator[bytes]:
    """Give so many lines, or as many as there are before the end."""
    for _ in range(count):
        line = await anext(lines, b"")
        if not line:
            return
        yield line


async def _half(body: bytes, exchange: Exchange) -> AsyncIterator[bytes]:
    yield body[: len(body) // 2]
    await exchange.reset()
