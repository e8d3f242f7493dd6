"""A root that is made of the layers of an image, one over the other; only the few files that matter are kept of them.

https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md: a file `.wh.NAME` takes away what lower layers have of a name,
`.wh..wh..opq` all that they have in a folder. What tells of installed packages of languages is read at once, and what it tells is kept:
such files may be large. All links are kept, for what is written below one comes to where it leads.
"""

import io
import tarfile
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

from outrider.core.errors import InvalidConfigError, LimitedError, UnsupportedError
from outrider.operators.packages.distributions.files import (
    DPKG_FOLDER,
    DPKG_LIST,
    DPKG_LISTS,
    FILES,
    LARGEST_DATABASE,
    MOST_FILES,
    located,
)
from outrider.operators.packages.distributions.kept import Kept
from outrider.operators.packages.distributions.streams import Budget, members, told_of
from outrider.operators.packages.installed.finding import (
    MAGIC,
    Told,
    is_program,
    is_told_by_name,
    read_installed,
    unread,
)

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_MOST_KEPT = 1 << 30
# No system has longer ones.
_LONGEST_PATH = 4096


class _Link(NamedTuple):
    """Where a link leads to."""

    target: str


class _Tells(NamedTuple):
    """What a file tells of packages of languages, and whether it is a program."""

    told: list[Told]
    is_program: bool


class _Own(NamedTuple):
    """What a layer has added so far, and what it has taken away of lower ones: paths, each with whether it went itself."""

    added: set[str]
    taken: set[tuple[str, bool]]


