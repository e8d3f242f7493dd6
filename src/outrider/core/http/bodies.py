"""The three ways in which a body ends (RFC 9112 section 6), as decoders that take bytes as they come."""

import re
from collections.abc import Callable

from outrider.core.http.errors import ProtocolError
from outrider.core.http.grammar import INCOMPLETE, LINE_END, fields_end, line_end, parse_fields
from outrider.core.http.limits import Limits

CHUNKED = -1
UNTIL_CLOSE = -2
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[\t -~\x80-\xff]*+)?")


class FixedBody:
    """A body of known length."""

    __slots__ = ("done", "left")

    def __init__(self, length: int) -> None:
        self.left = length
        self.done = length == 0

    def feed(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        """Append what belongs to the body to `pieces` and return the position after it."""
        end = min(at + self.left, len(data))
        if end > at:
            pieces.append(data[at:end])
            self.left -= end - at
            self.done = self.left == 0
        return end


class UntilCloseBody:
    """A body that ends with the connection (answers only)."""

    __slots__ = ("_left", "_limit", "done")

    def __init__(self, limits: Limits) -> None:
        self._limit = self._left = limits.body
        self.done = False

    def feed(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        """Append all of `data` from `at` on to `pieces`.

        Raises:
            ProtocolError: The body is longer than allowed.
        """
        if at < len(data):
            self._left -= len(data) - at
            if self._left < 0:
                raise body_too_long(self._limit)
            pieces.append(data[at:])
        return len(data)


_Step = Callable[["ChunkedBody", bytes, int, list[bytes]], int]


class ChunkedBody:
    """The chunked coding (RFC 9112 section 7.1). Extensions and trailers are checked, bounded and dropped."""

    __slots__ = ("_extensions", "_left", "_limits", "_size", "_step", "done")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._step: _Step = ChunkedBody._size_line
        self._left = 0
        self._size = 0
        self._extensions = 0
        self.done = False

    def feed(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        """Append what belongs to the body to `pieces` and return the position of the first byte not used.

        Raises:
            ProtocolError: The coding is malformed, or the body longer than allowed.
        """
        while not self.done:
            after = self._step(self, data, at, pieces)
            if after < 0:
                return at
            at = after
        return at

    def _size_line(self, data: bytes, at: int, _: list[bytes]) -> int:
        end = line_end(data, at, self._limits.chunk_line)
        if end == INCOMPLETE:
            return INCOMPLETE
        match = _CHUNK_LINE.fullmatch(data, at, end) if end >= 0 else None
        if match is None:
            raise ProtocolError(400, "a chunk size is malformed or too long")
        self._extensions += end - match.end(1)
        if self._extensions > self._limits.chunk_extensions:
            raise ProtocolError(400, "the chunk extensions are too long")
        self._left = int(match[1], 16)
        self._size += self._left
        if self._size > self._limits.body:
            raise body_too_long(self._limits.body)
        # Functions of the class, not of the object, which would refer to itself.
        self._step = ChunkedBody._data if self._left else ChunkedBody._trailers
        return end + LINE_END

    def _data(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        end = min(at + self._left, len(data))
        if end == at:
            return INCOMPLETE
        pieces.append(data[at:end])
        self._left -= end - at
        if not self._left:
            self._step = ChunkedBody._data_end
        return end

    def _data_end(self, data: bytes, at: int, _: list[bytes]) -> int:
        found = data[at : at + LINE_END]
        if not b"\r\n".startswith(found):
            raise ProtocolError(400, "a chunk is longer than its size says")
        if len(found) < LINE_END:
            return INCOMPLETE
        self._step = ChunkedBody._size_line
        return at + LINE_END

    def _trailers(self, data: bytes, at: int, _: list[bytes]) -> int:
        end = fields_end(data, at, self._limits)
        if end < 0:
            return INCOMPLETE
        parse_fields(data[at:end], self._limits)
        self.done = True
        return end + LINE_END


Body = FixedBody | UntilCloseBody | ChunkedBody


def body_too_long(limit: int) -> ProtocolError:
    """Return the error for a body above the limit."""
    return ProtocolError(413, f"the body is longer than {limit} bytes")
