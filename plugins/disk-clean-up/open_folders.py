"""Finds and removes files below one folder. Every step down opens a name in an open folder and follows no link, so that nobody
who can write there leads it elsewhere."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from path_globs import Wanted

DEPTH = 64  # each level holds two descriptors open
SHOWN = 500
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Found:
    """A plain file as it was seen."""

    __slots__ = ("folders", "inode", "name", "size", "written")

    def __init__(self, folders: tuple[str, ...], name: str, status: os.stat_result) -> None:
        self.folders, self.name = folders, name
        self.inode, self.written, self.size = status.st_ino, status.st_mtime_ns, status.st_size

    def same(self, status: os.stat_result) -> bool:
        """Return whether the file is still this one, and as it was."""
        return (
            stat.S_ISREG(status.st_mode)
            and (status.st_ino, status.st_mtime_ns, status.st_size) == (self.inode, self.written, self.size)
        )  # fmt: skip

    def path(self) -> str:
        """Return the path for people."""
        return shown((*self.folders, self.name))


def shown(names: tuple[str, ...]) -> str:
    """Return a path that any message can hold: UTF-8, and not too long."""
    return os.fsencode("/".join(names)).decode("utf-8", "replace")[:SHOWN]


class Tree:
    """An open folder; a context manager.

    Args:
        folder: Its path; its last part is no link.
        fault: Told of each folder that cannot be read.
    """

    def __init__(self, folder: str, fault: Callable[[str], None]) -> None:
        self._root = os.open(folder, _OPEN_FOLDER)
        self._device = os.fstat(self._root).st_dev
        self._fault = fault
        self._parent: tuple[tuple[str, ...], int] = (), self._root

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave_parent()
        os.close(self._root)

    def files(self, wanted: Wanted) -> Iterator[Found]:
        """Yield the plain files that match; folders of other file systems and links are left alone."""
        yield from self._files_in(self._root, (), wanted)

    def _files_in(self, folder: int, names: tuple[str, ...], wanted: Wanted) -> Iterator[Found]:
        with os.scandir(folder) as entries:
            for entry in entries:
                following = wanted.below(entry.name)
                if entry.is_dir(follow_symlinks=False):
                    if following.goes_on():
                        yield from self._files_below(folder, (*names, entry.name), following)
                elif following.matches() and entry.is_file(follow_symlinks=False):
                    try:
                        yield Found(names, entry.name, entry.stat(follow_symlinks=False))
                    except FileNotFoundError:
                        continue

    def _files_below(self, parent: int, names: tuple[str, ...], wanted: Wanted) -> Iterator[Found]:
        if len(names) > DEPTH:
            self._fault(f"{shown(names)}: more than {DEPTH} folders deep")
            return
        try:
            folder = os.open(names[-1], _OPEN_FOLDER, dir_fd=parent)
        except OSError as error:
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                self._fault(f"{shown(names)}: {error.strerror}")
            return
        try:
            if os.fstat(folder).st_dev == self._device:
                yield from self._files_in(folder, names, wanted)
        finally:
            os.close(folder)

    def remove(self, file: Found) -> bool:
        """Remove a file; False where it is gone, or another one by now.

        Raises:
            OSError: It cannot be removed.
        """
        try:
            folder = self._folder_of(file)
            if not file.same(os.stat(file.name, dir_fd=folder, follow_symlinks=False)):
                return False
            os.unlink(file.name, dir_fd=folder)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def _folder_of(self, file: Found) -> int:
        """Open the file's folder, from the root down; the last one stays open for the next file."""
        if self._parent[0] == file.folders:
            return self._parent[1]
        self._leave_parent()
        folder = self._root
        for name in file.folders:
            try:
                below = os.open(name, _OPEN_FOLDER, dir_fd=folder)
            finally:
                if folder != self._root:
                    os.close(folder)
            folder = below
        self._parent = file.folders, folder
        return folder

    def _leave_parent(self) -> None:
        if self._parent[1] != self._root:
            os.close(self._parent[1])
        self._parent = (), self._root
