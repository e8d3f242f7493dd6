"""What is served of an npm package: the long document and the short one, each tarball with the address that it has here.

https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from outrider.core.timestamps import timestamp
from outrider.operators.packages.npm.records import compiled
from outrider.operators.packages.registries.published import seconds_of
from outrider.operators.packages.resolving.facts import newest
from outrider.operators.packages.resolving.policies import Policy, by_version, of_licences, of_others
from outrider.operators.packages.serving.documents import Document
from outrider.operators.packages.serving.tables import Summary, warning
from outrider.operators.packages.serving.upstreams import Built, Contents
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

SHORT, LONG = "application/vnd.npm.install-v1+json", "application/json"
# What the short form has of a version.
_OF_SHORT = (
    "name", "version", "deprecated", "dependencies", "optionalDependencies", "devDependencies", "bundleDependencies",
    "peerDependencies", "peerDependenciesMeta", "bin", "directories", "dist", "engines", "os", "cpu", "libc", "funding", "_hasShrinkwrap",
    "hasInstallScript",
)  # fmt: skip


class _Tarball(msgspec.Struct):
    tarball: msgspec.Raw


class _Dist(msgspec.Struct):
    dist: _Tarball


_DIST = msgspec.json.Decoder(_Dist)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def build(base: str, name: str, contents: Contents, policy: Policy) -> Built:
    """Return the documents of a package; versions that policy refuses are in none of them.

    Args:
        base: The address of the registry.
        name: Of the package.
        contents: What there is.
        policy: What may be installed.
    """
    document = _FIELDS.decode(contents.raw) if contents.raw is not None else _of_releases(name, contents)
    versions = _FIELDS.decode(document.get("versions", msgspec.Raw(b"{}")))
    times: dict[str, Any] = _plain(document.get("time")) or {}
    tags: dict[str, str] = _plain(document.get("dist-tags")) or {}
    table = VersionTable(scheme_of("npm"), versions)
    whys = _refused(name, contents, document, table, policy)
    shown: dict[str, msgspec.Raw] = {}
    for version, raw in versions.items():
        if version not in whys and (moved := _moved(base, name, version, raw)) is not None:
            shown[version] = moved
    tags = _tags(tags, table, whys, {one.version for one in contents.releases if one.yanked is not None})
    if not shown:
        return Built([], whys)
    times = {key: time for key, time in times.items() if key not in whys}
    shorts = {version: _short(raw) for version, raw in shown.items()}
    summary = msgspec.structs.replace(_summary(shown, tags, table), warned=_deprecated(shorts))
    long = {**document, "versions": shown, "dist-tags": tags, "time": times}
    short = {
        "name": name, "modified": times.get("modified", ""), "dist-tags": tags, "time": times, "versions": shorts,
    }  # fmt: skip
    return Built(
        [Document("long", LONG, msgspec.json.encode(long)), Document("short", SHORT, msgspec.json.encode(short))], whys, summary
    )  # fmt: skip


class _Latest(msgspec.Struct):
    description: Any = ""
    license: Any = ""
    dependencies: Any = None
    optionalDependencies: Any = None  # noqa: N815 - npm's name


def _summary(shown: Mapping[str, msgspec.Raw], tags: Mapping[str, str], table: VersionTable) -> Summary:
    latest = tags.get("latest", "")
    said = msgspec.json.decode(shown[latest], type=_Latest) if latest in shown else _Latest()
    needs = [name for one in (said.dependencies, said.optionalDependencies) if isinstance(one, dict) for name in one]
    return Summary(
        versions=[one for one in (*reversed(table.versions), *table.unsorted) if one in shown], latest=latest, needs=needs,
        description=said.description if isinstance(said.description, str) else "",
        licence=said.license if isinstance(said.license, str) else "",
    )  # fmt: skip


def _of_releases(name: str, contents: Contents) -> dict[str, msgspec.Raw]:
    """Return what is said of a package that was published here, in the form in which other registries say it."""
    releases = sorted(contents.releases, key=lambda one: one.published)
    times = {one.version: timestamp(one.published) for one in releases}
    if releases:
        times = {"created": timestamp(releases[0].published), "modified": timestamp(releases[-1].published), **times}
    said = {
        "_id": name, "name": name, "dist-tags": dict(contents.tags), "time": times,
        "versions": {one.version: msgspec.Raw(one.said) for one in releases},
    }  # fmt: skip
    return {key: msgspec.Raw(msgspec.json.encode(value)) for key, value in said.items()}


def _refused(
    name: str, contents: Contents, document: Mapping[str, msgspec.Raw], table: VersionTable, policy: Policy
) -> dict[str, str]:
    # What is published here is nobody's news; elsewhere, what nobody tells the time of is taken for new.
    times = _plain(document.get("time"), {}) if policy.asks_for_times and contents.raw is not None else None
    published = {
        version: 1.0 if times is None else seconds_of(times.get(version))
        for version in (*table.versions, *table.unsorted)
    }
    licences: Sequence[str] = ()
    if policy.asks_for_licences:
        record = compiled(name, contents.raw or msgspec.json.encode(document), "", whole=True)
        known = dict(zip(record.versions, record.licences, strict=False))
        licences = [known.get(version, "") for version in table.versions]
    refusals = [
        *policy.refusals(name, table, [published[version] for version in table.versions]),
        *of_licences(policy, name, table.versions, licences),
    ]
    others = {version: published[version] for version in table.unsorted}
    return by_version(refusals, table) | of_others(policy, "npm", name, others, licences=True)


def _tags(
    tags: Mapping[str, str], table: VersionTable, whys: Mapping[str, str], taken_back: Collection[str]
) -> dict[str, str]:
    """Return tags without those of refused versions.

    `latest` goes to the newest version below the one that it had where that is refused or was taken back: npm only warns of the latter, and
    some clients do not even look whether there is another one. Where all below were taken back, it goes to the newest that was not.
    """
    found = {tag: version for tag, version in tags.items() if version not in whys and isinstance(version, str)}
    latest = tags.get("latest")
    if latest in table.versions and ("latest" not in found or latest in taken_back):
        left = sum(1 << bit for bit, one in enumerate(table.versions) if one not in whys and one not in taken_back)
        below = left & (1 << table.versions.index(latest)) - 1
        if best := below or (left if latest in taken_back else 0):
            found["latest"] = table.versions[newest(best, table.releases)]
    return found


def _moved(base: str, name: str, version: str, raw: msgspec.Raw) -> msgspec.Raw | None:
    """Return a version whose tarball is here; None of one that has none."""
    try:
        token = bytes(_DIST.decode(raw).dist.tarball)
    except msgspec.DecodeError:
        return None
    here = msgspec.json.encode(f"{base}/npm/{quote(name, safe='@/')}/-/{tarball_name(name, version)}")
    return msgspec.Raw(bytes(raw).replace(token, here))


def tarball_name(name: str, version: str) -> str:
    """Return how the tarball of a version is called here."""
    return f"{name.rpartition('/')[2]}-{quote(version, safe='+')}.tgz"


def _short(raw: msgspec.Raw) -> dict[str, msgspec.Raw]:
    fields = _FIELDS.decode(raw)
    short = {key: fields[key] for key in _OF_SHORT if key in fields}
    if "hasInstallScript" not in short and any(key in _plain(fields.get("scripts", None), {}) for key in _SCRIPTS):
        short["hasInstallScript"] = msgspec.Raw(b"true")
    return short


def _deprecated(shorts: Mapping[str, Mapping[str, msgspec.Raw]]) -> dict[str, str]:
    """Return what npm shows of deprecated versions; an empty reason takes a deprecation back."""
    said = {version: msgspec.json.decode(one["deprecated"]) for version, one in shorts.items() if "deprecated" in one}
    return {version: warning("deprecated", why) for version, why in said.items() if why}


_SCRIPTS = ("preinstall", "install", "postinstall")


def _plain(raw: msgspec.Raw | None, otherwise: Any = None) -> Any:
    if raw is None:
        return otherwise
    found = msgspec.json.decode(raw)
    return found if isinstance(found, dict) else otherwise
