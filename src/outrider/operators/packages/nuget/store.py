"""The records of NuGet packages on disk."""

from pathlib import Path

import msgspec

from outrider.operators.packages.nuget.records import FORM, NugetRecord, ServicesRecord
from outrider.operators.packages.registries.record_files import (
    hashed_name,
    read_current,
    read_record,
    registry_folder,
    write_record,
)


class NugetStore:
    """The records of one source.

    Args:
        folder: Below which all are kept.
        url: Of its service index.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = registry_folder(folder, "nuget", url)
        self._records = msgspec.msgpack.Decoder(NugetRecord)
        self._services = msgspec.msgpack.Decoder(ServicesRecord)

    def record(self, name: str) -> NugetRecord | None:
        """Return what is known of a package; None where nothing is that can be read."""
        return read_current(self._path(name), self._records, FORM)

    def keep(self, name: str, record: NugetRecord) -> None:
        """Keep what is known of a package.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        write_record(self._path(name), record)

    def services(self) -> ServicesRecord | None:
        """Return where the source has what; None where nothing is known."""
        return read_record(self._folder / "services", self._services)

    def keep_services(self, record: ServicesRecord) -> None:
        """Keep where the source has what.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        write_record(self._folder / "services", record)

    def _path(self, name: str) -> Path:
        return self._folder / f"{hashed_name(name)}.record"
