"""The manifest in the file of a package, which a stranger has made: bounded, and refused where programs could read it in several ways.

https://learn.microsoft.com/nuget/create-packages/creating-a-package, and of the file itself APPNOTE.TXT of PKWARE.
"""

import io
import re
import struct
import zipfile
import zlib
from typing import BinaryIO
from urllib.parse import unquote

from outrider.core.errors import InvalidConfigError

_SUFFIX = ".nuspec"
_LARGEST_MANIFEST = 1 << 20
# Of what it would be unpacked.
_LARGEST_WHOLE = 4 << 30
# Of the list of files: some 90,000 of them at most.
_LARGEST_LIST = 4 << 20
_END, _FOR_LARGE = b"PK\x05\x06", b"PK\x06\x07"
_END_SIZE, _FOR_LARGE_SIZE, _HEADER_SIZE, _LONGEST_COMMENT = 22, 20, 30, 65_535
_ENCRYPTED = 1
# Names that lead out of a folder, or mean something else on another system.
_UNSAFE = re.compile(r"[\\:\x00-\x1f\x7f]|^/|(?:^|/)\.\.(?:/|$)")


def manifest_in(file: BinaryIO) -> tuple[str, bytes]:
    """Return the name and the content of the manifest in a package.

    Raises:
        InvalidConfigError: It is no package, or one that harms who unpacks it.
    """
    _check_list(file)
    try:
        with zipfile.ZipFile(file) as archive:
            found = _manifest(archive, archive.infolist())
            with archive.open(found) as entry:
                content = entry.read(_LARGEST_MANIFEST + 1)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError, struct.error) as error:
        raise _wrong(str(error) or type(error).__name__) from error
    if len(content) > _LARGEST_MANIFEST:
        raise _wrong(f"its manifest is larger than {_LARGEST_MANIFEST} bytes")
    return found.filename, content


def _check_list(file: BinaryIO) -> None:
    """Refuse a list of files that is too long to be read, before anything of it is read."""
    size = file.seek(0, io.SEEK_END)
    begin = max(size - _END_SIZE - _LONGEST_COMMENT - _FOR_LARGE_SIZE, 0)
    file.seek(begin)
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        raise _wrong("it is no zip file, or is cut off")
    length, _, comment = struct.unpack_from("<IIH", tail, at + 12)
    if at + _END_SIZE + comment != len(tail):
        raise _wrong("there is something behind its end")
    if tail[max(at - _FOR_LARGE_SIZE, 0) : at].startswith(_FOR_LARGE) or length > _LARGEST_LIST:
        raise _wrong(f"its list of files has more than {_LARGEST_LIST} bytes")


def _manifest(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    names = [unquote(one.orig_filename) for one in entries]
    for name in names:
        if _UNSAFE.search(name) is not None:
            raise _wrong(f"a file in it is called {name[:100]!r}")
    if len(set(names)) != len(names):
        raise _wrong("a file is in it twice")
    if sum(one.file_size for one in entries) > _LARGEST_WHOLE:
        raise _wrong(f"it would become more than {_LARGEST_WHOLE} bytes")
    _refuse_overlaps(archive, entries)
    found = [one for one in entries if "/" not in one.filename and one.filename.lower().endswith(_SUFFIX)]
    if len(found) != 1:
        raise _wrong(f"there are {len(found)} manifests in it")
    (manifest,) = found
    if manifest.flag_bits & _ENCRYPTED or manifest.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _wrong("its manifest is encrypted, or compressed in a way that NuGet does not read")
    if manifest.file_size > _LARGEST_MANIFEST:
        raise _wrong(f"its manifest is larger than {_LARGEST_MANIFEST} bytes")
    return manifest


def _refuse_overlaps(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> None:
    """Refuse files that share bytes, by which a small file becomes a very large one."""
    ordered = sorted(entries, key=lambda one: one.header_offset)
    ends = [one.header_offset + _HEADER_SIZE + one.compress_size for one in ordered]
    begins = [*(one.header_offset for one in ordered[1:]), archive.start_dir]
    if any(end > begin for end, begin in zip(ends, begins, strict=False)):
        raise _wrong("files in it overlap")
    if ordered and ordered[0].header_offset:
        raise _wrong("there is something before its first file")


def _wrong(what: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"the file is no package of NuGet: {what}", path="body", found=what, expected="what nuget pack writes",
        suggestions=["pack it anew: nuget pack"],
    )  # fmt: skip
