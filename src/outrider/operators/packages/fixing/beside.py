"""What is alike in lock files with one manifest beside them."""

from pathlib import Path

from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.resolving.outcomes import Resolved


class BesideManifest:
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

    def missing(self, answer: Resolved) -> list[str]:
        """Return nothing: whatever is asked for is in an answer."""
        del answer
        return []

    def direct(self, answer: Resolved) -> set[str]:
        """Return what the manifest asks for."""
        return {one.name for one in answer.packages if one.direct}
