"""Tar streams unpacked as they come (ustar and pax of POSIX.1, GNU), and trusted in nothing.

What comes may hold files and folders below one name, which are written into a folder that is new. Links, devices and all else are
refused, so that nothing reaches out of that folder.
"""

import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from outrider.core.errors import ExecutionFailedError
from outrider.operators.kubernetes.packing import Counted

_MOST_EXTENSIONS, _MOST_EXTENSION = 200_000, 64 * 1024
_EXTENSIONS = (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE)
_OTHERS = {
    tarfile.LNKTYPE: "a hard link", tarfile.SYMTYPE: "a link", tarfile.CHRTYPE: "a device", tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
}  # fmt: skip


class _Body(msgspec.Struct):
    """The bytes that follow a header: how many are missing, and what is done with them."""

    left: int
    take: Callable[[bytes], object]
    done: Callable[[], object]


class Unpacker:
    """Writes what an archive holds, as it comes, into a folder.

    Args:
        folder: A new one, in which nobody else writes.
        name: The one file or folder that may come.
        counted: Counts it.

    Attributes:
        ended: Whether the end of the archive has come.
    """

    def __init__(self, folder: Path, name: str, counted: Counted) -> None:
        self._folder, self._name, self._counted = folder, name, counted
        self._buffer = bytearray()
        self._body: _Body | None = None
        self._padding = 0
        self._file: BinaryIO | None = None
        self._records: dict[str, str] = {}
        self._extensions = 0
        self.ended = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            ExecutionFailedError: This is no archive, or holds what is not unpacked.
            LimitedError: It is too large.
        """
        self._buffer += data
        while not self.ended and self._step():
            continue
        if self.ended:  # what fills the last block of the tape
            self._buffer.clear()

    def close(self) -> None:
        """Let go of a file that has not come whole."""
        if self._file is not None:
            self._file.close()

    def _step(self) -> bool:
        """Take one part of what has come; return whether there may be another."""
        if self._body is not None:
            piece = self._next(self._body.left)
            self._body.take(piece)
            self._body.left -= len(piece)
            if self._body.left:
                return False
            done, self._body = self._body.done, None
            done()
        self._padding -= len(self._next(self._padding))
        if self._padding or len(self._buffer) < tarfile.BLOCKSIZE:
            return False
        self._begin(self._next(tarfile.BLOCKSIZE))
        return True

    def _next(self, most: int) -> bytes:
        piece = bytes(self._buffer[:most])
        del self._buffer[: len(piece)]
        return piece

    def _begin(self, block: bytes) -> None:
        if not block.strip(b"\0"):
            self.ended = True
            return
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise refused("what comes is no archive", str(error)) from error
        if header.type in _EXTENSIONS:
            self._begin_extension(header)
        else:
            self._begin_member(header)

    def _begin_extension(self, header: tarfile.TarInfo) -> None:
        """Read what says more of the next member: a long name, or records of any kind."""
        self._extensions += 1
        if not 0 <= header.size <= _MOST_EXTENSION or self._extensions > _MOST_EXTENSIONS:
            raise refused("an archive whose names are too long", f"{header.size} bytes of a name")
        body = bytearray()
        self._expect(_Body(header.size, body.extend, lambda: self._extend(header.type, bytes(body))))

    def _extend(self, kind: bytes, body: bytes) -> None:
        if kind == tarfile.GNUTYPE_LONGNAME:
            self._records["path"] = _text(body.partition(b"\0")[0])
        elif kind == tarfile.XHDTYPE:
            self._records.update(_records(body))

    def _begin_member(self, header: tarfile.TarInfo) -> None:
        records, self._records = self._records, {}
        name, size = records.get("path", header.name), _size(records.get("size", ""), header.size)
        path = self._place(name)
        sparse = any(key.startswith("GNU.sparse.") for key in records)
        try:
            if header.type == tarfile.DIRTYPE:
                self._counted.add(folders=1)
                path.mkdir(parents=True, exist_ok=True)
                path.chmod(header.mode & 0o755 | 0o700)
            elif header.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not sparse:
                self._counted.add(files=1, size=size)
                self._file = _new_file(path, header.mode & 0o755 | 0o600)
                self._expect(_Body(size, self._file.write, self._file.close))
            else:
                what = _OTHERS.get(header.type, "neither file nor folder")
                raise refused(f"{_printable(name)} is {what}", "files and folders alone are copied")
        except (FileExistsError, NotADirectoryError) as error:
            raise refused(f"{_printable(name)} is there already", "each name once") from error

    def _place(self, name: str) -> Path:
        parts = name.removesuffix("/").split("/")
        if parts[0] == ".":
            del parts[0]
        if parts[:1] != [self._name] or any(part in ("", ".", "..") or "\0" in part for part in parts):
            raise refused(f"{_printable(name)} leads elsewhere", f"names below {self._name}")
        return self._folder.joinpath(*parts)

    def _expect(self, body: _Body) -> None:
        self._body, self._padding = body, -body.left % tarfile.BLOCKSIZE


def _size(record: str, size: int) -> int:
    if record:
        size = int(record) if record.isascii() and record.isdecimal() and len(record) < 20 else -1
    if size < 0:
        raise refused("a file with a size that is none", record or str(size))
    return size


def _records(body: bytes) -> Iterator[tuple[str, str]]:
    """Yield the records of an extended header: `LENGTH KEY=VALUE`, each with a line end that counts."""
    while body and not body.startswith(b"\0"):
        number = body[:20].partition(b" ")[0]
        length = int(number) if number.isdigit() else 0
        key, equals, value = body[len(number) + 1 : length].partition(b"=")
        if not equals or not value.endswith(b"\n") or length > len(body):
            raise refused("an archive with a malformed header", _printable(_text(body[:40])))
        yield _text(key), _text(value[:-1])
        body = body[length:]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _printable(text: str) -> str:
    return ascii(text[:200])


def _new_file(path: Path, mode: int) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.fchmod(descriptor, mode)
    return os.fdopen(descriptor, "wb")


def refused(why: str, found: str) -> ExecutionFailedError:
    """Return the error for what is not written here."""
    return ExecutionFailedError(
        f"not copied: {why}", found=found, expected="an archive of files and folders below one name",
        suggestions=["copy a part without it", "pack it there yourself: outrider kubernetes exec, and copy the one file"],
    )  # fmt: skip
