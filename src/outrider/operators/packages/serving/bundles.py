"""Packages in one file, for where no network leads to: a tar file of what is known of them, and of their files."""

import asyncio
import io
import tarfile
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from outrider.core.errors import ExecutionFailedError, InvalidConfigError, NotFoundError
from outrider.operators.packages.serving.blobs import Blobs
from outrider.operators.packages.serving.downloading import PIECE
from outrider.operators.packages.serving.naming import served_name
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.serving.tables import KeptFile, PackageState, Release, Tables
from outrider.operators.packages.whole_files import refuse_named_pipe

_FORM = 1
_LIST = "packages.json"
_LARGEST_LIST = 256 << 20


class BundledPackage(msgspec.Struct, kw_only=True):
    """A package of a bundle.

    Attributes:
        state: What is known of it.
        files: Of other registries.
        releases: That were published where the bundle comes from.
        tags: Of these.
        withdrawn: Versions that were published there and are there no more, with the SHA-256 of their files.
    """

    ecosystem: str
    name: str
    state: PackageState
    files: dict[str, KeptFile] = {}
    releases: list[Release] = []
    tags: dict[str, str] = {}
    withdrawn: dict[str, str] = {}

    def blobs(self) -> set[str]:
        """Return all blobs that belong to it."""
        named = {self.state.raw, *(one.digest for one in self.files.values())}
        return (named | {one.digest for one in self.releases} | {one.beside for one in self.releases}) - {""}


class _List(msgspec.Struct):
    form: int
    packages: list[BundledPackage]


class Bundled(NamedTuple):
    """What a bundle holds: packages, files, and bytes."""

    packages: int
    files: int
    size: int


def chosen(tables: Tables, ecosystems: Sequence[str], patterns: Sequence[str]) -> list[BundledPackage]:
    """Return the packages that are here and that some patterns mean.

    Args:
        tables: For reading.
        ecosystems: That are looked at.
        patterns: `ECOSYSTEM:NAME` with `*` for any letters; empty for all.

    Raises:
        NotFoundError: There are none.
    """
    found = [
        _package(tables, ecosystem, name)
        for ecosystem in ecosystems
        for name in tables.names(ecosystem)
        if not patterns or any(_means(one, ecosystem, name) for one in patterns)
    ]
    if not found:
        raise NotFoundError(
            "there are no such packages here", path="packages", found=", ".join(patterns) or "all", expected="packages that are here",
            suggestions=["install them once through this registry"],
        )  # fmt: skip
    return found


def _means(pattern: str, ecosystem: str, name: str) -> bool:
    """Return whether a pattern means a package, however people write the name of it."""
    written, _, rest = pattern.partition(":")
    folded = f"{written}:{served_name(ecosystem, rest)}" if rest else pattern
    return any(fnmatchcase(f"{ecosystem}:{name}", one) for one in (pattern, folded))


def _package(tables: Tables, ecosystem: str, name: str) -> BundledPackage:
    state = tables.state(ecosystem, name)
    assert state is not None
    return BundledPackage(
        ecosystem=ecosystem, name=name, state=state, files=tables.files(ecosystem, name), releases=tables.releases(ecosystem, name),
        tags=tables.tags(ecosystem, name), withdrawn=tables.withdrawn(ecosystem, name),
    )  # fmt: skip


def write_bundle(path: Path, packages: Sequence[BundledPackage], blobs: Blobs) -> Bundled:
    """Write a bundle; the same packages give the same bytes.

    Raises:
        ExecutionFailedError: It cannot be written, or a file is lost.
    """
    digests = sorted(set().union(*(one.blobs() for one in packages)))
    content = msgspec.json.encode(_List(_FORM, list(packages)))
    partial = path.with_name(f"{path.name}.part")
    try:
        with tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as archive:
            _add(archive, _LIST, io.BytesIO(content), len(content))
            for digest in digests:
                with blobs.path(digest).open("rb") as file:
                    _add(archive, f"blobs/{digest}", file, blobs.path(digest).stat().st_size)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ExecutionFailedError(
            f"{path}: the bundle cannot be written: {error}", found=str(error), expected="a folder with room",
            suggestions=["make room, or name another file"],
        ) from error  # fmt: skip
    return Bundled(len(packages), sum(len(one.files) + len(one.releases) for one in packages), path.stat().st_size)


