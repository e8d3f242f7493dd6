"""The tree that version 2 of package-lock.json has beside its packages, for npm 6: `#buildLegacyLockfile` of `shrinkwrap.js` of npm 11.19."""

from collections.abc import Iterator, Mapping
from typing import Any

_INSIDE = "node_modules/"
_FLAGS = ("extraneous", "peer", "devOptional", "dev", "optional")


def dependencies_of(packages: Mapping[str, Mapping[str, Any]], place: str = "") -> dict[str, Any]:
    """Return what stands in the `node_modules` of a package, by name.

    Args:
        packages: Entries by their place, links to members of a workspace among them.
        place: Of the package; empty for the project.
    """
    return {name: _entry(packages, name, below) for name, below in _children(packages, place)}


def _children(packages: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    start = f"{place}/{_INSIDE}" if place else _INSIDE
    for one in packages:
        if one.startswith(start) and _INSIDE not in one[len(start) :]:
            yield one[len(start) :], one


def _entry(packages: Mapping[str, Mapping[str, Any]], name: str, place: str) -> dict[str, Any]:
    said = packages[place]
    target = str(said["resolved"]) if said.get("link") else place
    found: dict[str, Any] = {"version": f"file:{target}"} if said.get("link") else _of_package(name, said)
    # Peers are no needs here, as npm 6 knows none; of members what development needs counts before all else.
    kinds = ("dependencies", "optionalDependencies", "devDependencies")
    requires = {key: text for kind in kinds for key, text in (packages[target].get(kind) or {}).items()}
    dependencies = dependencies_of(packages, target)
    return {
        **found,
        **({"requires": requires} if requires or packages[target].get("peerDependencies") else {}),
        **({"dependencies": dependencies} if dependencies else {}),
    }


def _of_package(name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    version = f"npm:{said['name']}@{said['version']}" if said.get("name", name) != name else said["version"]
    kept = {key: said[key] for key in ("resolved", "integrity", *_FLAGS) if key in said}
    return {"version": version, **kept}
