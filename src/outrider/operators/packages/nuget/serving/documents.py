"""What is served of a NuGet package: its registration with and without versions of SemVer 2, the list of versions, and what searches find.

https://learn.microsoft.com/nuget/api/registration-base-url-resource. All versions stand in the index of a registration itself, so that
nobody gets the index of one state of a package with a part of another.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from outrider.core.timestamps import timestamp
from outrider.operators.packages.nuget.flat_container import file_name, place
from outrider.operators.packages.nuget.records import table_of
from outrider.operators.packages.nuget.serving.kept import KeptFeed, Version, read_kept, read_version, versions_in
from outrider.operators.packages.nuget.serving.places import ALL, OLDER, content_base, index_url, leaf_url
from outrider.operators.packages.resolving.facts import newest
from outrider.operators.packages.resolving.policies import Policy, by_version
from outrider.operators.packages.serving.documents import Document
from outrider.operators.packages.serving.tables import Release, Summary, warning
from outrider.operators.packages.serving.upstreams import Built, Contents
from outrider.operators.packages.versions.tables import VersionTable

VERSIONS, FOUND = "versions", "found"
JSON = "application/json"
# Why a version was taken back where nobody has said why.
TAKEN_BACK = "taken back"
HERE = KeptFeed("", "", [])
# What a registration says of a version; the addresses in all else lead past this registry.
_SHOWN = (
    "id", "version", "authors", "description", "iconUrl", "language", "licenseExpression", "licenseUrl", "minClientVersion", "projectUrl",
    "requireLicenseAcceptance", "summary", "tags", "title", "deprecation", "vulnerabilities", "packageTypes", "packageHash",
    "packageHashAlgorithm",
)  # fmt: skip
# Build metadata, or a label with dots: https://learn.microsoft.com/nuget/concepts/package-versioning#semantic-versioning-200.
_SEMVER2 = re.compile(r"\+|-[^,\])]*\.")


def build(base: str, name: str, contents: Contents, policy: Policy) -> Built:
    """Return the documents of a package; versions that policy refuses are in none of them.

    Args:
        base: The address of the registry.
        name: Of the package, in small letters.
        contents: What there is.
        policy: What may be installed.
    """
    if contents.raw is None:
        versions = [one for release in contents.releases if (one := _published(name, release)) is not None]
    else:
        versions = list(versions_in(name, read_kept(contents.raw)))
    table = table_of(one.text for one in versions)
    by_text = {one.text: one for one in versions}
    ordered = [by_text[text] for text in table.versions]
    times = [one.entry.published for one in ordered]
    if contents.raw is None:
        times = [1.0] * len(times)  # what is published here is nobody's news
    whys = by_version(policy.refusals(name, table, times if any(times) else []), table)
    # Where a source does not tell the licence, a package is judged when it is asked for.
    for one in (one for one in ordered if policy.asks_for_licences and one.tells_licence):
        if why := policy.refuses_licence(name, one.text, one.release.licence):
            whys.setdefault(one.text, why)
    shown = [one for one in ordered if one.text not in whys]
    if not shown:
        return Built([], whys)
    listed = [one for one in shown if one.entry.is_listed]
    documents = [
        Document(ALL, JSON, _registration(base, name, shown, ALL)),
        Document(OLDER, JSON, _registration(base, name, [one for one in shown if not is_semver2(one)], OLDER)),
        Document(VERSIONS, JSON, msgspec.json.encode({"versions": [one.text.lower() for one in shown]})),
    ]
    if listed:
        documents.append(Document(FOUND, JSON, _found(listed, table)))
    return Built(documents, whys, _summary(shown, listed, table))


def _published(name: str, release: Release) -> Version | None:
    """Return a version that was published here, with what became of it since."""
    found = read_version(name, HERE, release.said)
    if found is None:
        return None
    said = {**found.said, "listed": release.yanked is None, "published": timestamp(release.published)}
    if release.yanked not in (None, "", TAKEN_BACK):
        said["deprecation"] = {"reasons": ["Other"], "message": release.yanked}
    entry = msgspec.structs.replace(found.entry, is_listed=release.yanked is None)
    return found._replace(entry=entry, said=said)


def is_semver2(version: Version) -> bool:
    """Return whether a version, or what it needs, is one that only clients of SemVer 2 can read."""
    ranges = (text for _, needs in version.release.groups for _, text in needs)
    return any(_SEMVER2.search(text) for text in (version.full, *ranges))


def _registration(base: str, name: str, versions: Sequence[Version], kind: str) -> bytes:
    index = index_url(base, name, kind)
    document: dict[str, Any] = {"@id": index, "count": 0, "items": []}
    if versions:
        lower, upper = versions[0].text, versions[-1].text
        items = [_leaf(base, name, one, kind) for one in versions]
        page = {
            "@id": f"{index}#page/{lower}/{upper}", "@type": "catalog:CatalogPage", "parent": index, "count": len(items), "lower": lower,
            "upper": upper, "items": items,
        }  # fmt: skip
        document = {"@id": index, "count": 1, "items": [page]}
    return msgspec.json.encode(document)


def _leaf(base: str, name: str, version: Version, kind: str) -> dict[str, Any]:
    own = leaf_url(base, name, version.text, kind)
    content = place(content_base(base), name, version.text, file_name(name, version.text))
    entry = {
        "@id": own, "@type": "PackageDetails", **{key: version.said[key] for key in _SHOWN if version.said.get(key) is not None},
        "version": version.full, "dependencyGroups": list(_groups(version)), "listed": version.entry.is_listed, "packageContent": content,
    }  # fmt: skip
    if isinstance(published := version.said.get("published"), str):
        entry["published"] = published
    return {
        "@id": own, "@type": "Package", "catalogEntry": entry, "packageContent": content, "registration": index_url(base, name, kind)
    }  # fmt: skip


def _groups(version: Version) -> Iterable[dict[str, Any]]:
    for framework, needs in version.release.groups:
        group: dict[str, Any] = {"@type": "PackageDependencyGroup"}
        if framework:
            group["targetFramework"] = framework
        if needs:
            group["dependencies"] = [
                {"@type": "PackageDependency", "id": name, "range": text or "(, )"} for name, text in needs
            ]
        yield group


def _latest(versions: Sequence[Version], table: VersionTable) -> Version:
    by_text = {one.text: one for one in versions}
    mask = sum(1 << bit for bit, text in enumerate(table.versions) if text in by_text)
    return by_text[table.versions[newest(mask, table.releases)]]


def _found(listed: Sequence[Version], table: VersionTable) -> bytes:
    """Return what is told to who searches, with the versions that count, oldest first, and which of them are of SemVer 2."""
    said = _latest(listed, table).said
    fields = (
        "id",
        "title",
        "description",
        "summary",
        "authors",
        "tags",
        "iconUrl",
        "licenseUrl",
        "projectUrl",
        "packageTypes",
    )
    versions = [(one.text, is_semver2(one)) for one in listed]
    return msgspec.json.encode({"versions": versions, "said": {key: said[key] for key in fields if said.get(key)}})


def _summary(shown: Sequence[Version], listed: Sequence[Version], table: VersionTable) -> Summary:
    latest = _latest(listed or shown, table)
    needs = {needed.lower() for _, group in latest.release.groups for needed, _ in group}
    description = latest.said.get("description")
    return Summary(
        versions=[one.text for one in reversed(shown)], latest=latest.text, licence=latest.release.licence, needs=sorted(needs),
        description=description if isinstance(description, str) else "",
        warned={one.text: said for one in shown if (said := _warning(one))},
    )  # fmt: skip


def _warning(version: Version) -> str:
    """Return what is said against a version; empty for nothing."""
    deprecation = version.said.get("deprecation")
    why = deprecation.get("message") if isinstance(deprecation, dict) else None
    said = ["" if version.entry.is_listed else "unlisted", warning("deprecated", why) if deprecation else ""]
    return ", ".join(filter(None, said))
