"""Writes files into a work tree. Every step down opens a name in an open folder and follows no link."""

from __future__ import annotations

import os
import stat

from outrider_plugin import PluginError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_MODE, _FOLDER_MODE = 0o644, 0o755
TEMPORARY = ".outrider-git-commit"


def checked(files: Mapping[str, str]) -> dict[tuple[str, ...], bytes]:
    """Return the content by the names on the way to each file.

    Raises:
        PluginError: A path leads out of the work tree or into git's own files, or a text is none.
    """
    found = {}
    for path, text in files.items():
        names = tuple(path.split("/"))
        expected = ""
        if any(name in {"", ".", ".."} for name in names):
            expected = "a path below the work tree, without . and .."
        elif any(name.lower() == ".git" or name == TEMPORARY for name in names):
            expected = "a path outside of git's own files"
        try:
            os.fsencode(path)
            found[names] = text.encode()
        except UnicodeEncodeError:
            expected = "text that can be written as UTF-8"
        if expected:
            raise PluginError(f"files: {path!r} was given, expected {expected}", code="INVALID_CONFIG")
    return found


def write(folder: str, files: Mapping[tuple[str, ...], bytes]) -> None:
    """Write the files, each at once or not at all.

    Raises:
        PluginError: A link, a folder or another repository is in the way, or a file cannot be written.
    """
    root = os.open(folder, _OPEN_FOLDER)
    try:
        for names, data in files.items():
            try:
                _write_below(root, names, data)
            except OSError as error:
                raise PluginError(f"files: {'/'.join(names)}: {error.strerror}", code="DENIED") from error
    finally:
        os.close(root)


def _write_below(root: int, names: tuple[str, ...], data: bytes) -> None:
    folder = os.dup(root)
    try:
        for name in names[:-1]:
            below = _folder_in(folder, name)
            os.close(folder)
            folder = below
            if _status(folder, ".git") is not None:
                raise PluginError(f"files: {'/'.join(names)} lies in another repository", code="DENIED")
        before = _status(folder, names[-1])
        if before is not None and not stat.S_ISREG(before.st_mode):
            raise PluginError(f"files: {'/'.join(names)} is there, and no plain file", code="DENIED")
        _replace(folder, names[-1], data, mode=stat.S_IMODE(before.st_mode) if before else _FILE_MODE)
    finally:
        os.close(folder)


def _folder_in(folder: int, name: str) -> int:
    try:
        return os.open(name, _OPEN_FOLDER, dir_fd=folder)
    except FileNotFoundError:
        os.mkdir(name, _FOLDER_MODE, dir_fd=folder)
        return os.open(name, _OPEN_FOLDER, dir_fd=folder)


def _status(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _replace(folder: int, name: str, data: bytes, *, mode: int) -> None:
    # What an earlier attempt left behind.
    if _status(folder, TEMPORARY) is not None:
        os.unlink(TEMPORARY, dir_fd=folder)
    descriptor = os.open(TEMPORARY, _NEW_FILE, _FILE_MODE, dir_fd=folder)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            os.fchmod(descriptor, mode)
            file.write(data)
        os.replace(TEMPORARY, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(TEMPORARY, dir_fd=folder)
        raise
