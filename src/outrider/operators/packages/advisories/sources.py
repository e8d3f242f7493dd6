"""Advisories as they are published: files of the OSV schema and of other collections, alone, in folders or in zip files.

What is said of exploits, in files of EPSS and in CISA's catalogue, is read too.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

import msgspec
import yaml

from outrider.core.errors import ExecutionFailedError, InvalidConfigError, NotFoundError
from outrider.operators.packages.advisories.exploits import (
    Known,
    is_catalogue,
    is_scores,
    read_catalogue,
    read_scores,
)
from outrider.operators.packages.advisories.native import (
    is_friends_of_php,
    is_nuget_index,
    is_rubysec,
    is_rustsec,
    read_friends_of_php,
    read_nuget,
    read_rubysec,
    read_rustsec,
)
from outrider.operators.packages.advisories.osv import Advisory, Withdrawn, read_osv, read_osv_object
from outrider.operators.packages.whole_files import read_bounded, refuse_named_pipe

_MIB = 1 << 20
_LARGEST_RECORD = 16 * _MIB
_MOST_RECORDS = 2_000_000
_ENDINGS = (".json", ".yaml", ".yml", ".md")
# Each record of a collection has one of them.
_MARKS = frozenset({"id", "schema_version", "affected", "gem", "reference", "vulnerabilities"})
_BY_NAMES = re.compile(rb'\s*\{\s*(?:\}|"[^"]*"\s*:\s*\[)')


def read_source(path: Path) -> Iterator[Known]:
    """Yield the records below a path; of those that were withdrawn their ids.

    Args:
        path: A zip file as OSV publishes them, a folder such as a checkout of pypa/advisory-database, one record, or a file of EPSS.

    Raises:
        NotFoundError: There is nothing.
        InvalidConfigError: It holds no records.
        ExecutionFailedError: A record cannot be read. None is left out silently: what was not read is not safe.
    """
    found = False
    refuse_named_pipe(path)
    try:
        for one in _records(path):
            found = True
            yield one
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ExecutionFailedError(
            f"{path}: it cannot be read: {error}", found=str(error), expected="a zip file that is whole", suggestions=["fetch it again"]
        ) from error  # fmt: skip
    except OSError as error:
        raise NotFoundError(
            f"{path}: it cannot be read: {error.strerror}", found=str(error.strerror), expected="a zip file, a folder or a record",
            suggestions=["check the path"],
        ) from error  # fmt: skip
    if not found:
        raise InvalidConfigError(
            f"{path}: there are no records in it", found="no file .json or .yaml", expected="records of the OSV schema",
            suggestions=["name a file all.zip of the OSV database, or a folder of records"],
        )  # fmt: skip


def _records(path: Path) -> Iterator[Known]:
    if is_scores(path.name) and not path.is_dir():
        yield from read_scores(path)
        return
    is_collection = path.is_dir() or path.suffix == ".zip"
    for name, content in _contents(path):
        try:
            yield from _read(content, name)
        except ExecutionFailedError:
            if not is_collection or not _is_beside(content, name):
                raise


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            # A checkout has settings of its own beside its records.
            if file.suffix in _ENDINGS and file.is_file() and not _is_hidden(file.relative_to(path)):
                _check_size(str(file), file.stat().st_size)
                yield str(file), file.read_bytes()
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            named = (one for one in archive.infolist() if one.filename.endswith(_ENDINGS))
            members = [one for one in named if not _is_hidden(PurePosixPath(one.filename))]
            if len(members) > _MOST_RECORDS:
                raise ExecutionFailedError(
                    f"{path}: too many records", found=str(len(members)), expected=f"at most {_MOST_RECORDS}"
                )
            for one in members:
                _check_size(one.filename, one.file_size)
                yield f"{path}:{one.filename}", archive.read(one)
    else:
        yield str(path), read_bounded(path, _LARGEST_RECORD)


def _is_hidden(path: PurePath) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _check_size(name: str, size: int) -> None:
    if size > _LARGEST_RECORD:
        raise ExecutionFailedError(
            f"{name}: too large for a record", found=f"{size} bytes", expected=f"at most {_LARGEST_RECORD}"
        )


def _read(content: bytes, name: str) -> Iterator[Known]:
    """Yield what a file says, whichever collection it is of."""
    if name.endswith(".md"):
        text = content.decode("utf-8", "replace")
        if "```toml" in text:
            yield read_rustsec(text, name)
    elif name.endswith(".json"):
        yield from _of_json(content, name)
    else:
        yield _of_yaml(content, name)


def _of_json(content: bytes, name: str) -> Iterator[Known]:
    try:
        yield read_osv(content, name)
    except ExecutionFailedError:
        if is_catalogue(content):
            yield from read_catalogue(content, name)
            return
        if is_nuget_index(_json(content)):
            raise ExecutionFailedError(
                f"{name}: it is NuGet's index, which has no advisories itself", found="a list of files", expected="a file that it lists",
                suggestions=["name the files that it lists: the first, then each other one with --add"],
            ) from None  # fmt: skip
        # Records of OSV have an id; a file of NuGet has lists, by the names of packages.
        if not _BY_NAMES.match(content):
            raise
        yield from read_nuget(content, name)


def _of_yaml(content: bytes, name: str) -> Advisory | Withdrawn:
    plain = _plain(_yaml(content, name))
    if is_rubysec(plain):
        return read_rubysec(plain, name)
    if is_friends_of_php(plain):
        return read_friends_of_php(plain, name)
    return read_osv_object(plain, name)


def _yaml(content: bytes, name: str) -> Any:
    try:
        return yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ExecutionFailedError(
            f"{name}: no YAML: {error}", found=str(error)[:200], expected="a record of the OSV schema", suggestions=["fetch it again"]
        ) from error  # fmt: skip


def _json(content: bytes) -> Any:
    """Return what is written in JSON; None where nothing is."""
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError):
        return None


def _is_beside(content: bytes, name: str) -> bool:
    """Return whether a file of a collection that could not be read is plainly no advisory, such as its composer.json.

    So is one about an interpreter, which rubysec has too: no package is named in it.
    """
    if name.endswith(".md"):
        return not is_rustsec(content.decode("utf-8", "replace"))
    read = _json(content) if name.endswith(".json") else _yaml(content, name)
    if not isinstance(read, dict) or _MARKS.intersection(read):
        return is_nuget_index(read)
    # With nothing but lists it may be a file of NuGet that is broken.
    return not all(isinstance(one, list) for one in read.values())


def _plain(value: object) -> object:
    """Return what YAML made of it with times as texts, as JSON has them."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
