"""What clients deploy: files one by one, each followed by its checksums, and at the end their own maven-metadata.xml, which is only checked.

https://maven.apache.org/plugins/maven-deploy-plugin/; what Maven 3.8.7 sends.
"""

import hashlib
import hmac
import re
from xml.etree.ElementTree import Element

import msgspec

from outrider.core.errors import ConflictError, InvalidConfigError
from outrider.operators.packages.maven.metadata import read_metadata
from outrider.operators.packages.maven.poms import Pom, read_markup, read_pom
from outrider.operators.packages.maven.serving.documents import Deployed
from outrider.operators.packages.maven.serving.layout import METADATA, FilePlace, MetadataPlace
from outrider.operators.packages.maven.serving.plugins import plugin_in
from outrider.operators.packages.serving.blobs import Blobs
from outrider.operators.packages.serving.tables import Release, Tables

# Narrower than what Maven takes: nothing that an address or a file system has a meaning for.
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+~-]{0,99}")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+~-]{0,254}")
_BLANK = " \t\r\n"
_LONGEST_TEXT = 200
_NOT_NEEDED = ("test", "provided", "system", "import")
_SHOWN = 100


def check_place(place: FilePlace) -> None:
    """Refuse names that would be trouble elsewhere.

    Raises:
        InvalidConfigError: The version or the file has such a name.
    """
    for field, text, pattern in (("version", place.version, _VERSION), ("file", place.file, _FILE)):
        if pattern.fullmatch(text) is None:
            raise wrong(field, text, "letters, digits, dots, hyphens, low lines, + and ~")


def read_deployed_pom(place: FilePlace, content: bytes) -> Pom:
    """Return a POM that is deployed.

    Args:
        place: Where.
        content: Of the file.

    Raises:
        InvalidConfigError: It is none, or of another artifact or version.
    """
    try:
        pom = read_pom(content)
    except InvalidConfigError as error:
        raise wrong(place.file, str(error.found), "a POM") from error
    group, _, artifact = place.name.partition(":")
    parent = pom.parent
    said = {
        "groupId": pom.fields.get("groupId") or (parent.group if parent is not None else ""),
        "artifactId": pom.fields.get("artifactId", ""),
        "version": pom.fields.get("version") or (parent.version if parent is not None else ""),
    }
    for field, wanted in zip(said, (group, artifact, place.version), strict=True):
        # What a property stands for is known where the project is built.
        if said[field] != wanted and "${" not in said[field]:
            raise wrong(f"{place.file}: {field}", said[field], wanted)
    return pom


def about_pom(pom: Pom, licence: str) -> Deployed:
    """Return what is known of a POM that is deployed.

    Args:
        pom: What it says.
        licence: That it or a parent of it names.
    """
    description = " ".join((pom.fields.get("description") or pom.fields.get("name") or "").split())
    needs = {f"{one.group}:{one.artifact}" for one in pom.parts.dependencies if one.scope not in _NOT_NEEDED}
    return Deployed(
        licence=licence[:_LONGEST_TEXT], description=description[:_LONGEST_TEXT], needs=sorted(one for one in needs if "${" not in one)
    )  # fmt: skip


def about_file(place: FilePlace, content: bytes) -> Deployed:
    """Return what is known of a file that is deployed and is no POM."""
    found = plugin_in(content) if place.file.endswith(".jar") else None
    # It names its artifact itself, and could name another one.
    return Deployed(plugin=found if found is not None and found.artifact == place.name.partition(":")[2] else None)


def release_of(
    place: FilePlace, content: bytes, about: Deployed, *, blobs: Blobs, publisher: str, now: float
) -> Release:
    """Keep a file, and return what is known of it.

    Args:
        place: Where it is deployed.
        content: Of it.
        about: What is known of it.
        blobs: Where files are kept.
        publisher: Who sends it.
        now: Seconds since the epoch.
    """
    return Release(
        file=place.key, version=place.version, digest=blobs.put(content, durable=True), size=len(content), published=now,
        publisher=publisher, said=msgspec.msgpack.encode(about),
    )  # fmt: skip


