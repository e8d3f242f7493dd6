"""The records of npm packages on disk: opened, and never parsed from documents twice."""

import hashlib
from pathlib import Path

import msgspec

from outrider.operators.packages.npm.records import FORM, Inside, NpmRecord
from outrider.operators.packages.registries.record_files import read_current, read_record, registry_folder, write_record

_LONGEST_NAME = 100


class NpmStore:
    """The records of packages, by the registry that has them.

    Args:
        folder: Below which all are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._records = msgspec.msgpack.Decoder(NpmRecord)
        self._insides = msgspec.msgpack.Decoder(list[Inside])
        self._folders: dict[str, str] = {}

    def record(self, url: str, name: str) -> NpmRecord | None:
        """Return what is known of a package of a registry; None where nothing is that can be read."""
        return read_current(self._path(url, name, "record"), self._records, FORM)

    def keep(self, url: str, name: str, record: NpmRecord) -> None:
        """Keep what is known of a package; a reader sees all of a file or what was there before.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        write_record(self._path(url, name, "record"), record)

    def insides(self, url: str, name: str, version: str) -> list[Inside] | None:
        """Return what is within the tarball of a version; None where that is not known."""
        found = read_record(self._path(url, f"{name}@{version}", "insides"), self._insides)
        return None if found is None or any(one.record.form != FORM for one in found) else found

    def keep_insides(self, url: str, name: str, version: str, insides: list[Inside]) -> None:
        """Keep what is within the tarball of a version.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        write_record(self._path(url, f"{name}@{version}", "insides"), insides)

    def _path(self, url: str, name: str, kind: str) -> str:
        if url not in self._folders:
            self._folders[url] = str(registry_folder(self._folder, "npm", url))
        # Names come from strangers, no file system takes long ones, and some do not tell upper case from lower.
        plain = name.translate(_SIGNS)
        safe = plain.isalnum() and plain.isascii() and plain.islower() and len(name) < _LONGEST_NAME
        file = name.replace("/", "+") if safe else hashlib.sha256(name.encode()).hexdigest()
        return f"{self._folders[url]}/{file}.{kind}"


_SIGNS = str.maketrans("", "", "@/-_.")
