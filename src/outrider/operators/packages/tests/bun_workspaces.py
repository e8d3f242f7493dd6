"""Draws workspaces of bun: members that need each other, peers of members, catalogs, and members in place of packages of a registry."""

import json
from os.path import relpath
from pathlib import Path
from random import Random
from typing import Any

from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_lock_writing_npm import drawn
from outrider.operators.packages.tests.test_lock_writing_pnpm import drawn_harder

_FOLDERS = ("packages/z", "packages/b", "packages/c", "apps/web", "apps/deep/admin")
_PATTERNS = (["packages/*", "apps/**"], ["packages/{b,c,z}", "apps/*", "apps/deep/admin"], ["./*/*", "**/admin/"])
_LISTED = "apps/deep/admin"
_RANGES = ("^1", "^2", "*", "1.x", ">=1", "~1.1.0", "^1.0.0", "1.1.0 || ^2")
_PEERS = ("*", ">=1", "^1", "^2", "^1 || ^2")
_OF_MEMBERS = ("workspace:*", "workspace:^", "workspace:~", "workspace:", "*")
_KINDS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
_VERSIONS = ("1.0.0", "1.2.0", "2.0.0", "2.0.0-rc.1", "")


def drawn_workspace(random: Random, registry: NpmRegistry, folder: Path, *, harder: bool = False) -> None:
    """Fill a registry, and have a workspace in a folder.

    Args:
        random: Says what.
        registry: To be filled.
        folder: Of the project.
        harder: Whether packages of the registry need each other in circles, by aliases and by tags.
    """
    root = drawn_harder(random, registry) if harder else drawn(random, registry)
    for name in list(registry.documents):
        for version in sorted({"1.1.0", "2.0.1"} - registry.documents[name]["versions"].keys()):
            registry.add(f"{name}@{version}")
    for document in registry.documents.values():
        for one in document["versions"].values():
            one.pop("bundleDependencies", None)
    names = sorted(registry.documents)
    folders = random.sample(_FOLDERS, random.randint(1, len(_FOLDERS)))
    own = random.sample([f"own-{at}" for at in range(4)] + ["@acme/own", "Own"], len(folders))
    if random.random() < 0.3:
        # Of a name that the registry has as well, which others may need.
        own[0] = random.choice(names)
    versions = {name: random.choice(_VERSIONS) for name in own}
    patterns = [one for one in random.choice(_PATTERNS) if one != _LISTED or one in folders]
    manifests: dict[str, Any] = {
        "": {
            "name": "shop",
            "version": "0.3.0",
            "workspaces": random.choice((patterns, {"packages": patterns})),
            **root,
        }
    }
    for place, name in zip(folders, own, strict=True):
        manifest = manifests[place] = {"name": name, **({"version": versions[name]} if versions[name] else {})}
        manifest |= {kind: _asked(random, kind, names) for kind in _KINDS}
        manifest |= random.choice(({}, {"bin": "./cli.js"}, {"bin": {"b": "b.js", "a": "a.js"}}))
    _need_each_other(random, manifests, versions)
    if random.random() < 0.7:
        _take_from_catalogs(random, manifests, names, own)
    _trust(random, manifests, [*names, *own, "mine"])
    for place, manifest in manifests.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / place / "package.json").write_text(json.dumps(manifest, indent=2))


def drawn_harder_workspace(random: Random, registry: NpmRegistry, folder: Path) -> None:
    """Have a workspace as `drawn_workspace` does, with what makes it harder."""
    drawn_workspace(random, registry, folder, harder=True)


def _asked(random: Random, kind: str, names: list[str]) -> dict[str, str]:
    ranges = _PEERS if kind == "peerDependencies" else _RANGES
    return {name: random.choice(ranges) for name in random.sample(names, random.choice((0, 0, 1, 2)))}


def _need_each_other(random: Random, manifests: dict[str, Any], versions: dict[str, str]) -> None:
    for place, manifest in manifests.items():
        for name, version in versions.items():
            if name == manifest["name"] or random.random() > 0.35:
                continue
            ranges = [*_OF_MEMBERS, *((f"^{version}", f"workspace:^{version}", version) if version else ())]
            manifest.setdefault(random.choice(_KINDS if place else _KINDS[:3]), {})[name] = random.choice(ranges)
        optional = random.sample(
            sorted(manifest.get("peerDependencies", {})), min(1, len(manifest.get("peerDependencies", {})))
        )
        if optional and random.random() < 0.4:
            manifest["peerDependenciesMeta"] = {optional[0]: {"optional": True}}