def publish(tables: Tables, name: str, release: Release) -> None:
    """Have a file. One that is there never changes; of a snapshot each build has a name of its own.

    Raises:
        ConflictError: There is another one of its name.
    """
    yanked = None
    for one in tables.releases("maven", name):
        if one.file == release.file:
            if one.digest != release.digest:
                raise ConflictError(
                    f"maven {name} {one.version}: {one.file.partition('/')[2]} was published already, with another content", path="file",
                    found=f"sha256 {release.digest}", expected=f"sha256 {one.digest}", suggestions=["publish it under a new version"],
                )  # fmt: skip
            return
        if one.version == release.version:
            yanked = one.yanked if yanked is None else yanked
    tables.put_release("maven", name, msgspec.structs.replace(release, yanked=yanked))


def check_checksum(said: bytes, own: bytes, field: str) -> None:
    """Compare a checksum that a client sends with that of what it has sent.

    Args:
        said: By the client.
        own: Of what is here.
        field: What it is called, for errors.

    Raises:
        InvalidConfigError: They differ.
    """
    first = said[:_LONGEST_TEXT].split()[:1]
    if not first or not hmac.compare_digest(first[0].lower(), own):
        raise wrong(field, said[:_SHOWN].decode("utf-8", "replace"), f"{own.decode()}, which is that of the file")


def check_digits(said: bytes, algorithm: str) -> None:
    """Refuse what is no checksum.

    Args:
        said: By the client.
        algorithm: Which checksum it is to be.

    Raises:
        InvalidConfigError: It is none.
    """
    length = hashlib.new(algorithm, usedforsecurity=False).digest_size * 2
    first = said[:_LONGEST_TEXT].decode("latin-1").split()[:1]
    if not first or re.fullmatch(f"[0-9A-Fa-f]{{{length}}}", first[0]) is None:
        raise wrong(f"{METADATA}.{algorithm}", said[:_SHOWN].decode("utf-8", "replace"), f"{length} hexadecimal digits")


def read_sent_metadata(place: MetadataPlace, content: bytes) -> Element:
    """Return the document of versions that a client sends.

    Raises:
        InvalidConfigError: It is none.
    """
    try:
        root = read_markup(METADATA, content)
    except InvalidConfigError as error:
        raise wrong(place.kind, str(error.found), "what mvn deploy sends") from error
    if root.tag != "metadata":
        raise wrong(place.kind, f"<{root.tag}>", "<metadata>")
    return root


def said_in(root: Element, name: str) -> str:
    """Return what a document says under a name; empty for nothing."""
    return (root.findtext(name) or "").strip(_BLANK)


def check_metadata(place: MetadataPlace, root: Element, content: bytes, tables: Tables) -> None:
    """Refuse a document that is about something else, or lists what was not deployed here.

    Args:
        place: Where it is sent.
        root: Of it.
        content: Of it.
        tables: What was deployed.

    Raises:
        InvalidConfigError: It is wrong.
    """
    group, _, artifact = place.name.partition(":")
    for field, wanted in (("groupId", group), ("artifactId", artifact), ("version", place.version)):
        # A version may stand in that of an artifact too, where older clients have put the newest one.
        if (said := said_in(root, field)) and wanted and said != wanted:
            raise wrong(f"{place.kind}: {field}", said, wanted)
    releases = tables.releases("maven", place.name)
    versioning, left_out = read_metadata(content)
    if place.version:
        start = f"{place.version}/{artifact}-"
        listed, files = [one.version for one in versioning.files], [one.file for one in releases]
        missing = [one for one in listed if not any(file.startswith(f"{start}{one}") for file in files)]
    else:
        here = {one.version for one in releases}
        missing = [one for one in versioning.versions if one not in here]
    if missing or left_out:
        found = missing[0] if missing else f"{left_out} versions that cannot be read"
        raise wrong(f"{place.kind}: version", found, "what was deployed here")


def wrong(field: str, found: str, expected: str) -> InvalidConfigError:
    """Return the error for what cannot be taken."""
    return InvalidConfigError(
        f"{field}: {found[:_SHOWN] or 'nothing'}, and not {expected}", path=field, found=found[:_SHOWN], expected=expected,
        suggestions=["publish with mvn deploy"],
    )  # fmt: skip