def _add(archive: tarfile.TarFile, name: str, file: IO[bytes], size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = size
    archive.addfile(entry, file)


def read_list(path: Path) -> list[BundledPackage]:
    """Return the packages of a bundle.

    Raises:
        NotFoundError: There is no such file.
        InvalidConfigError: It is no bundle.
    """
    refuse_named_pipe(path)
    try:
        with tarfile.open(path, "r:") as archive:
            return _list(path, archive, archive.next())
    except (OSError, tarfile.TarError) as error:
        raise _unreadable(path, error) from error


async def take_bundle(path: Path, store: Store) -> Bundled:
    """Take what a bundle has into a registry; what is here of the same packages goes.

    Raises:
        NotFoundError: There is no such file.
        InvalidConfigError: It is no bundle, or a file in it is not what it should be.
        ExecutionFailedError: It cannot be kept.
    """
    packages, size = await asyncio.to_thread(_taken, path, store.blobs)

    def work(tables: Tables) -> None:
        for one in packages:
            _put(tables, one)

    await store.write(work)
    return Bundled(len(packages), sum(len(one.files) + len(one.releases) for one in packages), size)


def _taken(path: Path, blobs: Blobs) -> tuple[list[BundledPackage], int]:
    """Keep the files of a bundle; return its packages, and its size."""
    try:
        with tarfile.open(path, "r:") as archive:
            packages = _list(path, archive, archive.next())
            wanted = set().union(*(one.blobs() for one in packages)) if packages else set()
            for entry in archive:
                wanted.discard(_take(path, archive, entry, blobs))
        size = path.stat().st_size
    except (OSError, tarfile.TarError) as error:
        raise _unreadable(path, error) from error
    if wanted:
        raise InvalidConfigError(
            f"{path}: files are missing in it", found=f"{len(wanted)} missing", suggestions=["make it again"]
        )
    return packages, size


def _put(tables: Tables, one: BundledPackage) -> None:
    ecosystem, name = one.ecosystem, one.name
    for release in tables.releases(ecosystem, name):
        tables.remove_release(ecosystem, name, release.file)
    # Its documents are made when somebody asks for them, with the addresses and the policy of this registry.
    tables.put_state(ecosystem, name, msgspec.structs.replace(one.state, rules="", etag="", modified=""))
    tables.put_documents(ecosystem, name, ())
    tables.put_needs(ecosystem, name, one.state.summary.needs)
    tables.put_tags(ecosystem, name, one.tags)
    tables.put_withdrawn(ecosystem, name, one.withdrawn)
    for release in one.releases:
        tables.put_release(ecosystem, name, release)
    for file, kept in one.files.items():
        tables.put_kept(ecosystem, name, file, kept, one.state.fetched)


def _list(path: Path, archive: tarfile.TarFile, entry: tarfile.TarInfo | None) -> list[BundledPackage]:
    file = (
        archive.extractfile(entry)
        if entry is not None and entry.name == _LIST and entry.size <= _LARGEST_LIST
        else None
    )
    try:
        found = msgspec.json.decode(file.read() if file is not None else b"", type=_List)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _unreadable(path, error) from error
    if found.form != _FORM:
        raise _unreadable(path, ValueError(f"form {found.form}"))
    return found.packages


def _take(path: Path, archive: tarfile.TarFile, entry: tarfile.TarInfo, blobs: Blobs) -> str:
    """Keep a file, and return its hash."""
    file = archive.extractfile(entry) if entry.isreg() else None
    digest = entry.name.removeprefix("blobs/")
    if file is None or digest == entry.name:
        return ""
    partial = blobs.begin({"sha256": digest})
    try:
        while piece := file.read(PIECE):
            partial.write(piece)
        return partial.finish()
    except ExecutionFailedError as error:
        raise InvalidConfigError(
            f"{path}: {error.message}", found=error.found, expected=error.expected, suggestions=["copy it again"]
        ) from error
    finally:
        partial.abandon()


def _unreadable(path: Path, error: Exception) -> InvalidConfigError | NotFoundError:
    if isinstance(error, FileNotFoundError):
        return NotFoundError(f"{path}: there is no such file", found=str(path), suggestions=["check the path"])
    return InvalidConfigError(
        f"{path}: no bundle of packages: {error}", found=str(error)[:200], expected="what packages.registry_export has written",
        suggestions=["copy it again, or make it anew"],
    )  # fmt: skip
