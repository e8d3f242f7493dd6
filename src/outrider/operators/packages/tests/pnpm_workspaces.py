"""Draws workspaces of pnpm: members that need each other, catalogs, overrides and peers of members."""

import json
from pathlib import Path
from random import Random
from typing import Any

from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_lock_writing_pnpm import ASKED, NAMES, drawn_harder

_MEMBERS = {"packages/a": "one", "packages/b": "@acme/two", "apps/web": "site", "apps/admin": "", "tools/x.y": "alpha"}
_RANGES = ("^1", "^2", "*", ">=1", "~1.1.0", "1.1.0", "^1 || ^2")
_TAGS = ("latest", "next", "")
_PEERS = ("*", ">=1", "^1 || ^2", "^1", "^2")
_MEMBER_RANGES = ("workspace:*", "workspace:^", "workspace:~", "workspace:^1", "workspace:1.0.0")
_KINDS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")


def drawn_workspace(random: Random, registry: NpmRegistry, folder: Path, *, settled: bool = False) -> None:
    """Fill a registry, and have a workspace in a folder.

    Args:
        random: Says what.
        registry: To be filled.
        folder: Of the project.
        settled: Whether pnpm is to choose the same again: tags it looks up anew, and C libraries it reads of some documents alone.
    """
    root = drawn_harder(random, registry)
    if settled:
        for document in registry.documents.values():
            for one in document["versions"].values():
                one.pop("libc", None)
        root = {
            kind: {name: "*" if text in _TAGS else text for name, text in some.items()} for kind, some in root.items()
        }
    names = [one for one in NAMES if one in registry.documents]
    places = random.sample(list(_MEMBERS), random.randint(1, len(_MEMBERS)))
    catalogs = _catalogs(random, names)
    manifests = {"": {"name": "shop", "version": "0.3.0", **root}}
    for place in places:
        manifest = manifests[place] = _member(random, names, place, settled=settled)
        _ask_for_members(random, manifest, [one for one in places if _MEMBERS[one] and one != place])
        _ask_catalogs(random, manifest, catalogs)
    overrides = _overrides(random, names, manifests, catalogs, settled=settled)
    workspace = {"packages": ["packages/*", "apps/**", "tools/*", "!**/none/**"], **catalogs}
    if random.random() < 0.5:
        workspace["overrides"] = overrides
    else:
        manifests[""]["pnpm"] = {"overrides": overrides}
    write(folder, manifests, workspace)


def write(folder: Path, manifests: dict[str, Any], workspace: dict[str, Any]) -> None:
    """Have the files of a workspace."""
    for place, manifest in manifests.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / place / "package.json").write_text(json.dumps(manifest, indent=2))
    (folder / "pnpm-workspace.yaml").write_text(json.dumps(workspace, indent=2))


def _catalogs(random: Random, names: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if random.random() < 0.6:
        found["catalog"] = {name: random.choice(_RANGES) for name in random.sample(names, 3)}
    if random.random() < 0.4:
        found["catalogs"] = {
            catalog: {name: random.choice(_RANGES) for name in random.sample(names, 2)}
            for catalog in ("old", "react18")
        }
    return found


def _member(random: Random, names: list[str], place: str, *, settled: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"name": _MEMBERS[place]} if _MEMBERS[place] else {}
    if random.random() < 0.8:
        found["version"] = random.choice(("1.0.0", "2.0.1", "0.0.0", "3.0.0-rc.1"))
    for kind in _KINDS:
        ranges = _PEERS if kind == "peerDependencies" else _RANGES if settled else ASKED
        found[kind] = {name: random.choice(ranges) for name in random.sample(names, random.choice((0, 1, 1, 2)))}
    return found


def _ask_for_members(random: Random, manifest: dict[str, Any], others: list[str]) -> None:
    for other in others:
        if random.random() < 0.4:
            manifest[random.choice(_KINDS)][_MEMBERS[other]] = random.choice(_MEMBER_RANGES)
    if others and random.random() < 0.2:
        manifest["dependencies"]["mine"] = f"workspace:{_MEMBERS[random.choice(others)]}@*"


def _ask_catalogs(random: Random, manifest: dict[str, Any], catalogs: dict[str, Any]) -> None:
    for catalog, entries in {"": catalogs.get("catalog", {}), **catalogs.get("catalogs", {})}.items():
        for name in entries:
            if random.random() < 0.4:
                manifest[random.choice(_KINDS)][name] = f"catalog:{catalog}"


def _overrides(
    random: Random, names: list[str], manifests: dict[str, Any], catalogs: dict[str, Any], *, settled: bool
) -> dict[str, str]:
    found: dict[str, str] = {}
    direct = [name for name, text in manifests[""]["dependencies"].items() if text]
    versions = {one["name"] for one in manifests.values() if one.keys() >= {"name", "version"}}
    for _ in range(random.choice((0, 0, 1, 2, 3))):
        name, other = random.sample(names, 2)
        above = random.choice(("", f"{other}>", f"{other}@1>", f"{other}@^2>"))
        texts = ["^1", "^2", "1.1.0", ">=1", "-", f"npm:{other}@*", *([] if settled else ["latest"])]
        texts += [f"${random.choice(direct)}"] if direct else []
        texts += ["catalog:"] if name in catalogs.get("catalog", {}) else []
        texts += ["workspace:*"] if name in versions else []
        found[f"{above}{name}{random.choice(('', '@^1', '@<2'))}"] = random.choice(texts)
    return found
