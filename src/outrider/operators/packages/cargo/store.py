"""The records of crates on disk."""

from pathlib import Path

import msgspec

from outrider.operators.packages.cargo.records import FORM, CargoRecord, ConfigRecord
from outrider.operators.packages.registries.record_files import (
    hashed_name,
    read_current,
    read_record,
    registry_folder,
    write_record,
)


class CargoStore:
    """The records of one registry.

    Args:
        folder: Below which all are kept.
        url: Of its index.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = registry_folder(folder, "cargo", url)
        self._records = msgspec.msgpack.Decoder(CargoRecord)
        self._configs = msgspec.msgpack.Decoder(ConfigRecord)

    def record(self, name: str) -> CargoRecord | None:
        """Return what is known of a crate; None where nothing is that can be read."""
        return read_current(self._path(name), self._records, FORM)

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
        return self._folder / f"{hashed_name(name)}.record"
