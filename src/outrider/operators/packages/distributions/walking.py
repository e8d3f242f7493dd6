"""All files of a folder, as far as they may be seen: links are not followed, and nothing is waited for."""

import os
from collections.abc import Iterator
from pathlib import Path

from outrider.core.errors import LimitedError

_MOST = 5_000_000
# What the kernel shows at the top of a system that runs is not on a disk.
_NOT_ON_DISK = ("dev", "proc", "sys")


class Walk:
    """A walk through a folder.

    Args:
        folder: It.

    Attributes:
        closed: Paths of the folders in it that could not be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.closed: list[str] = []

    def files(self) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
        """Yield the plain files, each by its path in the folder; folder by folder, sorted.

        Raises:
            LimitedError: There are too many.
        """
        left, count = [""], 0
        while left:
            folder = left.pop()
            folders = []
            for entry in self._entries(folder):
                count += 1
                if count > _MOST:
                    raise LimitedError(
                        f"{self._folder}: it has too much in it", found=f"more than {_MOST} files and folders", expected=f"at most {_MOST}",
                        suggestions=["name a part of it"],
                    )  # fmt: skip
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    folders.append(path)
                elif entry.is_file(follow_symlinks=False):
                    yield path, entry
            left += reversed([one for one in folders if one not in _NOT_ON_DISK])

    def _entries(self, folder: str) -> list["os.DirEntry[str]"]:
        try:
            with os.scandir(self._folder / folder) as entries:
                return sorted(entries, key=lambda one: one.name)
        except OSError:
            self.closed.append(folder)
            return []
