"""Patches of a project of Yarn 4, as a fix sees them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, NotFoundError, UnsupportedError
from outrider.operators.packages.fixing.npm import widened
from outrider.operators.packages.fixing.wishes import Wish
from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.manifests.yarn_workspaces import YarnWorkspace
from outrider.operators.packages.yarn.manifests import WORKSPACE, later_spec
from outrider.operators.packages.yarn.patch_ranges import (
    Layer,
    builtin_of,
    is_relative,
    plain_path,
    read_patched,
    source_of,
    with_source,
)
from outrider.operators.packages.yarn.patches import file_of

_EXACT = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?")


def anyhow_of(name: str, text: str) -> str:
    """Return what asks for a patch of any version; empty where that is not asked for, for it is made from a patch itself."""
    source = source_of(name, text)
    return f"{name}@{_with_range(name, text, '*')}" if source and not read_patched(*source).layers else ""


def widened_patch(wish: Wish, version: str) -> Wish:
    """Return a wish for that version, with the patch that it has; for what is compatible with it too where it was for a range."""
    name = str(wish.where[-1])
    source = source_of(name, wish.range)
    if source is None:
        return widened(wish, version)
    is_exact = _EXACT.fullmatch(later_spec(*source).text)
    wider = _with_range(name, wish.range, version if is_exact else f"^{version}")
    place = wish.text.removesuffix(f"{name}@{wish.range}")
    return msgspec.structs.replace(wish, range=wider, text=f"{place}{name}@{wider}")


def _with_range(name: str, text: str, wanted: str) -> str:
    source = source_of(name, text)
    assert source is not None
    package = later_spec(*source).package
    return with_source(name, text, f"npm:{wanted}" if package == source[0] else f"npm:{package}@{wanted}")


def patch_texts(workspace: YarnWorkspace, folder: Path) -> dict[Path, str]:
    """Return the patches that manifests name, by their files; what cannot be read is left to whoever needs it."""
    root = workspace.members[0]
    places = {f"{one.name}@{WORKSPACE}{one.place or '.'}": one.place for one in workspace.members}
    own = {place: locator for locator, place in places.items()}
    asked = [(own[one.place], wish.name, wish.range) for one in workspace.members for wish in one.manifest.wishes]
    resolutions = root.manifest.document.get("resolutions")
    for key, text in resolutions.items() if isinstance(resolutions, dict) else ():
        asked.append((own[""], key, str(text)))
    found = {}
    for locator, name, text in asked:
        for path in (one for layer in read_patched(name, text).layers for one in _own(layer)):
            try:
                file = file_of(path, locator if is_relative(path) else "", folder, places)
                found[file] = read_text(file)
            except (InvalidConfigError, NotFoundError, UnsupportedError):
                continue
    return found


def remarks(before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what becomes of patches.

    Args:
        before: The entries of a lock.
        after: Those of the lock that takes its place.
    """
    old, new = _versions(before), _versions(after)
    for (name, paths), versions in old.items():
        now = new.get((name, paths), set())
        if not now:
            yield f"{name}: its patch is not used any more: {paths}"
        elif now - versions:
            shown = [", ".join(sorted(some)) for some in (now - versions, versions)]
            yield f"{name}: its patch is used for {shown[0]} now, and was for {shown[1]}: {paths}"


def _versions(entries: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for entry in entries:
        for layer in read_patched(*split_name(str(entry.get("resolution", "")))).layers:
            if paths := ", ".join(plain_path(one) for one in _own(layer)):
                found.setdefault((layer.name, paths), set()).add(str(entry.get("version")))
    return found


def _own(layer: Layer) -> list[str]:
    return [one for one in layer.paths if not builtin_of(one)]
