"""A root that is a folder: of a mounted or unpacked image, or of this machine."""

import io
import os
import stat
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from outrider.core.errors import InvalidConfigError, LimitedError, NotFoundError
from outrider.operators.packages.distributions.files import LARGEST_DATABASE, MOST_FILES
from outrider.operators.packages.distributions.walking import Walk
from outrider.operators.packages.installed.finding import (
    MAGIC,
    Told,
    is_program,
    is_told_by_name,
    read_installed,
    unread,
)


class FolderRoot:
    """A root on this disk. What is asked for is never looked for outside of it.

    Args:
        folder: Its top.
        name: What its top is called, where that tells of what is in it.
    """

    def __init__(self, folder: Path, *, name: str = "") -> None:
        self._folder, self._name = folder, name

    def target(self, path: str) -> str | None:
        """Return where a link leads to; None where there is none."""
        try:
            return str((self._folder / path).readlink())
        except OSError:
            return None
        except ValueError as error:
            raise _strange(path) from error

    def is_file(self, path: str) -> bool:
        """Return whether there is a plain file."""
        try:
            return stat.S_ISREG((self._folder / path).lstat().st_mode)
        except PermissionError as error:
            # What may not be seen is not nothing.
            raise _unreadable(self._folder / path, error) from error
        except OSError:
            return False

    def names(self, folder: str) -> Sequence[str]:
        """Return the names of what is in a folder."""
        try:
            names = [one.name for one in islice((self._folder / folder).iterdir(), MOST_FILES + 1)]
        except PermissionError as error:
            raise _unreadable(self._folder / folder, error) from error
        except OSError:
            return []
        if len(names) > MOST_FILES:
            raise LimitedError(
                f"{self._folder / folder}: it has too much in it", found=f"more than {MOST_FILES}", expected=f"at most {MOST_FILES} files"
            )  # fmt: skip
        return names

    def read(self, path: str) -> bytes:
        """Return a plain file."""
        file = self._folder / path
        try:
            with _opened(file) as opened:
                content = opened.read(LARGEST_DATABASE + 1)
        except OSError as error:
            raise _unreadable(file, error) from error
        if len(content) > LARGEST_DATABASE:
            raise LimitedError(
                f"{file}: it is too large", found=f"more than {LARGEST_DATABASE} bytes", expected=f"at most {LARGEST_DATABASE} bytes",
                suggestions=["have the tool of the distribution write its database anew"],
            )  # fmt: skip
        return content

    def installed(self) -> Iterator[tuple[str, list[Told]]]:
        """Yield what tells of packages of languages, by path; a program that has several names once, and last which folders are closed."""
        walk = Walk(self._folder)
        programs: set[tuple[int, int]] = set()
        for path, entry in walk.files():
            if (is_named := is_told_by_name(self._named(path))) or _is_new_program(entry, programs):
                told = self._told(path, is_named=is_named)
                if told:
                    yield path, told
        if walk.closed:
            yield "", [unread(f"{len(walk.closed)} folders in it may not be read by you: {', '.join(walk.closed[:3])}")]

    def _named(self, path: str) -> str:
        return f"{self._name}/{path}" if self._name else path

    def _told(self, path: str, *, is_named: bool) -> list[Told]:
        try:
            with _opened(self._folder / path) as file:
                return (
                    read_installed(self._named(path), file)
                    if is_named or file.peek(len(MAGIC)).startswith(MAGIC)
                    else []
                )
        except OSError as error:
            return [unread(f"it cannot be read: {error.strerror}")]


def _is_new_program(entry: "os.DirEntry[str]", known: set[tuple[int, int]]) -> bool:
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:
        # It is gone by now.
        return False
    identity = (found.st_dev, found.st_ino)
    if not is_program(found.st_mode) or identity in known:
        return False
    known.add(identity)
    return True


def _opened(file: Path) -> io.BufferedReader:
    # Whatever takes its place meanwhile is not followed, and not waited for.
    return os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")


def _unreadable(file: Path, error: OSError) -> NotFoundError:
    return NotFoundError(
        f"{file}: it cannot be read: {error.strerror}", found=str(error.strerror), expected="a root that may be read",
        suggestions=["ask as one who may read it"],
    )  # fmt: skip


def _strange(path: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{path!r}: a link leads to what is no path",
        found=path,
        expected="a path",
        suggestions=["mend the links in the root"],
    )
