"""What npm sends to publish, to deprecate and to take back.

https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md; libnpmpublish of npm 11.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from typing import Any

import msgspec

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError, OutriderError
from outrider.operators.packages.npm.serving.documents import tarball_name
from outrider.operators.packages.serving.blobs import Blobs
from outrider.operators.packages.serving.tables import Release, Tables
from outrider.operators.packages.versions.ecosystems import scheme_of

_NAME = re.compile(r"(?:@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*")
_LONGEST_NAME = 214
_TAG = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,99}")


class _Attachment(msgspec.Struct):
    data: str


class Publication(msgspec.Struct, rename={"tags": "dist-tags", "attachments": "_attachments"}):
    """A document that npm sends.

    Attributes:
        name: Of the package.
        versions: What is said of each.
        tags: What they stand for.
        attachments: Tarballs; none where only what is said changes.
    """

    name: str
    versions: dict[str, dict[str, Any]] = {}
    tags: dict[str, str] = {}
    attachments: dict[str, _Attachment] = {}


def read_publication(name: str, body: bytes) -> Publication:
    """Read a document.

    Raises:
        InvalidConfigError: It is none, or of another package.
    """
    try:
        found = msgspec.json.decode(body, type=Publication)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise wrong("body", str(error), "the document that npm publish sends") from error
    if found.name != name:
        raise wrong("name", found.name, name)
    if _NAME.fullmatch(name) is None or len(name) > _LONGEST_NAME:
        raise wrong("name", name, "small letters, digits, dots, hyphens and underscores")
    for tag in found.tags:
        check_tag(tag)
    return found


def check_tag(tag: str) -> None:
    """Refuse what cannot be a tag: a version or a range would never be found as one.

    Raises:
        InvalidConfigError: It is none.
    """
    try:
        scheme_of("npm").range(tag)
    except InvalidConfigError:
        if _TAG.fullmatch(tag):
            return
    raise wrong("dist-tags", tag, "a name that is no range, of letters, digits, dots, hyphens and underscores")


def read_release(base: str, found: Publication, blobs: Blobs, publisher: str, now: float) -> Release:
    """Check the version that a document brings, and keep its tarball.

    Args:
        base: The address of the registry.
        found: The document.
        blobs: Where tarballs are kept.
        publisher: Who sends it.
        now: Seconds since the epoch.

    Raises:
        InvalidConfigError: It contradicts itself.
    """
    if len(found.versions) != 1 or len(found.attachments) != 1:
        raise wrong("versions", f"{len(found.versions)} versions and {len(found.attachments)} tarballs", "one of each")
    ((version, said),) = found.versions.items()
    ((attachment, content),) = found.attachments.items()
    scheme_of("npm").parse(version)
    if said.get("name") != found.name or said.get("version") != version:
        raise wrong(f"versions.{version}", f"{said.get('name')} {said.get('version')}", f"{found.name} {version}")
    try:
        data = b64decode(content.data, validate=True)
    except ValueError as error:
        raise wrong(f"_attachments.{attachment}", str(error), "Base64") from error
    integrity = f"sha512-{b64encode(hashlib.sha512(data).digest()).decode()}"
    dist = said.get("dist") if isinstance(said.get("dist"), dict) else {}
    assert isinstance(dist, dict)
    if dist.get("integrity", integrity) != integrity:
        raise wrong(
            f"versions.{version}.dist.integrity", str(dist["integrity"]), f"{integrity}, which is that of the tarball"
        )
    file = tarball_name(found.name, version)
    dist = {
        **dist, "integrity": integrity, "shasum": hashlib.sha1(data, usedforsecurity=False).hexdigest(), "tarball": f"{base}/{file}",
    }  # fmt: skip
    return Release(
        file=file, version=version, digest=blobs.put(data, durable=True), size=len(data), published=now, publisher=publisher,
        said=msgspec.json.encode({**said, "dist": dist}),
    )  # fmt: skip


def publish(tables: Tables, name: str, release: Release, tags: dict[str, str]) -> None:
    """Have a version, and tags.

    Raises:
        ConflictError: There is one already, or was: what a version is never changes.
    """
    there = {one.version for one in tables.releases("npm", name)}
    if release.version in there or release.version in tables.withdrawn("npm", name):
        why = "" if release.version in there else ", which was unpublished"
        raise ConflictError(
            f"You cannot publish over the previously published versions: {name} {release.version}{why}", path="version",
            found=release.version, expected="a version that is not there yet", suggestions=["npm version patch"],
        )  # fmt: skip
    tables.put_release("npm", name, release)
    tables.put_tags("npm", name, {**tables.tags("npm", name), **tags})


def amend(tables: Tables, name: str, found: Publication) -> None:
    """Change what is said of versions: which are deprecated; and have those no more that the document has not.

    Raises:
        NotFoundError: There is no such package.
        OutriderError: There is no such version, or a tag stands for none.
    """
    releases = tables.releases("npm", name)
    if not releases:
        raise NotFoundError(f"npm {name}: there is none", found=name, suggestions=["publish it first: npm publish"])
    for version in found.versions.keys() - {one.version for one in releases}:
        raise wrong(f"versions.{version}", "a version without a tarball", "one that is published")
    gone = gone_versions(tables, name, found)
    for one in releases:
        said = found.versions.get(one.version)
        if said is None:
            if one.version in gone:
                tables.withdraw_release("npm", name, one)
            continue
        own = msgspec.json.decode(one.said)
        own.pop("deprecated", None)
        # Nothing takes it back, and so it does where `registry_yank` has deprecated it.
        text = said.get("deprecated")
        if text:
            own["deprecated"] = str(text)
        yanked = one.yanked if text else None
        tables.put_release("npm", name, msgspec.structs.replace(one, said=msgspec.json.encode(own), yanked=yanked))
    put_tags(tables, name, found.tags)


def gone_versions(tables: Tables, name: str, found: Publication) -> list[str]:
    """Return the versions that a document takes back: those that it has no more, although whoever sends it was shown them."""
    state = tables.state("npm", name)
    refused = state.refused if state is not None else {}
    there = [one.version for one in tables.releases("npm", name)]
    return [one for one in there if one not in found.versions and one not in refused]


def put_tags(tables: Tables, name: str, tags: dict[str, str]) -> None:
    """Have other tags; `latest` is always there.

    Raises:
        InvalidConfigError: One stands for no version.
    """
    releases = sorted(tables.releases("npm", name), key=lambda one: scheme_of("npm").parse(one.version).key)
    versions = {one.version for one in releases}
    for tag, version in tags.items():
        if version not in versions:
            raise wrong(f"dist-tags.{tag}", version, "a version that is published")
    last = {"latest": releases[-1].version} if releases else {}
    tables.put_tags("npm", name, {**last, **tags})


def wrong(field: str, found: str, expected: str) -> OutriderError:
    """Return the error for a part of a document that cannot be taken."""
    return InvalidConfigError(
        f"{field}: {found[:100]}, and not {expected}", path=field, found=found[:100], expected=expected, suggestions=["publish with npm"]
    )  # fmt: skip
