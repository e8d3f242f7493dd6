"""The metadata within a wheel on a server, read without the rest of it (PEP 427: a wheel is a zip file)."""

import io
import struct
import zipfile
import zlib
from collections.abc import Awaitable, Callable

from outrider.core.errors import ExecutionFailedError

# The directory of a zip file is at its end, and that of most wheels is in here.
TAIL = 32 * 1024
LARGEST_METADATA = 4 << 20
_MARGIN = 4 * 1024
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What reading a zip file raises where that is none.
BROKEN = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    struct.error,
)


class _Missing(Exception):  # noqa: N818 - it asks for bytes
    def __init__(self, begin: int, end: int) -> None:
        super().__init__(begin, end)
        self.begin, self.end = begin, end


class _Holey(io.RawIOBase):
    """A file of which only some ranges are here; to read others raises."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size, self._position = size, 0
        self._parts: list[tuple[int, bytes]] = []

    def add(self, begin: int, content: bytes) -> None:
        self._parts.append((begin, content))

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if position < 0:
            raise OSError("a position before the first byte")
        self._position = position
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1) -> bytes:
        begin = self._position
        end = self._size if size < 0 else min(self._size, begin + size)
        if end <= begin:
            return b""
        for first, content in self._parts:
            if first <= begin and end <= first + len(content):
                self._position = end
                return content[begin - first : end - first]
        raise _Missing(begin, end)


async def metadata_text(name: str, size: int, tail: bytes, fetch: Callable[[int, int], Awaitable[bytes]]) -> str:
    """Return METADATA of a wheel.

    Args:
        name: Of the file, for errors.
        size: Of the file.
        tail: Its last bytes.
        fetch: Returns the bytes from one position up to another.

    Raises:
        ExecutionFailedError: It is no wheel.
    """
    file = _Holey(size)
    file.add(size - len(tail), tail)
    for _ in range(6):
        try:
            with zipfile.ZipFile(file) as wheel:
                inside = [one for one in wheel.infolist() if _is_metadata(name, one.filename)]
                if len(inside) != 1:
                    raise no_metadata(name, f"{len(inside)} files METADATA")
                return _read(name, wheel, inside[0])
        except _Missing as missing:
            end = min(size, max(missing.end, missing.begin + TAIL) + _MARGIN)
            file.add(missing.begin, await fetch(missing.begin, end))
        except BROKEN as error:
            raise no_metadata(name, str(error)) from error
    raise no_metadata(name, "its directory is spread too far")


def _read(name: str, wheel: zipfile.ZipFile, inside: zipfile.ZipInfo) -> str:
    if max(inside.file_size, inside.compress_size) > LARGEST_METADATA or inside.compress_type not in _METHODS:
        raise no_metadata(name, f"{inside.file_size} bytes of METADATA, compressed by method {inside.compress_type}")
    with wheel.open(inside) as file:
        # Without a length, whatever it holds would be unpacked before it is cut to what its directory says.
        return file.read(inside.file_size + 1).decode("utf-8", "replace")


def _is_metadata(file: str, path: str) -> bool:
    folder, _, name = path.partition("/")
    if file.endswith(".zip"):
        return name == "PKG-INFO"  # a source distribution, of which old ones are zip files too
    return name == "METADATA" and folder.endswith(".dist-info")


def no_metadata(name: str, found: str) -> ExecutionFailedError:
    """Return the error for a file whose metadata cannot be read."""
    return ExecutionFailedError(
        f"{name}: its metadata cannot be read", found=found[:200], expected="a wheel with one METADATA",
        suggestions=["ask for another version"],
    )  # fmt: skip
