"""Files that only their owner may read: written whole or not at all, and refused when others may read them."""

import os
import secrets
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from outrider.core.errors import DeniedError, ExecutionFailedError

_PRIVATE = 0o600


def write_private(path: Path, data: bytes) -> None:
    """Replace a file in one step, on disk when this returns; mode 0600, its folder is made with 0700.

    Raises:
        DeniedError: The folder may not be written.
        ExecutionFailedError: The disk is full or broken; the file is as it was.
    """
    with _written(path, data) as temporary:
        temporary.replace(path)


def append_private(path: Path, data: bytes) -> None:
    """Add to a file in one write; it is made with mode 0600, in a folder that is there.

    Raises:
        OSError: It cannot be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)


def create_private(path: Path, data: bytes) -> bool:
    """Write a file as `write_private` does unless it exists, and return whether it was written.

    Of several processes that try at the same time one succeeds.
    """
    with _written(path, data) as temporary:
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return False
        return True


def read_private(path: Path) -> bytes | None:
    """Read a file; return None if there is none.

    Raises:
        DeniedError: Its group or others have rights on it; the message names the mode and the command that mends it.
        ExecutionFailedError: It cannot be read.
    """
    with _translated(path), suppress(FileNotFoundError), path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        if mode & 0o077:
            raise DeniedError(
                f"{path} has mode {mode:04o}: others than its owner may use it",
                found=f"mode {mode:04o}",
                expected=f"mode {_PRIVATE:04o}",
                suggestions=[f"chmod 600 {shlex.quote(str(path))}"],
            )
        return file.read()
    return None


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise DeniedError(
            f"{error.filename or path}: {error.strerror}",
            found=str(path),
            expected="a file and a folder of this user",
            suggestions=[f"ls -ld {shlex.quote(str(path.parent))} {shlex.quote(str(path))}"],
        ) from error
    except OSError as error:
        raise ExecutionFailedError(f"{error.filename or path}: {error.strerror}", found=str(path)) from error


@contextmanager
def _written(path: Path, data: bytes) -> Iterator[Path]:
    """Write a temporary file beside the path, and sync the folder after the caller has given it its name."""
    with _translated(path):
        yield from _write_beside(path, data)


def _write_beside(path: Path, data: bytes) -> Iterator[Path]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have a renamed or new file of a folder survive the end of the machine."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
