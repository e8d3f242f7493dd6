"""A root that is made of the layers of an image, one over the other; only the few files that matter are kept of them.

https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md: a file `.wh.NAME` takes away what lower layers have of a name,
`.wh..wh..opq` all that they have in a folder.
"""

import io
import tarfile
from collections.abc import Sequence

from outrider.core.errors import InvalidConfigError, LimitedError, UnsupportedError
from outrider.operators.packages.distributions.files import DPKG_FOLDER, FILES, LARGEST_DATABASE, MOST_ENTRIES, located
from outrider.operators.packages.distributions.streams import Budget, members

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_MOST_KEPT = 1 << 30
# Folders on the way to what matters; a link in the place of one leads elsewhere.
_ON_THE_WAY = frozenset(
    "/".join(path.split("/")[:depth])
    for path in (*FILES, f"{DPKG_FOLDER}/x")
    for depth in range(1, path.count("/") + 1)
)


class LayeredRoot:
    """A root, as far as its layers were put on.

    Args:
        budget: How much may be made of the layers.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._files: dict[str, bytes] = {}
        self._links: dict[str, str] = {}
        self._kept = 0

    def target(self, path: str) -> str | None:
        """Return where a link leads to; None where there is none."""
        return self._links.get(path)

    def is_file(self, path: str) -> bool:
        """Return whether there is a plain file that was kept."""
        return path in self._files

    def names(self, folder: str) -> Sequence[str]:
        """Return the names of files that were kept of a folder."""
        return [path[len(folder) + 1 :] for path in self._files if path.rpartition("/")[0] == folder]

    def read(self, path: str) -> bytes:
        """Return a file that was kept."""
        return self._files[path]

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
            UnsupportedError: It is packed in a way that Python cannot unpack, or has what matters in a form that is not read.
        """
        added: set[str] = set()
        for member, archive in members(layer, name, self._budget):
            parts = [part for part in member.name.split("/") if part not in ("", ".")]
            # What leads out of the root is in no root.
            if not parts or ".." in parts:
                continue
            folder = located(self, "/".join(parts[:-1]))
            if parts[-1].startswith(_WHITEOUT):
                self._take_away(folder, parts[-1], added)
            else:
                self._add(f"{folder}/{parts[-1]}".lstrip("/"), member, archive, added)

    def _take_away(self, folder: str, name: str, added: set[str]) -> None:
        gone = folder if name == _OPAQUE else f"{folder}/{name.removeprefix(_WHITEOUT)}".lstrip("/")
        self._remove(gone, added, itself=name != _OPAQUE)

    def _remove(self, gone: str, spared: "set[str] | frozenset[str]", *, itself: bool) -> None:
        below = f"{gone}/" if gone else ""
        for kept in (self._files, self._links):
            for path in [one for one in kept if one.startswith(below) or (itself and one == gone)]:
                if path not in spared:
                    del kept[path]

    def _add(self, path: str, member: tarfile.TarInfo, archive: tarfile.TarFile, added: set[str]) -> None:
        if member.isdir():
            self._links.pop(path, None)
            self._files.pop(path, None)
            return
        self._remove(path, frozenset(), itself=True)
        if not _matters(path):
            return
        added.add(path)
        if member.issym():
            self._links[path] = member.linkname
        elif member.islnk():
            self._files[path] = self._linked(path, member)
        elif member.isfile():
            self._files[path] = self._content(path, member, archive)

    def _linked(self, path: str, member: tarfile.TarInfo) -> bytes:
        place = located(self, member.linkname)
        if place not in self._files:
            raise UnsupportedError(
                f"{path}: it is the same file as one that is not looked at", path=path, found=f"a hard link to {member.linkname[:200]}",
                expected="a plain file", suggestions=["unpack the image into a folder, and name that"],
            )  # fmt: skip
        return self._files[place]

    def _content(self, path: str, member: tarfile.TarInfo, archive: tarfile.TarFile) -> bytes:
        self._kept += member.size
        if member.size > LARGEST_DATABASE or self._kept > _MOST_KEPT or len(self._files) > MOST_ENTRIES:
            raise LimitedError(
                f"{path}: there is too much of it in the image", path=path, found=f"{member.size} bytes, {self._kept} with others",
                expected=f"at most {LARGEST_DATABASE} bytes, {_MOST_KEPT} with others",
                suggestions=["unpack the image into a folder, and name that"],
            )  # fmt: skip
        file = archive.extractfile(member)
        content = b"" if file is None else file.read()
        if len(content) != member.size:
            raise InvalidConfigError(
                f"{path}: the image ends within it", path=path, found=f"{len(content)} bytes", expected=f"{member.size} bytes",
                suggestions=["save the image again"],
            )  # fmt: skip
        return content


def _matters(path: str) -> bool:
    return path in FILES or path in _ON_THE_WAY or path.rpartition("/")[0] == DPKG_FOLDER
