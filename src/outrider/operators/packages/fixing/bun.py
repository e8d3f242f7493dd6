"""bun.lock, with the package.json beside it and those of the members of its workspace."""

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.fixing.beside import BesideManifest
from outrider.operators.packages.fixing.npm import edited_manifests, widened, wish_of
from outrider.operators.packages.fixing.wishes import Widening, Wish
from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.locks.writing import bun_lock
from outrider.operators.packages.manifests.bun_catalogs import FIELDS as CATALOGS
from outrider.operators.packages.manifests.bun_overrides import references_of
from outrider.operators.packages.manifests.bun_patches import FIELD as PATCHES
from outrider.operators.packages.manifests.bun_project import asked_of_bun, locking_of
from outrider.operators.packages.manifests.bun_workspace import BunWorkspace, read_workspace
from outrider.operators.packages.manifests.package_json import FORM, NpmWish
from outrider.operators.packages.npm.bun.locked import is_of_registry, locked_needs
from outrider.operators.packages.npm.bun.overriding import rules_of
from outrider.operators.packages.npm.catalogs import CATALOG, catalog_of
from outrider.operators.packages.npm.details import at
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question

_LOCK = "bun.lock"
_FORMS = (1, bun_lock.NEWEST_FORM, bun_lock.NESTED_FORM)
_CONFIGS = (0, bun_lock.CONFIG)
_SECTIONS = frozenset(
    (
        "lockfileVersion",
        "configVersion",
        "workspaces",
        "trustedDependencies",
        PATCHES,
        "overrides",
        *CATALOGS,
        "packages",
    )
)
# What an entry has by where it stands.
_OF_PLACE = ("unresolved", "bundled")
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+[^():/]*")


class BunProject(BesideManifest):
    """A lock and its manifest, with those of the members of its workspace.

    Args:
        path: Of the lock.
        text: Of it.

    Raises:
        NotFoundError: There is no manifest beside it.
        InvalidConfigError: One of them cannot be read.
        UnsupportedError: It is of another version or of other members, or has what comes from no registry.
    """

    ecosystem = "npm"

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(path, text, FORM)
        self._workspace = read_workspace(self.texts[self._beside], path.parent)
        members = self._workspace.members
        self.texts |= {one.path: one.text for one in members}
        self.paths = list(self.texts)
        self.wishes = list(_wishes(self._workspace, self._beside))
        own = {one.name: [f"{one.name}@workspace:{one.place}"] for one in members}
        self._document = _checked(read_json(_LOCK, text, lenient=True), own, {one.place for one in members})
        packages = self._document["packages"].items()
        self._entries = {entry[0]: entry for place, entry in packages if entry != own.get(place)}
        self.locked: dict[str, set[str]] = {}
        for one in self._entries:
            name, version = split_name(one)
            self.locked.setdefault(name, set()).add(version)

    def asked(self, question: Question) -> Question:
        """Return a question with the settings of the folder, and with which version each package needs so far."""
        return asked_of_bun(self._workspace, question, self._folder, locked_needs(self._document))

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish for that version and what is compatible with it."""
        return widened(wish, version)

    def missing(self, answer: Resolved) -> list[str]:
        """Return sentences about what may be left out, and is: bun would put it back, vulnerable as it is."""
        return answer.notes

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the lock as bun would write it over the old one, with what it has of versions that stay, and the manifests that change."""
        del before
        found = edited_manifests(self.texts, widenings)
        workspace = read_workspace(found.get(self._beside, self.texts[self._beside]), self._path.parent, found)
        old, packages = self._document, [self._kept(one) for one in answer.packages]
        locking = locking_of(workspace, packages)
        self.warnings = [
            f"{name}: its patch is not used any more: {place}"
            for name, place in old.get(PATCHES, {}).items()
            if name not in locking.patches
        ]
        text = bun_lock.written(
            locking,
            packages,
            form=min(old["lockfileVersion"], bun_lock.NEWEST_FORM),
            config=old.get("configVersion", 0),
        )
        return {self._path: text, **found}

    def _kept(self, one: ResolvedPackage) -> ResolvedPackage:
        """Return a package with what the lock had of it: registries tell more of it as time passes, and that is no change."""
        new = one.entry["bun"]
        old = self._entries.get(new[0])
        if old is None:
            return one
        # Where it stands may be another place than before.
        of_place = {key: new[2][key] for key in _OF_PLACE if key in new[2]}
        order = {key: at for at, key in enumerate(bun_lock.FIELDS)}
        said = {key: value for key, value in old[2].items() if key not in _OF_PLACE} | of_place
        info = dict(sorted(said.items(), key=lambda item: order.get(item[0], len(order))))
        return msgspec.structs.replace(one, entry={**one.entry, "bun": [*old[:2], info, *old[3:]]})


