"""What yarn.lock of Yarn 4 has of manifests: `Manifest.ts` and `NpmSemverResolver.ts` of Yarn 4.18."""

import re
from collections.abc import Mapping
from typing import Any

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.yarn.manifests import WORKSPACE, texts

_PROTOCOL = "npm:"
_TAG = re.compile(r"(?!v)[a-z0-9._-]+", re.IGNORECASE)
_BUILDER, _BUILT = "node-gyp", re.compile(r"\b(node-gyp|prebuild-install)\b")
_MACHINES = ("os", "cpu", "libc")
_META = ("built", "optional", "unplugged")


def bound(text: str) -> str:
    """Return a range or a tag with the protocol before it; what has one, or is something else, stays."""
    return f"{_PROTOCOL}{text}" if ":" not in text and (is_range(text) or _TAG.fullmatch(text)) else text


def fields_of(said: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what a lock file has of a manifest, of a package or of the project itself."""
    optional = texts(said.get("optionalDependencies"))
    meta = {name: _meta(one) for name, one in _objects(said.get("dependenciesMeta")).items()}
    for name in optional:
        meta[name] = {**meta.get(name, {}), "optional": True}
    dependencies = {**texts(said.get("dependencies")), **optional}
    peers = {
        name: text if is_range(text) or text.startswith(WORKSPACE) else "*"
        for name, text in texts(said.get("peerDependencies")).items()
    }
    return {
        "dependencies": {name: bound(text) for name, text in dependencies.items()},
        "peerDependencies": peers,
        "dependenciesMeta": meta,
        "peerDependenciesMeta": {
            name: _meta(one, ("optional",)) for name, one in _objects(said.get("peerDependenciesMeta")).items()
        },
        "bin": _bin(said),
    }


def with_builder(said: Mapping[str, Any], dependencies: Mapping[str, str]) -> dict[str, str]:
    """Return dependencies, with what builds a package where its scripts name it and nothing else does."""
    known = {**dependencies, **texts(said.get("peerDependencies"))}
    builds = any(_BUILT.search(one) for one in texts(said.get("scripts")).values())
    return {**dependencies, **({_BUILDER: bound("latest")} if builds and _BUILDER not in known else {})}


def conditions_of(said: Mapping[str, Any]) -> str:
    """Return for which machines a package is; empty for all."""
    found = []
    for field in _MACHINES:
        named = said.get(field)
        listed = [_condition(field, one) for one in named if isinstance(one, str)] if isinstance(named, list) else []
        if listed:
            found.append(listed[0] if len(listed) == 1 else f"({' | '.join(listed)})")
    return " & ".join(found)


def _condition(field: str, text: str) -> str:
    plain = text.lstrip("!")
    mark = "!" if (len(text) - len(plain)) % 2 else ""
    return f"{mark}{field}={plain}" if plain else "invalid"


def _bin(said: Mapping[str, Any]) -> dict[str, str]:
    found = said.get("bin")
    if isinstance(found, str):
        found = {str(said.get("name") or ""): found}
    entries = found.items() if isinstance(found, dict) else ()
    return {name.rpartition("/")[2]: path for name, path in entries if isinstance(path, str) and name and path.strip()}


def _objects(said: Any) -> dict[str, dict[str, Any]]:
    return {name: one for name, one in said.items() if isinstance(one, dict)} if isinstance(said, dict) else {}


def _meta(said: Mapping[str, Any], fields: tuple[str, ...] = _META) -> dict[str, bool]:
    return {field: said[field] for field in fields if isinstance(said.get(field), bool)}


def is_range(text: str) -> bool:
    """Return whether a text is a range, and not a tag or something else."""
    try:
        scheme_of("npm").range(text)
    except InvalidConfigError:
        return False
    return ":" not in text
