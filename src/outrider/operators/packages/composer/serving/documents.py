"""What is served of a package: a document of its releases and one of its branches, each archive with the address that it has here.

https://getcomposer.org/doc/05-repositories.md#metadata-url
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from outrider.operators.packages.composer.platforms import is_platform
from outrider.operators.packages.composer.releases import MINIFIED, Entry, ReleaseReader
from outrider.operators.packages.composer.serving.archives import archive_of, archive_url
from outrider.operators.packages.composer.serving.kept import FIELDS, Fields, minified, read_kept
from outrider.operators.packages.composer.stabilities import DEV, stability_of
from outrider.operators.packages.resolving.facts import newest
from outrider.operators.packages.resolving.naming import of_one
from outrider.operators.packages.resolving.policies import Policy, by_version, of_licences
from outrider.operators.packages.serving.documents import Document
from outrider.operators.packages.serving.tables import Release, Summary, warning
from outrider.operators.packages.serving.upstreams import Built, Contents
from outrider.operators.packages.versions.composer import key_of
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

RELEASES, BRANCHES = "releases", "branches"
JSON = "application/json"
# Where others count installations, and how they are asked, is nothing for whoever asks here.
_NOT_TOLD = ("notification-url", "transport-options", "installation-source")
# What has neither an archive nor a source is only made of what it requires: https://getcomposer.org/doc/04-schema.md#type.
_WITHOUT_FILES = "metapackage"


class _Version(NamedTuple):
    """A version, as it is said and as it is read."""

    fields: Fields
    entry: Entry


def build(base: str, name: str, contents: Contents, policy: Policy) -> Built:
    """Return the documents of a package; versions that policy refuses are in none of them.

    Args:
        base: The address of the registry.
        name: Of the package.
        contents: What there is.
        policy: What may be installed.
    """
    if contents.raw is not None:
        versions = _read(name, read_kept(contents.raw))
    else:
        versions = _of_releases(name, contents.releases)
    table = VersionTable(scheme_of("composer"), versions)
    # What has no place in the order could be judged by nobody.
    versions = {version: one for version, one in versions.items() if version not in table.unsorted}
    whys = _refused(name, versions, table, policy, own=contents.raw is None)
    taken_back = {one.version for one in contents.releases if one.yanked is not None}
    shown: dict[str, Fields] = {}
    for version, one in versions.items():
        if version not in whys and version not in taken_back and (moved := _moved(base, name, one.fields)) is not None:
            shown[version] = moved
    releases = [fields for version, fields in shown.items() if stability_of(version) != DEV]
    branches = [fields for version, fields in shown.items() if stability_of(version) == DEV]
    warning = {} if shown or not whys else {"warning": _nothing_left(name, whys)}
    return Built(
        [_document(RELEASES, name, releases, warning), _document(BRANCHES, name, branches, {})], whys,
        _summary({version: versions[version] for version in shown}, table),
    )  # fmt: skip


def _read(name: str, contents: Sequence[bytes]) -> dict[str, _Version]:
    """Return versions by how they are written; of several that are the same to Composer the first one."""
    entries = ReleaseReader().read(name, [msgspec.json.decode(one) for one in contents])
    found: dict[str, _Version] = {}
    for content, entry in zip(contents, entries, strict=True):
        # One that cannot be read would have Composer refuse all.
        if entry is not None:
            found.setdefault(entry.normal, _Version(FIELDS.decode(content), entry))
    return {one.entry.version: one for one in found.values()}


def _of_releases(name: str, releases: Sequence[Release]) -> dict[str, _Version]:
    """Return what was published here, the newest version first."""
    found = _read(name, [one.said for one in releases])
    return dict(sorted(found.items(), key=lambda one: key_of(one[1].entry.normal), reverse=True))


def _refused(
    name: str, versions: Mapping[str, _Version], table: VersionTable, policy: Policy, *, own: bool
) -> dict[str, str]:
    # What is published here is nobody's news.
    published = [1.0 if own else versions[one].entry.published for one in table.versions]
    licences = [versions[one].entry.release.licence for one in table.versions]
    refusals = [*policy.refusals(name, table, published), *of_licences(policy, name, table.versions, licences)]
    return by_version(refusals, table)


def _moved(base: str, name: str, fields: Fields) -> Fields | None:
    """Return a version whose archive is here; None of one that nobody could install."""
    found = {key: value for key, value in fields.items() if key not in _NOT_TOLD}
    archive = archive_of(name, fields)
    if archive is not None:
        dist = archive.dist(archive_url(base, name, archive.file))
        # Where an archive is refused, Composer would take the source.
        found.pop("source", None)
        return found | {"dist": msgspec.Raw(msgspec.json.encode(dist))}
    found.pop("dist", None)
    if "source" in found or _plain(found.get("type")) == _WITHOUT_FILES:
        return found
    return None


def _document(kind: str, name: str, versions: Sequence[Fields], further: Mapping[str, str]) -> Document:
    content = {"packages": {name: minified(versions)}, "minified": MINIFIED, **further}
    return Document(kind, JSON, msgspec.json.encode(content))


def _nothing_left(name: str, whys: Mapping[str, str]) -> str:
    """Return what Composer shows where it would say no more than that there is nothing."""
    version, why = [*whys.items()][-1]
    return f"{name}: every version is refused, among them {version}, which {of_one(why)}"


def _summary(shown: Mapping[str, _Version], table: VersionTable) -> Summary:
    left = sum(1 << bit for bit, version in enumerate(table.versions) if version in shown)
    if not left:
        return Summary()
    latest = table.versions[newest(left, table.releases)]
    fields, entry = shown[latest]
    description = _plain(fields.get("description"))
    return Summary(
        versions=[*reversed(table.named(left))], latest=latest, licence=entry.release.licence,
        description=description if isinstance(description, str) else "",
        needs=[one for one in entry.release.requires if not is_platform(one)],
        warned={version: warning("abandoned", other) for version, one in shown.items() if (other := _plain(one.fields.get("abandoned")))},
    )  # fmt: skip


def _plain(raw: msgspec.Raw | None) -> Any:
    return None if raw is None else msgspec.json.decode(raw)
