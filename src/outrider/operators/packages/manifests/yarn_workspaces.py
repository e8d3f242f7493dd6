"""The project of a yarn.lock, and the members of its workspace, as both Yarns find them.

Yarn 1: `Config.resolveWorkspaces` of 1.22.22. Yarn 4: `Workspace.setup` and `Project.setupWorkspaces` of 4.18. `nohoist` says where
packages are put, and nothing of a lock file.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.manifests.package_json import FORM, NpmManifest, NpmMember, read_manifest
from outrider.operators.packages.manifests.workspaces import member_folders, patterns_of, same_name
from outrider.operators.packages.npm.globs import matches

_ROOT = "."


class YarnWorkspace(NamedTuple):
    """What a yarn.lock is the lock of.

    Attributes:
        members: The project itself, whose place is empty, and the members of its workspace, in the order of Yarn.
        notes: What Yarn warns of.
    """

    members: list[NpmMember]
    notes: list[str]

    @property
    def root(self) -> NpmManifest:
        """The manifest of the project."""
        return self.members[0].manifest


def read_workspace(path: Path, text: str, client: str) -> YarnWorkspace:
    """Read a project.

    Args:
        path: Of its package.json.
        text: Of that.
        client: `yarn1` or `yarn4`.

    Raises:
        InvalidConfigError: The patterns or a manifest cannot be read, two members have one name, or with Yarn 1 it is not private.
        UnsupportedError: A pattern or a manifest has what is not read, or a member is a link.
        LimitedError: There are too many folders.
    """
    root = _member(path, text, "", client)
    members, notes = [root], list[str]()
    found = _of_yarn_1(root, notes) if client == "yarn1" else _below(root, root, set())
    for one in found:
        twin = next((each for each in members if each.name == one.name), None)
        if twin is not None and (twin is not root or client == "yarn4"):
            raise same_name(one.name, twin.place or _ROOT, one.place)
        if one.manifest.document.get("resolutions"):
            notes.append(f"{one.place}/{FORM}: its resolutions do not count, for those of the project alone do.")
        members.append(one)
    return YarnWorkspace(members, notes)


def _of_yarn_1(root: NpmMember, notes: list[str]) -> Iterator[NpmMember]:
    # Here a pattern that begins with ! is a name like others.
    patterns = [pattern for negated, pattern in patterns_of(root.manifest) if not negated]
    if patterns and not root.manifest.document.get("private"):
        raise InvalidConfigError(
            f"{FORM}: Yarn 1 takes workspaces of private projects alone", path="private", found="none", expected="true",
            suggestions=['write "private": true into it'],
        )  # fmt: skip
    places = sorted(member_folders(root.path.parent, patterns))
    for place in dict.fromkeys(one for pattern in patterns for one in places if matches(one, [pattern])):
        member = _read(root, place, "yarn1")
        said = {field: member.manifest.document.get(field) for field in ("name", "version")}
        missing = next((field for field, text in said.items() if not text), "")
        odd = next((field for field, text in said.items() if text and not isinstance(text, str)), "")
        if odd:
            raise InvalidConfigError(
                f"{place}/{FORM}: {odd} cannot be read", path=odd, found=str(said[odd])[:80], expected="a text", suggestions=["correct it"]
            )  # fmt: skip
        if missing:
            notes.append(f"{place}/{FORM}: it has no {missing}, and Yarn 1 does not count it among the workspace.")
        else:
            yield member


def _below(root: NpmMember, member: NpmMember, seen: set[str]) -> Iterator[NpmMember]:
    """Yield the members of a workspace, each followed by those of its own."""
    patterns = patterns_of(member.manifest, f"{member.place}/{FORM}" if member.place else FORM)
    wanted = [pattern for negated, pattern in patterns if not negated]
    unwanted = [pattern for negated, pattern in patterns if negated]
    places = [one for one in member_folders(member.path.parent, wanted) if not _is_left_out(one, unwanted)]
    for below in sorted(places, key=lambda one: one.encode("utf-16-be", "surrogatepass")):
        place = f"{member.place}/{below}" if member.place else below
        if place not in seen:
            seen.add(place)
            one = _read(root, place, "yarn4")
            yield one
            yield from _below(root, one, seen)


def _is_left_out(place: str, unwanted: list[str]) -> bool:
    parts = place.split("/")
    above = ("/".join(parts[: count + 1]) for count in range(len(parts)))
    return bool({".git", ".yarn"} & set(parts)) or any(matches(one, unwanted) for one in above)


def _read(root: NpmMember, place: str, client: str) -> NpmMember:
    path = root.path.parent / place / FORM
    return _member(path, read_text(path), place, client)


def _member(path: Path, text: str, place: str, client: str) -> NpmMember:
    manifest = read_manifest(text, client, name=f"{place}/{FORM}" if place else FORM)
    said = manifest.document.get("name")
    name = said if said and isinstance(said, str) else _nameless(place)
    return NpmMember(path=path, text=text, place=place, name=name, manifest=manifest)


def _nameless(place: str) -> str:
    """Return what Yarn 4 calls a package that has no name."""
    short = hashlib.sha512((place or _ROOT).encode()).hexdigest()[:6]
    return f"{place.rpartition('/')[2] or 'root-workspace'}-{short}"
