"""The archive that Yarn 4 makes of a tarball, and whose hash is the checksum in yarn.lock.

`extractArchiveTo` in `tgzUtils.ts` of Yarn 4.18 puts files into it in the order of the tarball, with one time for all and nothing of
their owners, and libzip stores them: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
"""

import hashlib
import io
import stat
import struct
import tarfile
import zlib
from collections.abc import Iterator, Sequence

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.yarn.patch_applying import (
    FOLDER_MODE,
    Members,
    UnappliedError,
    UnmatchedError,
    applied,
)
from outrider.operators.packages.yarn.patches import PatchLayer, unfit

# The version of its cache, and the level of compression that it takes unless a setting says otherwise.
CACHE_KEY = "10c0"
# 1984-06-22 21:50:00, as DOS writes it.
_TIME, _DATE = 0xAE40, 0x08D6
_FILE_MODE, _LINK_MODE, _COPIED_LINK_MODE = stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777, stat.S_IFLNK | 0o755
_RUNNABLE = 0o111
_UTF_8 = 0x800
_LARGEST, _MOST_FILES = 1 << 30, 200_000


def checksum_of(name: str, version: str, content: bytes, layers: Sequence[PatchLayer] = ()) -> str:
    """Return the checksum of a package.

    Args:
        name: Of the package.
        version: Of it.
        content: Its tarball.
        layers: What is changed in it, the first changes first.

    Raises:
        ExecutionFailedError: It is no tarball, or too large.
        UnsupportedError: A patch does not fit.
    """
    try:
        members = _members(name, content)
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise _unusable(name, str(error)) from error
    if layers and not members:
        raise _unusable(name, "no files")
    for layer in layers:
        members = _patched(members, layer, f"{name} {version}")
    prefix = f"node_modules/{layers[-1].name if layers else name}"
    digest = hashlib.sha512()
    for part in _zipped(_below(prefix, members) if members or layers else {}):
        digest.update(part)
    return f"{CACHE_KEY}/{digest.hexdigest()}"


def _members(name: str, content: bytes) -> Members:
    members: Members = {}
    total = 0
    with tarfile.open(fileobj=io.BytesIO(content), mode="r|gz") as archive:
        for member in archive:
            total += member.size
            if total > _LARGEST or len(members) > _MOST_FILES:
                raise _unusable(name, "too many files, or too large ones")
            _take(members, archive, member)
    return members


def _patched(members: Members, layer: PatchLayer, shown: str) -> Members:
    """Return what Yarn makes of files that it patches: sorted by folders, and as they were where one does not fit and may not."""
    found = {place: _copied(members[place]) for place in sorted(members, key=_by_folder)}
    for patch in layer.patches:
        try:
            found = applied(patch.effects, found)
        except UnmatchedError as error:
            if not patch.is_optional:
                raise unfit(patch, shown, str(error)) from error
        except UnappliedError as error:
            raise unfit(patch, shown, str(error)) from error
    return found


def _copied(member: tuple[int, bytes]) -> tuple[int, bytes]:
    mode, content = member
    return (_COPIED_LINK_MODE if mode == _LINK_MODE else mode), content


def _below(prefix: str, members: Members) -> Members:
    """Return files at the places where they are in an archive, with the folders above."""
    parts = prefix.split("/")
    above = {f"{'/'.join(parts[: count + 1])}/": (FOLDER_MODE, b"") for count in range(len(parts))}
    return above | {f"{prefix}/{place}": member for place, member in members.items()}


def _by_folder(place: str) -> list[bytes]:
    """Return what JavaScript sorts the names of a folder by, for each folder on the way."""
    return [name.encode("utf-16-be", "surrogatepass") for name in place.rstrip("/").split("/")]


def _take(members: Members, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    """Take a member in; the outermost folder goes, and what would be elsewhere is left out."""
    parts = member.name.split("/")
    if parts[0] == "" or ".." in parts:
        return
    path = [part for part in parts if part not in ("", ".")][1:]
    if not path or not (member.isdir() or member.isfile() or member.issym()):
        return
    for depth in range(1, len(path) + member.isdir()):
        members.setdefault(f"{'/'.join(path[:depth])}/", (FOLDER_MODE, b""))
    place = "/".join(path)
    if member.isfile():
        file = archive.extractfile(member)
        mode = _FILE_MODE | (_RUNNABLE if member.mode & _RUNNABLE else 0)
        members[place] = mode, file.read() if file is not None else b""
    elif member.issym():
        members[place] = _LINK_MODE, member.linkname.encode()


def _zipped(members: Members) -> Iterator[bytes]:
    directory, offset = [], 0
    for place, (mode, content) in members.items():
        path = place.encode()
        flags = 0 if place.isascii() else _UTF_8
        version = 20 if stat.S_ISDIR(mode) else 10
        common = struct.pack(
            "<HHHHHIIIHH", version, flags, 0, _TIME, _DATE, zlib.crc32(content), len(content), len(content), len(path), 0
        )  # fmt: skip
        # Made by version 6.3 of the format, on Unix.
        directory.append(
            b"PK\1\2\x3f\3" + common + struct.pack("<HHHII", 0, 0, 0, mode << 16, offset) + path
        )  # fmt: skip
        yield b"PK\3\4" + common + path
        yield content
        offset += 30 + len(path) + len(content)
    yield from directory
    size = sum(len(one) for one in directory)
    count = min(len(directory), 0xFFFF)
    yield b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, size, offset, 0)


def _unusable(name: str, found: str) -> ExecutionFailedError:
    return ExecutionFailedError(
        f"npm {name}: its tarball cannot be read", found=found[:200], expected="a gzipped tar archive",
        suggestions=["ask for another version"],
    )  # fmt: skip
