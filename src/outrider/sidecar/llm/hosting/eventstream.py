"""The binary event stream of AWS (smithy.io/2.0/aws/amazon-eventstream.html; botocore/eventstream.py).

A message is: its length, that of its headers, a CRC of both; headers; payload; a CRC of all that. Numbers are big-endian.
"""

import struct
import zlib
from collections.abc import Iterator

import msgspec

from outrider.core.errors import ExecutionFailedError

Value = bool | int | bytes | str
# The specification allows 24 MiB; an event of a model is a thousandth of that.
LONGEST_MESSAGE = 16 * 1024 * 1024
LONGEST_HEADERS = 128 * 1024
_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_OVERHEAD = _PRELUDE.size + _CRC.size
_LENGTHS = {1: struct.Struct(">B"), 2: struct.Struct(">H")}
# Types of headers: 0 and 1 are true and false, 6 is bytes, 7 is text; a time is milliseconds, a UUID its bytes.
_FIXED = {
    2: struct.Struct(">b"), 3: struct.Struct(">h"), 4: struct.Struct(">i"), 5: struct.Struct(">q"), 8: struct.Struct(">q"),
    9: struct.Struct("16s"),
}  # fmt: skip
_BYTES, _TEXT = 6, 7


class Message(msgspec.Struct, frozen=True):
    """One message."""

    headers: dict[str, Value]
    payload: bytes

    def text(self, name: str) -> str:
        """Return a header that is text; empty where there is none."""
        value = self.headers.get(name)
        return value if isinstance(value, str) else ""


class Decoder:
    """Finds the messages in a stream that comes in pieces of any size.

    Args:
        longest: Bytes of a message.
    """

    __slots__ = ("_held", "_lengths", "_longest")

    def __init__(self, longest: int = LONGEST_MESSAGE) -> None:
        self._held = bytearray()
        # Of the message that has begun, when they have come.
        self._lengths: tuple[int, int] | None = None
        self._longest = longest

    @property
    def whole(self) -> bool:
        """Whether what has come ends where a message ends."""
        return not self._held

    def feed(self, data: bytes) -> Iterator[Message]:
        """Return the messages that are whole now; each is to be taken before the next piece is fed.

        Raises:
            ExecutionFailedError: The stream is damaged; no further message can be found in it.
        """
        self._held += data
        while (message := self._next()) is not None:
            yield message

    def _next(self) -> Message | None:
        held = self._held
        if self._lengths is None and len(held) >= _PRELUDE.size:
            self._lengths = self._read_prelude()
        if self._lengths is None or len(held) < self._lengths[0]:
            return None
        total, of_headers = self._lengths
        body = bytes(held[: total - _CRC.size])
        if _CRC.unpack_from(held, total - _CRC.size)[0] != zlib.crc32(body):
            raise _damaged("the checksum of a message is wrong")
        begin = _PRELUDE.size + of_headers
        message = Message(read_headers(body[_PRELUDE.size : begin]), body[begin:])
        del held[:total]
        self._lengths = None
        return message

    def _read_prelude(self) -> tuple[int, int]:
        total, of_headers, checksum = _PRELUDE.unpack_from(self._held)
        if checksum != zlib.crc32(self._held[: _PRELUDE.size - _CRC.size]):
            raise _damaged("the checksum of its lengths is wrong")
        if of_headers > LONGEST_HEADERS or total < _OVERHEAD + of_headers:
            raise _damaged(f"a message of {total} bytes has {of_headers} bytes of headers")
        if total > self._longest:
            raise _damaged(f"a message is {total} bytes long, more than {self._longest}")
        return total, of_headers


def read_headers(data: bytes) -> dict[str, Value]:
    """Return the headers of a message.

    Raises:
        ExecutionFailedError: They are not written as headers are.
    """
    found: dict[str, Value] = {}
    at = 0
    try:
        while at < len(data):
            raw, at = _sized(data, at, 1)
            name = raw.decode()
            if name in found:
                raise _damaged("a header is there twice")
            (kind,) = _LENGTHS[1].unpack_from(data, at)
            found[name], at = _value(kind, data, at + 1)
    except (struct.error, UnicodeError) as error:
        raise _damaged("a header is torn or no text") from error
    return found


def _value(kind: int, data: bytes, at: int) -> tuple[Value, int]:
    if kind in (0, 1):
        return kind == 0, at
    if kind in (_BYTES, _TEXT):
        raw, at = _sized(data, at, 2)
        return (raw if kind == _BYTES else raw.decode()), at
    fixed = _FIXED.get(kind)
    if fixed is None:
        raise _damaged(f"a header has the type {kind}, which is not known")
    value: int | bytes = fixed.unpack_from(data, at)[0]
    return value, at + fixed.size


def _sized(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    """Return bytes that their length, in as many bytes as `size`, stands before, and where they end."""
    (length,) = _LENGTHS[size].unpack_from(data, at)
    end = at + size + length
    if end > len(data):
        raise _damaged("a header is longer than all headers")
    return data[at + size : end], end


def _damaged(why: str) -> ExecutionFailedError:
    return ExecutionFailedError(
        f"the provider's stream of events is damaged: {why}",
        suggestions=["try again; if it stays so, look for a proxy that changes the answers of the provider"],
    )
