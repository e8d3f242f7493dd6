"""Archives as strangers make them, read from the beginning to the end: what is made of them is bounded, and never kept as a whole."""

import gzip
import hashlib
import io
import re
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from outrider.core.errors import InvalidConfigError, LimitedError, UnsupportedError
from outrider.runtime.discovery import import_module

MOST_BYTES, MOST_MEMBERS = 32 << 30, 5_000_000
# No part of an archive that is read at once needs more: neither the head of a member nor a database.
LARGEST_PART = 512 << 20
_STEP = 1 << 20
_GZIP = b"\x1f\x8b"
# A frame of zstd, or one that it passes over.
_ZSTD = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")
_OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_EXPECTED = "a tar archive, as it is or packed with gzip or zstd"


class Budget:
    """How much may still be made of an archive.

    Args:
        bytes_left: Of content.
        members_left: How many files, folders and links.
    """

    def __init__(self, bytes_left: int = MOST_BYTES, members_left: int = MOST_MEMBERS) -> None:
        self._bytes, self._members = bytes_left, members_left

    def take(self, count: int) -> None:
        """Take some bytes.

        Raises:
            LimitedError: There are none left.
        """
        self._bytes -= count
        if self._bytes < 0:
            raise _too_much(f"more than {MOST_BYTES} bytes")

    def member(self) -> None:
        """Take a member.

        Raises:
            LimitedError: There is none left.
        """
        self._members -= 1
        if self._members < 0:
            raise _too_much(f"more than {MOST_MEMBERS} members")


class Summed(io.RawIOBase):
    """A file that is read once, of which a checksum is made meanwhile.

    Args:
        file: It.
        size: How much of it there is to read.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size
        self._sum = hashlib.sha256()

    def readable(self) -> bool:
        """Return whether it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read as much as fits."""
        content = self._file.read(min(len(buffer), self._left))
        buffer[: len(content)] = content
        self._left -= len(content)
        self._sum.update(content)
        return len(content)

    def digest(self) -> str:
        """Return the checksum of all of it, once the rest is read too."""
        while self.read(_STEP):
            pass
        return f"sha256:{self._sum.hexdigest()}"


class _Forward:
    """A stream in which a reader of archives goes on and never back.

    Args:
        stream: Its content.
        budget: How much of it may be read.

    Attributes:
        is_cut_off: Whether more was asked for than there was.
    """

    def __init__(self, stream: "io.BufferedReader | gzip.GzipFile", budget: Budget) -> None:
        self._stream, self._budget, self._at = stream, budget, 0
        self.is_cut_off = False

    def read(self, size: int = -1) -> bytes:
        """Return as much of what follows as there is."""
        if not 0 <= size <= LARGEST_PART:
            raise _too_much(f"a part of {size} bytes")
        found = self._stream.read(size)
        self.is_cut_off |= len(found) < size
        self._at += len(found)
        self._budget.take(len(found))
        return found

    def seek(self, offset: int) -> int:
        """Go on to a place."""
        if offset < self._at:
            raise InvalidConfigError(
                "an archive leads back in itself", found=f"byte {offset} after byte {self._at}", expected="a tar archive",
                suggestions=["make the archive anew"],
            )  # fmt: skip
        if isinstance(self._stream, io.BufferedReader) and self._stream.seekable():
            self._at = self._stream.seek(offset)
        while self._at < offset and self.read(min(_STEP, offset - self._at)):
            pass
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at


def plain_stream(stream: io.BufferedReader, name: str) -> "io.BufferedReader | gzip.GzipFile":
    """Return what a stream is when it is unpacked; itself where it is not packed.

    Raises:
        UnsupportedError: It is packed in a way that is not read.
        MissingRequirementError: It is packed with zstd, and the library that unpacks it is not installed.
    """
    head = stream.peek(8)[:8]
    packer = next((packer for magic, packer in _OTHERS.items() if head.startswith(magic)), "")
    if packer:
        raise UnsupportedError(
            f"{name}: it is packed with {packer}", found=packer, expected=_EXPECTED,
            suggestions=["unpack it, or have the image saved with gzip", "unpack the image into a folder, and name that"],
        )  # fmt: skip
    if _ZSTD.match(head) is not None:
        zstd = import_module("outrider.operators.packages.distributions.zstd", extra="packages")
        return io.BufferedReader(zstd.Unpacked(stream))
    return gzip.GzipFile(fileobj=stream) if head.startswith(_GZIP) else stream


def members(stream: io.BufferedReader, name: str, budget: Budget) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    """Yield the members of an archive, which may be packed, each with the archive: its content can be read until the next one.

    What is wrong with the archive is told by `told_of`, within which it is read.

    Args:
        stream: The archive.
        name: What it is called in errors.
        budget: How much may be made of it.

    Raises:
        LimitedError: It is too large.
        UnsupportedError: It is packed in a way that is not read.
        MissingRequirementError: It is packed with zstd, and the library that unpacks it is not installed.
    """
    plain = plain_stream(stream, name)
    forward = _Forward(plain, budget)
    # It has what tarfile asks of a file that it goes through from the beginning to the end.
    with tarfile.open(fileobj=cast("BinaryIO", forward), mode="r:", errorlevel=1) as archive:
        for member in archive:
            budget.member()
            # tarfile keeps all that it has seen.
            vars(archive)["members"] = []
            yield member, archive
    if forward.is_cut_off:
        raise tarfile.ReadError("it ends without an end")
    # The checksum of what is packed stands at its end.
    while plain is not stream and forward.read(_STEP):
        pass


@contextmanager
def told_of(name: str) -> Iterator[None]:
    """Tell of an archive that is read within what is wrong with it.

    Raises:
        InvalidConfigError: It is no archive, or is damaged.
    """
    try:
        yield
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise InvalidConfigError(
            f"{name}: it is no archive that can be read: {error}", found=str(error)[:200], expected=_EXPECTED,
            suggestions=["save the image again"],
        ) from error  # fmt: skip


def _too_much(found: str) -> LimitedError:
    return LimitedError(
        "an archive is too large", found=found, expected=f"at most {MOST_BYTES} bytes in {MOST_MEMBERS} members",
        suggestions=["unpack the image into a folder, and name that"],
    )  # fmt: skip
