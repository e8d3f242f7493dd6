"""The metadata within a source distribution: https://packaging.python.org/en/latest/specifications/source-distribution-format/."""

import bz2
import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import BinaryIO

from outrider.operators.packages.pypi.wheel_metadata import BROKEN, LARGEST_METADATA, no_metadata

PKG_INFO = "PKG-INFO"
TAR_ENDINGS = (".tar.gz", ".tgz", ".tar.bz2")
_LARGEST, _MOST_FILES = 512 << 20, 100_000
_BROKEN = (tarfile.TarError, *BROKEN)


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
    found = next((text for _, path, text in source_files(name, io.BytesIO(content), (PKG_INFO,)) if path), None)
    if found is None:
        raise no_metadata(name, "no PKG-INFO")
    return found


def source_files(name: str, file: BinaryIO, wanted: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the folder at the top of each file of a source distribution; with path and text of those that are wanted, else with empty ones.

    Args:
        name: Of the distribution.
        file: The distribution.
        wanted: Paths of files below the folder at the top.

    Raises:
        ExecutionFailedError: It is none.
    """
    try:
        for number, (path, size, read) in enumerate(_members(name, file)):
            if number > _MOST_FILES:
                raise no_metadata(name, "too many files")
            top, _, below = path.removeprefix("./").partition("/")
            is_wanted = below in wanted and size <= LARGEST_METADATA
            yield top, below if is_wanted else "", read().decode("utf-8", "replace") if is_wanted else ""
    except _BROKEN as error:
        raise no_metadata(name, str(error)) from error


def _members(name: str, file: BinaryIO) -> Iterator[tuple[str, int, Callable[[], bytes]]]:
    """Yield the path, the size and what reads each plain file of an archive."""
    if name.endswith(".zip"):
        with zipfile.ZipFile(file) as archive:
            for one in archive.infolist():
                if not one.is_dir():
                    # What is packed may become larger than its directory says.
                    yield one.filename, one.file_size, partial(_unzipped, archive, one)
        return
    unpacked = (bz2.open if name.endswith(".bz2") else gzip.open)(file)
    with tarfile.open(fileobj=_Bounded(unpacked), mode="r|") as packed:
        for member in packed:
            content = packed.extractfile(member) if member.isfile() else None
            if content is not None:
                yield member.name, member.size, content.read


def _unzipped(archive: zipfile.ZipFile, one: zipfile.ZipInfo) -> bytes:
    with archive.open(one) as content:
        return content.read(one.file_size + 1)
