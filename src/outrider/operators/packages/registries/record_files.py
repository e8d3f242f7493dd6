"""Files of what is kept of registries, in MessagePack: written as a whole, and read without a look at what cannot be read."""

import os
import tempfile
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from outrider.core.errors import ExecutionFailedError

T = TypeVar("T")


def read_record(path: str | Path, decoder: "msgspec.msgpack.Decoder[T]") -> T | None:
    """Return a record; None where there is none that can be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - half the time of Path, a thousand times
            return decoder.decode(file.read())
    except (OSError, msgspec.DecodeError):
        return None


def write_record(path: str | Path, content: Any) -> None:
    """Write a record; a reader sees all of it or what was there before.

    Raises:
        ExecutionFailedError: It cannot be written.
    """
    folder = Path(path).parent
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".new-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.msgpack.encode(content))
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ExecutionFailedError(
            f"{path}: it cannot be kept: {error.strerror}", found=str(error.strerror), expected="a folder with room",
            suggestions=["make room, or set XDG_CACHE_HOME to another folder"],
        ) from error  # fmt: skip
