"""The manifests that are read for one Cargo.lock, and which workspace each is in: `find_workspace_root` in src/cargo/core/workspace.rs."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from outrider.core.errors import LimitedError, NotFoundError
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.manifests.cargo import FORM, Shared
from outrider.operators.packages.manifests.cargo_tables import names_at, table_at, text_at

_MOST = 2000


class CargoFiles:
    """Manifests, each read once.

    Args:
        path: Of the one beside the lock.

    Attributes:
        texts: What is in those that count.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.texts: dict[Path, str] = {}
        self._documents: dict[Path, dict[str, Any]] = {}

    def document(self, path: Path, named_by: str = "") -> dict[str, Any]:
        """Return what a manifest says.

        Args:
            path: Of it.
            named_by: The place that leads to it.

        Raises:
            NotFoundError: There is none.
            InvalidConfigError: It cannot be read.
            LimitedError: There are too many of them.
        """
        if path not in self._documents:
            if len(self._documents) >= _MOST:
                raise LimitedError(
                    f"{self._path}: it leads to too many manifests", path="workspace.members", found=f"more than {_MOST}", expected=f"at most {_MOST}",
                    suggestions=["use Cargo itself: cargo update"],
                )  # fmt: skip
            if named_by and not self.has(path):
                raise NotFoundError(
                    f"{path}: there is none, and {named_by} leads to it", path="file", found="none", expected="a package",
                    suggestions=[f"correct {named_by}"],
                )  # fmt: skip
            self.texts[path] = self.read(path)
            self._documents[path] = read_toml(str(path), self.texts[path])
        return self._documents[path]

    def has(self, path: Path) -> bool:
        """Return whether there is a manifest."""
        return path.is_file()

    def read(self, path: Path) -> str:
        """Return what is in a manifest.

        Raises:
            NotFoundError: There is none.
            InvalidConfigError: It is no text.
        """
        return read_text(path)

    def root_of(self, path: Path) -> Path | None:
        """Return the manifest of the workspace that a package is in; None where it is in none."""
        document = self.document(path)
        if "workspace" in document:
            return path
        if (named := _pointer(path, document)) is not None:
            return named
        for folder in absolute(path).parent.parents:
            above = folder / FORM
            if self.has(above):
                document = read_toml(str(above), self.read(above))
                if (named := _pointer(above, document)) is not None:
                    return named
                if "workspace" in document and not is_excluded(path, above, document):
                    return above
        return None

    def shared_with(self, path: Path) -> Shared | None:
        """Return what a package may take over from its workspace; None where it is in none."""
        root = self.root_of(path)
        if root is None:
            return None
        root = self._path if absolute(root) == absolute(self._path) else root
        return Shared(root, table_at(str(root), self.document(root), "workspace"))


def manifest_in(folder: Path) -> Path:
    """Return the manifest in a folder, its path without dots, as Cargo compares them: links are not followed."""
    return Path(os.path.normpath(folder / FORM))


def is_excluded(path: Path, root: Path, document: Mapping[str, Any]) -> bool:
    """Return whether a workspace does not want a package.

    Args:
        path: Of its manifest.
        root: The manifest of the workspace.
        document: What that says.
    """
    table = table_at(str(root), document, "workspace")
    excluded, named = names_at(str(root), table, "exclude"), names_at(str(root), table, "members")
    return _is_below(path, root.parent, excluded) and not _is_below(path, root.parent, named)


def absolute(path: Path) -> Path:
    """Return the whole of a path, without dots."""
    return Path(os.path.normpath(path.absolute()))


def _is_below(path: Path, folder: Path, names: Iterable[str]) -> bool:
    return any(absolute(path).is_relative_to(absolute(folder / one)) for one in names)


def _pointer(path: Path, document: Mapping[str, Any]) -> Path | None:
    """Return the manifest that `package.workspace` names as that of the workspace."""
    package = table_at(str(path), document, "package")
    return manifest_in(path.parent / text_at(str(path), package, "workspace")) if "workspace" in package else None
