"""The file that npm pack writes: its manifest, and the readme that registries show.

https://docs.npmjs.com/cli/v11/configuring-npm/package-json and `pack` of libnpmpack 9: all files are below one folder, `package`.
"""

import io
import re
import tarfile
import zlib
from typing import Any, NamedTuple

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.registries.publications import LocalFile, contradiction

_MANIFEST = "package/package.json"
_README = re.compile(r"package/(readme(?:\.(?:md|markdown|txt))?)", re.IGNORECASE)
_LARGEST, _MOST_FILES = 1 << 30, 200_000
_LARGEST_MANIFEST, _LARGEST_README = 1 << 20, 4 << 20


class Packed(NamedTuple):
    """What is in such a file.

    Attributes:
        manifest: `package.json`.
        readme: The name and the text of the readme; empty where there is none.
    """

    manifest: dict[str, Any]
    readme: tuple[str, str]


def read_packed(file: LocalFile) -> Packed:
    """Read a file.

    Raises:
        InvalidConfigError: It is not what npm pack writes.
    """
    kept: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(file.content), mode="r|gz") as archive:
            total = 0
            for number, member in enumerate(archive):
                total += member.size
                if total > _LARGEST or number > _MOST_FILES:
                    raise not_packed(file, "too many files, or too large ones")
                _check(file, member)
                if _is_kept(member):
                    if member.name in kept:
                        raise not_packed(file, f"{member.name} is in it twice")
                    content = archive.extractfile(member)
                    kept[member.name] = content.read() if content is not None else b""
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise not_packed(file, str(error) or "no gzipped tar archive") from error
    return Packed(_manifest(file, kept.pop(_MANIFEST, None)), _readme(kept))


def _check(file: LocalFile, member: tarfile.TarInfo) -> None:
    """Refuse what npm would not have packed: links and devices, and what leads out of the folder."""
    parts = member.name.split("/")
    if not (member.isfile() or member.isdir()) or parts[0] != "package" or ".." in parts or "" in parts[:-1]:
        raise not_packed(file, f"{member.name[:100]!r} is in it")


def _is_kept(member: tarfile.TarInfo) -> bool:
    if member.name == _MANIFEST:
        return member.size <= _LARGEST_MANIFEST
    return _README.fullmatch(member.name) is not None and member.size <= _LARGEST_README


def _manifest(file: LocalFile, content: bytes | None) -> dict[str, Any]:
    try:
        return msgspec.json.decode(content or b"", type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        found = "no package.json" if content is None else str(error)
        raise not_packed(file, found) from error


def _readme(kept: dict[str, bytes]) -> tuple[str, str]:
    # That in Markdown is what registries show.
    for path in sorted(kept, key=lambda one: (not one.lower().endswith(".md"), one)):
        return path.removeprefix("package/"), kept[path].decode("utf-8", "replace")
    return "", ""


def not_packed(file: LocalFile, found: str) -> InvalidConfigError:
    """Return the error for a file that npm pack has not written."""
    return contradiction(
        file, f"it is no package of npm: {found[:200]}", found=found, expected="what npm pack writes", remedy="pack it anew: npm pack"
    )  # fmt: skip
