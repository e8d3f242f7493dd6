"""Files that are published: what twine and uv send, checked against itself.

https://github.com/pypi/warehouse/blob/main/docs/user/api/upload.md
"""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from outrider.core.errors import ConflictError, ExecutionFailedError, InvalidConfigError
from outrider.operators.packages.pypi.core_metadata import Metadata, read_metadata, told_licence
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.pypi.records import version_of
from outrider.operators.packages.pypi.serving.documents import Uploaded
from outrider.operators.packages.pypi.wheel_metadata import metadata_text
from outrider.operators.packages.serving.blobs import Blobs
from outrider.operators.packages.serving.multipart import FormPart
from outrider.operators.packages.serving.tables import Release, Tables
from outrider.operators.packages.versions.ecosystems import scheme_of

# By the name of the field in the form.
_HASHES = {"sha256_digest": "sha256", "md5_digest": "md5", "blake2_256_digest": "blake2b"}
_LICENCES = ("license_expression", "license", "classifiers")
_LONGEST_NAME = 255


class Upload(msgspec.Struct, frozen=True):
    """A file that is to be published.

    Attributes:
        project: Its name, normalised.
        release: The file.
    """

    project: str
    release: Release


async def read_upload(form: Mapping[str, Sequence[FormPart]], blobs: Blobs, publisher: str, now: float) -> Upload:
    """Check what was sent, and keep the file.

    Args:
        form: What was sent.
        blobs: Where files are kept.
        publisher: Who sends it.
        now: Seconds since the epoch.

    Raises:
        InvalidConfigError: It is not what a client sends, or contradicts itself.
        ExecutionFailedError: It cannot be kept.
    """
    project, version = _text(form, "name"), _text(form, "version")
    parts = form.get("content", ())
    if _text(form, ":action") != "file_upload" or len(parts) != 1 or not parts[0].file:
        raise _wrong(":action", _text(form, ":action"), "file_upload, with one file named content")
    file, content = parts[0].file, parts[0].content
    name = normalised(project)
    version = _check_name(file, name, version)
    for field, algorithm in _HASHES.items():
        _check_hash(field, algorithm, _text(form, field), content)
    metadata, licence = "", told_licence(*([one.text for one in form.get(field, ())] for field in _LICENCES))
    needs: list[str] = []
    if file.endswith(".whl"):
        text, found = await _wheel_metadata(file, content, name, version)
        licence, needs = found.licence, [need.name for need in found.needs]
        metadata = blobs.put(text.encode(), durable=True)
    digest = blobs.put(content, durable=True)
    said = Uploaded({"sha256": digest}, _text(form, "requires_python"), _text(form, "summary"), licence, needs)
    return Upload(
        name,
        Release(
            file=file, version=version, digest=digest, size=len(content), said=msgspec.msgpack.encode(said), published=now, publisher=publisher, beside=metadata,
        ),
    )  # fmt: skip


def publish(tables: Tables, upload: Upload) -> None:
    """Have a file that was uploaded.

    Raises:
        ConflictError: There is another one of its name.
    """
    for one in tables.releases("pypi", upload.project):
        if one.file == upload.release.file:
            if one.digest != upload.release.digest:
                raise ConflictError(
                    f"File already exists: {one.file}, with another content", path="content", found=f"sha256 {upload.release.digest}",
                    expected=f"sha256 {one.digest}", suggestions=["publish it under a new version"],
                )  # fmt: skip
            return
    tables.put_release("pypi", upload.project, upload.release)


def _check_name(file: str, name: str, version: str) -> str:
    """Return the version as the file's name writes it, which is that of the pages."""
    plain = "/" not in file and "\\" not in file and file.isprintable() and len(file) <= _LONGEST_NAME
    found = version_of(file, name) if plain else None
    if found is None:
        raise _wrong("content", file, f"a wheel or a source distribution of {name}")
    scheme = scheme_of("pypi")
    if scheme.parse(found).key != scheme.parse(version).key:
        raise _wrong("version", version, f"{found}, as the file's name says")
    return found


def _check_hash(field: str, algorithm: str, said: str, content: bytes) -> None:
    if said:
        made = hashlib.blake2b(content, digest_size=32) if algorithm == "blake2b" else hashlib.new(algorithm, content)
        if made.hexdigest() != said.lower():
            raise _wrong(field, said, f"{made.hexdigest()}, which is that of the file")


async def _wheel_metadata(file: str, content: bytes, name: str, version: str) -> tuple[str, Metadata]:
    """Return the metadata within a wheel, as it is and as it is read."""
    try:
        text = await metadata_text(file, len(content), content, _nothing)
        return text, _checked_metadata(text, name, version)
    except ExecutionFailedError as error:
        raise _wrong("content", f"{file}: {error.found}", error.expected) from error


def _checked_metadata(text: str, name: str, version: str) -> Metadata:
    found = read_metadata(text)
    fields = dict(line.partition(": ")[::2] for line in text.split("\n\n", 1)[0].splitlines() if ": " in line)
    scheme = scheme_of("pypi")
    if normalised(fields.get("Name", "")) != name:
        raise _wrong("content", fields.get("Name", "no name"), f"a wheel of {name}")
    if scheme.parse(fields.get("Version", "").strip()).key != scheme.parse(version).key:
        raise _wrong("content", fields.get("Version", "no version"), f"a wheel of version {version}")
    return found


def _text(form: Mapping[str, Sequence[FormPart]], name: str) -> str:
    parts = form.get(name, ())
    return parts[0].text if parts else ""


def _wrong(field: str, found: str, expected: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{field}: {found[:100] or 'nothing'}, and not {expected}", path=field, found=found[:100], expected=expected,
        suggestions=["build the file anew and publish it with twine or uv"],
    )  # fmt: skip


async def _nothing(begin: int, end: int) -> bytes:
    raise ExecutionFailedError("the file is cut off", found=f"no bytes from {begin} to {end}", expected="a whole file")
