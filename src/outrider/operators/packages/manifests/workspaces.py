"""The members of a workspace: the folders that the patterns of a package.json find, as `map-workspaces` of npm 11.19 finds them.

https://docs.npmjs.com/cli/v11/using-npm/workspaces.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from outrider.core.errors import InvalidConfigError, LimitedError, UnsupportedError
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.manifests.package_json import FORM, TAKEN_BY_NPM, NpmManifest, NpmMember, read_manifest
from outrider.operators.packages.npm.globs import matches, refuse_unread
from outrider.operators.packages.npm.members import folder_name

_MODULES = "node_modules"
_MOST_FOLDERS = 20_000


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
    wanted, unwanted = _sorted_out(patterns_of(manifest))
    found: dict[str, NpmMember] = {}
    for place in sorted(member_folders(folder, wanted), key=lambda one: one.split("/")):
        if matches(place, unwanted):
            continue
        member = _member(folder / place / FORM, place)
        if member.name in found:
            raise same_name(member.name, found[member.name].place, place)
        found[member.name] = member
    return list(found.values())


def patterns_of(manifest: NpmManifest, file: str = FORM) -> list[tuple[bool, str]]:
    """Return the patterns of a workspace, each with whether it takes away what others find.

    Args:
        manifest: In which they stand.
        file: Its name, for errors.

    Raises:
        InvalidConfigError: They cannot be read.
        UnsupportedError: One leads out of the folder, or is written in a way that is not read.
    """
    said: Any = manifest.document.get("workspaces") or []
    listed = said.get("packages", []) if isinstance(said, Mapping) else said
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise InvalidConfigError(
            f"{file}: workspaces cannot be read", path="workspaces", found=str(said)[:80], expected="a list of patterns of folders",
            suggestions=["correct it"],
        )  # fmt: skip
    refuse_unread(file, "workspaces", (one.lstrip("!") for one in listed))
    return [_read(one, file) for one in listed]


def member_folders(top: Path, patterns: Sequence[str]) -> Iterator[str]:
    """Yield the folders below one that patterns find, and in which there is a package.json.

    Raises:
        UnsupportedError: One of them is a link.
        LimitedError: There are too many folders.
    """
    for place in folders_below(top) if patterns else ():
        folder = top / place
        if not matches(place, patterns) or not (folder / FORM).is_file():
            continue
        if folder.is_symlink():
            raise UnsupportedError(
                f"{folder}: a member of a workspace that is a link is not read", path="workspaces", found=place, expected="a folder",
                suggestions=["have the folder itself there"],
            )  # fmt: skip
        yield place


def same_name(name: str, *places: str) -> InvalidConfigError:
    """Return the error for members that have one name."""
    return InvalidConfigError(
        f"{FORM}: two members of the workspace are called {name}", path="workspaces", found=" and ".join(places),
        expected="a name for each", suggestions=["rename one of them"],
    )  # fmt: skip


def _member(path: Path, place: str) -> NpmMember:
    text = read_text(path)
    manifest = read_manifest(text, takes=TAKEN_BY_NPM, name=f"{place}/{FORM}")
    name = manifest.document.get("name") or folder_name(place)
    return NpmMember(path=path, text=text, place=place, name=str(name), manifest=manifest)


def _read(text: str, file: str) -> tuple[bool, str]:
    bare = text.lstrip("!")
    pattern = re.sub(r"^\.?/+", "", bare.replace("\\", "/")).rstrip("/")
    if pattern.split("/")[0] in ("", ".", ".."):
        raise UnsupportedError(
            f"{file}: workspaces has a pattern that finds no folder below its own", path="workspaces", found=text, expected="folders below it",
            suggestions=["leave it out, and have the client itself write the lock file"],
        )  # fmt: skip
    return (len(text) - len(bare)) % 2 == 1, pattern


def _sorted_out(patterns: Iterable[tuple[bool, str]]) -> tuple[list[str], list[str]]:
    """Return the patterns that find members, and those that take some away again."""
    wanted: list[str] = []
    unwanted: list[str] = []
    for negated, pattern in patterns:
        if negated:
            unwanted.append(pattern)
        else:
            # What is said later of just this folder counts more.
            unwanted = [other for other in unwanted if not matches(pattern, [other])]
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
        # Links are not gone down, and so are told of here.
        for name in folders:
            yield (Path(here) / name).relative_to(top).as_posix()
