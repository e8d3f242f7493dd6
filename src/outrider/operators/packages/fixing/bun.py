"""bun.lock, with the package.json beside it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.fixing.beside import BesideManifest
from outrider.operators.packages.fixing.npm import edited, widened, wish_of
from outrider.operators.packages.fixing.wishes import Widening, Wish
from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.locks.writing import bun_lock
from outrider.operators.packages.manifests.bun_project import asked_of_bun, overrides_of, trusted_by, workspaces_of
from outrider.operators.packages.manifests.package_json import FORM, read_manifest
from outrider.operators.packages.npm.bun.locked import is_of_registry, locked_needs
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question

_LOCK = "bun.lock"
_FORMS = (1, bun_lock.NEWEST_FORM)
_CONFIGS = (0, bun_lock.CONFIG)
_SECTIONS = frozenset(
    ("lockfileVersion", "configVersion", "workspaces", "trustedDependencies", "overrides", "packages")
)
# What an entry has by where it stands.
_OF_PLACE = ("unresolved", "bundled")
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+[^():/]*")


class BunProject(BesideManifest):
    """A lock and its manifest.

    Args:
        path: Of the lock.
        text: Of it.

    Raises:
        NotFoundError: There is no manifest beside it.
        InvalidConfigError: One of them cannot be read.
        UnsupportedError: It is of another version or a workspace, or has what comes from no registry.
    """

    ecosystem = "npm"

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(path, text, FORM)
        self._manifest = read_manifest(self.texts[self._beside], "bun")
        self.wishes = [wish_of(one) for one in self._manifest.wishes]
        self._document = _checked(read_json(_LOCK, text, lenient=True))
        self._entries = {entry[0]: entry for entry in self._document["packages"].values()}
        self.locked: dict[str, set[str]] = {}
        for one in self._entries:
            name, version = split_name(one)
            self.locked.setdefault(name, set()).add(version)

    def asked(self, question: Question) -> Question:
        """Return a question with the settings of the folder, and with which version each package needs so far."""
        return asked_of_bun(self._manifest, question, self._folder, locked_needs(self._document))

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish for that version and what is compatible with it."""
        return widened(wish, version)

    def missing(self, answer: Resolved) -> list[str]:
        """Return sentences about what may be left out, and is: bun would put it back, vulnerable as it is."""
        return answer.notes

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the lock as bun would write it over the old one, with what it has of versions that stay, and the manifest where it changes."""
        del before
        found = {}
        manifest = self.texts[self._beside]
        for one in widenings:
            manifest = found[self._beside] = edited(manifest, one)
        document, old = read_json(FORM, manifest), self._document
        packages = [self._kept(one) for one in answer.packages]
        text = bun_lock.written(
            workspaces_of(document, packages), packages, trusted=trusted_by(document, packages, old.get("trustedDependencies", ())),
            overrides=overrides_of(document), form=old["lockfileVersion"], config=old.get("configVersion", 0),
        )  # fmt: skip
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


def _checked(document: dict[str, Any]) -> dict[str, Any]:
    if document.get("lockfileVersion") not in _FORMS:
        raise _refused("lockfileVersion", str(document.get("lockfileVersion")), f"{_FORMS[0]} or {_FORMS[1]}")
    if document.get("configVersion", 0) not in _CONFIGS:
        raise _refused("configVersion", str(document.get("configVersion")), f"{_CONFIGS[0]} or {_CONFIGS[1]}")
    if odd := sorted(document.keys() - _SECTIONS):
        raise _refused(odd[0], odd[0], "a lock without it")
    workspaces, packages = document.get("workspaces"), document.get("packages")
    if not isinstance(workspaces, dict) or not all(isinstance(one, dict) for one in workspaces.values()):
        raise _unreadable("workspaces")
    if workspaces.keys() - {""}:
        raise _refused("workspaces", ", ".join(workspaces)[:200], "a project by itself, and no workspace")
    if not isinstance(packages, dict):
        raise _unreadable("packages")
    for place, entry in packages.items():
        if not isinstance(entry, list) or not entry or not isinstance(entry[0], str):
            raise _unreadable(f"packages.{place}"[:200])
        if not is_of_registry(entry) or _VERSION.fullmatch(split_name(entry[0])[1]) is None:
            raise _refused(f"packages.{place}"[:200], entry[0][:200], "packages of registries")
    return document


def _refused(path: str, found: str, expected: str) -> UnsupportedError:
    return UnsupportedError(
        f"{_LOCK}: {path} is not as it is written here", path=path, found=found, expected=expected, suggestions=["use bun itself: bun update"]
    )  # fmt: skip


def _unreadable(path: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{_LOCK}: {path} cannot be read", path=path, found="something else", expected="what bun writes", suggestions=["have bun write it anew"]
    )  # fmt: skip
