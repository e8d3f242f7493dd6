"""What is published: an archive, whose composer.json says what it is. Composer itself has no command for it."""

import hashlib
from typing import Any

import msgspec

from outrider.core.errors import ConflictError, InvalidConfigError, OutriderError
from outrider.core.timestamps import timestamp_of_second
from outrider.operators.packages.composer.constraints import Constraints
from outrider.operators.packages.composer.releases import SELF, ReleaseReader
from outrider.operators.packages.composer.roots import is_name
from outrider.operators.packages.composer.serving.archives import ZIP, archive_of
from outrider.operators.packages.composer.serving.kept import FIELDS
from outrider.operators.packages.composer.serving.packages import MANIFEST, is_inside, manifest_of
from outrider.operators.packages.serving.blobs import Blobs
from outrider.operators.packages.serving.tables import Release, Tables
from outrider.operators.packages.versions.composer import normal_form

_LINKS = ("require", "require-dev", "conflict", "provide", "replace")
# PHP writes an empty list where an empty object is meant.
_Texts = dict[str, str] | list[str]
_Things = dict[str, Any] | list[Any]


class Manifest(msgspec.Struct, omit_defaults=True, rename={
    "autoload_dev": "autoload-dev", "include_path": "include-path", "target_dir": "target-dir", "require_dev": "require-dev",
}):  # fmt: skip
    """What of a composer.json a repository says of a version, as Composer's class `ArrayDumper` has it.

    https://getcomposer.org/doc/04-schema.md. What counts in a project of its own alone is left out.
    """

    name: str
    version: str = ""
    description: str = ""
    type: str = ""
    keywords: list[str] | str = ""
    homepage: str = ""
    license: list[str] | str = ""
    authors: list[dict[str, Any]] = []
    support: _Things = {}
    funding: list[dict[str, Any]] = []
    require: _Texts = {}
    require_dev: _Texts = {}
    conflict: _Texts = {}
    provide: _Texts = {}
    replace: _Texts = {}
    suggest: _Texts = {}
    autoload: _Things = {}
    autoload_dev: _Things = {}
    include_path: list[str] = []
    target_dir: str = ""
    bin: list[str] | str = ""
    extra: _Things = {}
    archive: _Things = {}
    abandoned: bool | str = False


_MANIFEST = msgspec.json.Decoder(Manifest)


def read_package(content: bytes, version: str = "") -> Manifest:
    """Return what an archive says of itself, with a version.

    Args:
        content: Of the archive.
        version: That stands in the address; empty where none does.

    Raises:
        InvalidConfigError: It is no archive of a package, or has no version, or another one.
    """
    try:
        found = _MANIFEST.decode(manifest_of(content))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise wrong(MANIFEST, str(error), "what Composer reads") from error
    if not is_name(found.name):
        raise wrong("name", found.name, "vendor/name in small letters, digits, dots, hyphens and underscores")
    if not found.version and not version:
        raise wrong("version", "nothing", "a version in composer.json, or in the address: ?version=1.0")
    if found.version and version and normal_form(version) != normal_form(found.version):
        raise wrong("version", f"{version} in the address", f"{found.version}, which is in {MANIFEST}")
    if found.target_dir and not is_inside(found.target_dir):
        raise wrong("target-dir", found.target_dir, "a folder within the package")
    found.version = found.version or version
    normal_form(found.version)
    _check_links(found)
    return found


def _check_links(found: Manifest) -> None:
    """Refuse what would have Composer refuse all versions of a package."""
    constraints = Constraints()
    for kind in _LINKS:
        links = getattr(found, kind.replace("-", "_"))
        if isinstance(links, list):
            if links:
                raise wrong(kind, "a list", "constraints by the names of packages")
            continue
        for target, constraint in links.items():
            try:
                constraints.read(found.version if constraint == SELF else constraint)
            except InvalidConfigError as error:
                raise wrong(f"{kind}.{target}", constraint, "a constraint such as ^1.2") from error


def release_of(found: Manifest, content: bytes, blobs: Blobs, publisher: str, now: float) -> Release:
    """Keep an archive, and return what is known of it.

    Args:
        found: What it says of itself.
        content: Of the archive.
        blobs: Where files are kept.
        publisher: Who sends it.
        now: Seconds since the epoch.

    Raises:
        InvalidConfigError: It says something that Composer does not read.
    """
    sha1 = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    said = {
        **{key: value for key, value in msgspec.to_builtins(found).items() if value != []},
        "version_normalized": normal_form(found.version), "time": timestamp_of_second(now),
        "dist": {"type": ZIP, "reference": sha1, "shasum": sha1},
    }  # fmt: skip
    if next(iter(ReleaseReader().read(found.name, [said]))) is None:
        raise wrong(MANIFEST, found.name, "what Composer reads: at most 5000 requirements of a kind, each a constraint")
    packed = msgspec.json.encode(said)
    archive = archive_of(found.name, FIELDS.decode(packed))
    assert archive is not None  # a zip file is one
    return Release(
        file=archive.file, version=found.version, digest=blobs.put(content, durable=True), size=len(content), said=packed, published=now,
        publisher=publisher,
    )  # fmt: skip


def publish(tables: Tables, name: str, release: Release) -> None:
    """Have a version; one that is there already with the same bytes is left as it is.

    Raises:
        ConflictError: There is one already: what a version is never changes.
    """
    for one in tables.releases("composer", name):
        if normal_form(one.version) != normal_form(release.version):
            continue
        if one.digest == release.digest and one.version == release.version and one.yanked is None:
            return
        why = "there is one with another content" if one.yanked is None else "it was taken back"
        if one.version != release.version:
            why = f"there is {one.version}, which is the same version"
        raise ConflictError(
            f"{name} {release.version} cannot be published: {why}", path="version", found=release.version, expected="a version that is not there yet",
            suggestions=[f"raise the version in {MANIFEST}, or in the address"],
        )  # fmt: skip
    tables.put_release("composer", name, release)


def wrong(field: str, found: str, expected: str) -> OutriderError:
    """Return the error for a part of an archive that cannot be taken."""
    return InvalidConfigError(
        f"{field}: {found[:100]}, and not {expected}", path=field, found=found[:100], expected=expected,
        suggestions=[f"correct {MANIFEST}: composer validate"],
    )  # fmt: skip
