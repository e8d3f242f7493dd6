"""Writes pnpm-lock.yaml, version 9.0, to the byte as pnpm 10 does: `lockfileFormatConverters.js` and `sortLockfileKeys.js` of pnpm 10.34."""

from collections.abc import Mapping
from typing import Any

import msgspec

from outrider.operators.packages.locks.writing.yaml_text import yaml_text
from outrider.operators.packages.npm.catalogs import catalog_of
from outrider.operators.packages.npm.pnpm.extensions import Extension, checksum
from outrider.operators.packages.resolving.outcomes import Resolved

FORM = "9.0"
SETTINGS = {"autoInstallPeers": True, "excludeLinksFromLockfile": False}
# The field of a manifest that counts where several name a package comes first.
KINDS = ("optionalDependencies", "dependencies", "devDependencies")
_FIRST = (
    "resolution", "id", "name", "version", "engines", "cpu", "os", "libc", "deprecated", "hasBin", "prepare", "requiresBuild",
    "bundleDependencies", "peerDependencies", "peerDependenciesMeta", "dependencies", "optionalDependencies", "transitivePeerDependencies",
    "dev", "optional",
)  # fmt: skip
_PLACES = {name: at for at, name in enumerate(_FIRST)}


class Locking(msgspec.Struct, kw_only=True, frozen=True):
    """What a lock is of, beside the packages.

    Attributes:
        importers: The package.json of the project and of each member of its workspace, by folder; that of the project is empty.
        links: What stands in place of versions for members that others need, by the folder of these and by name.
        catalogs: What is asked of them, by catalog and name.
        overrides: By selector.
        extensions: What is added to packages, by selector.
        patches: The hash and the path of each patch, by what it is for.
    """

    importers: Mapping[str, Mapping[str, Any]]
    links: Mapping[str, Mapping[str, str]] = {}
    catalogs: Mapping[str, Mapping[str, str]] = {}
    overrides: Mapping[str, str] = {}
    extensions: Mapping[str, Extension] = {}
    patches: Mapping[str, Mapping[str, str]] = {}


def written(locking: Locking, answer: Resolved) -> str:
    """Return the file.

    Args:
        locking: What it is of.
        answer: What that needs, with what is told of each package.
    """
    references: dict[str, dict[str, str]] = {place: dict(locking.links.get(place, {})) for place in locking.importers}
    versions: dict[tuple[str, str], str] = {}
    packages: dict[str, Any] = {}
    for one in answer.packages:
        for place, names in one.entry["references"].items():
            references[place] |= names
            versions |= {(place, name): one.version for name in names}
        packages.setdefault(f"{one.name}@{one.version}", one.entry["package"])
    importers = {place or ".": _importer(one, references[place]) for place, one in locking.importers.items()}
    document: dict[str, Any] = {
        "lockfileVersion": FORM,
        "settings": SETTINGS,
        "catalogs": _catalogs(locking, versions),
        "overrides": dict(locking.overrides),
        "packageExtensionsChecksum": checksum(locking.extensions),
        "patchedDependencies": dict(locking.patches),
        "importers": dict(sorted(importers.items())),
        "packages": {key: _ordered(packages[key]) for key in sorted(packages)},
        "snapshots": {one.place: _ordered(one.entry["snapshot"]) for one in sorted(answer.packages, key=_place)},
    }
    return yaml_text({key: value for key, value in document.items() if value})


def _place(one: Any) -> str:
    return str(one.place)


def _catalogs(locking: Locking, versions: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """Return what of catalogs is used, with the versions that were chosen."""
    found: dict[str, Any] = {}
    for place, manifest in locking.importers.items():
        for name, text in _needs(manifest).items():
            catalog = catalog_of(text)
            if catalog and (place, name) in versions:
                entry = {"specifier": locking.catalogs[catalog][name], "version": versions[place, name]}
                found.setdefault(catalog, {})[name] = entry
    return {catalog: dict(sorted(entries.items())) for catalog, entries in sorted(found.items())}


def _needs(manifest: Mapping[str, Any]) -> dict[str, str]:
    kinds = ("peerDependencies", *reversed(KINDS))
    return {name: text for kind in kinds for name, text in (manifest.get(kind) or {}).items()}


def _importer(manifest: Mapping[str, Any], references: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    taken: set[str] = set()
    fields = {kind: manifest.get(kind) or {} for kind in KINDS}
    # Peers that it does not ask for otherwise come in as what it needs, and so do those of which it asks nothing.
    asked = _needs(fields)
    peers = {name: text for name, text in (manifest.get("peerDependencies") or {}).items() if not asked.get(name)}
    for kind, field in {**fields, "dependencies": {**fields["dependencies"], **peers}}.items():
        names = [name for name in field if name in references and name not in taken]
        taken.update(names)
        if names:
            found[kind] = {name: {"specifier": field[name], "version": references[name]} for name in sorted(names)}
    return dict(sorted(found.items()))


def _ordered(value: Any) -> Any:
    if isinstance(value, list):
        return [_ordered(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: _ordered(value[key]) for key in sorted(value, key=lambda key: (_PLACES.get(key, len(_PLACES)), key))}
