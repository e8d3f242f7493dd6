"""The records of repositories on disk."""

import hashlib
from pathlib import Path

import msgspec

from outrider.operators.packages.composer.records import FORM, ComposerRecord
from outrider.operators.packages.composer.roots import ComposerRoot
from outrider.operators.packages.registries.record_files import read_record, write_record


class ComposerStore:
    """The records of one repository.

    Args:
        folder: Below which all are kept.
        url: Of the repository.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder / "composer" / hashlib.sha256(url.encode()).hexdigest()[:16]
        self._records = msgspec.msgpack.Decoder(ComposerRecord)
        self._roots = msgspec.msgpack.Decoder(ComposerRoot)

    def record(self, document: str) -> ComposerRecord | None:
        """Return what is known of a document, by its name; None where nothing is that can be read."""
        record = read_record(self._path(document), self._records)
        return record if record is not None and record.form == FORM else None

    def keep(self, document: str, record: ComposerRecord) -> None:
        """Keep what is known of a document.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        write_record(self._path(document), record)

    def root(self) -> ComposerRoot | None:
        """Return what the repository says of itself; None where nothing is known."""
        root = read_record(self._folder / "root", self._roots)
        return root if root is not None and root.form == FORM else None

    def keep_root(self, root: ComposerRoot) -> None:
        """Keep what the repository says of itself.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        write_record(self._folder / "root", root)

    def _path(self, document: str) -> Path:
        # Names come from strangers.
        return self._folder / f"{hashlib.sha256(document.encode()).hexdigest()[:32]}.record"
