"""pnpm-lock.yaml, version 9.0, with the package.json beside it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.fixing.beside import BesideManifest
from outrider.operators.packages.fixing.npm import edited, widened, wish_of
from outrider.operators.packages.fixing.wishes import Widening, Wish
from outrider.operators.packages.locks.documents import read_json, read_yaml
from outrider.operators.packages.locks.writing import pnpm_lock
from outrider.operators.packages.manifests.package_json import FORM, NpmWish, read_manifest
from outrider.operators.packages.manifests.pnpm_project import asked_of_pnpm
from outrider.operators.packages.npm.specs import read_spec
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question

_LOCK = "pnpm-lock.yaml"
_PROJECT = "."
_SECTIONS = frozenset(("lockfileVersion", "settings", "importers", "packages", "snapshots"))
_NEEDS = ("dependencies", "optionalDependencies")
_KEY = re.compile(r"((?:@[^/@]+/)?[^/@]+)@([0-9]+\.[0-9]+\.[0-9]+[^():/]*)")
_REFERENCE = re.compile(r"(?:(?:@[^/@]+/)?[^/@(]+@)?([0-9]+\.[0-9]+\.[0-9]+[^():/]*)(?:\(.*\))?")


class PnpmProject(BesideManifest):
    """A lock and its manifest.

    Args:
        path: Of the lock.
        text: Of it.

    Raises:
        NotFoundError: There is no manifest beside it.
        InvalidConfigError: One of them cannot be read.
        UnsupportedError: It is of another version or a workspace, has what comes from no registry, or was made with other settings.
    """

    ecosystem = "npm"

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(path, text, FORM)
        self._manifest = read_manifest(self.texts[self._beside])
        self.wishes = [wish_of(one) for one in _wishes(self._manifest.document)]
        document = _checked(read_yaml(_LOCK, text))
        self._entries: dict[str, dict[str, Any]] = document.get("packages", {})
        self.locked: dict[str, set[str]] = {}
        for key in self._entries:
            name, version = _identity(key)
            self.locked.setdefault(name, set()).add(version)
        self._needs = dict(_needs(document))

    def asked(self, question: Question) -> Question:
        """Return a question with the settings of the folder, and with which version each package needs so far."""
        return asked_of_pnpm(self._manifest, question, self._folder, self._needs)

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish for that version and what is compatible with it."""
        return widened(wish, version)

    def missing(self, answer: Resolved) -> list[str]:
        """Return sentences about what may be left out, and is: pnpm would put it back, vulnerable as it is."""
        return answer.notes

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the lock as pnpm would write it over the old one, with what it has of versions that stay, and the manifest where it changes."""
        del before
        found = {}
        manifest = self.texts[self._beside]
        for one in widenings:
            manifest = found[self._beside] = edited(manifest, one)
        kept = msgspec.structs.replace(answer, packages=[self._kept(one) for one in answer.packages])
        return {self._path: pnpm_lock.written(read_json(FORM, manifest), kept), **found}

    def _kept(self, one: ResolvedPackage) -> ResolvedPackage:
        """Return a package with what the lock had of it: registries tell more of it as time passes, and that is no change."""
        old = self._entries.get(f"{one.name}@{one.version}")
        return one if old is None else msgspec.structs.replace(one, entry={**one.entry, "package": _typed(old)})


def _wishes(document: Mapping[str, Any]) -> Iterator[NpmWish]:
    """Yield what a manifest asks for, in the order of pnpm."""
    names = dict.fromkeys(name for kind in reversed(pnpm_lock.KINDS[1:]) for name in document.get(kind) or {})
    for name in {**names, **dict.fromkeys(document.get(pnpm_lock.KINDS[0]) or {})}:
        kind = next(kind for kind in pnpm_lock.KINDS if name in (document.get(kind) or {}))
        text = document[kind][name]
        yield NpmWish(kind=kind, name=name, package=read_spec(name, text).package, range=text)


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
    project = document.get("importers", {}).get(_PROJECT, {})
    direct = {name: one["version"] for kind in pnpm_lock.KINDS for name, one in project.get(kind, {}).items()}
    yield _PROJECT, _versions(direct)
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
    if document.get("importers", {}).keys() - {_PROJECT}:
        raise _refused("importers", ", ".join(document["importers"])[:200], "a project by itself, and no workspace")
    for key, entry in document.get("packages", {}).items():
        if _KEY.fullmatch(key) is None or "integrity" not in entry.get("resolution", {}):
            raise _refused(f"packages.{key}"[:200], key[:200], "packages of registries")
    return document


def _refused(path: str, found: str, expected: str) -> UnsupportedError:
    return UnsupportedError(
        f"{_LOCK}: {path} is not as it is written here", path=path, found=found, expected=expected,
        suggestions=["use pnpm itself: pnpm audit --fix"],
    )  # fmt: skip
