"""pnpm-lock.yaml, version 9.0, with the package.json beside it, those of the members of its workspace, and its catalogs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.fixing.beside import BesideManifest
from outrider.operators.packages.fixing.npm import edited, widened, wish_of
from outrider.operators.packages.fixing.wishes import Widening, Wish
from outrider.operators.packages.locks.documents import read_yaml
from outrider.operators.packages.locks.writing import pnpm_lock
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.manifests import yaml_editing
from outrider.operators.packages.manifests.package_json import FORM, NpmWish
from outrider.operators.packages.manifests.pnpm_project import PnpmWorkspace, asked_at, read_workspace
from outrider.operators.packages.npm.catalogs import CATALOG, catalog_of
from outrider.operators.packages.npm.details import at
from outrider.operators.packages.npm.pnpm.extensions import checksum
from outrider.operators.packages.npm.specs import read_spec
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question

_LOCK = "pnpm-lock.yaml"
_SECTIONS = frozenset((
    "lockfileVersion", "settings", "catalogs", "overrides", "packageExtensionsChecksum", "patchedDependencies", "importers", "packages", "snapshots",
))  # fmt: skip
_NEEDS = ("dependencies", "optionalDependencies")
_KEY = re.compile(r"((?:@[^/@]+/)?[^/@]+)@([0-9]+\.[0-9]+\.[0-9]+[^():/]*)")
_REFERENCE = re.compile(r"(?:(?:@[^/@]+/)?[^/@(]+@)?([0-9]+\.[0-9]+\.[0-9]+[^():/]*)(?:\(.*\))?")


class PnpmProject(BesideManifest):
    """A lock with its manifest, those of the members of its workspace, and what has their catalogs.

    Args:
        path: Of the lock.
        text: Of it.

    Raises:
        NotFoundError: There is no manifest beside it.
        InvalidConfigError: One of them cannot be read.
        UnsupportedError: It is of another version, has what comes from no registry, or was made with other settings.
    """

    ecosystem = "npm"

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(path, text, FORM)
        self._workspace = read_workspace(path.parent)
        settings = self._workspace.settings
        self.texts |= {one.path: one.text for one in self._workspace.importers}
        self.texts |= {settings.file: settings.text} if settings.text else {}
        self.texts |= {path.parent / one.path: read_text(path.parent / one.path) for one in settings.patches.values()}
        self.paths = list(self.texts)
        self.wishes = [*_wishes(self._workspace), *_wishes_of_catalogs(self._workspace)]
        document = _checked(read_yaml(_LOCK, text))
        self._entries: dict[str, dict[str, Any]] = document.get("packages", {})
        is_extended_so = document.get("packageExtensionsChecksum", "") == checksum(settings.extensions)
        self._is_current = document.get("overrides", {}) == settings.overrides and is_extended_so
        self.locked: dict[str, set[str]] = {}
        for key in self._entries:
            name, version = _identity(key)
            self.locked.setdefault(name, set()).add(version)
        self._needs = dict(_needs(document))

    def asked(self, question: Question) -> Question:
        """Return a question with the settings of the folder, and with which version each package needs so far."""
        return self._workspace.asked(question, self._needs)

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish for that version and what is compatible with it."""
        return widened(wish, version)

    def missing(self, answer: Resolved) -> list[str]:
        """Return sentences about what may be left out, and is: pnpm would put it back, vulnerable as it is."""
        return answer.notes

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the lock as pnpm would write it over the old one, with what it has of versions that stay, and the manifests and catalogs that change."""
        del before
        found: dict[Path, str] = {}
        for one in widenings:
            assert one.before.file is not None
            path = one.before.file
            text = found.get(path, self.texts[path])
            where = [str(key) for key in one.before.where]
            if path == self._workspace.settings.file:
                found[path] = yaml_editing.edited(path.name, text, where, one.before.range, one.after.range)
            else:
                found[path] = edited(text, one)
        kept = msgspec.structs.replace(answer, packages=[self._kept(one) for one in answer.packages])
        workspace = read_workspace(self._workspace.folder, found)
        return {self._path: pnpm_lock.written(workspace.locking(), kept), **found}

    def _kept(self, one: ResolvedPackage) -> ResolvedPackage:
        """Return a package with what the lock had of it: registries tell more of it as time passes, and that is no change."""
        old = self._entries.get(f"{one.name}@{one.version}") if self._is_current else None
        return one if old is None else msgspec.structs.replace(one, entry={**one.entry, "package": _typed(old)})


def _wishes(workspace: PnpmWorkspace) -> Iterator[Wish]:
    """Yield what manifests ask for; what is a member, or is said elsewhere, keeps its range."""
    for one in workspace.importers:
        for need in one.needs:
            plain, text = wish_of(need), asked_at(one.place, need)
            is_firm = not need.package or catalog_of(need.range) or need.name in one.overridden
            anyhow = "" if is_firm or not plain.anyhow else at(one.place, plain.anyhow)
            name = need.package or need.name
            yield msgspec.structs.replace(plain, name=name, text=text, anyhow=anyhow, file=one.path)


def _wishes_of_catalogs(workspace: PnpmWorkspace) -> Iterator[Wish]:
    """Yield what is asked for in catalogs and used; what overrides take from there keeps its range."""
    settings = workspace.settings
    for catalog, entries in workspace.catalogs().items():
        field = ("catalogs", catalog) if catalog in settings.named else ("catalog",)
        for name, text in entries.items():
            need = NpmWish(kind="", name=name, package=read_spec(name, text).package, range=text)
            plain, place = wish_of(need), f"{CATALOG}{catalog}"
            anyhow = "" if (catalog, name) in settings.of_catalogs or not plain.anyhow else at(place, plain.anyhow)
            yield msgspec.structs.replace(
                plain, where=(*field, name), text=asked_at(place, need), anyhow=anyhow, file=settings.file
            )


def _typed(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a lock has of a package, with truth values where texts stand for them."""
    found = dict(entry)
    if "hasBin" in found:
        found["hasBin"] = True
    if found.get("bundledDependencies") == "true":
        found["bundledDependencies"] = True
    if "peerDependenciesMeta" in found:
        found["peerDependenciesMeta"] = {name: {"optional": True} for name in found["peerDependenciesMeta"]}
    return found


