"""Files that are read whole, if they are not too large, and written whole or not at all."""

import os
import tempfile
from pathlib import Path

from outrider.core.errors import InvalidConfigError, NotFoundError


def read_bounded(path: Path, most: int) -> bytes:
    """Return the bytes of a file; of a device, which has no size, no more are read either.

    Args:
        path: Of the file.
        most: Bytes that it may have.

    Raises:
        NotFoundError: There is none, or it cannot be read.
        InvalidConfigError: It is too large, or a named pipe.
    """
    refuse_named_pipe(path)
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise NotFoundError(
            f"{path}: it cannot be read: {error.strerror}", found=str(error.strerror), suggestions=["check the path"]
        ) from error
    if len(content) > most:
        raise InvalidConfigError(
            f"{path}: it is too large",
            found=f"more than {most} bytes",
            expected=f"at most {most} bytes",
            suggestions=["name another file"],
        )
    return content


def write_whole(path: Path, content: bytes, mode: int) -> None:
    """Write a file; a reader sees all of it or what was there before.

    Args:
        path: Of the file, in a folder that is there.
        content: Of it.
        mode: Who may read and write it.

    Raises:
        OSError: It cannot be written; what was there stays.
    """
    descriptor, made = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
        Path(made).replace(path)
    except OSError:
        Path(made).unlink(missing_ok=True)
        raise


def refuse_named_pipe(path: Path) -> None:
    """Refuse a named pipe, which has whoever opens it wait for somebody who writes; one of a shell, such as `<(command)`, has that.

    Raises:
        InvalidConfigError: It is one.
    """
    if path.is_fifo() and not path.is_relative_to("/dev") and not path.is_relative_to("/proc"):
        raise InvalidConfigError(
            f"{path}: it is a named pipe", found="a named pipe", expected="a file",
            suggestions=["write what comes from it into a file, and name that"],
        )  # fmt: skip
