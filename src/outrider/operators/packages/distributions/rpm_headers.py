"""Headers of RPM packages, as its databases keep them: https://rpm-software-management.github.io/rpm/manual/format_header.html.

Two counts, an index of as many entries of 16 bytes, and the data that they point into; numbers are big-endian.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from outrider.operators.packages.locks.entries import UnusableEntry

_COUNTS = struct.Struct(">II")
_ENTRY = struct.Struct(">IIII")
_NUMBER = struct.Struct(">I")
_MOST_ENTRIES = 1 << 16
_LONGEST = 4096
# Kinds of values: a number of 32 bits, a text, and texts in several languages, of which the first counts.
_INT32, _STRING, _TEXTS_IN_A_ROW, _TRANSLATED = 4, 6, 8, 9
_NAME, _VERSION, _RELEASE, _EPOCH, _ARCHITECTURE, _SOURCE = 1000, 1001, 1002, 1003, 1022, 1044
_TEXTS = (_NAME, _VERSION, _RELEASE, _ARCHITECTURE, _SOURCE)
# A file is a name in one of the folders, which the number of it tells.
_FOLDER_NUMBERS, _FILE_NAMES, _FOLDERS = 1116, 1117, 1118
_KINDS = {_EPOCH: (_INT32,), **dict.fromkeys(_TEXTS, (_STRING, _TRANSLATED))}


class Header(NamedTuple):
    """What a header says of its package; what it does not say is empty.

    Attributes:
        epoch: As digits.
        source: The file of the source package, such as `bash-5.1.8-6.el9.src.rpm`.
    """

    name: str
    epoch: str
    version: str
    release: str
    architecture: str
    source: str

    @property
    def full_version(self) -> str:
        """The epoch where there is one, the version and the release."""
        return f"{f'{self.epoch}:' if self.epoch not in ('', '0') else ''}{self.version}-{self.release}"


def read_header(blob: bytes) -> Header:
    """Read a header.

    Raises:
        UnusableEntry: It is none.
    """
    found: dict[int, str] = {}
    data, rows = _parts(blob)
    for tag, kind, offset, count in rows:
        if kind in _KINDS.get(tag, ()) and count:
            found.setdefault(tag, _value(data, kind, offset))
    if not all(found.get(tag) for tag in (_NAME, _VERSION, _RELEASE)):
        raise UnusableEntry("a header of RPM has no name, version or release")
    return Header(*(found.get(tag, "") for tag in (_NAME, _EPOCH, _VERSION, _RELEASE, _ARCHITECTURE, _SOURCE)))


def paths(blob: bytes) -> Iterator[str]:
    """Yield the paths of the files of a package, without a slash before them; none where its header is none."""
    try:
        data, rows = _parts(blob)
    except UnusableEntry:
        return
    places = {tag: (offset, count) for tag, kind, offset, count in rows if kind in (_INT32, _TEXTS_IN_A_ROW)}
    if not all(tag in places for tag in (_FOLDER_NUMBERS, _FILE_NAMES, _FOLDERS)):
        return
    folders, names = (_texts(data, *places[tag]) for tag in (_FOLDERS, _FILE_NAMES))
    offset, count = places[_FOLDER_NUMBERS]
    numbers = data[offset : offset + count * _NUMBER.size]
    for (number,), name in zip(
        _NUMBER.iter_unpack(numbers[: len(numbers) // _NUMBER.size * _NUMBER.size]), names, strict=False
    ):
        if number < len(folders):
            yield f"{folders[number]}{name}".lstrip("/")


def _texts(data: bytes, offset: int, count: int) -> list[str]:
    return [one.decode("utf-8", "surrogateescape") for one in data[offset:].split(b"\0", count)[:count]]


def _parts(blob: bytes) -> tuple[bytes, Iterator[tuple[int, int, int, int]]]:
    """Return the data of a header, and its index: what is told, its kind, where it is in the data, and how many there are."""
    if len(blob) < _COUNTS.size:
        raise UnusableEntry("a header of RPM is cut off")
    entries, size = _COUNTS.unpack_from(blob)
    start = _COUNTS.size + entries * _ENTRY.size
    if entries > _MOST_ENTRIES or start + size > len(blob):
        raise UnusableEntry("a header of RPM is larger than what there is of it")
    return blob[start : start + size], _ENTRY.iter_unpack(blob[_COUNTS.size : start])


def _value(data: bytes, kind: int, offset: int) -> str:
    if kind == _INT32:
        if offset + _NUMBER.size > len(data):
            raise UnusableEntry("a number of a header of RPM is outside of it")
        return str(_NUMBER.unpack_from(data, offset)[0])
    end = data.find(b"\0", offset, offset + _LONGEST)
    if end < 0:
        raise UnusableEntry("a text of a header of RPM is too long, or outside of it")
    return data[offset:end].decode("utf-8", "replace")
