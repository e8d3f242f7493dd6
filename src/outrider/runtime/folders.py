"""The folder of a platform's objects, with the overlay that is merged over them."""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from outrider.core.codec import digest
from outrider.core.errors import NotFoundError
from outrider.core.objects import Object
from outrider.runtime.discovery import registry
from outrider.runtime.objects import ObjectSet, read_objects
from outrider.runtime.overlays import overlay_folder
from outrider.runtime.plugins.catalogue import catalogue

Signature = frozenset[tuple[str, int, int]]


class ObjectFolder(msgspec.Struct, frozen=True):
    """Where objects are declared.

    Attributes:
        path: A folder, or one file.
        overlay: Name of a folder below `overlays`; none where it is empty.
    """

    path: Path
    overlay: str = ""

    def read(self, *, beside: Iterable[Object] = ()) -> ObjectSet:
        """Read and check the objects; arguments and errors as those of `read_objects`."""
        home = self.path if self.path.is_dir() else self.path.parent
        return read_objects(self.path, registry(), catalogue(home), overlay=self.overlay, beside=beside)

    def signature(self) -> Signature:
        """Return what changes when one of its files does.

        Raises:
            NotFoundError: The folder, or its overlay, cannot be read.
        """
        folders = [self.path, *([overlay_folder(self.path, self.overlay)] if self.overlay else [])]
        return frozenset(entry for folder in folders for entry in _files(folder))


def objects_digest(items: Iterable[Object]) -> str:
    """Return what is equal for equal objects."""
    return digest(sorted((item.kind, item.name, item.document()) for item in items))


def _files(folder: Path) -> list[tuple[str, int, int]]:
    try:
        with os.scandir(folder) as entries:
            files = [(entry.path, entry.stat()) for entry in entries if entry.name.endswith((".yaml", ".yml"))]
    except OSError as error:
        raise NotFoundError(
            f"the platform's folder cannot be read: {error.strerror}",
            found=str(folder),
            suggestions=["put it back, or start again with another --context"],
        ) from error
    return [(path, status.st_mtime_ns, status.st_size) for path, status in files]
