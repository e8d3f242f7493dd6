"""Sections of programs of Linux: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.sheader.html."""

import struct
from typing import BinaryIO, NamedTuple

_IDENTITY, _LONGEST_NAMES = 16, 4 << 20
_ORDERS = {1: "<", 2: ">"}


class _Form(NamedTuple):
    """How programs of a word size are written: both begin with their identity.

    Attributes:
        header: Offset of the sections, size and number of their headers, and which of them has the names.
        section: Offset of the name, offset and size of the content.
    """

    header: str
    section: str


# By the word size: 32 and 64 bits.
_FORMS = {1: _Form("16x16xI10xHHH", "I12xII16x"), 2: _Form("16x24xQ10xHHH", "I20xQQ24x")}


def section(file: BinaryIO, name: str, largest: int) -> bytes | None:
    """Return the content of a section of a program; None where it has none of that name, or is no program.

    Args:
        file: The program.
        name: Of the section.
        largest: How many bytes of it are read; of a larger one nothing is.
    """
    identity = _read(file, 0, _IDENTITY)
    if len(identity) < _IDENTITY or identity[4] not in _FORMS or identity[5] not in _ORDERS:
        return None
    form, order = _FORMS[identity[4]], _ORDERS[identity[5]]
    header, row = struct.Struct(order + form.header), struct.Struct(order + form.section)
    head = _read(file, 0, header.size)
    if len(head) < header.size:
        return None
    start, size, count, names_at = header.unpack(head)
    table = _read(file, start, size * count)
    if size != row.size or len(table) < size * count or names_at >= count:
        return None
    rows = list(row.iter_unpack(table))
    _, offset, length = rows[names_at]
    names = _read(file, offset, min(length, _LONGEST_NAMES))
    wanted = name.encode() + b"\0"
    for at, offset, length in rows:
        if names.startswith(wanted, at) and length <= largest:
            return _read(file, offset, length)
    return None


def _read(file: BinaryIO, offset: int, size: int) -> bytes:
    # No file is as large as the numbers that may stand in one.
    if offset >= 1 << 62:
        return b""
    file.seek(offset)
    return file.read(size)
