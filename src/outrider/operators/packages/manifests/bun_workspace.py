"""A project of bun 1.4 with the members of its workspace: https://bun.com/docs/pm/workspaces."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from posixpath import join, normpath
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.manifests.bun_catalogs import FIELDS, BunCatalogs, read_catalogs
from outrider.operators.packages.manifests.bun_overrides import overrides_of
from outrider.operators.packages.manifests.bun_patches import FIELD as PATCHES
from outrider.operators.packages.manifests.bun_patches import patch_files
from outrider.operators.packages.manifests.package_json import FORM, NpmManifest, NpmMember, NpmWish, read_manifest
from outrider.operators.packages.manifests.workspaces import member_folders, patterns_of, same_name
from outrider.operators.packages.npm.bun.members import MEMBER, allows, named
from outrider.operators.packages.npm.bun.needs import REMEDY, BunNeed, needs_of_manifest
from outrider.operators.packages.npm.bun.overriding import Overrides, rules_of
from outrider.operators.packages.npm.catalogs import catalog_of
from outrider.operators.packages.npm.globs import matches
from outrider.operators.packages.npm.specs import is_name, read_spec

_FIELD = "workspaces"
# What of it is read, or has no say in a lock.
_KNOWN = frozenset(("packages", "nohoist", *FIELDS))
_NO_MEMBERS = frozenset((".git", "CMakeFiles"))
_PATTERN = re.compile(r"[*?\[{]")
# What stands behind `workspace:` for any version.
_ANY = ("", "*", "^", "~")


class BunWorkspace(msgspec.Struct, kw_only=True, frozen=True):
    """A project with the members of its workspace, where it has one.

    Attributes:
        manifest: Of the project.
        members: By their folders.
        catalogs: Of the project.
        overrides: Of it, as bun.lock has them.
    """

    manifest: NpmManifest
    members: list[NpmMember]
    catalogs: BunCatalogs
    overrides: Overrides

    def manifests(self) -> dict[str, NpmManifest]:
        """Return the manifests by folder; that of the project has none, and is first."""
        return {"": self.manifest} | {one.place: one.manifest for one in self.members}

    def taken(self) -> list[tuple[str, NpmWish]]:
        """Return what is taken from catalogs, each with the name of its catalog."""
        asked = {(one.range, one.name) for each in self.manifests().values() for one in each.wishes}
        asked |= {(one.text, one.target.name) for one in rules_of(self.overrides)}
        catalogs = self.catalogs.by_name()
        used = sorted({(catalog, name) for text, name in asked if (catalog := catalog_of(text))})
        texts = [(catalog, name, catalogs[catalog][name]) for catalog, name in used]
        return [
            (catalog, NpmWish(kind="", name=name, package=read_spec(name, text).package, range=text))
            for catalog, name, text in texts
        ]


def read_workspace(text: str, folder: Path, changed: Mapping[Path, str] = {}) -> BunWorkspace:
    """Read a project and the members of its workspace.

    Args:
        text: Of its package.json.
        folder: Of it.
        changed: Texts of manifests of members that are not those on the disk.

    Raises:
        InvalidConfigError: Something cannot be read, a member or what is taken from a catalog is not there, or two have one name.
        UnsupportedError: Something is not heeded here, or comes from elsewhere than a registry.
        LimitedError: There are too many folders.
    """
    document = read_json(FORM, text)
    said, catalogs = document.get(_FIELD), read_catalogs(document)
    manifest = read_manifest(text, "bun", takes=(_FIELD, PATCHES) if said else (PATCHES,), entry=catalogs.entry)
    patch_files(document, folder)
    if not said:
        overrides = overrides_of(document, catalogs)
        return BunWorkspace(manifest=manifest, members=[], catalogs=catalogs, overrides=overrides)
    if isinstance(said, Mapping) and (odd := sorted(said.keys() - _KNOWN)):
        raise _refused(FORM, f"{_FIELD}.{odd[0]}", odd[0], "packages and catalogs alone")
    listed = said.get("packages") if isinstance(said, Mapping) else said
    for one in listed if isinstance(listed, list) else ():
        if "\\" in str(one):
            raise _refused(FORM, _FIELD, str(one), "patterns with slashes")
    members = _members(folder, sorted(set(_folders(manifest, folder))), changed, catalogs)
    overrides = overrides_of(document, catalogs, [one.manifest.document for one in members])
    found = BunWorkspace(manifest=manifest, members=members, catalogs=catalogs, overrides=overrides)
    _check(found)
    return found


def _folders(manifest: NpmManifest, folder: Path) -> Iterable[str]:
    """Yield the folders of members; what is taken away from patterns may still be listed by itself."""
    patterns = patterns_of(manifest)
    unwanted = [one for is_unwanted, one in patterns if is_unwanted]
    wanted = [one for is_unwanted, one in patterns if not is_unwanted]
    for place in member_folders(folder, [one for one in wanted if _PATTERN.search(one)]):
        if not matches(place, unwanted) and not _NO_MEMBERS & set(place.split("/")):
            yield place
    for place in wanted:
        if _PATTERN.search(place):
            continue
        if not (folder / place / FORM).is_file():
            raise InvalidConfigError(
                f"{FORM}: {_FIELD} lists {place}, in which there is no {FORM}", path=_FIELD, found=place, expected="the folder of a package",
                suggestions=["leave it out, or have one there"],
            )  # fmt: skip
        if (folder / place).is_symlink() or "." in Path(place).parts or ".." in place.split("/"):
            raise _refused(FORM, _FIELD, place, "a folder, and the shortest way to it")
        yield place


def _members(
    folder: Path, places: Iterable[str], changed: Mapping[Path, str], catalogs: BunCatalogs
) -> list[NpmMember]:
    found: dict[str, NpmMember] = {}
    for place in places:
        path = folder / place / FORM
        text, file = changed[path] if path in changed else read_text(path), f"{place}/{FORM}"
        # What only a project may say of its workspace counts for nothing in one of its members.
        manifest = read_manifest(text, "bun", takes=(_FIELD,), name=file, entry=catalogs.entry)
        name = manifest.document.get("name") or ""
        if not isinstance(name, str) or (name and not is_name(name)):
            raise _refused(file, "name", str(name), "a name that a registry would take")
        if isinstance(config := manifest.document.get("installConfig"), dict) and config.get("hoistingLimits"):
            raise _refused(file, "installConfig.hoistingLimits", str(config["hoistingLimits"]), "a member without it")
        if name in found:
            raise same_name(name, found[name].place, place)
        # One without a name is none.
        if name:
            found[name] = NpmMember(path=path, text=text, place=place, name=name, manifest=manifest)
    return list(found.values())


def _check(workspace: BunWorkspace) -> None:
    """Refuse what is asked of members in a way that is not heeded here."""
    members = {one.name: one for one in workspace.members}
    own_name, catalogs = workspace.manifest.document.get("name"), workspace.catalogs.by_name()
    for rule in rules_of(workspace.overrides):
        name = rule.target.name
        if name in members and (rule.parent is not None or rule.target.range):
            raise _refused(FORM, f"overrides.{name}", rule.text, "overrides of members for all that need them")
    for place, one in workspace.manifests().items():
        file = f"{place}/{FORM}" if place else FORM
        for need in needs_of_manifest(one.document, catalogs, is_member=bool(place)):
            name = named(need, members)
            if name in members:
                expected = _unheeded(need, members[name], place)
            elif need.text.startswith(MEMBER):
                expected = "a member of the workspace"
            else:
                expected = "members and packages" if need.name == own_name else ""
            if expected:
                raise _refused(file, _key(one.document, need), need.text, expected)


def _unheeded(need: BunNeed, member: NpmMember, place: str) -> str:
    """Return what would be expected where a member is asked for in a way that is not heeded; empty where it is heeded.

    Args:
        need: What asks for it.
        member: Of that name.
        place: The folder of whoever asks; empty for the project.
    """
    document = member.manifest.document
    if need.text.startswith(MEMBER):
        asked = need.text.removeprefix(MEMBER).removeprefix(f"{member.name}@").strip()
        # A folder may be told from that of the project, too.
        is_there = "/" in asked and member.place in (normpath(asked), normpath(join(place, asked)))
        is_fine = is_there or asked in _ANY or allows(asked, document)
        return "" if is_fine else "a range that has the version of the member, or its folder"
    return ""


def _key(document: Mapping[str, Any], need: BunNeed) -> str:
    fields = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
    field = next((one for one in fields if document.get(one, {}).get(need.name) == need.written), fields[0])
    return f"{field}.{need.name}"


def _refused(file: str, path: str, found: str, expected: str) -> UnsupportedError:
    return UnsupportedError(
        f"{file}: {path[:80]} is not read", path=path[:200], found=found[:80], expected=expected, suggestions=[REMEDY]
    )
