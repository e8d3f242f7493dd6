"""The hash of a package that NuGet writes into packages.lock.json: that of its file as it was before a registry signed it.

It follows `SignedPackageArchiveUtility.GetPackageContentHash` in
https://github.com/NuGet/NuGet.Client/tree/dev/src/NuGet.Core/NuGet.Packaging/Signing: the signature is a file within the archive, which is
left out with all that the archive tells of it. Of what is not signed it is the hash of the file.
"""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from io import SEEK_END
from typing import IO, NamedTuple

SIGNATURE = b".signature.p7s"
_END, _RECORD = struct.Struct("<4s4HIIH"), struct.Struct("<4s6H3I5H2I")
_END_MARK, _RECORD_MARK = b"PK\x05\x06", b"PK\x01\x02"
_LONGEST_COMMENT = 0xFFFF
_PIECE = 1 << 20
_OFFSET = struct.Struct("<I")


class NotAnArchiveError(Exception):
    """It is no archive in the form that packages have."""


class _Record(NamedTuple):
    """What the directory of an archive tells of a file.

    Attributes:
        content: All of it, as it is written.
        name: Of the file.
        offset: Where the file begins.
    """

    content: bytes
    name: bytes
    offset: int


class _Directory(NamedTuple):
    """The directory of an archive.

    Attributes:
        records: In their order.
        start: Where it begins.
        end: What stands behind it: the end of the archive.
    """

    records: list[_Record]
    start: int
    end: bytes


def content_hash(file: IO[bytes]) -> str:
    """Return the SHA-512 of the content of a package, in hexadecimal digits.

    Args:
        file: The package; it is read wherever that is needed.

    Raises:
        NotAnArchiveError: It is no zip archive, or one of more than 4 GiB.
    """
    directory = _directory(file)
    signature = next((one for one in directory.records if one.name == SIGNATURE), None)
    found = hashlib.sha512()
    pieces = _whole(file) if signature is None else _unsigned(file, directory, signature)
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


def _directory(file: IO[bytes]) -> _Directory:
    size = file.seek(0, SEEK_END)
    file.seek(max(0, size - _END.size - _LONGEST_COMMENT))
    tail = file.read()
    at = _end(tail)
    _, _, _, _, count, length, start, _ = _END.unpack_from(tail, at)
    file.seek(start)
    content = file.read(length)
    records = list(_records(content))
    if len(records) != count or len(content) != length:
        raise NotAnArchiveError(f"its directory has {len(records)} of {count} files")
    return _Directory(records, start, tail[at:])


def _end(tail: bytes) -> int:
    """Return where the end of an archive begins: the last one whose comment reaches to the end of the file."""
    at = tail.rfind(_END_MARK)
    while at >= 0:
        if len(tail) - at >= _END.size and _END.unpack_from(tail, at)[-1] == len(tail) - at - _END.size:
            return at
        at = tail.rfind(_END_MARK, 0, at)
    raise NotAnArchiveError("it has no end of a zip archive")


def _records(content: bytes) -> Iterator[_Record]:
    at = 0
    while content.startswith(_RECORD_MARK, at) and len(content) - at >= _RECORD.size:
        fields = _RECORD.unpack_from(content, at)
        name, extra, comment, offset = fields[10], fields[11], fields[12], fields[-1]
        end = at + _RECORD.size + name + extra + comment
        yield _Record(content[at:end], content[at + _RECORD.size : at + _RECORD.size + name], offset)
        at = end


def _unsigned(file: IO[bytes], directory: _Directory, signature: _Record) -> Iterator[bytes]:
    """Yield the archive as it would be without its signature."""
    size = _sizes(directory)[signature.offset]
    for offset, length in sorted(_sizes(directory).items()):
        if offset != signature.offset:
            yield from _read(file, offset, length)
    for one in directory.records:
        if one is not signature:
            moved = one.offset - size if one.offset > signature.offset else one.offset
            yield one.content[: _RECORD.size - _OFFSET.size] + _OFFSET.pack(moved) + one.content[_RECORD.size :]
    *mark, here, count, length, start, comment = _END.unpack_from(directory.end)
    yield _END.pack(*mark, here - 1, count - 1, length - len(signature.content), start - size, comment)
    yield directory.end[_END.size :]


def _sizes(directory: _Directory) -> dict[int, int]:
    """Return how many bytes each file takes in the archive, by where it begins."""
    offsets: Sequence[int] = sorted(one.offset for one in directory.records)
    return {offset: after - offset for offset, after in zip(offsets, [*offsets[1:], directory.start], strict=True)}


def _whole(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(_PIECE):
        yield piece


def _read(file: IO[bytes], offset: int, length: int) -> Iterator[bytes]:
    file.seek(offset)
    while length > 0 and (piece := file.read(min(length, _PIECE))):
        length -= len(piece)
        yield piece
