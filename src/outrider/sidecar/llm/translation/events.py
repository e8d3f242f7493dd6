"""Streams of server-sent events: their pieces in, whole events out, and the other way round."""

from outrider.core.codec import encode
from outrider.core.errors import LimitedError
from outrider.sidecar.llm.translation.neutral import Document

# The longest are the last ones of OpenAI's responses, which hold the whole answer and the tools.
LONGEST_EVENT = 8 * 1024 * 1024


class Events:
    """Finds the events in a stream that comes in pieces of any size."""

    __slots__ = ("_data", "_line", "_size")

    def __init__(self) -> None:
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the data of the events that are whole now.

        Raises:
            LimitedError: One is longer than any that is waited for.
        """
        found = []
        first, *rest = piece.split(b"\n")
        self._take(first)
        for next_line in rest:
            line = b"".join(self._line).removesuffix(b"\r")
            self._line.clear()
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line:
                if self._data:
                    found.append(b"\n".join(self._data))
                self._data.clear()
                self._size = 0
            self._take(next_line)
        return found

    def _take(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > LONGEST_EVENT:
            raise LimitedError(
                f"an event of the provider's stream is longer than {LONGEST_EVENT} bytes",
                suggestions=["ask for a shorter answer"],
            )
        if part:
            self._line.append(part)


def written_event(document: Document, name: str = "") -> bytes:
    """Return an event as it is sent."""
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + encode(document) + b"\n\n"
