"""What is alike in lock files with one manifest beside them."""

from pathlib import Path

from outrider.operators.packages.fixing.wishes import Project
from outrider.operators.packages.locks.writing.files import read_text


class BesideManifest(Project):
    """A lock and its manifest.

    Args:
        path: Of the lock.
        text: Of it.
        manifest: The name of the file beside it.

    Raises:
        NotFoundError: There is none.
        InvalidConfigError: It cannot be read.
    """

    def __init__(self, path: Path, text: str, manifest: str) -> None:
        self._path, self._beside = path, path.parent / manifest
        self._folder = path.resolve().parent
        self.paths = [path, self._beside]
        self.texts = {path: text, self._beside: read_text(self._beside)}
        self.warnings: list[str] = []
