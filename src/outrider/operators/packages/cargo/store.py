"""The records of crates on disk."""

import hashlib
from pathlib import Path

import msgspec

from outrider.operators.packages.cargo.records import FORM, CargoRecord, ConfigRecord
from outrider.operators.packages.registries.record_files import read_record, write_record


class CargoStore:
    """The records of one registry.

    Args:
        folder: Below which all are kept.
        url: Of its index.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder / "cargo" / hashlib.sha256(url.encode()).hexdigest()[:16]
        self._records = msgspec.msgpack.Decoder(CargoRecord)
        self._configs = msgspec.msgpack.Decoder(ConfigRecord)

    def record(self, name: str) -> CargoRecord | None:
        """Return what is known of a crate; None where nothing is that can be read."""
        record = read_record(self._path(name), self._records)
        return record if record is not None and record.form == FORM else None

    def keep(self, name: str, record: CargoRecord) -> None:
        """Keep what is known of a crate.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        write_record(self._path(name), record)

    def config(self) -> ConfigRecord | None:
        """Return what the registry says of itself; None where nothing is known."""
        return read_record(self._folder / "config", self._configs)

    def keep_config(self, record: ConfigRecord) -> None:
        """Keep what the registry says of itself.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        write_record(self._folder / "config", record)

    def _path(self, name: str) -> Path:
        # Names come from strangers, and not every file system tells capitals from small letters.
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.record"
