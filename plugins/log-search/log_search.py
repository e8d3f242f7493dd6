"""Tool: finds lines in the log files of one folder."""

from __future__ import annotations

import os
import stat
from collections import deque
from fnmatch import fnmatchcase

from outrider_plugin import PluginError, Request, Tool, main

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO

FILES = 50
LAST_BYTES = 64 * 1024 * 1024  # of each file
LINE_BYTES = 64 * 1024
SHOWN = 500
LINES_BETWEEN_CHECKS = 10_000


class LogSearch(Tool):
    """The log files of one folder."""

    def setup(self) -> None:
        if not os.path.isdir(self.config["folder"]):  # noqa: PTH112 - pathlib costs memory in every host
            raise PluginError(f"config.folder is {self.config['folder']}, expected a folder", code="INVALID_CONFIG")

    def execute(self, request: Request) -> dict[str, Any]:
        limit = request.input["limit"]
        names, partial = self._names(request.input.get("file", "*"))
        lines: list[dict[str, str]] = []
        searched, matches = [], 0
        for name in names:
            try:
                with self._open(name) as file:
                    partial |= _skip(file)
                    found, count = _search(file, request)
            except OSError as error:
                request.log(f"{name}: {error.strerror}")
                partial = True
                continue
            searched.append(_shown(name))
            matches += count
            lines += [{"file": _shown(name), "text": text} for text in reversed(found)][: limit - len(lines)]
        summary = f"{_counted(matches, 'line')} in {_counted(len(searched), 'file')}"
        if partial:
            summary += ", not all was searched"
        return {"lines": lines, "matches": matches, "files": searched, "partial": partial, "summary": summary}

    def _names(self, wanted: str) -> tuple[list[str], bool]:
        """Return the names of the files, the one that was written last first, and whether there are too many."""
        patterns = (self.config["files"], wanted)
        try:
            with os.scandir(self.config["folder"]) as entries:
                found = [entry for entry in entries if all(fnmatchcase(entry.name, pattern) for pattern in patterns)]
            plain = [entry for entry in found if entry.is_file(follow_symlinks=False)]
            plain.sort(key=lambda entry: (-entry.stat(follow_symlinks=False).st_mtime_ns, entry.name))
        except OSError as error:
            code = "NOT_FOUND" if isinstance(error, FileNotFoundError) else "DENIED"
            raise PluginError(f"config.folder: {self.config['folder']}: {error.strerror}", code=code) from error
        return [entry.name for entry in plain[:FILES]], len(plain) > FILES

    def _open(self, name: str) -> BinaryIO:
        """Open a file, but no link and no pipe that was put into its place."""
        path = os.path.join(self.config["folder"], name)  # noqa: PTH118 - see above
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(0, "no plain file")
        return os.fdopen(descriptor, "rb")


def _skip(file: BinaryIO) -> bool:
    """Leave out the beginning of a long file; return whether there was one."""
    size = os.fstat(file.fileno()).st_size
    if size <= LAST_BYTES:
        return False
    file.seek(size - LAST_BYTES)
    file.readline(LINE_BYTES)  # the rest of a line
    return True


def _search(file: BinaryIO, request: Request) -> tuple[deque[str], int]:
    """Return the last lines that fit, and how many there are."""
    text, without = request.input["text"].casefold(), request.input.get("without", "").casefold()
    found: deque[str] = deque(maxlen=request.input["limit"])
    count = 0
    for number, line in enumerate(_lines(file)):
        if number % LINES_BETWEEN_CHECKS == 0:
            request.check()
        folded = line.casefold()
        if text in folded and not (without and without in folded):
            count += 1
            found.append(line[:SHOWN])
    return found, count


def _lines(file: BinaryIO) -> Iterator[str]:
    """Yield the lines; a very long one in pieces."""
    while line := file.readline(LINE_BYTES):
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _shown(name: str) -> str:
    """Return a name that any message can hold."""
    return os.fsencode(name).decode("utf-8", "replace")


main(LogSearch)
