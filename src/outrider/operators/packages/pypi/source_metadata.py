"""The metadata within a source distribution: https://packaging.python.org/en/latest/specifications/source-distribution-format/."""

import bz2
import gzip
import io
import tarfile
import zlib

from outrider.operators.packages.pypi.wheel_metadata import LARGEST_METADATA, no_metadata

TAR_ENDINGS = (".tar.gz", ".tgz", ".tar.bz2")
_LARGEST, _MOST_FILES = 512 << 20, 100_000
_BROKEN = (tarfile.TarError, zlib.error, EOFError, OSError, ValueError)


class _Bounded(io.RawIOBase):
    """A file that ends in an error where it becomes too large: what is written small may be endless."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        super().__init__()
        self._file, self._left = file, _LARGEST

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._left -= len(piece)
        if self._left < 0:
            raise ValueError(f"more than {_LARGEST} bytes")
        return piece


def source_metadata(name: str, content: bytes) -> str:
    """Return PKG-INFO of a source distribution.

    Args:
        name: Of the file, one of TAR_ENDINGS at its end.
        content: The file.

    Raises:
        ExecutionFailedError: It is none.
    """
    unpacked = (bz2.open if name.endswith(".bz2") else gzip.open)(io.BytesIO(content))
    try:
        with tarfile.open(fileobj=_Bounded(unpacked), mode="r|") as archive:
            for number, member in enumerate(archive):
                if number > _MOST_FILES:
                    raise no_metadata(name, "too many files")
                _, _, path = member.name.removeprefix("./").partition("/")
                file = archive.extractfile(member) if path == "PKG-INFO" and member.size <= LARGEST_METADATA else None
                if file is not None:
                    return file.read().decode("utf-8", "replace")
    except _BROKEN as error:
        raise no_metadata(name, str(error)) from error
    raise no_metadata(name, "no PKG-INFO")
