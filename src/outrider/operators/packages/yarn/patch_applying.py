"""What patches do to the files of a package: `patch/apply.ts` of `plugin-patch`, and the archives of `@yarnpkg/libzip`, of Yarn 4.18."""

import posixpath
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from outrider.operators.packages.yarn.patch_files import BLANKS, Effect, Hunk

# Files and folders by their places below the package, with their modes; a folder ends with a slash.
Members = dict[str, tuple[int, bytes]]
FOLDER_MODE = stat.S_IFDIR | 0o755
_RUNNABLE = 0o100


class UnmatchedError(Exception):
    """A patch does not fit a package, and is passed over where it may be; the message says why."""


class UnappliedError(Exception):
    """Yarn ends with an error, whether the patch may be passed over or not, or it is not applied here; the message says why."""


def applied(effects: Iterable[Effect], members: Members) -> Members:
    """Return the files of a package with a patch.

    Raises:
        UnmatchedError: It does not fit.
        UnappliedError: It does what Yarn cannot do, goes through links, or changes a file again.
    """
    archive = _Archive(members)
    for one in effects:
        archive.take(one.said)
    return archive.members


class _Archive:
    """The files of a package while a patch is applied."""

    def __init__(self, members: Members) -> None:
        self.members = dict(members)
        # What was written anew, and what was changed while it was there.
        self._new: set[str] = set()
        self._changed: set[str] = set()

    def take(self, said: Mapping[str, Any]) -> None:
        """Do one thing."""
        kind = said["type"]
        if kind == "rename":
            self._rename(str(said["fromPath"]), str(said["toPath"]))
            return
        path = str(said["path"])
        self._refuse_links(path)
        if kind == "file creation":
            self._create(path, said["hunk"], int(said["mode"]))
        elif kind == "file deletion":
            self._delete(path)
        elif kind == "patch":
            self._change(path, said["hunks"])
        else:
            self._change_mode(path, int(said["newMode"]))

    def _rename(self, origin: str, place: str) -> None:
        """Look for what Yarn looks for, before it fails."""
        for path in (posixpath.dirname(origin), posixpath.dirname(place), origin):
            self._refuse_links(path)
            self._find(path)
        raise UnappliedError(f"it renames {origin}, which Yarn cannot")

    def _create(self, path: str, hunk: Hunk | None, mode: int) -> None:
        above = _folders(path)
        if not path or f"{path}/" in self.members or any(one.rstrip("/") in self.members for one in above):
            raise UnappliedError(f"it makes {path or 'the folder of the package'}, where something else is")
        if hunk is not None and not hunk["parts"]:
            raise UnappliedError(f"it makes {path} from nothing")
        for one in above:
            self.members.setdefault(one, (FOLDER_MODE, b""))
        self._write(path, stat.S_IFREG | mode, _lines_of(hunk))

    def _delete(self, path: str) -> None:
        above = _folders(path)
        if any(one.rstrip("/") in self.members for one in above):
            raise UnappliedError(f"it removes {path}, above which there is a file")
        if above and above[-1] not in self.members:
            raise UnmatchedError(f"it removes {path}, whose folder is not there")
        if path not in self.members:
            raise UnappliedError(f"it removes {path or 'the folder of the package'}, and there is no such file")
        del self.members[path]

    def _change(self, path: str, hunks: Sequence[Hunk]) -> None:
        self._find(path)
        if path not in self.members:
            raise UnappliedError(f"it changes {path or 'the folder of the package'}, which is a folder")
        mode, content = self.members[path]
        lines = patched(hunks, content.decode(errors="replace").split("\n"), path)
        self._write(path, mode, "\n".join(lines).encode())

    def _change_mode(self, path: str, mode: int) -> None:
        """Change no mode: Yarn gives a file one only where it can be run already, or cannot, as that mode says."""
        self._find(path)
        if path in self.members and bool(self.members[path][0] & _RUNNABLE) == bool(mode & _RUNNABLE):
            self._changed.add(path)

    def _write(self, path: str, mode: int, content: bytes) -> None:
        if path not in self.members:
            self._new.add(path)
        elif path not in self._new and path in self._changed:
            # The archive of Yarn takes that for a file to be compressed, as well as it can.
            raise UnappliedError(f"it changes {path} more than once, its mode counted too")
        self._changed.add(path)
        self.members[path] = mode, content

    def _find(self, path: str) -> None:
        """Look whether there is a file or a folder."""
        if any(one.rstrip("/") in self.members for one in _folders(path)):
            raise UnappliedError(f"it changes {path}, above which there is a file")
        if path and path not in self.members and f"{path}/" not in self.members:
            raise UnmatchedError(f"it changes {path}, which is not there")

    def _refuse_links(self, path: str) -> None:
        for place in (*(one.rstrip("/") for one in _folders(path)), path):
            if stat.S_ISLNK(self.members.get(place, (0, b""))[0]):
                raise UnappliedError(f"it goes through {place}, which is a link")


