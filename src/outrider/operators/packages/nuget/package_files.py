"""What the file of a package tells beyond its source: the hash that locks have of it, and how it is called."""

import struct
import zipfile
import zlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from typing import IO, Any
from urllib.parse import unquote

import msgspec

from outrider.core.errors import ExecutionFailedError, InvalidConfigError
from outrider.operators.packages.locks.documents import read_json, read_xml
from outrider.operators.packages.nuget.content_hashes import NotAnArchiveError, content_hash

_LARGEST = 1 << 20
_RUNTIMES, _IMPORT = "runtime.json", "#import"
_LIBRARIES = (".dll", ".exe", ".winmd", "/_._")


class FileRecord(msgspec.Struct, array_like=True, frozen=True):
    """What is known of a file.

    Attributes:
        name: Of the package, as its manifest writes it.
        content_hash: In hexadecimal digits.
        has_runtimes: Whether it names packages for kinds of machines alone, in a runtime.json.
        machines: The frameworks for which it has other files on each kind of machine; an empty one is any.
    """

    name: str
    content_hash: str
    has_runtimes: bool
    machines: list[str]


def read_package_file(place: str, file: IO[bytes]) -> FileRecord:
    """Read the file of a package.

    Args:
        place: Its name and version, for errors.
        file: Of it; it is read wherever that is needed.

    Raises:
        ExecutionFailedError: It is no package.
    """
    try:
        found = content_hash(file)
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            manifest = next((one for one in names if "/" not in one and one.lower().endswith(".nuspec")), "")
            if not manifest:
                raise _unusable(place, "it has no manifest")
            content = _read(archive, manifest)
            runtimes = next((_read(archive, one) for one in names if one.lower() == _RUNTIMES), b"{}")
        name = (read_xml("nuspec", manifest_text(content)).findtext("metadata/id") or "").strip()
        has_runtimes = _has_packages(read_json(_RUNTIMES, runtimes.decode("utf-8-sig"), lenient=True))
    except (
        NotAnArchiveError, zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, ValueError, RuntimeError, InvalidConfigError,
    ) as error:  # fmt: skip
        raise _unusable(place, str(error)) from error
    if name.lower() != place.partition(" ")[0].lower():
        raise _unusable(place, f"it is {name or 'one without a name'}")
    return FileRecord(name, found, has_runtimes, sorted({one for name in names for one in _machines(name)}))


def manifest_text(content: bytes) -> str:
    """Return the text of a manifest, as which a mark at its beginning tells.

    Raises:
        UnicodeDecodeError: It is none.
    """
    return content.decode("utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as entry:
        return entry.read(_LARGEST)


def _has_packages(document: dict[str, Any]) -> bool:
    """Return whether a runtime.json names packages, besides which kinds of machines are like which."""
    runtimes = document.get("runtimes")
    kinds = runtimes.values() if isinstance(runtimes, dict) else ()
    return any(isinstance(kind, dict) and set(kind) - {_IMPORT} for kind in kinds)


def _machines(name: str) -> Iterator[str]:
    """Yield the framework for which a file is that is for one kind of machine: `runtimes/KIND/lib/FRAMEWORK/…`."""
    parts = unquote(name).lower().split("/")
    if parts[0] == "runtimes" and len(parts) > 3:
        if parts[2] == "native":
            yield ""
        elif len(parts) > 4 and (
            parts[2] == "nativeassets" or (parts[2] == "lib" and name.lower().endswith(_LIBRARIES))
        ):
            yield parts[3]


def _unusable(place: str, found: str) -> ExecutionFailedError:
    return ExecutionFailedError(
        f"nuget {place}: its file cannot be read: {found[:200]}", found=found[:200], expected="a package as nuget pack writes it",
        suggestions=["ask for another version", "check the source: dotnet nuget list source"],
    )  # fmt: skip
