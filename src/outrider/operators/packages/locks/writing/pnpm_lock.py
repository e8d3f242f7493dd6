"""Writes pnpm-lock.yaml, version 9.0, to the byte as pnpm 10 does: `lockfileFormatConverters.js` and `sortLockfileKeys.js` of pnpm 10.34."""

from collections.abc import Mapping
from typing import Any

from outrider.operators.packages.locks.writing.yaml_text import yaml_text
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


def written(manifest: Mapping[str, Any], answer: Resolved) -> str:
    """Return the file.

    Args:
        manifest: The package.json.
        answer: What it needs, with what is told of each package.
    """
    references: dict[str, str] = {}
    packages: dict[str, Any] = {}
    for one in answer.packages:
        references |= one.entry["references"]
        packages.setdefault(f"{one.name}@{one.version}", one.entry["package"])
    document: dict[str, Any] = {
        "lockfileVersion": FORM,
        "settings": SETTINGS,
        "importers": {".": _project(manifest, references)},
        "packages": {key: _ordered(packages[key]) for key in sorted(packages)},
        "snapshots": {one.place: _ordered(one.entry["snapshot"]) for one in sorted(answer.packages, key=_place)},
    }
    return yaml_text({key: value for key, value in document.items() if value})


def _place(one: Any) -> str:
    return str(one.place)


def _project(manifest: Mapping[str, Any], references: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    taken: set[str] = set()
    for kind in KINDS:
        names = [name for name in manifest.get(kind) or {} if name in references and name not in taken]
        taken.update(names)
        if names:
            found[kind] = {
                name: {"specifier": manifest[kind][name], "version": references[name]} for name in sorted(names)
            }
    return dict(sorted(found.items()))


def _ordered(value: Any) -> Any:
    if isinstance(value, list):
        return [_ordered(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: _ordered(value[key]) for key in sorted(value, key=lambda key: (_PLACES.get(key, len(_PLACES)), key))}
