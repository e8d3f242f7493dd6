"""Archives of packages that are published: zip files with a composer.json in them.

It stands on the top level, or in the only folder there, as Composer's class `Zip` looks for it (2.5.5). Nothing else is unpacked.
"""

import io
import stat
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import PurePosixPath

from outrider.core.errors import InvalidConfigError

MANIFEST = "composer.json"
_LARGEST_MANIFEST = 1 << 20
# Of the list of files, which is read as a whole; of what all files become; and of a link.
_LARGEST_DIRECTORY, _LARGEST_CONTENT, _LONGEST_LINK = 8 << 20, 2 << 30, 4096
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# The end of a zip file: section 4.3.16 of https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
_END, _END_SIZE, _LONGEST_COMMENT = b"PK\x05\x06", 22, (1 << 16) - 1
_ENCRYPTED = 0x1
_RESOURCES = "__MACOSX"
_BROKEN = (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError, OSError, ValueError)


def manifest_of(content: bytes) -> bytes:
    """Return the composer.json in an archive, and refuse one that nobody should unpack.

    Raises:
        InvalidConfigError: It is one, or no zip file at all.
    """
    _check_directory(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            _check(archive, entries)
            return _read(archive, _manifest(entries), _LARGEST_MANIFEST)
    except _BROKEN as error:
        raise wrong(f"it cannot be read: {error}") from error


def _check_directory(content: bytes) -> None:
    """Refuse an archive whose list of files would take much memory; those beyond 4 GiB have another form of list."""
    begin = content.rfind(_END, max(0, len(content) - _END_SIZE - _LONGEST_COMMENT))
    if begin < 0 or len(content) < begin + _END_SIZE:
        raise wrong("it is cut off, or no zip file")
    size = int.from_bytes(content[begin + 12 : begin + 16], "little")
    if size > _LARGEST_DIRECTORY:
        raise wrong(f"its list of files has {size} bytes, more than {_LARGEST_DIRECTORY}")


def _check(archive: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo]) -> None:
    names: set[str] = set()
    for one in entries:
        # What another system would take for something else is not guessed at.
        name = one.filename.rstrip("/")
        if name in names or one.filename != one.orig_filename or not is_inside(name):
            raise wrong(f"{one.orig_filename[:100]!r} is in it, or is in it twice")
        if one.flag_bits & _ENCRYPTED or one.compress_type not in _METHODS:
            raise wrong(f"{name[:100]!r} is encrypted, or packed by method {one.compress_type}")
        names.add(name)
    links = {one.filename for one in entries if _is_link(archive, one)}
    # What is put behind a link goes where that leads.
    if links and any(str(above) in links for name in names for above in PurePosixPath(name).parents):
        raise wrong("there are files behind a link in it")
    size = sum(one.file_size for one in entries)
    if size > _LARGEST_CONTENT:
        raise wrong(f"it becomes {size} bytes, more than {_LARGEST_CONTENT}")


def is_inside(path: str) -> bool:
    """Return whether a path stays within the folder that something is unpacked to, on any system."""
    if not path or path.startswith("/") or not path.isprintable() or any(one in path for one in "\\:"):
        return False
    return not {"", ".", ".."} & {*path.split("/")}


def _is_link(archive: zipfile.ZipFile, one: zipfile.ZipInfo) -> bool:
    """Return whether something is a link, and refuse one that leads out of the archive."""
    kind = stat.S_IFMT(one.external_attr >> 16)
    if kind in (0, stat.S_IFREG, stat.S_IFDIR):
        return False
    target = _read(archive, one, _LONGEST_LINK).decode("utf-8", "replace") if kind == stat.S_IFLNK else ""
    parts = target.split("/")
    up = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
    # Behind a name that is a link itself, .. would be above where that leads.
    if up > one.filename.count("/") or (parts[up:] and not is_inside("/".join(parts[up:]))):
        raise wrong(f"{one.filename[:100]!r} leads out of it, or is no file")
    return True


def _manifest(entries: Sequence[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    files = {one.filename: one for one in entries}
    if MANIFEST in files:
        return files[MANIFEST]
    tops = {name.partition("/")[0] for name in files if not name.startswith(_RESOURCES)}
    only = f"{next(iter(tops), '')}/{MANIFEST}"
    if len(tops) != 1 or only not in files:
        raise wrong(f"there is no {MANIFEST} on its top level, or in its only folder")
    return files[only]


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, largest: int) -> bytes:
    if max(entry.file_size, entry.compress_size) > largest:
        raise wrong(f"{entry.filename[:100]} is larger than {largest} bytes")
    with archive.open(entry) as file:
        # Without a length, whatever it holds would be unpacked before it is cut to what the list says. That one byte more is not there
        # has the checksum compared.
        return file.read(entry.file_size + 1)


def wrong(what: str) -> InvalidConfigError:
    """Return the error for an archive that is not taken."""
    return InvalidConfigError(
        f"the file is no archive of a package: {what}", path="body", found=what, expected=f"a zip file with {MANIFEST} in it",
        suggestions=["make it anew: composer archive --format=zip"],
    )  # fmt: skip