class LayeredRoot:
    """A root, as far as its layers were put on.

    Args:
        budget: How much may be made of the layers.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._kept: Kept[bytes | _Link | _Tells] = Kept()
        self._size = 0
        # The last folder, and where it is: archives go through one after the other.
        self._folder = ("", "")

    def target(self, path: str) -> str | None:
        """Return where a link leads to; None where there is none."""
        found = self._kept.get(path)
        return found.target if isinstance(found, _Link) else None

    def is_file(self, path: str) -> bool:
        """Return whether there is a plain file that was kept."""
        return isinstance(self._kept.get(path), bytes)

    def names(self, folder: str) -> Sequence[str]:
        """Return the names of what was kept of a folder."""
        return self._kept.names(folder)

    def read(self, path: str) -> bytes:
        """Return a file that was kept."""
        return cast("bytes", self._kept.get(path))

    def installed(self) -> Iterator[tuple[str, list[Told]]]:
        """Yield what tells of packages of languages, by path; a program that has several names once."""
        seen: set[int] = set()
        for path, kept in self._kept.items():
            if isinstance(kept, _Tells) and id(kept) not in seen:
                if kept.is_program:
                    seen.add(id(kept))
                yield path, kept.told

    def lost_links(self) -> list[str]:
        """Return the paths of what matters that lead to what is not kept."""
        return [path for path in FILES if (place := located(self, path)) != path and place not in FILES]

    def put_on(self, layer: io.BufferedReader, name: str) -> None:
        """Put a layer on.

        Args:
            layer: An archive, which may be packed.
            name: What it is called in errors.

        Raises:
            InvalidConfigError: It is no archive, or is damaged.
            LimitedError: It is too large.
            UnsupportedError: It is packed in a way that is not read, or has what matters in a form that is not read.
            MissingRequirementError: It is packed with zstd, and the library that unpacks it is not installed.
        """
        own = _Own(set(), set())
        with told_of(name):
            for member, archive in members(layer, name, self._budget):
                parts = [part for part in member.name.split("/") if part not in ("", ".")]
                # What leads out of the root is in no root.
                if parts and ".." not in parts and len(member.name) <= _LONGEST_PATH:
                    folder = self._located("/".join(parts[:-1]))
                    self._put(f"{folder}/{parts[-1]}".lstrip("/"), member, archive, own)

    def _located(self, folder: str) -> str:
        if folder != self._folder[0]:
            self._folder = (folder, located(self, folder))
        return self._folder[1]

    def _put(self, path: str, member: tarfile.TarInfo, archive: tarfile.TarFile, own: _Own) -> None:
        folder, _, name = path.rpartition("/")
        if name == _OPAQUE:
            self._take_away(folder, own, itself=False)
        elif name.startswith(_WHITEOUT):
            self._take_away(f"{folder}/{name.removeprefix(_WHITEOUT)}".lstrip("/"), own, itself=True)
        elif not member.isdir():
            self._remove(path)
            self._add(path, member, archive, own.added)
        elif self._kept.get(path) is not None:
            self._remove(path)

    def _take_away(self, path: str, own: _Own, *, itself: bool) -> None:
        # What is there after the first time is the layer's own.
        if (path, itself) not in own.taken:
            own.taken.add((path, itself))
            self._remove(path, itself=itself, spared=own.added)

    def _remove(self, path: str, *, itself: bool = True, spared: "set[str] | frozenset[str]" = frozenset()) -> None:
        if self._kept.get(path) is not None or self._kept.names(path):
            self._folder = ("", "")
            self._kept.remove(path, itself=itself, spared=spared)

    def _add(self, path: str, member: tarfile.TarInfo, archive: tarfile.TarFile, added: set[str]) -> None:
        kept = self._made(path, member, archive)
        if kept is None:
            return
        if len(self._kept) >= MOST_FILES:
            raise _too_much(
                path,
                f"more than {MOST_FILES} links and files",
                f"at most {MOST_FILES} links and files that are looked at",
            )
        added.add(path)
        self._kept.put(path, kept)
        if isinstance(kept, _Link):
            self._folder = ("", "")

    def _made(self, path: str, member: tarfile.TarInfo, archive: tarfile.TarFile) -> bytes | _Link | _Tells | None:
        """Return what is kept of a member; None where it does not matter."""
        if member.issym():
            return _Link(member.linkname)
        if member.islnk():
            return self._linked(path, member)
        if not member.isfile():
            return None
        if _matters(path):
            return self._content(path, member, archive)
        is_named = is_told_by_name(path)
        told = _told(path, member, archive, is_named=is_named) if is_named or is_program(member.mode) else []
        return _Tells(told, not is_named) if told else None

    def _linked(self, path: str, member: tarfile.TarInfo) -> bytes | _Tells | None:
        kept = self._kept.get(located(self, member.linkname))
        is_named = is_told_by_name(path)
        if isinstance(kept, _Tells) and (kept.is_program or is_named):
            return kept
        if _matters(path):
            if isinstance(kept, bytes):
                return kept
            raise UnsupportedError(
                f"{path}: it is the same file as one that is not looked at", path=path, found=f"a hard link to {member.linkname[:200]}",
                expected="a plain file", suggestions=["unpack the image into a folder, and name that"],
            )  # fmt: skip
        lost = unread(f"it is the same file as {member.linkname[:100]}, which is not looked at")
        return _Tells([lost], is_program=False) if is_named else None

    def _content(self, path: str, member: tarfile.TarInfo, archive: tarfile.TarFile) -> bytes:
        self._size += member.size
        if member.size > LARGEST_DATABASE or self._size > _MOST_KEPT:
            raise _too_much(
                path,
                f"{member.size} bytes, {self._size} with others",
                f"at most {LARGEST_DATABASE} bytes, {_MOST_KEPT} with others",
            )
        return _whole(path, member, cast("io.BufferedReader", archive.extractfile(member)))


def _told(path: str, member: tarfile.TarInfo, archive: tarfile.TarFile, *, is_named: bool) -> list[Told]:
    file = cast("io.BufferedReader", archive.extractfile(member))
    if not is_named and file.peek(len(MAGIC))[: len(MAGIC)] != MAGIC:
        return []
    if member.size > LARGEST_DATABASE:
        return [
            unread(f"it has {member.size} bytes, and of what is in an image at most {LARGEST_DATABASE} are looked at")
        ]
    return read_installed(path, io.BytesIO(_whole(path, member, file)))


def _whole(path: str, member: tarfile.TarInfo, file: io.BufferedReader) -> bytes:
    content = file.read()
    if len(content) != member.size:
        raise InvalidConfigError(
            f"{path}: the image ends within it", path=path, found=f"{len(content)} bytes", expected=f"{member.size} bytes",
            suggestions=["save the image again"],
        )  # fmt: skip
    return content


def _too_much(path: str, found: str, expected: str) -> LimitedError:
    return LimitedError(
        f"{path}: there is too much of it in the image", path=path, found=found, expected=expected,
        suggestions=["unpack the image into a folder, and name that"],
    )  # fmt: skip


def _matters(path: str) -> bool:
    folder = path.rpartition("/")[0]
    return path in FILES or folder == DPKG_FOLDER or (folder == DPKG_LISTS and path.endswith(DPKG_LIST))
