"""The manifests that are read for one uv.lock."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from outrider.core.errors import LimitedError
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.manifests.py_requirements import FORM
from outrider.operators.packages.manifests.pyproject import table_in

_UV = "tool.uv"
_MOST = 2000


class UvFiles:
    """Manifests, each read once.

    Args:
        path: Of the one beside the lock.
        given: Texts that count in place of those on disk.

    Attributes:
        texts: Of those that were read and count.
        folder: Of the first one.
    """

    def __init__(self, path: Path, given: Mapping[Path, str]) -> None:
        self._path, self._given, self.folder = path, given, path.parent
        self.texts: dict[Path, str] = {}
        self._documents: dict[Path, dict[str, Any]] = {}

    def document(self, path: Path) -> dict[str, Any]:
        """Return what a manifest says.

        Raises:
            NotFoundError: There is none.
            InvalidConfigError: It cannot be read.
            LimitedError: There are too many of them.
        """
        if path not in self._documents:
            if len(self._documents) >= _MOST:
                raise LimitedError(
                    f"{self._path}: it leads to too many manifests", path="tool.uv.workspace.members", found=f"more than {_MOST}",
                    expected=f"at most {_MOST}", suggestions=["use uv itself: uv lock"],
                )  # fmt: skip
            text = self._given.get(path)
            self.texts[path] = read_text(path) if text is None else text
            self._documents[path] = read_toml(self.form(path), self.texts[path])
        return self._documents[path]

    def settings(self, path: Path) -> Mapping[str, Any]:
        """Return the settings of uv in a manifest; the errors are those of `document`."""
        return table_in(self.document(path), _UV, self.form(path))

    def form(self, path: Path) -> str:
        """Return what a manifest is called in errors."""
        return os.path.relpath(path, self.folder)

    def place(self, path: Path) -> str:
        """Return the folder of a manifest as uv.lock writes it."""
        return Path(os.path.relpath(path.parent, self.folder)).as_posix()

    def forget(self, path: Path) -> None:
        """Leave out a manifest that does not count."""
        del self.texts[path]

    def addresses(self) -> dict[str, str]:
        """Return the addresses of indexes as they are written, without logins, by the same without a slash at its end."""
        found: dict[str, str] = {}
        for path in self.texts:
            for one in self.settings(path).get("index", []):
                address = without_login(str(one.get("url")))
                found.setdefault(address.rstrip("/"), address)
        return found


def without_login(address: str) -> str:
    """Return an address without the user and the password in it."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def manifest_in(folder: Path) -> Path:
    """Return the path of the manifest of a folder."""
    return folder / FORM
