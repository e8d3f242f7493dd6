"""Zip files as strangers make them, opened where what has to be read of them at once is not too large."""

import io
import struct
import zipfile
import zlib
from typing import BinaryIO

# What the library says of zip files that are damaged, encrypted, or packed in a way that it does not know.
BROKEN = (
    zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError, OSError, ValueError, OverflowError, struct.error
)  # fmt: skip
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LARGEST_LIST = 16 << 20
# The end of a zip file, and what stands before it in a large one: where its list of files is, and how long.
_END, _LOCATOR, _END_64 = struct.Struct("<4s8xI6x"), struct.Struct("<4s16x"), struct.Struct("<4s36xQ8x")
_COMMENT = 1 << 16


def opened(file: BinaryIO) -> zipfile.ZipFile:
    """Return a zip file.

    Raises:
        ValueError: Its list of files is too long.
        zipfile.BadZipFile: It is none; others of `BROKEN` as well.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _COMMENT - _END.size - _LOCATOR.size - _END_64.size))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        raise zipfile.BadZipFile("it is no zip file, or is cut off")
    length = _END.unpack_from(tail, at)[1]
    large = at - _LOCATOR.size - _END_64.size
    if large >= 0 and tail.startswith(b"PK\x06\x07", at - _LOCATOR.size):
        length = max(length if length != 0xFFFFFFFF else 0, _END_64.unpack_from(tail, large)[1])
    if length > _LARGEST_LIST:
        raise ValueError(f"its list of files has {length} bytes, and at most {_LARGEST_LIST} are read")
    return zipfile.ZipFile(file)


def content_of(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, largest: int) -> bytes:
    """Return a file of a zip file.

    Raises:
        ValueError: It is larger than that, or packed in another way than archives of Java are.
    """
    if entry.compress_type not in _METHODS:
        raise ValueError(f"{entry.filename[:100]} is packed by method {entry.compress_type}")
    with archive.open(entry) as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise ValueError(f"{entry.filename[:100]} has more than {largest} bytes")
    return content