def _needs(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield who needs what in which version; of what stands in a lock with several sets of peers the first one."""
    for place, importer in document.get("importers", {}).items():
        direct = {name: one["version"] for kind in pnpm_lock.KINDS for name, one in importer.get(kind, {}).items()}
        yield place, _versions(direct)
    seen = set()
    for path, snapshot in document.get("snapshots", {}).items():
        key = path.partition("(")[0]
        if key not in seen:
            seen.add(key)
            yield key, _versions({name: one for kind in _NEEDS for name, one in snapshot.get(kind, {}).items()})


def _versions(references: Mapping[str, str]) -> dict[str, str]:
    matches = {name: _REFERENCE.fullmatch(one) for name, one in references.items()}
    return {name: match[1] for name, match in matches.items() if match is not None}


def _identity(key: str) -> tuple[str, str]:
    match = _KEY.fullmatch(key)
    return (match[1], match[2]) if match is not None else ("", "")


def _checked(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    document = documents[0] if len(documents) == 1 else {}
    if document.get("lockfileVersion") != pnpm_lock.FORM:
        raise _refused("lockfileVersion", str(document.get("lockfileVersion")), pnpm_lock.FORM)
    settings = {name: str(value).lower() for name, value in pnpm_lock.SETTINGS.items()}
    if document.get("settings") != settings:
        raise _refused("settings", str(document.get("settings")), "pnpm's own settings")
    if odd := sorted(document.keys() - _SECTIONS):
        raise _refused(odd[0], odd[0], "a lock without it")
    for key, entry in document.get("packages", {}).items():
        if _KEY.fullmatch(key) is None or "integrity" not in entry.get("resolution", {}):
            raise _refused(f"packages.{key}"[:200], key[:200], "packages of registries")
    return document


def _refused(path: str, found: str, expected: str) -> UnsupportedError:
    return UnsupportedError(
        f"{_LOCK}: {path} is not as it is written here", path=path, found=found, expected=expected,
        suggestions=["use pnpm itself: pnpm audit --fix"],
    )  # fmt: skip
