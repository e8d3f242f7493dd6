"""A wheel or a source distribution that is to be published: its metadata, and what is sent of them.

https://github.com/pypi/warehouse/blob/main/docs/user/api/upload.md, and `package.py` and `repository.py` of twine 6.
"""

import hashlib
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from packaging.metadata import Metadata, RawMetadata, parse_email
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from outrider.core.errors import ExecutionFailedError, InvalidConfigError
from outrider.operators.packages.pypi.source_metadata import source_metadata
from outrider.operators.packages.pypi.wheel_metadata import metadata_text, no_metadata
from outrider.operators.packages.registries.publications import LocalFile, Publication, contradiction

_WHEEL, _SOURCES = ".whl", ".tar.gz"
# Names of the form, where they are others than those of the metadata.
_RENAMED = {"platforms": "platform", "supported_platforms": "supported_platform", "license_files": "license_file"}
_UNSAFE = re.compile(r"[^A-Za-z0-9.]+")
# Before that, what says so is of setuptools, and says it in another way.
_LICENCE_FILES_SINCE = Version("2.4")


async def read_distribution(file: LocalFile) -> Publication:
    """Return what a file is.

    Raises:
        InvalidConfigError: It is no distribution, or its name says something else than its metadata.
    """
    name, version = _named(file)
    try:
        text = await _text(file)
    except ExecutionFailedError as error:
        raise wrong(file, error.message, error.found) from error
    metadata = _metadata(file, text)
    if canonicalize_name(metadata["name"]) != name:
        raise wrong(file, f"it is called as one of {name}, and its metadata says {metadata['name']}", metadata["name"])
    if Version(metadata["version"]) != version:
        raise wrong(
            file, f"it is called as version {version}, and its metadata says {metadata['version']}", metadata["version"]
        )
    return Publication(metadata["name"], metadata["version"], file, {"metadata": metadata})


def fields_of(publication: Publication) -> Iterator[tuple[str, str]]:
    """Yield the fields of the form for a distribution, as twine sends them."""
    metadata: RawMetadata = publication.said["metadata"]
    for key, value in metadata.items():
        field = "name" if key == "name" else _RENAMED.get(key, key)
        yield from _field(field, _UNSAFE.sub("-", publication.name) if key == "name" else value)
    file = publication.file
    is_wheel = file.name.endswith(_WHEEL)
    yield "pyversion", file.name.removesuffix(_WHEEL).split("-")[-3] if is_wheel else "source"
    yield "filetype", "bdist_wheel" if is_wheel else "sdist"
    yield "sha256_digest", file.sha256
    yield "blake2_256_digest", hashlib.blake2b(file.content, digest_size=32).hexdigest()
    yield ":action", "file_upload"
    yield "protocol_version", "1"


def _field(field: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        yield from ((field, f"{name}, {url}") for name, url in value.items())
    elif field == "keywords" and isinstance(value, list):
        yield field, ", ".join(value)
    elif isinstance(value, list):
        yield from ((field, one) for one in value)
    else:
        yield field, value


def _named(file: LocalFile) -> tuple[str, Version]:
    """Return the project and the version that the name of a file says."""
    try:
        if file.name.endswith(_WHEEL):
            name, version, _, _ = parse_wheel_filename(file.name)
        elif file.name.endswith(_SOURCES):
            name, version = parse_sdist_filename(file.name)
        else:
            raise wrong(file, "it is called neither as a wheel nor as a source distribution", file.name)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion) as error:
        raise wrong(file, str(error), file.name) from error
    return name, version


async def _text(file: LocalFile) -> str:
    if not file.name.endswith(_WHEEL):
        return source_metadata(file.name, file.content)

    async def nothing(begin: int, end: int) -> bytes:
        raise no_metadata(file.name, f"no bytes from {begin} to {end}")

    text = await metadata_text(file.name, len(file.content), file.content, nothing)
    with zipfile.ZipFile(BytesIO(file.content)) as wheel:
        names = wheel.namelist()
    # Without these no installer takes it (PEP 427).
    for needed in (".dist-info/WHEEL", ".dist-info/RECORD"):
        if not any(one.endswith(needed) and one.count("/") == 1 for one in names):
            raise no_metadata(file.name, f"no file {needed}")
    return text


def _metadata(file: LocalFile, text: str) -> RawMetadata:
    """Return metadata as packaging takes them apart, which is the reference for what they may say."""
    raw, unknown = parse_email(text)
    try:
        if Version(raw.get("metadata_version", "0")) < _LICENCE_FILES_SINCE:
            raw.pop("license_files", None)
            unknown.pop("license-file", None)
        Metadata.from_raw(raw)
    except InvalidVersion as error:
        raise wrong(file, f"its metadata cannot be read: {error}", str(error)) from error
    except ExceptionGroup as group:
        whys = "; ".join(sorted(str(one) for one in group.exceptions))
        raise wrong(file, f"its metadata cannot be published: {whys}", whys) from group
    if unknown:
        raise wrong(
            file, f"its metadata has fields that are unknown: {', '.join(sorted(unknown))}", ", ".join(sorted(unknown))
        )
    return raw


def wrong(file: LocalFile, what: str, found: str) -> InvalidConfigError:
    """Return the error for a file that no index would take."""
    return contradiction(
        file, what[:400], found=found, expected="a wheel, or a source distribution NAME-VERSION.tar.gz", remedy="build it anew: python -m build, or uv build"
    )  # fmt: skip
