"""What is in a folder."""

import asyncio
import heapq
import os
import stat
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.host.files import shown
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation
from outrider.runtime.paths import checked_path

_TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}


class FilesParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which folder, and what in it.

    Attributes:
        path: Absolute path of a folder.
        name: Shell pattern for the names, such as *.log.
        limit: How many at most.
    """

    path: str
    name: str = "*"
    limit: Annotated[int, msgspec.Meta(ge=1, le=10000)] = 1000


class FileFacts(msgspec.Struct, kw_only=True):
    """One entry of a folder.

    Attributes:
        name: Bytes that are no UTF-8 are replaced.
        type: file, folder, link or other; what a link leads to is not looked at.
        size: Bytes.
        mode: Permission bits in octal.
        modified: Seconds since the epoch.
    """

    name: str
    type: str
    size: int
    mode: str
    modified: float


class FilesResult(msgspec.Struct, kw_only=True):
    """The entries by name; `matching` counts those beyond the limit too."""

    path: str
    files: list[FileFacts]
    matching: int


async def run(params: FilesParams, context: Context) -> FilesResult:
    """List it.

    Raises:
        NotFoundError: There is no such folder.
        InvalidConfigError: It is no folder.
    """
    del context
    path = checked_path(params.path)
    found = await asyncio.to_thread(_names, path, params.name)
    kept = await asyncio.to_thread(heapq.nsmallest, params.limit, found)
    files = await asyncio.to_thread(_facts_of_all, path, kept)
    return FilesResult(path=str(path), files=files, matching=len(found))


def _names(path: Path, pattern: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if fnmatchcase(shown(entry.name), pattern)]
    except NotADirectoryError as error:
        raise InvalidConfigError(
            f"file/{path}: not a folder",
            path="path",
            found="something else",
            expected="a folder",
            suggestions=["read the file: outrider host file_read"],
        ) from error


def _facts_of_all(folder: Path, names: list[str]) -> list[FileFacts]:
    found = (_facts(folder, name) for name in names)
    return [facts for facts in found if facts is not None]


def _facts(folder: Path, name: str) -> FileFacts | None:
    try:
        status = (folder / name).lstat()
    except FileNotFoundError:  # removed since the folder was read
        return None
    return FileFacts(
        name=shown(name),
        type=_TYPES.get(stat.S_IFMT(status.st_mode), "other"),
        size=status.st_size,
        mode=f"{stat.S_IMODE(status.st_mode):04o}",
        modified=round(status.st_mtime, 3),
    )


OPERATION = Implementation(params=FilesParams, result=FilesResult, run=run, target=lambda params: f"file/{params.path}")
