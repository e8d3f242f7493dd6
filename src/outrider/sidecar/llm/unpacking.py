"""Answers that are packed although nobody asked for that."""

import zlib

# Values of `content-encoding` that can be unpacked.
PACKED = frozenset({b"gzip", b"x-gzip", b"deflate"})
# Of what one piece unpacks to, bytes: a kilobyte may hold a megabyte of zeros.
LONGEST_PIECE = 4 * 1024 * 1024
# The head of zlib or that of gzip, whichever is there.
_EITHER_HEADER = 47


class Unpacker:
    """Unpacks gzip and zlib as it comes; several members, one behind the other, are one answer (RFC 1952, section 2.2)."""

    __slots__ = ("_inside", "_member")

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=_EITHER_HEADER)
        self._inside = False

    @property
    def whole(self) -> bool:
        """Whether what has come ends where a member ends."""
        return not self._inside

    def unpack(self, data: bytes) -> bytes:
        """Return what a piece unpacks to.

        Raises:
            ValueError: It is damaged, or unpacks to too much.
        """
        pieces, left = [], LONGEST_PIECE
        while data:
            try:
                piece = self._member.decompress(data, left + 1)
            except zlib.error as error:
                raise ValueError(str(error)) from error
            left -= len(piece)
            if left < 0:
                raise ValueError(f"a piece of it unpacks to more than {LONGEST_PIECE} bytes")
            pieces.append(piece)
            data = self._member.unused_data
            self._inside = not self._member.eof
            if self._member.eof:
                self._member = zlib.decompressobj(wbits=_EITHER_HEADER)
        return b"".join(pieces)
