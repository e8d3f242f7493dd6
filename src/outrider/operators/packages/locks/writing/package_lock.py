"""Writes package-lock.json, version 2 or 3, in the order of npm: https://docs.npmjs.com/cli/v11/configuring-npm/package-lock-json.

Keys that come first are those of `shrinkwrap.js` of npm 11.19; what is no object comes before what is one.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.writing.package_lock_tree import dependencies_of
from outrider.operators.packages.npm.lock_entries import fields_of
from outrider.operators.packages.npm.members import folder_name
from outrider.operators.packages.npm.order import collated
from outrider.operators.packages.resolving.outcomes import Resolved

_FIRST = ("name", "version", "lockfileVersion", "resolved", "integrity", "requires", "packages", "dependencies")
NEWEST_FORM = 3
FORMS = (2, NEWEST_FORM)


def written(
    manifest: Mapping[str, Any],
    answer: Resolved,
    folder: Path,
    *,
    members: Mapping[str, Mapping[str, Any]],
    form: int = NEWEST_FORM,
    indent: str = "  ",
) -> str:
    """Return the file.

    Args:
        manifest: The package.json.
        answer: What it needs, with what is told of each package.
        folder: Of the project, whose name counts where it has none.
        members: Of its workspace, the package.json of each by its folder.
        form: The version of the file.
        indent: Of each level.

    Raises:
        UnsupportedError: Version 2 cannot be written of such a project.
    """
    head = {"name": manifest.get("name") or folder.name, "version": manifest.get("version")}
    packages = {"": _project(manifest, "")}
    for one in answer.packages:
        said = members.get(one.place)
        packages[one.place] = one.entry if said is None else {**_project(said, one.place), **one.entry}
    document = {**head, "lockfileVersion": form, "requires": True, "packages": packages}
    if form < NEWEST_FORM:
        if manifest.get("overrides"):
            # Its tree says what they make of each need, and the packages do not.
            raise _unsupported("overrides", "a project without overrides")
        if missing := next(_missing(manifest, answer), ""):
            # npm has an empty entry for it, wherever it would have been.
            raise _unsupported(missing, "packages that can all be had")
        document["dependencies"] = dependencies_of(packages)
    return (
        json.dumps(
            _ordered({key: value for key, value in document.items() if value}), ensure_ascii=False, indent=indent
        )
        + "\n"
    )


def _missing(manifest: Mapping[str, Any], answer: Resolved) -> Iterator[str]:
    """Yield what may be left out and is."""
    there = {one.place for one in answer.packages}
    asked = manifest.get("optionalDependencies") or {}
    yield from (f"optionalDependencies.{name}" for name in asked if f"node_modules/{name}" not in there)
    yield from (f"packages.{one.place}.{name}" for one in answer.packages for name in one.unmet)


def _unsupported(path: str, expected: str) -> UnsupportedError:
    return UnsupportedError(
        f"package-lock.json: version 2 cannot be written, because of {path}", path=path, found="lockfileVersion 2", expected=expected,
        suggestions=[f"have version {NEWEST_FORM}: npm install --package-lock-only --lockfile-version {NEWEST_FORM}"],
    )  # fmt: skip


def _project(manifest: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return the entry of the project, or of a member of its workspace: its name is told where the folder does not tell it."""
    own, name = fields_of(manifest), manifest.get("name")
    own |= {"name": name} if name and name != folder_name(place) else {}
    # Of all fields this one is there even where it is empty.
    return own | ({"devDependencies": manifest["devDependencies"]} if "devDependencies" in manifest else {})


def _ordered(value: Any) -> Any:
    if isinstance(value, list):
        return [_ordered(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: _ordered(value[key]) for key in sorted(value, key=lambda key: _key(key, value[key]))}


def _key(key: str, value: Any) -> tuple[bool, int, tuple[str, str]]:
    place = _FIRST.index(key) if key in _FIRST else len(_FIRST)
    return isinstance(value, dict), place, collated(key)
