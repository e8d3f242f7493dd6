"""The database of RPM in the form ndb, Packages.db: lib/backend/ndb/rpmpkg.c of RPM 4.18.

Numbers are little-endian, and blocks have 16 bytes. Behind a header there are pages of slots, each of which says where a package is;
there it stands between a head and a tail.
"""

import struct
import zlib
from collections.abc import Iterator

from outrider.operators.packages.locks.lock import unreadable

FORM = "Packages.db"
_PAGE, _BLOCK = 4096, 16
_HEADER = struct.Struct("<4sIIII12x")
_SLOT = struct.Struct("<4sIII")
_HEAD = struct.Struct("<4sIII")
_TAIL = struct.Struct("<II4s")


def headers(content: bytes) -> Iterator[bytes]:
    """Yield the headers of the packages.

    Raises:
        InvalidConfigError: It is no such database, or is damaged.
    """
    if len(content) < _HEADER.size:
        raise unreadable(FORM, f"{len(content)} bytes", "a database of RPM in the form ndb")
    magic, version, _, pages, _ = _HEADER.unpack_from(content)
    if magic != b"RpmP" or version != 0:
        raise unreadable(
            FORM, f"it begins with {magic!r}, version {version}", "a database of RPM in the form ndb, version 0"
        )
    if pages * _PAGE > len(content):
        raise unreadable(FORM, f"{pages} pages of slots in {len(content)} bytes", "a database that is whole")
    for offset in range(_HEADER.size, pages * _PAGE, _SLOT.size):
        slot, index, block, blocks = _SLOT.unpack_from(content, offset)
        if slot != b"Slot":
            raise unreadable(FORM, f"no slot at byte {offset}", "a database that is whole")
        if block:
            yield _package(content, index, block * _BLOCK, blocks * _BLOCK)


def _package(content: bytes, index: int, start: int, size: int) -> bytes:
    if start + size > len(content) or size < _HEAD.size + _TAIL.size:
        raise unreadable(FORM, f"package {index} ends outside of the file", "a database that is whole")
    magic, own, _, length = _HEAD.unpack_from(content, start)
    checksum, same_length, end = _TAIL.unpack_from(content, start + size - _TAIL.size)
    whole = (magic, own, end) == (b"BlbS", index, b"BlbE") and length == same_length <= size - _HEAD.size - _TAIL.size
    # What fills up the last block counts too.
    if not whole or zlib.adler32(content[start : start + size - _TAIL.size]) != checksum:
        raise unreadable(FORM, f"package {index} is damaged", "a database that is whole")
    return content[start + _HEAD.size : start + _HEAD.size + length]
