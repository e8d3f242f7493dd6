"""What else is within the tarball of an npm package: packages that are bundled with it, and a lock of what is to be below it."""

import io
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from outrider.core.errors import ExecutionFailedError

_FOLDER, _MANIFEST, _SHRINKWRAP = "node_modules", "package.json", "npm-shrinkwrap.json"
_LARGEST_MANIFEST, _LARGEST_SHRINKWRAP = 1 << 20, 32 << 20
_LARGEST, _MOST_FILES, _DEEPEST = 1 << 30, 200_000, 40
# The path of a package below another: names of folders, the outermost first.
Path = tuple[str, ...]
Manifest = Mapping[str, Any]


def read_tarball(name: str, content: bytes, *, shrinkwrap: bool) -> list[tuple[Path, Manifest]]:
    """Return the packages that a tarball says to be below it, outer ones first.

    Args:
        name: Of the package, for errors.
        content: The tarball.
        shrinkwrap: Whether its lock counts, if it has one.

    Raises:
        ExecutionFailedError: It is no tarball.
    """
    found: dict[Path, Manifest] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r|gz") as archive:
            for path, manifest in _manifests(archive, name, shrinkwrap=shrinkwrap):
                found.setdefault(path, manifest)
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise _unusable(name, str(error)) from error
    return sorted(found.items(), key=lambda one: (len(one[0]), one[0]))


def _manifests(archive: tarfile.TarFile, name: str, *, shrinkwrap: bool) -> Iterator[tuple[Path, Manifest]]:
    total = 0
    for number, member in enumerate(archive):
        total += member.size
        if total > _LARGEST or number > _MOST_FILES:
            raise _unusable(name, "too many files, or too large ones")
        # The outermost folder may have any name.
        parts = member.name.removeprefix("./").split("/")[1:]
        path = _package(parts)
        if member.isfile() and path and member.size <= _LARGEST_MANIFEST:
            yield path, _object(archive, member)
        elif shrinkwrap and member.isfile() and parts == [_SHRINKWRAP] and member.size <= _LARGEST_SHRINKWRAP:
            yield from locked(_object(archive, member))


def _object(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Manifest:
    file = archive.extractfile(member)
    try:
        content = msgspec.json.decode(file.read() if file is not None else b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _package(parts: list[str]) -> Path:
    """Return of which package a file is the manifest; nothing where it is none."""
    if parts[-1:] != [_MANIFEST]:
        return ()
    return _path("/".join(parts[:-1]))


def _path(place: str) -> Path:
    """Take `node_modules/a/node_modules/@b/c` apart; nothing where it is written in another way."""
    before, *names = f"/{place}".split(f"/{_FOLDER}/")
    right = all(name.count("/") == (1 if name.startswith("@") else 0) and name for name in names)
    return tuple(names) if not before and right and len(names) <= _DEEPEST else ()


def locked(lock: Manifest) -> Iterator[tuple[Path, Manifest]]:
    """Yield the packages of a lock of npm, of any of its forms."""
    packages = lock.get("packages")
    if isinstance(packages, dict):
        for place, entry in packages.items():
            path = _path(place)
            if path and isinstance(entry, dict):
                yield path, {"name": path[-1], **entry}
        return
    waiting: list[tuple[Path, Any]] = [((), lock.get("dependencies"))]
    for path, entries in waiting:
        for name, entry in entries.items() if isinstance(entries, dict) and len(path) < _DEEPEST else ():
            if isinstance(entry, dict):
                yield (*path, name), {"name": name, **entry, "dependencies": entry.get("requires")}
                waiting.append(((*path, name), entry.get("dependencies")))


def _unusable(name: str, found: str) -> ExecutionFailedError:
    return ExecutionFailedError(
        f"npm {name}: its tarball cannot be read", found=found[:200], expected="a gzipped tar archive",
        suggestions=["ask for another version"],
    )  # fmt: skip
