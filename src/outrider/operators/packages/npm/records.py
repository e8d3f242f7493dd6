"""What is known of an npm package, in the form in which it is kept: versions sorted, and what they need, each kind of it once."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.registries.published import all_or_none, seconds_of
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

# Another form of the records: what was kept in an older one is fetched anew.
FORM = 2
# Kinds of needs. Peers are above, and what may be left out is odd.
PROD, OPTIONAL, PEER, PEER_OPTIONAL = range(4)
_MOST_VERSIONS = 100_000
_LONGEST_TEXT = 4096


class Shape(msgspec.Struct, array_like=True):
    """What a version needs; most versions of a package have that of others.

    Attributes:
        needs: Names, what is asked of each, and the kind; one of a name, in the order of npm.
        bundled: Names of those that are within its tarball.
        node: The range of node that it says to run with.
        npm: Likewise of npm.
        os: On which systems it runs; empty for all.
        cpu: Likewise of processors.
        libc: Likewise of C libraries.
        shrinkwrap: Whether its tarball says what is below it.
    """

    needs: list[tuple[str, str, int]]
    bundled: list[str]
    node: str
    npm: str
    os: list[str]
    cpu: list[str]
    libc: list[str]
    shrinkwrap: bool


class Distribution(msgspec.Struct, array_like=True):
    """Where a version is.

    Attributes:
        tarball: Its address; empty where that follows from name and version.
        integrity: As the registry writes it.
        shasum: SHA-1, where there is no integrity.
    """

    tarball: str
    integrity: str
    shasum: str


class NpmRecord(msgspec.Struct, array_like=True, kw_only=True):
    """What is known of a package.

    Attributes:
        fetched: When it was fetched or found unchanged, seconds since the epoch.
        etag: Of the document.
        modified: Likewise.
        digest: Of the document, for registries that know no etag.
        versions: Oldest first.
        prereleases: The mask of those that are, little-endian.
        deprecated: Likewise of those that nobody should use.
        tags: What they stand for.
        shapes: Of versions; read when one is looked at.
        shape_of: For each version which of them.
        distributions: By version.
        whole: Whether this is of the long document, which alone tells what follows.
        published: When each version was, seconds since the epoch, 0 where the registry does not say; empty where it says it of none.
        licences: Of each version, as its author has written it.
    """

    form: int = FORM
    fetched: float = 0.0
    etag: str = ""
    modified: str = ""
    digest: bytes = b""
    versions: list[str] = []
    prereleases: bytes = b""
    deprecated: bytes = b""
    tags: dict[str, str] = {}
    shapes: list[msgspec.Raw] = []
    shape_of: list[int] = []
    distributions: list[msgspec.Raw] = []
    whole: bool = False
    published: list[float] = []
    licences: list[str] = []

    def table(self) -> VersionTable:
        """Return its versions as a table."""
        return VersionTable.of_sorted(scheme_of("npm"), self.versions, int.from_bytes(self.prereleases, "little"))


class Inside(msgspec.Struct, array_like=True):
    """A package that came within the tarball of another one.

    Attributes:
        path: Where it is below that one: names of folders, the outermost first.
        name: Of the package, which may be another one than that of its folder.
        record: Of its one version.
    """

    path: tuple[str, ...]
    name: str
    record: NpmRecord


class _Release(msgspec.Struct, rename={"bundled": "bundleDependencies", "shrinkwrap": "_hasShrinkwrap"}):
    """A version as strangers write it: each part may be anything."""

    dist: Any
    dependencies: Any = None
    optionalDependencies: Any = None  # noqa: N815 - the registry's name
    peerDependencies: Any = None  # noqa: N815
    peerDependenciesMeta: Any = None  # noqa: N815
    bundled: Any = None
    bundledDependencies: Any = None  # noqa: N815
    engines: Any = None
    os: Any = None
    cpu: Any = None
    libc: Any = None
    deprecated: Any = None
    shrinkwrap: Any = None
    license: Any = None
    licenses: Any = None


class _Packument(msgspec.Struct, rename={"tags": "dist-tags"}):
    versions: dict[str, msgspec.Raw] = {}
    tags: Any = None
    time: Any = None


def compiled(name: str, content: bytes, url: str, *, whole: bool = False) -> NpmRecord:
    """Return what a registry says in the form in which it is kept; a version that cannot be read is left out.

    Args:
        name: Of the package.
        content: The document.
        url: Of the registry.
        whole: Whether the long document was asked for.

    Raises:
        ExecutionFailedError: It is no document of npm.
    """
    try:
        document = msgspec.json.decode(content, type=_Packument)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unusable(name, str(error)) from error
    if len(document.versions) > _MOST_VERSIONS:
        raise _unusable(name, f"{len(document.versions)} versions")
    releases = {version: one for version, raw in document.versions.items() if (one := _release(raw)) is not None}
    table = VersionTable(scheme_of("npm"), releases)
    shapes: dict[bytes, int] = {}
    shape_of, distributions, deprecated = [], [], 0
    for bit, version in enumerate(table.versions):
        release = releases[version]
        shape_of.append(shapes.setdefault(msgspec.msgpack.encode(_shape(release)), len(shapes)))
        distributions.append(msgspec.Raw(msgspec.msgpack.encode(_distribution(name, version, release.dist, url))))
        # An empty reason takes a deprecation back.
        deprecated |= bool(release.deprecated) << bit
    size = len(table.versions) // 8 + 1
    times = document.time if isinstance(document.time, dict) else {}
    return NpmRecord(
        whole=whole, published=all_or_none([seconds_of(times.get(version)) for version in table.versions]) if whole else [],
        licences=[_licence(releases[version]) for version in table.versions] if whole else [],
        versions=table.versions, prereleases=(table.everything & ~table.releases).to_bytes(size, "little"),
        deprecated=deprecated.to_bytes(size, "little"), tags=_texts(document.tags),
        shapes=[msgspec.Raw(shape) for shape in shapes], shape_of=shape_of, distributions=distributions,
    )  # fmt: skip


def compiled_inside(path: tuple[str, ...], manifest: Mapping[str, Any]) -> Inside | None:
    """Return what a manifest within a tarball says, in the form in which it is kept; None where it is of no version.

    Args:
        path: Where it is below the package of the tarball.
        manifest: The manifest, or an entry of a lock.
    """
    name, version = manifest.get("name"), manifest.get("version")
    if not isinstance(version, str):
        return None
    name = name if isinstance(name, str) and name else path[-1]
    resolved, integrity = manifest.get("resolved"), manifest.get("integrity")
    dist = {"tarball": resolved if isinstance(resolved, str) else "", "integrity": integrity}
    document = msgspec.json.encode({"versions": {version: {**manifest, "dist": dist}}})
    record = compiled(name, document, "")
    return Inside(path, name, record) if record.versions else None


def _release(raw: msgspec.Raw) -> _Release | None:
    try:
        release = msgspec.json.decode(raw, type=_Release)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    dist = release.dist
    return release if isinstance(dist, dict) and isinstance(dist.get("tarball"), str) else None


def _shape(release: _Release) -> Shape:
    dependencies, optional = _texts(release.dependencies), _texts(release.optionalDependencies)
    meta = release.peerDependenciesMeta if isinstance(release.peerDependenciesMeta, dict) else {}
    peers: dict[int, dict[str, str]] = {PEER: {}, PEER_OPTIONAL: {}}
    for name, text in _texts(release.peerDependencies).items():
        one = meta.get(name)
        left_out = isinstance(one, dict) and bool(one.get("optional"))
        peers[PEER_OPTIONAL if left_out else PEER][name] = text
    needs: dict[str, tuple[str, str, int]] = {}
    for kind, said in (*peers.items(), (PROD, dependencies), (OPTIONAL, optional)):
        for name, text in said.items():
            # What is said later of a name counts, and takes its place at the end.
            needs.pop(name, None)
            needs[name] = (name, text, kind)
    bundled = release.bundled if release.bundled is not None else release.bundledDependencies
    names = [*dependencies, *optional] if bundled is True else _list(bundled)
    engines = _texts(release.engines)
    return Shape(
        list(needs.values()), names, engines.get("node", ""), engines.get("npm", ""),
        _list(release.os), _list(release.cpu), _list(release.libc), bool(release.shrinkwrap),
    )  # fmt: skip


def _licence(release: _Release) -> str:
    """Return the licence of a version; old forms are objects, and lists of which any will do."""
    said = release.license if release.license is not None else release.licenses
    texts = [one.get("type") if isinstance(one, dict) else one for one in (said if isinstance(said, list) else [said])]
    named = [text for text in texts if isinstance(text, str) and text and len(text) <= _LONGEST_TEXT]
    return named[0] if len(named) == 1 else f"({' OR '.join(named)})" if named else ""


def _distribution(name: str, version: str, dist: Mapping[str, Any], url: str) -> Distribution:
    tarball, integrity, shasum = (dist.get(key) for key in ("tarball", "integrity", "shasum"))
    return Distribution(
        "" if tarball == regular_tarball(name, version, url) else str(tarball),
        integrity if isinstance(integrity, str) else "",
        shasum if isinstance(shasum, str) and not isinstance(integrity, str) else "",
    )


def regular_tarball(name: str, version: str, url: str) -> str:
    """Return where a registry has the tarball of a version, if it has it where most have it."""
    return f"{url}/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"


def _texts(value: Any) -> dict[str, str]:
    """Return what of an object has texts; nothing of what is no object."""
    if not isinstance(value, dict):
        return {}
    return {key: text for key, text in value.items() if key and isinstance(text, str) and len(text) <= _LONGEST_TEXT}


def _list(value: Any) -> list[str]:
    values: Iterable[Any] = [value] if isinstance(value, str) else value if isinstance(value, list) else ()
    return [text for text in values if isinstance(text, str)]


def _unusable(name: str, found: str) -> ExecutionFailedError:
    return ExecutionFailedError(
        f"npm {name}: what the registry says cannot be used", found=found[:200], expected="a document with versions",
        suggestions=["check the address of the registry: npm config get registry"],
    )  # fmt: skip
