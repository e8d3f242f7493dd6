"""What package-lock.json has of each package of a tree: that of `shrinkwrap.js` and `calc-dep-flags.js` of npm 11.19.

https://docs.npmjs.com/cli/v11/configuring-npm/package-lock-json.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.npm.members import development_at
from outrider.operators.packages.npm.nodes import Edge, Node
from outrider.operators.packages.npm.packages import Manifest
from outrider.operators.packages.npm.sources import NpmSource

# Of a manifest, in no order: that of the file is another matter.
FIELDS = (
    "version", "dependencies", "peerDependencies", "peerDependenciesMeta", "optionalDependencies", "bundleDependencies",
    "acceptDependencies", "funding", "engines", "os", "cpu", "libc", "license", "bin", "deprecated", "workspaces",
)  # fmt: skip
_SCRIPTS = ("install", "preinstall", "postinstall")
_NAMED = ("dev", "optional", "devOptional", "peer", "extraneous")


async def lock_entries(source: NpmSource, root: Node, development: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the entries of all packages by their place; of members of a workspace what their manifests do not say.

    Args:
        source: Where packages come from.
        root: The project.
        development: Names of what it needs for development alone.

    Raises:
        UnsupportedError: A package came within the tarball of another one, or is a link.
        OutriderError: What a registry says.
    """
    all_nodes = [node for node in root.subtree() if node is not root and node.manifest is not None]
    members = {
        node: {"resolved": node.stands_for.folder, "link": True}
        for node in all_nodes
        if node.is_link_to_member and node.stands_for
    }
    members |= {node: {} for node in all_nodes if node.above is not None}
    nodes = [node for node in all_nodes if node not in members]
    odd = next((node for node in nodes if node.bundled or node.stands_for is not None), None)
    if odd is not None:
        raise UnsupportedError(
            f"npm {odd.name}: a package within the tarball of another one is not written to a lock file", found=odd.place,
            expected="packages with a tarball of their own", suggestions=["have npm write the lock file"],
        )  # fmt: skip
    flags = _flags(root, development)
    said = await asyncio.gather(*(_entry(source, node) for node in nodes))
    entries = {**members, **dict(zip(nodes, said, strict=True))}
    return {
        node.place: {**entry, **({} if node.is_link_to_member else flags.get(node, {}))}
        for node, entry in entries.items()
    }


async def _entry(source: NpmSource, node: Node) -> dict[str, Any]:
    manifest = node.manifest
    assert manifest is not None
    entry = fields_of(await source.said(manifest))
    if manifest.name != node.name:
        entry["name"] = manifest.name
    return {**entry, **_distribution(manifest)}


def _distribution(manifest: Manifest) -> dict[str, Any]:
    assert manifest.package is not None
    url, _ = manifest.package.distribution(manifest.bit)
    integrity = manifest.package.integrity(manifest.bit)
    return {"resolved": url, **({"integrity": integrity} if integrity else {})}


def fields_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a lock file has of a manifest, of a package or of the project itself."""
    plain = {
        **said,
        "bin": _bin(said),
        "funding": _funding(said.get("funding")),
        "license": _licence(said.get("license")),
    }
    optional = said.get("optionalDependencies")
    if isinstance(optional, dict) and isinstance(said.get("dependencies"), dict):
        plain["dependencies"] = {name: text for name, text in said["dependencies"].items() if name not in optional}
    if "bundleDependencies" not in said and said.get("bundledDependencies"):
        plain["bundleDependencies"] = said["bundledDependencies"]
    entry = {key: plain[key] for key in FIELDS if plain.get(key)}
    scripts = said.get("scripts")
    if said.get("hasInstallScript") or (isinstance(scripts, dict) and any(scripts.get(one) for one in _SCRIPTS)):
        entry["hasInstallScript"] = True
    if said.get("_hasShrinkwrap"):
        entry["hasShrinkwrap"] = True
    return entry


def _bin(said: Mapping[str, Any]) -> Any:
    found = said.get("bin")
    if isinstance(found, str) and said.get("name"):
        found = {str(said["name"]).rpartition("/")[2]: found}
    if not isinstance(found, dict):
        return None
    return {name: path.removeprefix("./") for name, path in found.items() if isinstance(path, str) and path}


def _funding(found: Any) -> Any:
    return {"url": found} if isinstance(found, str) and found else found


def _licence(found: Any) -> Any:
    return found["type"] if isinstance(found, dict) and found.get("type") else found


def _flags(root: Node, development: Collection[str]) -> dict[Node, dict[str, bool]]:
    """Return who is needed in some ways only: flags that hold for all are unset along edges that are otherwise."""
    flags = {node: dict.fromkeys(_NAMED, True) for node in root.subtree()}
    flags[root] = dict.fromkeys(_NAMED, False)
    waiting = [root]
    while waiting:
        node = waiting.pop()
        for above in node.ancestry() if not flags[node]["extraneous"] else ():
            flags[above]["extraneous"] = False
        if node.is_link_to_member and node.stands_for is not None and _unset_alike(flags[node], flags[node.stands_for]):
            waiting.append(node.stands_for)
        names = development_at(development, node.folder) if node.parent is None else ()
        for edge in node.edges_out.values():
            dev = edge.need.name in names
            if edge.to is not None and _unset(flags[node], flags[edge.to], edge, dev=dev):
                waiting += (edge.to,)
    return {node: _told(one) for node, one in flags.items()}


def _told(flags: Mapping[str, bool]) -> dict[str, bool]:
    """Return the flags that are written: one that says what others say too is left out."""
    if flags["extraneous"]:
        return {"extraneous": True}
    both = flags["dev"] or flags["optional"]
    return {name: True for name, holds in flags.items() if holds and not (both and name == "devOptional")}


def _unset(own: Mapping[str, bool], other: dict[str, bool], edge: Edge, *, dev: bool) -> bool:
    """Take back what is not so of what an edge leads to; return whether anything was."""
    before = dict(other)
    other["dev"] &= own["dev"] or dev
    other["optional"] &= own["optional"] or edge.is_optional
    other["devOptional"] &= own["devOptional"] or own["dev"] or own["optional"] or dev or edge.is_optional
    other["peer"] &= own["peer"] or edge.is_peer
    # What nothing but optional peers would have is there for no reason.
    other["extraneous"] &= own["extraneous"] or (edge.is_peer and edge.is_optional)
    return other != before


def _unset_alike(own: Mapping[str, bool], other: dict[str, bool]) -> bool:
    """Take back what is not so of what a link leads to; return whether anything was."""
    before = dict(other)
    for name, holds in own.items():
        other[name] &= holds
    return other != before
