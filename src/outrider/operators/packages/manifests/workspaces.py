"""The members of a workspace: the folders that the patterns of a package.json find, as `map-workspaces` of npm 11.19 finds them.

https://docs.npmjs.com/cli/v11/using-npm/workspaces.
"""

import os
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from outrider.core.errors import InvalidConfigError, LimitedError, UnsupportedError
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.manifests.package_json import FORM, TAKEN_BY_NPM, NpmManifest, NpmMember, read_manifest
from outrider.operators.packages.npm.members import folder_name

_MODULES = "node_modules"
_MOST_FOLDERS = 20_000
_MOST_ALTERNATIVES = 1000
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")


def read_members(manifest: NpmManifest, folder: Path) -> list[NpmMember]:
    """Return the members of the workspace of a project, by their folders; a folder without a package.json is none.

    Args:
        manifest: Of the project.
        folder: Of it.

    Raises:
        InvalidConfigError: The patterns or a manifest cannot be read, or two members have one name.
        UnsupportedError: A pattern leads out of the folder, or a manifest has what is not read.
        LimitedError: There are too many folders.
    """
    wanted, unwanted = _patterns(manifest.document.get("workspaces") or [])
    found: dict[str, NpmMember] = {}
    for place in folders_below(folder) if wanted else ():
        path = folder / place / FORM
        is_wanted = is_found(place, wanted) and not is_found(place, unwanted)
        if not is_wanted or not path.is_file():
            continue
        member = _member(path, place)
        if member.name in found:
            raise InvalidConfigError(
                f"{FORM}: two members of the workspace are called {member.name}", path="workspaces",
                found=f"{found[member.name].place} and {place}", expected="a name for each", suggestions=["rename one of them"],
            )  # fmt: skip
        found[member.name] = member
    return list(found.values())


def _member(path: Path, place: str) -> NpmMember:
    text = read_text(path)
    manifest = read_manifest(text, takes=TAKEN_BY_NPM, name=f"{place}/{FORM}")
    name = manifest.document.get("name") or folder_name(place)
    return NpmMember(path=path, text=text, place=place, name=str(name), manifest=manifest)


def _patterns(said: Any) -> tuple[list[str], list[str]]:
    """Return the patterns that find members, and those that take some away again."""
    listed = said.get("packages") if isinstance(said, Mapping) else said
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise InvalidConfigError(
            f"{FORM}: workspaces cannot be read", path="workspaces", found=str(said)[:80], expected="a list of patterns of folders",
            suggestions=["correct it"],
        )  # fmt: skip
    wanted: list[str] = []
    unwanted: list[str] = []
    for one in listed:
        bare = one.lstrip("!")
        pattern = re.sub(r"^\.?/+", "", bare.replace("\\", "/")).rstrip("/")
        if pattern.split("/")[0] in ("", ".", ".."):
            raise UnsupportedError(
                f"{FORM}: workspaces has a pattern that finds no folder below its own", path="workspaces", found=one, expected="folders below it",
                suggestions=["use npm itself: npm install"],
            )  # fmt: skip
        if (len(one) - len(bare)) % 2:
            unwanted.append(pattern)
        else:
            # What is said later of just this folder counts more.
            unwanted = [other for other in unwanted if not is_found(pattern, [other])]
            wanted.append(pattern)
    return wanted, unwanted


def folders_below(top: Path) -> Iterator[str]:
    """Yield the folders that may be those of members, but for those of installed packages.

    Raises:
        LimitedError: There are too many.
    """
    for count, (here, folders, _) in enumerate(os.walk(top)):
        folders[:] = sorted(one for one in folders if one != _MODULES)
        if count > _MOST_FOLDERS:
            raise LimitedError(
                f"{top}: it has too many folders to look for members of a workspace", path="workspaces", found=f"more than {_MOST_FOLDERS}",
                expected="fewer", suggestions=["keep other folders elsewhere"],
            )  # fmt: skip
        place = Path(here).relative_to(top).as_posix()
        if place != ".":
            yield place


def is_found(place: str, patterns: list[str]) -> bool:
    """Return whether a pattern finds a folder.

    Raises:
        InvalidConfigError: A pattern stands for too many.
    """
    return any(_match(place.split("/"), one.split("/")) for pattern in patterns for one in _alternatives(pattern))


def _match(parts: list[str], pattern: list[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[:2] == ["**", "**"]:
        return _match(parts, pattern[1:])
    if pattern[0] == "**":
        deeper = bool(parts) and not parts[0].startswith(".") and _match(parts[1:], pattern)
        return _match(parts, pattern[1:]) or deeper
    return bool(parts) and _is_named(parts[0], pattern[0]) and _match(parts[1:], pattern[1:])


def _is_named(name: str, pattern: str) -> bool:
    if name.startswith(".") and not pattern.startswith("."):
        return False
    return fnmatchcase(name, pattern.replace("[^", "[!"))


def _alternatives(pattern: str) -> list[str]:
    """Return the patterns that one with braces stands for."""
    found = [pattern]
    for one in found:
        match = _BRACES.search(one)
        if match is not None:
            found += [f"{one[: match.start()]}{part}{one[match.end() :]}" for part in match[1].split(",")]
        if len(found) > _MOST_ALTERNATIVES:
            raise InvalidConfigError(
                "the workspace has a pattern that stands for too many folders", path="workspaces", found=pattern[:80],
                expected=f"at most {_MOST_ALTERNATIVES}", suggestions=["write them one by one"],
            )  # fmt: skip
    return [one for one in found if _BRACES.search(one) is None]
