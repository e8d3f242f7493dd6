"""Writes package-lock.json, version 3, in the order of npm: https://docs.npmjs.com/cli/v11/configuring-npm/package-lock-json.

Keys that come first are those of `shrinkwrap.js` of npm 11.19; what is no object comes before what is one.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from outrider.operators.packages.npm.lock_entries import fields_of
from outrider.operators.packages.npm.order import collated
from outrider.operators.packages.resolving.outcomes import Resolved

# What of a manifest it has room for, and others may not.
TAKES = ("overrides",)
_FIRST = ("name", "version", "lockfileVersion", "resolved", "integrity", "requires", "packages", "dependencies")


def written(manifest: Mapping[str, Any], answer: Resolved, folder: Path, indent: str = "  ") -> str:
    """Return the file.

    Args:
        manifest: The package.json.
        answer: What it needs, with what is told of each package.
        folder: Of the project, whose name counts where it has none.
        indent: Of each level.
    """
    own = fields_of(manifest)
    own |= {"name": manifest["name"]} if manifest.get("name") else {}
    # Of all fields this one is there even where it is empty.
    own |= {"devDependencies": manifest["devDependencies"]} if "devDependencies" in manifest else {}
    head = {"name": manifest.get("name") or folder.name, "version": manifest.get("version")}
    packages = {"": own, **{one.place: one.entry for one in answer.packages}}
    document = {**head, "lockfileVersion": 3, "requires": True, "packages": packages}
    return (
        json.dumps(
            _ordered({key: value for key, value in document.items() if value}), ensure_ascii=False, indent=indent
        )
        + "\n"
    )


def _ordered(value: Any) -> Any:
    if isinstance(value, list):
        return [_ordered(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: _ordered(value[key]) for key in sorted(value, key=lambda key: _key(key, value[key]))}


def _key(key: str, value: Any) -> tuple[bool, int, tuple[str, str]]:
    place = _FIRST.index(key) if key in _FIRST else len(_FIRST)
    return isinstance(value, dict), place, collated(key)
