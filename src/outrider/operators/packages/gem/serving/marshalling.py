"""Ruby's Marshal, version 4.8, as far as indexes of gems need it; it is written here, and never read.

https://docs.ruby-lang.org/en/3.1/marshal_rdoc.html
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

HEAD = b"\x04\x08"
_SMALL = 123
_UTC = 1 << 30


class Symbol(str):
    """A symbol."""

    __slots__ = ()


class Instance(NamedTuple):
    """An object: its class, and its variables in order."""

    name: str
    variables: Mapping[str, Any]


class Dumped(NamedTuple):
    """An object whose class makes it of a value: `marshal_load`."""

    name: str
    value: Any


class Packed(NamedTuple):
    """An object whose class makes it of bytes: `_load`."""

    name: str
    content: bytes


class Day(NamedTuple):
    """The first moment of a day, as a `Time` in UTC."""

    year: int
    month: int
    day: int


def dumped(value: Any) -> bytes:
    """Return a value as Ruby writes it that has no object in two places."""
    return HEAD + Writer().written(value)


class Writer:
    """Writes values of one document, in which each symbol stands once."""

    def __init__(self) -> None:
        self._symbols: dict[str, int] = {}

    def written(self, value: Any) -> bytes:
        """Return a value; names of variables and classes come from this program alone."""
        if isinstance(value, Instance | Dumped | Packed | Day):
            content = self._object(value)
        elif isinstance(value, str):
            content = self.symbol(value) if isinstance(value, Symbol) else self.text(value)
        elif isinstance(value, Mapping):
            pairs = [self.written(key) + self.written(one) for key, one in value.items()]
            content = b"{" + number(len(value)) + b"".join(pairs)
        elif isinstance(value, Sequence):
            content = b"[" + number(len(value)) + b"".join([self.written(one) for one in value])
        elif isinstance(value, bool) or value is None:
            content = {None: b"0", True: b"T", False: b"F"}[value]
        else:
            content = b"i" + number(value)
        return content

    def _object(self, value: Instance | Dumped | Packed | Day) -> bytes:
        match value:
            case Day():
                return self._day(value)
            case Dumped():
                return b"U" + self.symbol(value.name) + self.written(value.value)
            case Packed():
                return b"u" + self.symbol(value.name) + number(len(value.content)) + value.content
        head = b"o" + self.symbol(value.name) + number(len(value.variables))
        return head + b"".join([self.symbol(f"@{name}") + self.written(one) for name, one in value.variables.items()])

    def symbol(self, text: str) -> bytes:
        """Return a symbol, or where it stood before."""
        at = self._symbols.get(text)
        if at is not None:
            return b";" + number(at)
        self._symbols[text] = len(self._symbols)
        return b":" + _sized(text)

    def text(self, text: str) -> bytes:
        """Return a string in UTF-8."""
        return b'I"' + _sized(text) + number(1) + self.symbol("E") + b"T"

    def _day(self, value: Day) -> bytes:
        moment = 1 << 31 | _UTC | (value.year - 1900) << 14 | (value.month - 1) << 10 | value.day << 5
        head = b"Iu" + self.symbol("Time") + number(8) + struct.pack("<II", moment, 0)
        # The name of its zone is in ASCII.
        return head + number(1) + self.symbol("zone") + b'I"' + _sized("UTC") + number(1) + self.symbol("E") + b"F"


def number(value: int) -> bytes:
    """Return a number as lengths are written; it has to fit into 31 bits."""
    if value == 0:
        return b"\x00"
    if 0 < value < _SMALL:
        return bytes([value + 5])
    if -_SMALL <= value < 0:
        return bytes([(value - 5) & 0xFF])
    size = next(one for one in range(1, 5) if -(1 << 8 * one) <= value < 1 << 8 * one)
    return bytes([size if value > 0 else 256 - size]) + (value & (1 << 8 * size) - 1).to_bytes(size, "little")


def _sized(text: str) -> bytes:
    content = text.encode("utf-8", "replace")
    return number(len(content)) + content
