"""The records of repositories on disk."""

from pathlib import Path

import msgspec

from outrider.operators.packages.composer.records import FORM, ComposerRecord
from outrider.operators.packages.composer.roots import ComposerRoot
from outrider.operators.packages.registries.record_files import hashed_name, read_current, registry_folder, write_record


class ComposerStore:
    """The records of one repository.

    Args:
        folder: Below which all are kept.
        url: Of the repository.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = registry_folder(folder, "composer", url)
        self._records = msgspec.msgpack.Decoder(ComposerRecord)
        self._roots = msgspec.msgpack.Decoder(ComposerRoot)

    def record(self, document: str) -> ComposerRecord | None:
        """Return what is known of a document, by its name; None where nothing is that can be read."""
        return read_current(self._path(document), self._records, FORM)

    def keep(self, document: str, record: ComposerRecord) -> None:
        """Keep what is known of a document.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        write_record(self._path(document), record)

    def root(self) -> ComposerRoot | None:
        """Return what the repository says of itself; None where nothing is known."""
        return read_current(self._folder / "root", self._roots, FORM)

    def keep_root(self, root: ComposerRoot) -> None:
        """Keep what the repository says of itself.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        write_record(self._folder / "root", root)

    def _path(self, document: str) -> Path:
        return self._folder / f"{hashed_name(document)}.record"
