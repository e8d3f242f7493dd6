"""What the file of a package tells beyond its source: the hash that locks have of it, and how it is called."""

import struct
import zipfile
import zlib
from typing import IO

import msgspec

from outrider.core.errors import ExecutionFailedError, InvalidConfigError
from outrider.operators.packages.locks.documents import read_xml
from outrider.operators.packages.nuget.content_hashes import NotAnArchiveError, content_hash

_LARGEST_MANIFEST = 1 << 20
_RUNTIMES = "runtime.json"


class FileRecord(msgspec.Struct, array_like=True, frozen=True):
    """What is known of a file.

    Attributes:
        name: Of the package, as its manifest writes it.
        content_hash: In hexadecimal digits.
        has_runtimes: Whether it names packages for kinds of machines alone, in a runtime.json.
    """

    name: str
    content_hash: str
    has_runtimes: bool


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
            with archive.open(manifest) as entry:
                content = entry.read(_LARGEST_MANIFEST)
        name = (read_xml("nuspec", content.decode("utf-8-sig")).findtext("metadata/id") or "").strip()
    except (
        NotAnArchiveError, zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, ValueError, RuntimeError, InvalidConfigError,
    ) as error:  # fmt: skip
        raise _unusable(place, str(error)) from error
    return FileRecord(name, found, any(one.lower() == _RUNTIMES for one in names))


def _unusable(place: str, found: str) -> ExecutionFailedError:
    return ExecutionFailedError(
        f"nuget {place}: its file cannot be read: {found[:200]}", found=found[:200], expected="a package as nuget pack writes it",
        suggestions=["ask for another version", "check the source: dotnet nuget list source"],
    )  # fmt: skip
