"""The framing of git's protocols, gitprotocol-common(5): four hex digits of a length that counts themselves, then data."""

import re
from collections.abc import Callable, Iterator

FLUSH, DELIMITER, RESPONSE_END = 0, 1, 2
MAX_PACKET = 65520
HEAD = 4
_LENGTH = re.compile(rb"[0-9a-fA-F]{4}")


class ProtocolError(Exception):
    """What came is not what git's protocols allow."""


def packet(data: bytes) -> bytes:
    """Return a packet with this data."""
    if len(data) > MAX_PACKET - HEAD:
        raise ValueError(f"a packet holds at most {MAX_PACKET - HEAD} bytes, not {len(data)}")
    return b"%04x%s" % (len(data) + HEAD, data)


def packets(read: Callable[[int], bytes], limit: int) -> Iterator[bytes | int]:
    """Yield each packet until the input ends: its data, or FLUSH, DELIMITER or RESPONSE_END.

    Args:
        read: Returns up to so many bytes; none at the end.
        limit: Bytes in all, with the lengths.

    Raises:
        ProtocolError: It is no packet, cut off, or beyond the limit.
    """
    taken = 0
    while head := _up_to(read, HEAD):
        if not _LENGTH.fullmatch(head):
            raise ProtocolError("it has no length of a packet" if len(head) == HEAD else "it is cut off")
        length = int(head, 16)
        taken += max(HEAD, length)
        if taken > limit:
            raise ProtocolError(f"it has more than {limit} bytes")
        if length <= RESPONSE_END:
            yield length
        elif not HEAD <= length <= MAX_PACKET:
            raise ProtocolError(f"a packet cannot have {length} bytes")
        else:
            data = _up_to(read, length - HEAD)
            if len(data) < length - HEAD:
                raise ProtocolError("it is cut off")
            yield data


def _up_to(read: Callable[[int], bytes], count: int) -> bytes:
    """Return so many bytes; fewer at the end of the input."""
    data = read(count)
    while len(data) < count and (more := read(count - len(data))):
        data += more
    return data
