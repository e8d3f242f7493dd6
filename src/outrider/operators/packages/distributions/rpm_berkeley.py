"""The older database of RPM, a hash of Berkeley DB called Packages: lib/backend/bdb_ro.c of RPM 4.18.

Pages begin with a head of 26 bytes. Those of a hash have offsets of keys and values by turns, which are written from the end of the page
on; what is too large for a page stands in a chain of pages of its own. Numbers are in the order of the machine that wrote them.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.locks.lock import unreadable

FORM = "Packages"
_MAGIC, _VERSIONS = 0x00061561, (8, 9, 10)
_META, _HEAD = 512, 26
_PAGE_SIZES = tuple(1 << power for power in range(9, 17))
# Kinds of pages, and of what stands on those of a hash.
_HASH, _OVERFLOW = (2, 13), 7
_INLINE, _ELSEWHERE = 1, 3
# Under it stands the highest number of a package, and no package.
_NO_PACKAGE = b"\0\0\0\0"


class _File(NamedTuple):
    """A database; `order` is that of the bytes of its numbers, as struct has it."""

    content: bytes
    order: str
    size: int
    last: int

    def page(self, number: int) -> bytes:
        """Return a page."""
        page = self.content[number * self.size : (number + 1) * self.size]
        if not 0 < number <= self.last or len(page) != self.size or self.long(page, 8) != number:
            raise _damaged(f"no page {number}")
        return page

    def long(self, page: bytes, offset: int) -> int:
        """Return a number of 32 bits."""
        found: int = struct.unpack_from(f"{self.order}I", page, offset)[0]
        return found

    def short(self, page: bytes, offset: int) -> int:
        """Return a number of 16 bits."""
        found: int = struct.unpack_from(f"{self.order}H", page, offset)[0]
        return found


def headers(content: bytes) -> Iterator[bytes]:
    """Yield the headers of the packages.

    Raises:
        InvalidConfigError: It is no such database, or is damaged.
    """
    file = _opened(content)
    for number in range(1, file.last + 1):
        # Pages that are free have no number of their own.
        if content[number * file.size + 25 : number * file.size + 26] in (bytes((kind,)) for kind in _HASH):
            page = file.page(number)
            items = [_item(file, page, index) for index in range(file.short(page, 20))]
            yield from (value for key, value in zip(items[::2], items[1::2], strict=False) if key != _NO_PACKAGE)


def _opened(content: bytes) -> _File:
    if len(content) < _META:
        raise unreadable(FORM, f"{len(content)} bytes", "a hash of Berkeley DB")
    order = next((one for one in "<>" if struct.unpack_from(f"{one}I", content, 12)[0] == _MAGIC), "")
    if not order:
        raise unreadable(FORM, "it does not begin as one does", "a hash of Berkeley DB")
    version, size = struct.unpack_from(f"{order}II", content, 16)
    (last,) = struct.unpack_from(f"{order}I", content, 32)
    if version not in _VERSIONS or size not in _PAGE_SIZES:
        raise unreadable(FORM, f"version {version}, pages of {size} bytes", "a hash of Berkeley DB of version 8 to 10")
    if (last + 1) * size > len(content):
        raise _damaged(f"{last + 1} pages of {size} bytes in {len(content)} bytes")
    return _File(content, order, size, last)


def _item(file: _File, page: bytes, index: int) -> bytes:
    place = _HEAD + 2 * index
    if place + 2 > file.size:
        raise _damaged("more on a page than there is room for")
    offset = file.short(page, place)
    end = file.size if index == 0 else file.short(page, place - 2)
    if not place + 2 <= offset < end <= file.size:
        raise _damaged("something that ends outside of its page")
    if page[offset] == _INLINE:
        return page[offset + 1 : end]
    if page[offset] == _ELSEWHERE and end - offset == 12:
        return _chained(file, file.long(page, offset + 4), file.long(page, offset + 8))
    raise _damaged(f"something of the kind {page[offset]}")


def _chained(file: _File, number: int, length: int) -> bytes:
    parts, left = [], length
    if length > len(file.content):
        raise _damaged(f"a package of {length} bytes")
    while left > 0:
        page = file.page(number)
        here = file.short(page, 22)
        if page[25] != _OVERFLOW or not 0 < here <= min(left, file.size - _HEAD):
            raise _damaged(f"page {number} does not go on with a package")
        parts.append(page[_HEAD : _HEAD + here])
        left -= here
        number = file.long(page, 16)
    return b"".join(parts)


def _damaged(found: str) -> InvalidConfigError:
    return unreadable(FORM, found, "a hash of Berkeley DB that is whole")