def _lines_of(hunk: Hunk | None) -> bytes:
    if hunk is None:
        return b""
    part = hunk["parts"][0]
    return ("\n".join(part["lines"]) + ("" if part["noNewlineAtEndOfFile"] else "\n")).encode()


def _folders(path: str) -> list[str]:
    """Return the folders above a file, the outermost first."""
    parts = posixpath.dirname(path).split("/")
    return [f"{'/'.join(parts[: count + 1])}/" for count in range(len(parts))] if parts != [""] else []


def patched(hunks: Sequence[Hunk], lines: Sequence[str], path: str) -> list[str]:
    """Return the lines of a file with all hunks: each is looked for where it should be, and then ever further from there.

    Raises:
        UnmatchedError: One is nowhere.
    """
    places: list[int] = []
    moved, least = 0, 0
    for number, hunk in enumerate(hunks, 1):
        header = hunk["header"]
        first = max(least, header["patched"]["start"] + moved)
        at = _found(hunk, lines, first, least)
        if at is None:
            raise UnmatchedError(f"its hunk {number} of {path} fits nowhere")
        places.append(at)
        moved, least = moved + at - first, at + header["original"]["length"]
    found, shift = [*lines], 0
    for at, hunk in zip(places, hunks, strict=True):
        shift = _put(found, hunk, at, shift)
    return found


def _found(hunk: Hunk, lines: Sequence[str], first: int, least: int) -> int | None:
    before, behind = max(0, first - least), max(0, len(lines) - first - hunk["header"]["original"]["length"])
    # Beyond the end of the file only what stands there by itself fits.
    nearest = max(0, first - len(lines)) if any(one["type"] != "insertion" for one in hunk["parts"]) else 0
    places = (
        at for distance in range(nearest, max(before, behind) + 1) for at in _near(first, distance, before, behind)
    )
    return next((at for at in places if _fits(hunk, lines, at)), None)


def _near(first: int, distance: int, before: int, behind: int) -> Iterator[int]:
    if distance <= before:
        yield first - distance
    if distance <= behind:
        yield first + distance


def _fits(hunk: Hunk, lines: Sequence[str], place: int) -> bool:
    for part in hunk["parts"]:
        if part["type"] == "insertion":
            continue
        for line in part["lines"]:
            if not 0 <= place < len(lines) or lines[place].rstrip(BLANKS) != line.rstrip(BLANKS):
                return False
            place += 1
    return True


def _put(lines: list[str], hunk: Hunk, place: int, shift: int) -> int:
    """Change lines in their place; return by how much what follows has moved."""
    for part in hunk["parts"]:
        count, is_last = len(part["lines"]), part["noNewlineAtEndOfFile"]
        if part["type"] == "insertion":
            lines[place + shift : place + shift] = part["lines"]
            shift += count
            if is_last:
                lines.pop()
        else:
            place += count
        if part["type"] == "deletion":
            del lines[place - count + shift : place + shift]
            shift -= count
            if is_last:
                lines.append("")
    return shift