def _take_from_catalogs(random: Random, manifests: dict[str, Any], names: list[str], own: list[str]) -> None:
    """Have manifests and an override take ranges from catalogs, which stand within `workspaces` or beside it."""
    default, old = (
        {name: random.choice((*_RANGES, "latest")) for name in random.sample(names, 3)} for _ in ("default", "old")
    )
    for catalog in (default, old):
        catalog[own[-1]] = random.choice(_OF_MEMBERS)
        catalog["mine"] = f"npm:{random.choice(names)}@{random.choice(_RANGES)}"
    for manifest in manifests.values():
        if random.random() < 0.3:
            manifest["devDependencies"]["mine"] = "catalog:"
        for asked in (manifest.get(kind, {}) for kind in _KINDS):
            for name in asked:
                catalogs = ["", " ", "default"] * (name in default) + ["old", " old "] * (name in old)
                if catalogs and random.random() < 0.6:
                    asked[name] = f"catalog:{random.choice(catalogs)}"
    # The default one may stand in two parts.
    apart = {name: default.pop(name) for name in random.sample(sorted(default), random.choice((0, 0, 0, 1, 2)))}
    fields = {"catalogs": {"old": old, "Z": {}, **({"default": apart} if apart else {})}, "catalog": default}
    root = manifests[""]
    if random.random() < 0.4:
        root["overrides"] = dict.fromkeys(random.sample(sorted(old.keys() - {*own, "mine"}), 1), "catalog:old")
    if random.random() < 0.5:
        root |= fields
    else:
        patterns = root["workspaces"]
        root["workspaces"] = {"packages": patterns, **fields} if isinstance(patterns, list) else {**patterns, **fields}
        root["catalog"] = dict.fromkeys(names, "9")


def _trust(random: Random, manifests: dict[str, Any], names: list[str]) -> None:
    for manifest in manifests.values():
        if random.random() < 0.3:
            listed = [*names, *(f"none-{at}" for at in range(6))]
            manifest["trustedDependencies"] = random.sample(listed, random.randint(0, 8))


def drawn_overrides_of_members(random: Random, registry: NpmRegistry, folder: Path) -> None:
    """Have a workspace as `drawn_workspace` does, with overrides of members and within them, their folders and other names, and their patches."""
    drawn_workspace(random, registry, folder)
    paths = sorted(folder.rglob("*/package.json"))
    members = {one.parent.relative_to(folder).as_posix(): json.loads(one.read_text()) for one in paths}
    root = json.loads((folder / "package.json").read_text())
    for place, member in members.items():
        root.setdefault("overrides", {}).update(_overrides(random, member, sorted(registry.documents)))
        _ask_otherwise(random, place, members)
        (folder / place / "package.json").write_text(json.dumps(member))
    patched = [f"{member['name']}@{member['version']}" for member in members.values() if "version" in member]
    (folder / "x.patch").write_text("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
    root["patchedDependencies"] = dict.fromkeys(random.sample(patched, random.randint(0, len(patched))), "x.patch")
    (folder / "package.json").write_text(json.dumps(root))


def _overrides(random: Random, member: dict[str, Any], names: list[str]) -> dict[str, str]:
    found, version = {}, member.get("version")
    if version and random.random() < 0.4:
        found[member["name"]] = random.choice((version, f"^{version}", f">={version}", "1.1.0", "^2", "*", "latest"))
    if random.random() < 0.5:
        parent = random.choice(("", "", f"@{random.choice(_RANGES)}"))
        found[f"{member['name']}{parent}>{random.choice(names)}"] = random.choice(("1.1.0", "2.0.1", "*"))
    return found


def _ask_otherwise(random: Random, place: str, members: dict[str, Any]) -> None:
    """Have a member ask for others by their folders, and for one by another name."""
    for there, other in members.items():
        way = random.choice((there, f"./{there}", relpath(there, place)))
        for asked in (members[place].get(kind, {}) for kind in _KINDS):
            if asked.get(other["name"], "").startswith("workspace:") and random.random() < 0.5:
                asked[other["name"]] = f"workspace:{way}"
    if random.random() < 0.4:
        other = random.choice(list(members.values()))
        ranges = [f"workspace:{other['name']}@*", f"npm:{other['name']}@{other.get('version', '*')}"]
        kind = random.choice(_KINDS)
        members[place].setdefault(kind, {})["nick"] = random.choice(ranges[: 1 + ("version" in other)])
