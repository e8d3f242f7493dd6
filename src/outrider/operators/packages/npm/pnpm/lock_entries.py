"""What pnpm-lock.yaml has of each package: `updateLockfile.js` of pnpm 10.34, and https://github.com/pnpm/spec/tree/master/lockfile."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from outrider.operators.packages.npm.pnpm.graph import Entry
from outrider.operators.packages.npm.pnpm.manifests import PnpmPackage
from outrider.operators.packages.npm.records import regular_tarball

_LISTS = ("cpu", "os", "libc")


def package_entry(package: PnpmPackage, registry: str) -> dict[str, Any]:
    """Return what is told of a version, whatever its peers are.

    Args:
        package: The version.
        registry: The address of its registry.
    """
    said = package.said
    found: dict[str, Any] = {"resolution": _resolution(package, registry)}
    if package.peers:
        found["peerDependencies"] = {name: peer.range for name, peer in package.peers.items()}
    if optional := {name: {"optional": True} for name, peer in package.peers.items() if peer.optional}:
        found["peerDependenciesMeta"] = optional
    if engines := _engines(said.get("engines")):
        found["engines"] = engines
    found |= {field: said[field] for field in _LISTS if said.get(field) is not None}
    for field in ("bundledDependencies", "bundleDependencies"):
        if isinstance(said.get(field), list) or said.get(field) is True:
            found["bundledDependencies"] = said[field]
            break
    if said.get("deprecated"):
        found["deprecated"] = said["deprecated"]
    if _has_programs(said):
        found["hasBin"] = True
    return found


def _resolution(package: PnpmPackage, registry: str) -> dict[str, str]:
    npm = package.manifest.package
    assert npm is not None
    url, _ = npm.distribution(package.manifest.bit)
    integrity = npm.integrity(package.manifest.bit)
    if not integrity:
        return {"tarball": url}
    usual = regular_tarball(package.name, package.version.partition("+")[0], registry.rstrip("/"))
    parts = urlsplit(url)
    # An address that names the usual port says no more.
    plain = urlunsplit(parts._replace(netloc=parts.netloc.lower(), path=parts.path or "/"))
    is_usual = usual.partition("://")[2] == plain.replace("%2f", "/", 1).partition("://")[2]
    return {"integrity": integrity} if is_usual else {"integrity": integrity, "tarball": plain}


def _engines(said: Any) -> dict[str, Any]:
    if isinstance(said, list):
        said = {str(at): text for at, text in enumerate(said)}
    return {name: text for name, text in said.items() if text != "*"} if isinstance(said, dict) else {}


def _has_programs(said: Mapping[str, Any]) -> bool:
    programs = said.get("bin")
    if programs is None:
        folders = said.get("directories")
        return isinstance(folders, dict) and bool(folders.get("bin"))
    return bool(programs)


def snapshot(entry: Entry, entries: Mapping[str, Entry], *, optional: bool) -> dict[str, Any]:
    """Return what is told of a package with its peers.

    Args:
        entry: The package.
        entries: All of them, by path.
        optional: Whether nobody needs it in any case.
    """
    package = entry.package
    needed: dict[str, dict[str, str]] = {"dependencies": {}, "optionalDependencies": {}}
    for alias, path in entry.children.items():
        kind = "optionalDependencies" if may_miss(package, alias) else "dependencies"
        needed[kind][alias] = reference(alias, path, entries[path].package.name) if path in entries else path
    found: dict[str, Any] = {field: names for field, names in needed.items() if names}
    if optional:
        found["optional"] = True
    if entry.passed:
        found["transitivePeerDependencies"] = sorted(entry.passed)
    return found


def may_miss(package: PnpmPackage, alias: str) -> bool:
    """Return whether a package may do without something that it needs."""
    peer = package.peers.get(alias)
    return alias in package.optional_names or (peer is not None and peer.optional)


def reference(alias: str, path: str, name: str) -> str:
    """Return how a package is called where it goes by some name.

    Args:
        alias: By which it goes.
        path: Its name, its version and those of its peers.
        name: Its own.
    """
    return path.removeprefix(f"{name}@") if alias == name else path
