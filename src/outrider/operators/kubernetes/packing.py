"""Files and folders packed as a tar stream, and how much of them there may be."""

import asyncio
import os
import stat
import tarfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import ExecutionFailedError, InvalidConfigError, LimitedError

_MOST_MEMBERS = 100_000
_READ_BYTES = 256 * 1024


class Counted(msgspec.Struct):
    """How much there is; at most so much.

    Attributes:
        most: Bytes of all files together.
        size: The same, as far as they were counted.
    """

    most: int
    files: int = 0
    folders: int = 0
    size: int = 0

    def add(self, *, files: int = 0, folders: int = 0, size: int = 0) -> None:
        """Count something.

        Raises:
            LimitedError: It is more than may be.
        """
        self.files, self.folders, self.size = self.files + files, self.folders + folders, self.size + size
        if self.size > self.most:
            raise _too_much(
                "max_size", f"more than {self.most} bytes", f"at most {self.most} bytes", "give a larger --max-size"
            )
        if self.files + self.folders > _MOST_MEMBERS:
            raise _too_much(
                "path",
                f"more than {_MOST_MEMBERS} files",
                f"at most {_MOST_MEMBERS} files and folders",
                "pack it into one file first",
            )


def _too_much(path: str, found: str, expected: str, remedy: str) -> LimitedError:
    return LimitedError(
        f"there is too much to copy: {found}",
        path=path,
        found=found,
        expected=expected,
        suggestions=["copy a part of it", remedy],
    )


def count(root: Path, most: int) -> Counted:
    """Return how much a file or folder here holds.

    Raises:
        LimitedError: It is too much.
        InvalidConfigError: Something in it is neither file, folder nor link.
    """
    counted = Counted(most)
    for path in _tree(root):
        status = path.lstat()
        if stat.S_ISDIR(status.st_mode):
            counted.add(folders=1)
        elif stat.S_ISLNK(status.st_mode):
            counted.add(files=1)
        elif stat.S_ISREG(status.st_mode):
            counted.add(files=1, size=status.st_size)
        else:
            raise InvalidConfigError(
                f"local: {path} is a pipe, socket or device", path="local", found=str(path), expected="files, folders and links"
            )  # fmt: skip
    return counted


async def packed(root: Path, name: str) -> AsyncIterator[bytes]:
    """Yield a folder as an archive, in which it has another name. Links are packed as links, and never followed.

    Raises:
        ExecutionFailedError: A file changes meanwhile.
    """
    for path in _tree(root):
        relative = path.relative_to(root)
        header = tarfile.TarInfo(str(Path(name) / relative))
        status = path.lstat()
        header.mode, header.mtime = stat.S_IMODE(status.st_mode) & 0o777, int(status.st_mtime)
        if stat.S_ISDIR(status.st_mode):
            header.type = tarfile.DIRTYPE
            yield _header_bytes(header)
        elif stat.S_ISLNK(status.st_mode):
            header.type, header.linkname = tarfile.SYMTYPE, str(path.readlink())
            yield _header_bytes(header)
        else:
            header.size = status.st_size
            yield _header_bytes(header)
            async for piece in content(path, status.st_size):
                yield piece
            yield b"\0" * (-status.st_size % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


async def content(path: Path, size: int) -> AsyncIterator[bytes]:
    """Yield what is in a file, and that it has this many bytes.

    Raises:
        ExecutionFailedError: It has fewer.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        left = size
        while left:
            piece = file.read(min(_READ_BYTES, left))
            if not piece:
                raise ExecutionFailedError(
                    f"local: {path} became shorter while it was read", path="local", found=f"{size - left} bytes", expected=f"{size} bytes"
                )  # fmt: skip
            left -= len(piece)
            yield piece
            await asyncio.sleep(0)  # others have their turn between two readings


def _header_bytes(header: tarfile.TarInfo) -> bytes:
    return header.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def _tree(root: Path) -> Iterator[Path]:
    """Yield a file, or a folder with all that is in it, folders first."""
    yield root
    if root.is_dir():
        for folder, folders, files in os.walk(root, onerror=_fail):
            yield from (Path(folder) / name for name in sorted((*folders, *files)))


def _fail(error: OSError) -> Any:
    raise error
