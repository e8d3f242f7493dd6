"""The records of gems on disk."""

from pathlib import Path

import msgspec

from outrider.operators.packages.gem.records import FORM, GemRecord
from outrider.operators.packages.registries.record_files import (
    hashed_name,
    read_current,
    read_record,
    registry_folder,
    write_record,
)


class GemStore:
    """The records of some sources. Of each gem there are two files: its document is only looked at where something was appended to it.

    Args:
        folder: Below which all are kept.
        urls: Of the sources.
    """

    def __init__(self, folder: Path, urls: str) -> None:
        self._folder = registry_folder(folder, "gem", urls)
        self._records = msgspec.msgpack.Decoder(GemRecord)
        self._documents = msgspec.msgpack.Decoder(bytes)

    def record(self, name: str) -> GemRecord | None:
        """Return what is known of a gem; None where nothing is that can be read."""
        return read_current(self._path(name, "record"), self._records, FORM)

    def document(self, name: str) -> bytes:
        """Return the document of a gem; empty where it cannot be read."""
        return read_record(self._path(name, "document"), self._documents) or b""

    def keep(self, name: str, record: GemRecord, document: bytes | None = None) -> None:
        """Keep what is known of a gem.

        Args:
            name: Of the gem.
            record: What is known of it.
            document: Where it is another one than before.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        if document is not None:
            write_record(self._path(name, "document"), document)
        write_record(self._path(name, "record"), record)

    def _path(self, name: str, kind: str) -> Path:
        return self._folder / f"{hashed_name(name)}.{kind}"
