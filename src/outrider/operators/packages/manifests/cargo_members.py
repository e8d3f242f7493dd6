"""Which packages a Cargo.lock is about: the members of a workspace, and what these need in folders.

The rules are those of `find_members` in src/cargo/core/workspace.rs of Cargo 1.95:
https://doc.rust-lang.org/cargo/reference/workspaces.html.
"""

import os
from collections import deque
from collections.abc import Iterator
from glob import glob, has_magic
from pathlib import Path

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.manifests.cargo import CargoDependency, CargoManifest, read_manifest, read_patches
from outrider.operators.packages.manifests.cargo_files import CargoFiles, absolute, is_excluded, manifest_in
from outrider.operators.packages.manifests.cargo_tables import names_at, table_at


class CargoMembers:
    """The packages that a manifest leads to.

    Args:
        path: Of the manifest beside the lock.

    Attributes:
        texts: Of the manifests that were read.
        root: What the first one says.
        members: The manifests of what is locked by itself, in the order of Cargo.
        others: Those of what something of these needs in a folder, or a patch has there.
        patches: What is to be taken in place of what registries and repositories have.

    Raises:
        NotFoundError: There is no manifest where one is named.
        InvalidConfigError: One cannot be read, or Cargo would refuse how they are put together.
        UnsupportedError: The manifest is that of a member, whose workspace has the lock, or it needs what is not read here.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._folder, self._files = path, path.parent, CargoFiles(path)
        self.root = self._files.document(path)
        self._refuse_member()
        self._refuse_replaced()
        self.members: dict[Path, CargoManifest] = {}
        self.others: dict[Path, CargoManifest] = {}
        if "workspace" in self.root:
            self._find_members()
        else:
            self.members[path] = read_manifest(path, self.root, None)
        self.patches = read_patches(path, self.root)
        self._find_others()
        self.texts = self._files.texts

    def _refuse_member(self) -> None:
        root = self._files.root_of(self._path)
        if root is not None and absolute(root) != absolute(self._path):
            lock = _shown(root.parent / "Cargo.lock")
            raise UnsupportedError(
                f"{self._path}: it is in the workspace of {_shown(root)}, and Cargo reads the lock beside that", path="file",
                found=str(self._folder / "Cargo.lock"), expected=lock, suggestions=[f"name {lock}"],
            )  # fmt: skip

    def _refuse_replaced(self) -> None:
        if self.root.get("replace"):
            raise UnsupportedError(
                f"{self._path}: a manifest with [replace] is not read", path="replace", found="[replace]", expected="no [replace]",
                suggestions=["write it as [patch], as Cargo recommends"],
            )  # fmt: skip

    def _find_members(self) -> None:
        for folder in self._member_folders():
            self._add_member(manifest_in(folder), f"workspace.members of {self._path}")
        if "package" in self.root:
            self._add_member(self._path, "")

    def _member_folders(self) -> Iterator[Path]:
        for text in names_at(str(self._path), table_at(str(self._path), self.root, "workspace"), "members"):
            if has_magic(text) and (Path(text).is_absolute() or ".." in Path(text).parts):
                # It could go through all folders of this machine.
                raise UnsupportedError(
                    f"{self._path}: workspace.members has a pattern that leads outside of it", path="workspace.members", found=text,
                    expected="a pattern of folders below it", suggestions=["name each folder outside of it by itself"],
                )  # fmt: skip
            # That of paths refuses "." and whole paths.
            found = glob(text, root_dir=self._folder, include_hidden=True, recursive=True)  # noqa: PTH207
            folders = sorted((self._folder / one for one in found), key=lambda one: one.parts)
            yield from (one for one in folders if one.is_dir())
            if not found:
                yield self._folder / text

    def _add_member(self, path: Path, named_by: str) -> None:
        """Take in a member, and what it needs in folders of the workspace, each before what comes after it."""
        waiting = [(path, named_by)]
        while waiting:
            path, named_by = waiting.pop()
            if path in self.members or is_excluded(path, self._path, self.root):
                continue
            document = self._files.document(path, named_by)
            if path != self._path and "workspace" in document:
                raise InvalidConfigError(
                    f"{path}: it is a member of the workspace of {self._path}, and has one of its own", path="workspace", found="[workspace]",
                    expected="no [workspace]", suggestions=[f"take it out, or write its folder into workspace.exclude of {self._path}"],
                )  # fmt: skip
            self.members[path] = found = read_manifest(path, document, self._files.shared_with(self._path))
            waiting += [
                (manifest_in(one.folder), _place(one))
                for one in reversed(found.dependencies)
                if one.folder is not None and self._is_inside(one, one.folder)
            ]

    def _is_inside(self, need: CargoDependency, folder: Path) -> bool:
        if absolute(folder).is_relative_to(absolute(self._folder)):
            return True
        path = manifest_in(folder)
        self._files.document(path, _place(need))
        root = self._files.root_of(path)
        return root is not None and absolute(root) == absolute(self._path)

    def _find_others(self) -> None:
        waiting = deque(one.dependency for one in self.patches)
        for one in self.members.values():
            waiting += one.dependencies
        while waiting:
            need = waiting.popleft()
            if need.folder is not None:
                path = manifest_in(need.folder)
                if path not in self.members and path not in self.others:
                    document = self._files.document(path, _place(need))
                    self.others[path] = read_manifest(path, document, self._files.shared_with(path))
                    # Nobody runs the tests of what is no member.
                    waiting += [one for one in self.others[path].dependencies if not one.for_tests]
                _refuse_other_name(need, self.members.get(path) or self.others[path])


def _refuse_other_name(need: CargoDependency, found: CargoManifest) -> None:
    if need.name != found.name:
        raise InvalidConfigError(
            f"{need.file}: {'.'.join(need.where)} leads to another package", path=".".join(need.where), found=found.name, expected=need.name,
            suggestions=[f'add package = "{found.name}"'],
        )  # fmt: skip


def _place(need: CargoDependency) -> str:
    return f"{'.'.join(need.where)} of {need.file}"


def _shown(path: Path) -> str:
    """Return a path as people write it here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
