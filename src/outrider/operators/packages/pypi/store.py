"""The records of Python projects on disk: opened, and never parsed from pages twice."""

import hashlib
from pathlib import Path

import msgspec

from outrider.operators.packages.pypi.records import FORM, Files, PypiRecord
from outrider.operators.packages.registries.record_files import read_current, read_record, registry_folder, write_record

_LONGEST_NAME = 100


class PypiStore:
    """The records of one index. Of each project there are two files: the files of its releases are seldom looked at.

    A name may have the address of an index behind it, which alone was asked.

    Args:
        folder: Below which all are kept.
        url: Of the index.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = registry_folder(folder, "pypi", url)
        self._records = msgspec.msgpack.Decoder(PypiRecord)
        self._files = msgspec.msgpack.Decoder(Files)

    def record(self, name: str) -> PypiRecord | None:
        """Return what is known of a project, by its normalised name; None where nothing is that can be read."""
        return read_current(self._path(name, "record"), self._records, FORM)

    def files(self, name: str) -> Files:
        """Return the files of a project by version; none where they cannot be read."""
        return read_record(self._path(name, "files"), self._files) or {}

    def keep(self, name: str, record: PypiRecord, files: Files | None = None) -> None:
        """Keep what is known of a project; a reader sees all of a file or what was there before.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        if files is not None:
            write_record(self._path(name, "files"), files)
        write_record(self._path(name, "record"), record)

    def _path(self, name: str, kind: str) -> Path:
        # Names come from strangers, and no file system takes long ones.
        plain = name.replace("-", "").isalnum() and name.isascii() and len(name) < _LONGEST_NAME
        return self._folder / f"{name if plain else hashlib.sha256(name.encode()).hexdigest()}.{kind}"
