"""Files by the hash of their content: written beside their place, checked, and put there as a whole."""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from outrider.core.errors import ExecutionFailedError

_KEY = "sha256"
# What registries name that is too weak to tell contents apart stands beside something stronger, or alone in old entries.
ALGORITHMS = ("sha512", "sha384", "sha256", "sha1", "md5")


class Blobs:
    """A folder of files.

    Args:
        folder: Of this store alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"
        try:
            self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise cannot_write(folder, error) from error

    def path(self, digest: str) -> Path:
        """Return where the file with a SHA-256 is, or would be."""
        return self._folder / digest[:2] / digest

    def read(self, digest: str) -> bytes | None:
        """Return a content; None where it is not there."""
        try:
            return self.path(digest).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, content: bytes, *, durable: bool = False) -> str:
        """Keep a content and return its SHA-256.

        Args:
            content: What to keep.
            durable: Whether it must outlive a power cut from now on.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        digest = hashlib.sha256(content).hexdigest()
        with suppress(FileNotFoundError):
            # Whoever looks for what is left over sees that it is needed again.
            os.utime(self.path(digest))
            return digest
        partial = self.begin({})
        try:
            partial.write(content)
            return partial.finish(durable=durable)
        finally:
            partial.abandon()

    def begin(self, expected: Mapping[str, str]) -> "Partial":
        """Begin a file whose content comes in pieces.

        Args:
            expected: What its hashes must be, by algorithm, as hexadecimal digits.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        try:
            descriptor, name = tempfile.mkstemp(dir=self._incoming, prefix="new-")
        except OSError as error:
            raise cannot_write(self._incoming, error) from error
        return Partial(self, Path(name), os.fdopen(descriptor, "w+b", buffering=0), expected)

    def remove(self, digest: str) -> int:
        """Remove a file, and return how many bytes that has freed."""
        path = self.path(digest)
        with suppress(FileNotFoundError):
            size = path.stat().st_size
            path.unlink()
            return size
        return 0

    def all(self) -> dict[str, tuple[int, float]]:
        """Return of each file its size in bytes, and when it was last put there, in seconds since the epoch."""
        found: dict[str, tuple[int, float]] = {}
        for one in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            with suppress(FileNotFoundError):
                status = one.stat()
                found[one.name] = status.st_size, status.st_mtime
        return found

    def remove_unfinished(self, before: float) -> None:
        """Remove what was begun before a time and never finished, such as by a process that was killed."""
        for one in self._incoming.iterdir():
            with suppress(FileNotFoundError):
                if one.stat().st_mtime < before:
                    one.unlink()


class Partial:
    """A file that is being written.

    Attributes:
        path: Where it is until it is finished.
        written: Bytes so far.
    """

    def __init__(self, blobs: Blobs, path: Path, file: BinaryIO, expected: Mapping[str, str]) -> None:
        self._blobs, self.path, self._file = blobs, path, file
        self._expected = {name: value.lower() for name, value in expected.items() if name in ALGORITHMS}
        self._hashes = {name: hashlib.new(name) for name in {_KEY, *self._expected}}
        self.written = 0

    def write(self, piece: bytes) -> None:
        """Add a piece.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        try:
            view = memoryview(piece)
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise cannot_write(self.path.parent, error) from error
        for one in self._hashes.values():
            one.update(piece)
        self.written += len(piece)

    def read(self, begin: int, size: int) -> bytes:
        """Return what was written already."""
        return os.pread(self._file.fileno(), size, begin)

    def digest(self, algorithm: str = _KEY) -> str:
        """Return a hash of what was written."""
        return self._hashes[algorithm].hexdigest()

    def finish(self, *, durable: bool = False) -> str:
        """Put it to its place and return its SHA-256.

        Raises:
            ExecutionFailedError: The content is another one than expected, or it cannot be written.
        """
        for name, value in self._expected.items():
            if self.digest(name) != value:
                raise other_content(name, self.digest(name), value)
        digest = self.digest()
        target = self._blobs.path(digest)
        try:
            target.parent.mkdir(exist_ok=True, mode=0o700)
            if durable:
                os.fsync(self._file.fileno())
            self.path.replace(target)
            if durable:
                _sync_folder(target.parent)
        except OSError as error:
            raise cannot_write(target, error) from error
        return digest

    def abandon(self) -> None:
        """Close it, and remove what was not finished."""
        self._file.close()
        self.path.unlink(missing_ok=True)


def other_content(algorithm: str, found: str, expected: str) -> ExecutionFailedError:
    """Return the error for a file whose hash is another one than its registry says."""
    return ExecutionFailedError(
        f"the content has another {algorithm} than its registry says", found=found, expected=expected,
        suggestions=["fetch it again; if it stays so, the registry or what is on the way to it changes files"],
    )  # fmt: skip


def cannot_write(path: Path, error: OSError) -> ExecutionFailedError:
    """Return the error for a file that cannot be written."""
    return ExecutionFailedError(
        f"{path}: it cannot be written: {error.strerror}", found=str(error.strerror), expected="a folder with room",
        suggestions=["make room", "remove what nobody has asked for: outrider packages registry_clean --unused 30d; what came within an hour stays"],
    )  # fmt: skip


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
