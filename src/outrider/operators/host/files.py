"""What the file operations share: text within bounds, digests, atomic replacement."""

import errno
import hashlib
import os
import stat
from pathlib import Path

from outrider.core.errors import InvalidConfigError, NotFoundError, PreconditionFailedError

MAX_TEXT = 1024 * 1024
ABSENT = "absent"


def shown(name: str | Path) -> str:
    """Return a file name as text; bytes that are no UTF-8 are replaced."""
    return os.fsencode(name).decode("utf-8", "replace")


def open_plain(path: Path) -> int:
    """Open a plain file for reading; a pipe or device in its place is neither waited for nor read.

    Raises:
        NotFoundError: There is no such file.
        InvalidConfigError: It is no plain file.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _no_file(path) from error
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ENODEV):  # a socket, or a device without a driver
            raise not_plain(path, "a socket or device") from error
        raise
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise not_plain(path, "a folder, pipe or device")
    return file


def _no_file(path: Path) -> NotFoundError:
    return NotFoundError(f"file/{path}: there is no such file", found=str(path), suggestions=["check the path"])


def not_plain(path: Path, found: str) -> InvalidConfigError:
    """Return the error for a path that is no plain file, or too large a one."""
    return InvalidConfigError(
        f"file/{path}: not a plain file of at most 1 MiB",
        path="path",
        found=found,
        expected="a plain file of at most 1 MiB",
        suggestions=["read the end of a large file: outrider host file_tail"],
    )


def read_bounded(path: Path) -> bytes:
    """Return the content of a plain file of at most 1 MiB.

    Raises:
        NotFoundError: There is no such file.
        InvalidConfigError: It is too large, or no plain file.
    """
    file = open_plain(path)
    try:
        data = bytearray()  # the size of a file in /proc is 0, so what comes is what counts
        while len(data) <= MAX_TEXT and (chunk := os.read(file, MAX_TEXT + 1 - len(data))):
            data += chunk
        if len(data) > MAX_TEXT:
            raise not_plain(path, f"{max(os.fstat(file).st_size, len(data))} bytes")
    finally:
        os.close(file)
    return bytes(data)


def read_text(path: Path) -> str:
    """Return the text of a file of at most 1 MiB; bytes that are no UTF-8 are replaced.

    Raises:
        NotFoundError: There is no such file.
        InvalidConfigError: It is too large, or no plain file.
    """
    return read_bounded(path).decode("utf-8", "replace")


def exact_text(path: Path) -> str | None:
    """Return the text of a file that writing it again would restore, or None for bytes that are no UTF-8 text."""
    try:
        return read_bounded(path).decode("utf-8")
    except UnicodeDecodeError:
        return None


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of a plain file's content, or `absent`.

    Raises:
        InvalidConfigError: It is no plain file.
    """
    try:
        file = open_plain(path)
    except NotFoundError:
        return ABSENT
    with os.fdopen(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_unchanged(path: Path, expected: object) -> None:
    """Refuse to touch a file that changed since the plan was made.

    Raises:
        PreconditionFailedError: It did.
    """
    found = fingerprint(path)
    if expected is not None and found != expected:
        raise PreconditionFailedError(
            f"file/{path}: it changed since the plan was made",
            found=f"content {found[:12]}",
            expected=f"content {str(expected)[:12]}",
            suggestions=["make a new plan"],
        )


def replace(path: Path, content: bytes, mode: int) -> None:
    """Put a file in place as a whole: after a crash or on a full disk either the old or the new content is there."""
    temporary = path.with_name(f".{path.name[:180]}.outrider-{os.getpid()}")
    try:
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(file, "wb") as stream:
            os.fchmod(stream.fileno(), mode)  # the umask may have taken bits away
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
