"""package-lock.json, version 2 or 3, with the package.json beside it and those of the members of its workspace."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.fixing.wishes import Project, Widening, Wish
from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.writing import package_lock
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.locks.writing.package_lock_forms import package_lock_settings
from outrider.operators.packages.manifests import json_editing
from outrider.operators.packages.manifests.package_json import FORM, TAKEN_BY_NPM, NpmWish, asked, read_manifest
from outrider.operators.packages.manifests.workspaces import read_members
from outrider.operators.packages.npm.details import at
from outrider.operators.packages.npm.specs import read_spec
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

_LOCK = "package-lock.json"
_INSIDE = "node_modules/"
_OPTIONAL = "optionalDependencies"
_FLAGS = ("dev", "optional", "devOptional", "peer", "extraneous")
_INDENT = re.compile(r"\{\r?\n([ \t]+)\"")


class NpmProject(Project):
    """A lock and its manifest.

    Args:
        path: Of the lock.
        text: Of it.

    Raises:
        NotFoundError: There is no manifest beside it.
        InvalidConfigError: One of them cannot be read.
        UnsupportedError: It is of another version, has what comes from no registry, or the manifest has what is not read.
    """

    ecosystem = "npm"

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._beside = path, path.parent / FORM
        self._folder = path.resolve().parent
        manifest = read_text(self._beside)
        self._manifest = read_manifest(manifest, takes=TAKEN_BY_NPM)
        self._members = read_members(self._manifest, path.parent)
        self.texts = {path: text, self._beside: manifest, **{one.path: one.text for one in self._members}}
        self.paths = list(self.texts)
        self._places = {"": self._beside, **{one.place: one.path for one in self._members}}
        manifests = [("", self._manifest), *((one.place, one.manifest) for one in self._members)]
        self._wanted = [(place, wish) for place, one in manifests for wish in one.wishes]
        names = {one.name for one in self._members}
        self.wishes = [
            _placed(one, place, self._places[place], is_firm=one.name in names) for place, one in self._wanted
        ]
        document = read_json(_LOCK, text)
        self._entries = _checked(document, {one.place for one in self._members})
        self._form = int(document["lockfileVersion"])
        self.locked: dict[str, set[str]] = {}
        for place, entry in self._entries.items():
            name = entry.get("name") or place.rpartition(_INSIDE)[2]
            self.locked.setdefault(str(name), set()).add(str(entry.get("version")))
        self._names = {place.rpartition(_INSIDE)[2] for place in self._entries}
        self._overridden = set(_named(self._manifest.document.get("overrides") or {}))
        self.warnings: list[str] = []

    def asked(self, question: Question) -> Question:
        """Return a question with the settings of the folder, and with what only development needs.

        Raises:
            UnsupportedError: A setting is not heeded that changes what npm would write.
        """
        self._settings = package_lock_settings(self.texts[self._path], question, self._folder)
        return asked(self._manifest, question, self._folder, self._members)

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish for that version and what is compatible with it."""
        return widened(wish, version)

    def missing(self, answer: Resolved) -> list[str]:
        """Return sentences about what may be left out, and is: npm would put it back, vulnerable as it is."""
        versions = {one.place: one.version for one in answer.packages}
        unmet = {(one.place, name) for one in answer.packages for name in one.unmet}
        wanted = [
            (place, one.name, one.range, True)
            for place, one in self._wanted
            if one.kind == _OPTIONAL and one.name in self._names
        ]
        for one in answer.packages:
            old = self._entries.get(one.place, {}).get("version") == one.version
            wanted += [(one.place, *need) for need in _needed(one.entry) if not (old and need[0] not in self._names)]
        return [
            f"{place.rpartition(_INSIDE)[2] or 'the manifest'} needs {name} where it can be had, and no version of it may be used."
            for place, name, text, there in wanted
            # What is written of an overridden package is not what is asked of it.
            if (
                (place, name) in unmet
                if place and name in self._overridden
                else not _found(versions, place, name, text, there=there)
            )
        ]

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the lock as npm would write it over the old one, without what nothing needs, with what it has of versions that stay, and the manifests that change."""
        del before
        found = edited_manifests(self.texts, widenings)
        packages = [self._kept(one) for one in answer.packages if "extraneous" not in one.entry]
        kept = msgspec.structs.replace(answer, packages=self._settings.told(packages))
        indent = _INDENT.match(self.texts[self._path])
        documents = {place: read_json(FORM, found.get(path, self.texts[path])) for place, path in self._places.items()}
        text = package_lock.written(
            documents.pop(""), kept, self._folder, members=documents, form=self._form,
            indent=indent[1] if indent is not None else "  ",
        )  # fmt: skip
        return {self._path: text, **found}

    def _kept(self, one: ResolvedPackage) -> ResolvedPackage:
        """Return a package with what the lock had of it: registries tell more of it as time passes, and that is no change."""
        old = self._entries.get(one.place)
        if old is None or old.get("version") != one.version or old.get("name") != one.entry.get("name"):
            return one
        entry = {key: value for key, value in old.items() if key not in _FLAGS}
        entry |= {key: one.entry[key] for key in _FLAGS if key in one.entry}
        return msgspec.structs.replace(one, entry=entry)


def _needed(entry: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Yield what a package needs where it, or the package itself, can be had: the name, the range, and whether nothing will not do."""
    for kind in ("dependencies", _OPTIONAL):
        yield from ((name, str(text), True) for name, text in (entry.get(kind) or {}).items())
    peers = entry.get("peerDependencies") or {}
    for name, meta in (entry.get("peerDependenciesMeta") or {}).items():
        if isinstance(meta, dict) and meta.get("optional") and name in peers:
            yield name, str(peers[name]), False


