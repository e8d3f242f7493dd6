"""Which packages a Cargo.lock is about: the members of a workspace, and what these need in folders.

The rules are those of `src/cargo/core/workspace.rs` of Cargo 1.95: https://doc.rust-lang.org/cargo/reference/workspaces.html.
"""

import os
from collections.abc import Iterator, Mapping
from glob import glob
from pathlib import Path
from typing import Any

from outrider.core.errors import InvalidConfigError, LimitedError, UnsupportedError
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.manifests.cargo import FORM, CargoManifest, Shared, read_manifest
from outrider.operators.packages.manifests.cargo_tables import names_at, table_at, text_at

_MOST = 2000


class CargoMembers:
    """The packages that a manifest leads to.

    Args:
        path: Of the manifest beside the lock.

    Attributes:
        texts: Of the manifests that were read.
        root: What the first one says.
        members: The manifests of what is locked by itself, in the order of Cargo.
        others: Those of what something of these needs in a folder.

    Raises:
        NotFoundError: There is no manifest where one is named.
        InvalidConfigError: One cannot be read, or Cargo would refuse how they are put together.
        UnsupportedError: The manifest is that of a member, whose workspace has the lock, or it needs what is not read here.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._folder = path, path.parent
        self.texts: dict[Path, str] = {}
        self._documents: dict[Path, dict[str, Any]] = {}
        self.root: Mapping[str, Any] = self._document(path)
        self._refuse_member()
        self._refuse_replaced()
        self._excluded = [self._folder / one for one in self._listed("exclude")]
        self._named = [self._folder / one for one in self._listed("members")]
        self.members: dict[Path, CargoManifest] = {}
        self.others: dict[Path, CargoManifest] = {}
        self._find_members()
        self._find_others()

    def _listed(self, key: str) -> list[str]:
        return names_at(str(self._path), table_at(str(self._path), self.root, "workspace"), key)

    def _document(self, path: Path) -> dict[str, Any]:
        if path not in self._documents:
            if len(self._documents) >= _MOST:
                raise LimitedError(
                    f"{self._path}: it leads to too many manifests", path="workspace.members", found=f"more than {_MOST}", expected=f"at most {_MOST}",
                    suggestions=["use Cargo itself: cargo update"],
                )  # fmt: skip
            self.texts[path] = read_text(path)
            self._documents[path] = read_toml(str(path), self.texts[path])
        return self._documents[path]

    def _refuse_member(self) -> None:
        root = self._root_of(self._path)
        if root is not None and not _same(root, self._path):
            lock = _shown(root.parent / "Cargo.lock")
            raise UnsupportedError(
                f"{self._path}: it is in the workspace of {_shown(root)}, and Cargo reads the lock beside that", path="file",
                found=str(self._folder / "Cargo.lock"), expected=lock, suggestions=[f"name {lock}"],
            )  # fmt: skip

    def _refuse_replaced(self) -> None:
        what = next((one for one in ("patch", "replace") if self.root.get(one)), "")
        if what:
            raise UnsupportedError(
                f"{self._path}: a manifest with [{what}] is not read", path=what, found=f"[{what}]", expected=f"no [{what}]",
                suggestions=["use Cargo itself: cargo update -p NAME --precise VERSION"],
            )  # fmt: skip

    def _root_of(self, path: Path) -> Path | None:
        """Return the manifest of the workspace that a package is in; None where it is in none."""
        if "workspace" in self._document(path):
            return path
        if (named := _pointer(path, self._document(path))) is not None:
            return named
        for folder in path.absolute().parent.parents:
            above = folder / FORM
            if above.is_file():
                document = read_toml(str(above), read_text(above))
                if (named := _pointer(above, document)) is not None:
                    return named
                if "workspace" in document and not _is_excluded(above, document, path):
                    return above
        return None

    def _shared_with(self, path: Path) -> Shared | None:
        """Return what a package may take over from its workspace."""
        root = self._root_of(path)
        if root is None:
            return None
        root = self._path if _same(root, self._path) else root
        return Shared(root, table_at(str(root), self._document(root), "workspace"))

    def _find_members(self) -> None:
        if "workspace" not in self.root:
            self._add_member(self._path, follows=False)
            return
        for folder in self._member_folders():
            self._add_member(manifest_in(folder))
        if "package" in self.root:
            self._add_member(self._path)

    def _member_folders(self) -> Iterator[Path]:
        for text in self._listed("members"):
            found = glob(text, root_dir=self._folder, include_hidden=True, recursive=True)
            folders = sorted((self._folder / one for one in found), key=lambda one: one.parts)
            yield from (one for one in folders if one.is_dir())
            if not found:
                yield self._folder / text

    def _add_member(self, path: Path, *, follows: bool = True) -> None:
        """Take in a member, and what it needs in folders below the workspace, each before what comes after it."""
        waiting = [path]
        while waiting:
            path = waiting.pop()
            if path in self.members or _is_below_any(path, self._excluded) and not _is_below_any(path, self._named):
                continue
            document = self._document(path)
            if path != self._path and "workspace" in document:
                raise InvalidConfigError(
                    f"{path}: it is a member of the workspace of {self._path}, and has one of its own", path="workspace", found="[workspace]",
                    expected="no [workspace]", suggestions=[f"take it out, or write its folder into workspace.exclude of {self._path}"],
                )  # fmt: skip
            shared = self._shared_with(self._path if "workspace" in self.root else path)
            self.members[path] = found = read_manifest(path, document, shared)
            needed = [manifest_in(one.folder) for one in found.dependencies if one.folder is not None]
            waiting += [one for one in reversed(needed) if follows and self._is_inside(one)]

    def _is_inside(self, path: Path) -> bool:
        if _is_below(path, self._folder):
            return True
        root = self._root_of(path)
        return root is not None and _same(root, self._path)

    def _find_others(self) -> None:
        waiting = [*self.members.values()]
        while waiting:
            one = waiting.pop(0)
            is_member = one.path in self.members
            for need in one.dependencies:
                path = None if need.folder is None or (need.for_tests and not is_member) else manifest_in(need.folder)
                if path is not None and path not in self.members and path not in self.others:
                    self.others[path] = read_manifest(path, self._document(path), self._shared_with(path))
                    waiting.append(self.others[path])


def manifest_in(folder: Path) -> Path:
    """Return the manifest in a folder, its path without dots, as Cargo compares them: links are not followed."""
    return Path(os.path.normpath(folder / FORM))


def _pointer(path: Path, document: Mapping[str, Any]) -> Path | None:
    """Return the manifest that `package.workspace` names as that of the workspace."""
    package = table_at(str(path), document, "package")
    return manifest_in(path.parent / text_at(str(path), package, "workspace")) if "workspace" in package else None


def _is_excluded(root: Path, document: Mapping[str, Any], path: Path) -> bool:
    table = table_at(str(root), document, "workspace")
    excluded, named = ([root.parent / one for one in names_at(str(root), table, key)] for key in ("exclude", "members"))
    return _is_below_any(path, excluded) and not _is_below_any(path, named)


def _is_below_any(path: Path, folders: list[Path]) -> bool:
    return any(_is_below(path, one) for one in folders)


def _is_below(path: Path, folder: Path) -> bool:
    return Path(os.path.abspath(path)).is_relative_to(os.path.abspath(folder))


def _same(one: Path, other: Path) -> bool:
    return os.path.abspath(one) == os.path.abspath(other)


def _shown(path: Path) -> str:
    """Return a path as people write it here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
