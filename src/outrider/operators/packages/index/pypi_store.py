"""The records of Python projects on disk: opened, and never parsed from pages twice."""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.index.pypi_records import FORM, Files, PypiRecord

T = TypeVar("T")
_LONGEST_NAME = 100


class PypiStore:
    """The records of one index. Of each project there are two files: the files of its releases are seldom looked at.

    Args:
        folder: Below which all are kept.
        url: Of the index.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder / "pypi" / hashlib.sha256(url.encode()).hexdigest()[:16]
        self._records = msgspec.msgpack.Decoder(PypiRecord)
        self._files = msgspec.msgpack.Decoder(Files)

    def record(self, name: str) -> PypiRecord | None:
        """Return what is known of a project, by its normalised name; None where nothing is that can be read."""
        record = _read(self._path(name, "record"), self._records)
        return record if record is not None and record.form == FORM else None

    def files(self, name: str) -> Files:
        """Return the files of a project by version; none where they cannot be read."""
        return _read(self._path(name, "files"), self._files) or {}

    def keep(self, name: str, record: PypiRecord, files: Files | None = None) -> None:
        """Keep what is known of a project; a reader sees all of a file or what was there before.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        if files is not None:
            _write(self._path(name, "files"), files)
        _write(self._path(name, "record"), record)

    def _path(self, name: str, kind: str) -> Path:
        # Names come from strangers, and no file system takes long ones.
        plain = name.replace("-", "").isalnum() and name.isascii() and len(name) < _LONGEST_NAME
        return self._folder / f"{name if plain else hashlib.sha256(name.encode()).hexdigest()}.{kind}"


def _read(path: Path, decoder: "msgspec.msgpack.Decoder[T]") -> T | None:
    try:
        return decoder.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None


def _write(path: Path, content: Any) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
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
