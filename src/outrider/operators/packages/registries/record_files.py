"""Files of what is kept of registries: written as a whole, and read without a look at what cannot be read.

Each is a checksum of four bytes and MessagePack. Of what lies in a record some is read only when it is needed, too late to fetch it anew.
"""

import hashlib
import zlib
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.whole_files import write_whole


class _Formed(Protocol):
    form: int


T = TypeVar("T")
F = TypeVar("F", bound=_Formed)
_PRIVATE = 0o600
_CHECKSUM_BYTES = 4


def registry_folder(folder: Path, ecosystem: str, url: str) -> Path:
    """Return where the records of a registry are.

    Args:
        folder: Below which all are kept.
        ecosystem: Of the registry.
        url: Of it, or of several that are asked as one.
    """
    return folder / ecosystem / hashlib.sha256(url.encode()).hexdigest()[:16]


def hashed_name(name: str) -> str:
    """Return what a file is called after a name: these come from strangers, no file system takes long ones, and not every one tells
    capitals from small letters.
    """
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def read_current(path: str | Path, decoder: "msgspec.msgpack.Decoder[F]", form: int) -> F | None:
    """Return a record; None where there is none that can be read, or it is of another form."""
    record = read_record(path, decoder)
    return record if record is not None and record.form == form else None


def read_record(path: str | Path, decoder: "msgspec.msgpack.Decoder[T]") -> T | None:
    """Return a record; None where there is none that can be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - half the time of Path, a thousand times
            content = memoryview(file.read())
        if _checksum(content[_CHECKSUM_BYTES:]) != content[:_CHECKSUM_BYTES]:
            return None
        return decoder.decode(content[_CHECKSUM_BYTES:])
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
        encoded = msgspec.msgpack.encode(content)
        write_whole(Path(path), _checksum(encoded) + encoded, _PRIVATE)
    except OSError as error:
        raise ExecutionFailedError(
            f"{path}: it cannot be kept: {error.strerror}", found=str(error.strerror), expected="a folder with room",
            suggestions=["make room, or set XDG_CACHE_HOME to another folder"],
        ) from error  # fmt: skip


def _checksum(content: bytes | memoryview) -> bytes:
    return zlib.crc32(content).to_bytes(_CHECKSUM_BYTES)