def _wishes(workspace: BunWorkspace, path: Path) -> Iterator[Wish]:
    """Yield what manifests and catalogs ask of registries.

    What has the name of a member keeps its range, with which it finds the member or does not, and so does what overrides take from elsewhere.
    """
    files = {"": path, **{one.place: one.path for one in workspace.members}}
    asked: list[tuple[str, Path, NpmWish, tuple[str, ...]]] = [
        (place, files[place], one, (one.kind, one.name))
        for place, each in workspace.manifests().items()
        for one in each.wishes
        if not catalog_of(one.range)
    ]
    asked += [
        (f"{CATALOG}{catalog}", path, one, workspace.catalogs.where(catalog, one.name))
        for catalog, one in workspace.taken()
    ]
    members = {one.name for one in workspace.members}
    overridden = {(f"{CATALOG}{catalog_of(one.text)}", one.target.name) for one in rules_of(workspace.overrides)}
    referred = references_of(workspace.manifest.document)
    for place, file, one, where in asked:
        if one.package:
            plain = wish_of(one)
            is_taken = one.name in referred or (place, one.name) in overridden
            is_firm = {one.name, one.package} & members or is_taken or not plain.anyhow
            anyhow = "" if is_firm else at(place, plain.anyhow)
            yield msgspec.structs.replace(plain, where=where, text=at(place, plain.text), anyhow=anyhow, file=file)


def _checked(document: dict[str, Any], own: Mapping[str, list[str]], places: AbstractSet[str]) -> dict[str, Any]:
    """Return a lock of which all can be heeded.

    Args:
        document: The lock.
        own: What it is to have of members, by name.
        places: Their folders.
    """
    if document.get("lockfileVersion") not in _FORMS:
        raise _refused("lockfileVersion", str(document.get("lockfileVersion")), f"{_FORMS[0]} or {_FORMS[1]}")
    if document.get("configVersion", 0) not in _CONFIGS:
        raise _refused("configVersion", str(document.get("configVersion")), f"{_CONFIGS[0]} or {_CONFIGS[1]}")
    if odd := sorted(document.keys() - _SECTIONS):
        raise _refused(odd[0], odd[0], "a lock without it")
    workspaces, packages = document.get("workspaces"), document.get("packages")
    if not isinstance(workspaces, dict) or not all(isinstance(one, dict) for one in workspaces.values()):
        raise _unreadable("workspaces")
    if workspaces.keys() - {""} != places:
        raise _refused("workspaces", ", ".join(workspaces)[:200], "the members that the workspace has")
    if not isinstance(packages, dict):
        raise _unreadable("packages")
    _check_entries({place: entry for place, entry in packages.items() if entry != own.get(place)})
    return document


def _check_entries(entries: Mapping[str, Any]) -> None:
    for place, entry in entries.items():
        if not isinstance(entry, list) or not entry or not isinstance(entry[0], str):
            raise _unreadable(f"packages.{place}"[:200])
        if not is_of_registry(entry) or _VERSION.fullmatch(split_name(entry[0])[1]) is None:
            raise _refused(f"packages.{place}"[:200], entry[0][:200], "packages of registries")


def _refused(path: str, found: str, expected: str) -> UnsupportedError:
    return UnsupportedError(
        f"{_LOCK}: {path} is not as it is written here", path=path, found=found, expected=expected, suggestions=["use bun itself: bun update"]
    )  # fmt: skip


def _unreadable(path: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{_LOCK}: {path} cannot be read", path=path, found="something else", expected="what bun writes", suggestions=["have bun write it anew"]
    )  # fmt: skip
