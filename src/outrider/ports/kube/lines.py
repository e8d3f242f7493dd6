"""Lines of a stream that comes in pieces of any size."""

from collections.abc import Callable

from outrider.core.http.errors import ProtocolError

# The API server itself takes no object above some 1.5 MiB.
LONGEST = 32 * 1024 * 1024


class Lines:
    """Puts lines together.

    Args:
        take: Is given each line that is complete, without its end; empty lines are left out.
    """

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> None:
        """Take a piece.

        Raises:
            ProtocolError: A line is longer than is accepted.
        """
        head, end, rest = piece.rpartition(b"\n")
        if end:
            whole = b"".join([*self._parts, head]) if self._parts else head
            self._parts, self._size = [], 0
            self._split(whole)
        if rest:
            self._parts.append(rest)
            self._size += len(rest)
            if self._size > LONGEST:
                raise ProtocolError(413, f"a line is longer than {LONGEST} bytes")

    def _split(self, whole: bytes) -> None:
        """Take the lines of a text one by one; mostly there is one, which is then not copied."""
        at = 0
        while (end := whole.find(b"\n", at)) >= 0:
            self._give(whole[at:end])
            at = end + 1
        self._give(whole[at:] if at else whole)

    def _give(self, line: bytes) -> None:
        if line and not line.isspace():
            self._take(line)
