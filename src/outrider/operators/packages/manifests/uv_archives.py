"""What a wheel or a source distribution that comes from no index says, where nothing is built of it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

import msgspec
from packaging.metadata import RawMetadata, parse_email
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.writing.texts import toml_text
from outrider.operators.packages.manifests.py_requirements import FORM, PyRequirement, read_requirements
from outrider.operators.packages.manifests.pyproject import PyProject, read_pyproject, refuse_built
from outrider.operators.packages.manifests.uv_direct import Direct
from outrider.operators.packages.manifests.uv_workspace import Archive, Fetched
from outrider.operators.packages.pypi.archives import WHEEL, source_texts, wheel_text
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.pypi.source_metadata import PKG_INFO
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.trees import possible

# Before that, what an archive says of itself may be another thing than what is built of it (PEP 643).
_STATIC_SINCE = Version("2.2")
_TOLD = frozenset({"requires-dist", "requires-python", "provides-extra", "version"})


async def read_archive(direct: Direct, path: Path, sha256: str) -> Fetched:
    """Return the project that an archive has.

    Args:
        direct: Whence it is.
        path: Where it lies now.
        sha256: Of it.

    Raises:
        InvalidConfigError: What it says cannot be read.
        UnsupportedError: Only a build can tell what it needs, or that comes from where nothing is read.
        ExecutionFailedError: It is no archive.
    """
    file = unquote(direct.address.rpartition("/")[2])
    digest = f"hash = {toml_text(f'sha256:{sha256}')}"
    if file.endswith(WHEEL):
        project = _of_wheel(file, await wheel_text(file, path))
        where = f"filename = {toml_text(file)}" if direct.kind == "path" else f"url = {toml_text(direct.address)}"
        archive = Archive(wheel=file, entry=f"{{ {where}, {digest} }}")
    else:
        texts = await asyncio.to_thread(source_texts, file, path, direct.subdirectory)
        project = _of_source(file, texts)
        archive = Archive(wheel="", entry=f"{{ {digest} }}")
    directs = {one.url: Direct.of_url(one.url, file) for one in project.requirements if one.url}
    requirements = [
        msgspec.structs.replace(one, source=directs[one.url].entry(), place=directs[one.url].entry())
        if one.url
        else one
        for one in project.requirements
    ]
    return Fetched(
        project=msgspec.structs.replace(project, requirements=requirements, groups={}), source=direct.entry(), archive=archive,
        directs={one.entry(): one for one in directs.values()},
    )  # fmt: skip


def _of_wheel(file: str, text: str) -> PyProject:
    project = _of_metadata(file, parse_email(text)[0])
    try:
        name, version, _, _ = parse_wheel_filename(file)
    except (InvalidWheelFilename, InvalidVersion) as error:
        raise _unreadable(file, str(error)) from error
    if (name, str(version)) != (project.name, project.version):
        raise _unreadable(file, f"{project.name} {project.version}")
    return project


def _of_source(file: str, texts: dict[str, str]) -> PyProject:
    """Return what a source distribution says: its pyproject.toml counts first."""
    unsupported = UnsupportedError(
        f"{file}: only a build can tell what it needs", path=file, found=" and ".join(sorted(texts)) or "neither pyproject.toml nor PKG-INFO",
        expected="a pyproject.toml that says it, or PKG-INFO of metadata 2.2", suggestions=["use uv itself: uv lock"],
    )  # fmt: skip
    if FORM in texts:
        form = f"{file}: {FORM}"
        try:
            project = read_pyproject(texts[FORM], form)
            refuse_built(read_toml(form, texts[FORM]), form)
        except UnsupportedError as error:
            unsupported = error
        else:
            return project
    metadata = parse_email(texts.get(PKG_INFO, ""))[0]
    try:
        is_static = Version(metadata.get("metadata_version", "0")) >= _STATIC_SINCE
    except InvalidVersion:
        is_static = False
    if not is_static or _TOLD.intersection(one.lower() for one in metadata.get("dynamic", [])):
        raise unsupported
    return _of_metadata(file, metadata)


def _of_metadata(file: str, metadata: RawMetadata) -> PyProject:
    try:
        version = str(Version(metadata.get("version", "")))
    except InvalidVersion as error:
        raise _unreadable(file, str(error)) from error
    extras = list(dict.fromkeys(normalised(one) for one in metadata.get("provides_extra", [])))
    listed = read_requirements(metadata.get("requires_dist", []), ("Requires-Dist",), form=file)
    return PyProject(
        name=canonicalize_name(metadata.get("name", "")), version=version, pythons=metadata.get("requires_python", ""),
        requirements=[_with_extra(file, one, extras) for one in listed], extras=extras, groups={},
    )  # fmt: skip


def _with_extra(file: str, one: PyRequirement, extras: Sequence[str]) -> PyRequirement:
    """Return a requirement with the extra that it is of, which core metadata have in its marker alone."""
    tree = marker_tree(one.need.marker)
    those = [] if possible(tree) else [each for each in extras if possible(tree, (each,))]
    if one.url and len(those) > 1:
        raise UnsupportedError(
            f"{file}: {one.need.name} has an address, and several extras need it", path="Requires-Dist", found=one.need.marker[:80],
            expected="one extra", suggestions=["use uv itself: uv lock"],
        )  # fmt: skip
    return msgspec.structs.replace(one, extra=those[0]) if len(those) == 1 else one


def _unreadable(file: str, found: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{file}: its name and its metadata do not go together", path=file, found=found[:80], expected="NAME-VERSION of both",
        suggestions=["build it anew"],
    )  # fmt: skip