def _found(versions: Mapping[str, str], place: str, name: str, text: str, *, there: bool) -> bool:
    """Return whether what is found by a name from a place on is what is asked for; it may be nothing where it need not be there."""
    found = next((version for above in _upwards(place) if (version := versions.get(f"{above}{_INSIDE}{name}"))), None)
    if found is None:
        return not there
    try:
        return bool(VersionTable(scheme_of("npm"), [found]).mask(read_spec(name, text).text))
    except InvalidConfigError:
        return True  # a tag, which any version may have been under


def _upwards(place: str) -> Iterator[str]:
    """Yield the folders in whose node_modules node looks, from a place on, each with a slash at its end."""
    while place:
        yield f"{place}/"
        place = place.rpartition(_INSIDE)[0].rstrip("/")
    yield ""


def widened(wish: Wish, version: str) -> Wish:
    """Return a wish for a version and what is compatible with it, of whoever has the wish."""
    prefix, name = wish.range.rpartition("@")[0], wish.where[-1]
    wider = f"{prefix}@^{version}" if wish.range.startswith("npm:") and prefix != "npm:" else f"^{version}"
    place = wish.text.removesuffix(f"{name}@{wish.range}")
    return msgspec.structs.replace(wish, range=wider, text=f"{place}{name}@{wider}")


def wish_of(one: NpmWish) -> Wish:
    """Return what a dependency asks for."""
    anyhow = "*" if one.package == one.name else f"npm:{one.package}@*"
    return Wish(
        name=one.package, range=one.range, where=(one.kind, one.name), text=f"{one.name}@{one.range or '*'}",
        anyhow="" if one.range in ("", "*") else f"{one.name}@{anyhow}",
    )  # fmt: skip


def _placed(one: NpmWish, place: str, path: Path, *, is_firm: bool) -> Wish:
    """Return a wish of a manifest; one for a member of the workspace keeps its range, with which it finds the member or does not."""
    plain = wish_of(one)
    anyhow = "" if is_firm or not plain.anyhow else at(place, plain.anyhow)
    return msgspec.structs.replace(plain, text=at(place, plain.text), anyhow=anyhow, file=path)


def _named(overrides: Any) -> Iterator[str]:
    """Yield the names of what overrides are about."""
    for key, inside in overrides.items() if isinstance(overrides, dict) else ():
        yield key[0] + key[1:].partition("@")[0] if key else key
        yield from _named(inside)


def _checked(document: Mapping[str, Any], members: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the entries of packages by their place, without those of the project and the members of its workspace."""
    packages = document.get("packages")
    if document.get("lockfileVersion") not in package_lock.FORMS or not isinstance(packages, dict):
        raise UnsupportedError(
            f"{_LOCK}: its version {document.get('lockfileVersion')} is not written here", path="lockfileVersion",
            found=str(document.get("lockfileVersion")), expected=" or ".join(map(str, package_lock.FORMS)), suggestions=["npm install --package-lock-only --lockfile-version 3"],
        )  # fmt: skip
    found = {place: entry for place, entry in packages.items() if place and not _is_of_member(place, entry, members)}
    odd = next((place for place, entry in found.items() if not _of_registry(place, entry, members)), "")
    if odd:
        raise UnsupportedError(
            f"{_LOCK}: {odd} comes from elsewhere than a registry", path=f"packages.{odd}"[:200], found=odd[:200],
            expected="packages of registries", suggestions=["use npm itself: npm audit fix"],
        )  # fmt: skip
    return found


def _is_of_member(place: str, entry: Any, members: Collection[str]) -> bool:
    """Return whether an entry is that of a member of a workspace, or a link to one."""
    return place in members or (
        isinstance(entry, dict) and bool(entry.get("link")) and entry.get("resolved") in members
    )


def _of_registry(place: str, entry: Any, members: Collection[str]) -> bool:
    folder = place.partition(_INSIDE)[0].rstrip("/")
    is_known = _INSIDE in place and (not folder or folder in members)
    if not isinstance(entry, dict) or not is_known or entry.get("link") or entry.get("inBundle"):
        return False
    return str(entry.get("resolved") or "https:").startswith(("http:", "https:"))


def edited_manifests(texts: Mapping[Path, str], widenings: Sequence[Widening]) -> dict[Path, str]:
    """Return the manifests that change, of those of a project and of the members of its workspace; the errors are those of `edited`.

    Args:
        texts: What is in them.
        widenings: The changes, each with its file.
    """
    found: dict[Path, str] = {}
    for one in widenings:
        path = one.before.file
        assert path is not None
        found[path] = edited(found.get(path, texts[path]), one)
    return found


def edited(text: str, one: Widening) -> str:
    """Return a package.json with another range, and nothing else of it changed.

    Raises:
        UnsupportedError: It is written in a way that is not changed here.
    """
    return json_editing.edited(FORM, text, [str(key) for key in one.before.where], one.after.range)
