"""What nuget push, nuget delete and a relist send: https://learn.microsoft.com/nuget/api/package-publish-resource."""

import hashlib
import io
from base64 import b64encode
from typing import NamedTuple

import msgspec

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError
from outrider.operators.packages.nuget.flat_container import file_name
from outrider.operators.packages.nuget.records import shown_version
from outrider.operators.packages.nuget.serving.archives import manifest_in
from outrider.operators.packages.nuget.serving.documents import TAKEN_BACK
from outrider.operators.packages.nuget.serving.nuspecs import Nuspec, read_nuspec, wrong_nuspec
from outrider.operators.packages.serving.blobs import Blobs
from outrider.operators.packages.serving.multipart import read_form
from outrider.operators.packages.serving.tables import Release, Tables


class Pushed(NamedTuple):
    """A package that was sent.

    Attributes:
        nuspec: Its manifest.
        manifest: The same, as it is written.
        content: Of its file.
    """

    nuspec: Nuspec
    manifest: bytes
    content: bytes


def read_push(content_type: str | None, body: bytes) -> Pushed:
    """Return the package in a request, and refuse one that is none, or that clients would read in several ways.

    Raises:
        InvalidConfigError: It is one, or there is no package in the request.
    """
    form = read_form(content_type, body, "publish with nuget push or dotnet nuget push")
    files = [part for parts in form.values() for part in parts if part.file is not None]
    if len(files) != 1:
        raise InvalidConfigError(
            f"the body has {len(files)} files in it", path="body", found=f"{len(files)} files", expected="one package",
            suggestions=["publish with nuget push or dotnet nuget push"],
        )  # fmt: skip
    name, manifest = manifest_in(io.BytesIO(files[0].content))
    nuspec = read_nuspec(manifest)
    if name.lower() != f"{nuspec.id}.nuspec".lower():
        raise wrong_nuspec("id", nuspec.id, f"that by which its file {name[:100]} is called")
    return Pushed(nuspec, manifest, files[0].content)


def release_of(pushed: Pushed, blobs: Blobs, publisher: str, now: float) -> Release:
    """Keep a package, and return what is known of it.

    Args:
        pushed: What was sent.
        blobs: Where files are kept.
        publisher: Who sends it.
        now: Seconds since the epoch.
    """
    nuspec, content = pushed.nuspec, pushed.content
    said = {
        **nuspec.entry,
        "packageHash": b64encode(hashlib.sha512(content).digest()).decode(),
        "packageHashAlgorithm": "SHA512",
    }
    return Release(
        file=file_name(nuspec.id, nuspec.version), version=nuspec.version, digest=blobs.put(content, durable=True), size=len(content),
        said=msgspec.json.encode({"catalogEntry": said}), published=now, publisher=publisher,
        beside=blobs.put(pushed.manifest, durable=True),
    )  # fmt: skip


def publish(tables: Tables, name: str, release: Release) -> None:
    """Have a version.

    Raises:
        ConflictError: There is one already, however its number is written: what a version is never changes.
    """
    if any(one.file == release.file for one in tables.releases("nuget", name)):
        raise ConflictError(
            f"{name} {release.version} is there already, and what a version is never changes", path="version", found=release.version,
            expected="a version that is not there yet", suggestions=["raise the version in the manifest, and pack anew"],
        )  # fmt: skip
    tables.put_release("nuget", name, release)


def put_listed(tables: Tables, name: str, version: str, *, listed: bool) -> None:
    """Have people shown a version, or not; who names it gets it all the same.

    Raises:
        NotFoundError: There is none.
    """
    file = file_name(name, shown_version(version) or version)
    for one in tables.releases("nuget", name):
        if one.file == file:
            yanked = None if listed else one.yanked or TAKEN_BACK
            tables.put_release("nuget", name, msgspec.structs.replace(one, yanked=yanked))
            return
    raise NotFoundError(
        f"nuget {name}: there is no version {version}", found=version, suggestions=["check name and version"]
    )
