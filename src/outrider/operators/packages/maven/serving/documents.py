"""What is served of an artifact: maven-metadata.xml with its checksums, and that of each snapshot whose files are known.

https://maven.apache.org/ref/3.8.7/maven-repository-metadata/repository-metadata.html
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import msgspec

from outrider.operators.packages.maven.coordinates import SNAPSHOT, is_snapshot
from outrider.operators.packages.maven.metadata import SnapshotFile
from outrider.operators.packages.maven.order import RESOLVER_SCHEME
from outrider.operators.packages.maven.serving.kept import KeptArtifact, KeptSnapshot, Plugin, read_kept
from outrider.operators.packages.maven.serving.layout import (
    ALGORITHMS,
    SnapshotName,
    metadata_of,
    read_snapshot_name,
)
from outrider.operators.packages.resolving.facts import newest
from outrider.operators.packages.resolving.policies import Policy, by_version
from outrider.operators.packages.serving.documents import Document
from outrider.operators.packages.serving.tables import Release, Summary
from outrider.operators.packages.serving.upstreams import Built, Contents
from outrider.operators.packages.versions.tables import VersionTable

XML, TEXT = "application/xml", "text/plain"
# Why a version is refused until it is asked for, where a policy asks for licences: those stand in POMs, of which there are too many.
UNREAD = "have a licence that was not read yet"


class Deployed(msgspec.Struct, array_like=True):
    """What is known of a file that was deployed here.

    Attributes:
        licence: That its POM or a parent of that names; of POMs alone, as are the next ones.
        description: One line.
        needs: Groups and artifacts.
        plugin: Of the archive of a plugin, by what Maven finds it.
    """

    licence: str = ""
    description: str = ""
    needs: list[str] = []
    plugin: Plugin | None = None


_DEPLOYED = msgspec.msgpack.Decoder(Deployed)


def deployed(release: Release) -> Deployed:
    """Return what is known of a file that was deployed here."""
    return _DEPLOYED.decode(release.said)


def build(name: str, contents: Contents, policy: Policy) -> Built:
    """Return the documents of an artifact; versions that policy refuses are in none of them.

    Args:
        name: Group and artifact.
        contents: What there is.
        policy: What may be installed.
    """
    if contents.raw is not None:
        return _of_others(name, read_kept(contents.raw), policy)
    return _own(name, contents.releases, policy)


def _of_others(name: str, kept: KeptArtifact, policy: Policy) -> Built:
    table = VersionTable(RESOLVER_SCHEME, kept.known())
    # No document of a repository tells when a version was published.
    whys = _refused(name, table, (), kept.licences, policy)
    listed = [version for version in kept.versions if version not in whys]
    documents = [*_checked(metadata_of(""), _metadata(name, listed, kept, table))] if listed or kept.plugins else []
    for version, snapshot in kept.snapshots.items():
        if version not in whys:
            documents += _checked(metadata_of(version), _snapshot_metadata(name, version, snapshot))
    return Built(documents, whys, _summary(listed, table))


def _own(name: str, releases: Sequence[Release], policy: Policy) -> Built:
    poms = {one.version: one for one in releases if one.file.endswith(".pom")}
    table = VersionTable(RESOLVER_SCHEME, {one.version for one in releases})
    licences = {version: deployed(poms[version]).licence if version in poms else "" for version in table.versions}
    # What is published here is nobody's news.
    whys = _refused(name, table, [1.0] * len(table.versions), licences, policy)
    # The POM comes last of what a client deploys, but for signatures.
    listed = [one for one in table.versions if one in poms and one not in whys and poms[one].yanked is None]
    documents: list[Document] = []
    if listed:
        updated = max(poms[version].published for version in listed)
        said = KeptArtifact(updated=_digits(updated))
        documents += _checked(metadata_of(""), _metadata(name, listed, said, table))
    for version in table.versions:
        if version.endswith(SNAPSHOT) and version not in whys:
            snapshot = _snapshot(name, version, [one for one in releases if one.version == version])
            documents += _checked(metadata_of(version), _snapshot_metadata(name, version, snapshot))
    return Built(documents, whys, _summary(listed, table, poms))


def _refused(
    name: str, table: VersionTable, published: Sequence[float], licences: Mapping[str, str], policy: Policy
) -> dict[str, str]:
    whys = by_version(policy.refusals(name, table, published), table)
    if policy.asks_for_licences:
        for version in table.versions:
            licence = licences.get(version)
            why = UNREAD if licence is None else policy.refuses_licence(name, version, licence)
            if why:
                whys.setdefault(version, why)
    return whys


def _checked(kind: str, content: str) -> Iterator[Document]:
    """Yield a document, and its checksums."""
    data = content.encode()
    yield Document(kind, XML, data)
    for algorithm in ALGORITHMS:
        yield Document(f"{kind}.{algorithm}", TEXT, checksum(algorithm, data))


def checksum(algorithm: str, content: bytes) -> bytes:
    """Return what stands in the file of a checksum."""
    return hashlib.new(algorithm, content, usedforsecurity=False).hexdigest().encode()


def _metadata(name: str, listed: Sequence[str], said: KeptArtifact, table: VersionTable) -> str:
    group, _, artifact = name.partition(":")
    lines = ["<metadata>"]
    if listed:
        lines += [f"  <groupId>{escape(group)}</groupId>", f"  <artifactId>{escape(artifact)}</artifactId>"]
        lines += ["  <versioning>", *_tags(listed, said, table), "    <versions>"]
        lines += [f"      <version>{escape(version)}</version>" for version in listed]
        lines += ["    </versions>", *_element("lastUpdated", said.updated, 4), "  </versioning>"]
    return _document([*lines, *plugin_lines(said.plugins), "</metadata>"])


def _tags(listed: Sequence[str], said: KeptArtifact, table: VersionTable) -> Iterator[str]:
    """Yield what the newest versions are: as others say it, where that is not refused."""
    newest_one = _newest(listed, table)
    newest_release = _newest([version for version in listed if not is_snapshot(version)], table)
    yield from _element("latest", said.latest if said.latest in listed else newest_one, 4)
    yield from _element("release", said.release if said.release in listed else newest_release, 4)


def _newest(versions: Sequence[str], table: VersionTable) -> str:
    wanted = {*versions}
    return next((version for version in reversed(table.versions) if version in wanted), "")


def _snapshot_metadata(name: str, version: str, snapshot: KeptSnapshot) -> str:
    group, _, artifact = name.partition(":")
    lines = [
        '<metadata modelVersion="1.1.0">', f"  <groupId>{escape(group)}</groupId>",
        f"  <artifactId>{escape(artifact)}</artifactId>", f"  <version>{escape(version)}</version>", "  <versioning>",
    ]  # fmt: skip
    dated = [read_snapshot_name(artifact, version, f"{artifact}-{one.version}.x") for one in snapshot.files]
    builds = [(one.time, one.number) for one in dated if one is not None]
    if builds:
        time, number = max(builds)
        lines += [
            "    <snapshot>",
            f"      <timestamp>{time}</timestamp>",
            f"      <buildNumber>{number}</buildNumber>",
        ]
        lines += ["    </snapshot>"]
    lines += [*_element("lastUpdated", snapshot.updated, 4), "    <snapshotVersions>"]
    for one in snapshot.files:
        lines += ["      <snapshotVersion>", *_element("classifier", one.classifier, 8)]
        lines += [*_element("extension", one.extension, 8), *_element("value", one.version, 8)]
        lines += [*_element("updated", one.updated, 8), "      </snapshotVersion>"]
    return _document([*lines, "    </snapshotVersions>", "  </versioning>", "</metadata>"])


def plugin_lines(plugins: Iterable[Plugin]) -> Iterator[str]:
    """Yield what is said of the plugins of a group."""
    lines = [
        line
        for one in plugins
        for line in (
            "    <plugin>", *_element("name", one.name, 6), *_element("prefix", one.prefix, 6),
            *_element("artifactId", one.artifact, 6), "    </plugin>",
        )
    ]  # fmt: skip
    if lines:
        yield from ("  <plugins>", *lines, "  </plugins>")


def plugin_metadata(plugins: Iterable[Plugin]) -> bytes:
    """Return the document of a group with plugins."""
    return _document(["<metadata>", *plugin_lines(plugins), "</metadata>"]).encode()


def _element(name: str, text: str, indent: int) -> Iterator[str]:
    if text:
        yield f"{' ' * indent}<{name}>{escape(text)}</{name}>"


def _document(lines: Iterable[str]) -> str:
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', *lines, ""])


def _snapshot(name: str, version: str, releases: Iterable[Release]) -> KeptSnapshot:
    """Return the newest files of a snapshot that was deployed here."""
    artifact = name.partition(":")[2]
    found: dict[tuple[str, str], tuple[SnapshotName, Release]] = {}
    for one in releases:
        said = read_snapshot_name(artifact, version, one.file.partition("/")[2])
        if said is not None:
            key = (said.extension, said.classifier)
            found[key] = max(found.get(key, (said, one)), (said, one), key=lambda pair: pair[0][:2])
    files = [
        SnapshotFile(
            said.classifier, said.extension, f"{version.removesuffix(SNAPSHOT)}{said.time}-{said.number}", said.time.replace(".", ""),
        )
        for _, (said, _) in sorted(found.items(), key=lambda item: item[0])
    ]  # fmt: skip
    return KeptSnapshot(0.0, max((one.updated for one in files), default=""), files)


def _digits(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d%H%M%S")


def _summary(listed: Sequence[str], table: VersionTable, poms: Mapping[str, Release] | None = None) -> Summary:
    wanted = {*listed}
    mask = sum(1 << bit for bit, version in enumerate(table.versions) if version in wanted)
    if not mask:
        return Summary()
    latest = table.versions[newest(mask, table.releases)]
    # Of others a list of versions says no more.
    said = deployed(poms[latest]) if poms is not None else Deployed()
    return Summary(
        versions=[*reversed(table.named(mask))], latest=latest, description=said.description, licence=said.licence, needs=said.needs
    )  # fmt: skip
