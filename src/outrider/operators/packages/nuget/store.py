"""The records of NuGet packages on disk."""

import hashlib
from pathlib import Path

import msgspec

from outrider.operators.packages.nuget.records import FORM, NugetRecord, ServicesRecord
from outrider.operators.packages.registries.record_files import read_record, write_record


class NugetStore:
    """The records of one source.

    Args:
        folder: Below which all are kept.
        url: Of its service index.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder / "nuget" / hashlib.sha256(url.encode()).hexdigest()[:16]
        self._records = msgspec.msgpack.Decoder(NugetRecord)
        self._services = msgspec.msgpack.Decoder(ServicesRecord)

    def record(self, name: str) -> NugetRecord | None:
        """Return what is known of a package; None where nothing is that can be read."""
        record = read_record(self._path(name), self._records)
        return record if record is not None and record.form == FORM else None

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
        # Names come from strangers, and no file system takes long ones.
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.record"
