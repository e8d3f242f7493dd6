"""Cargo.lock with the Cargo.toml beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.fixing.wishes import Widening, Wish
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.writing import cargo
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.manifests.cargo import FORM, CargoWish, read_manifest
from outrider.operators.packages.manifests.toml_editing import edited
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question

_LOCK = "Cargo.lock"
_ANY = "*"
_FORMS = (3, 4)


class CargoProject:
    """A lock and its manifest.

    Args:
        path: Of the lock.
        text: Of it.

    Raises:
        NotFoundError: There is no manifest beside it.
        InvalidConfigError: One of them cannot be read.
        UnsupportedError: It is the lock of a workspace, or has what comes from no registry.
    """

    ecosystem = "cargo"

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._beside = path, path.parent / FORM
        self._folder = path.resolve().parent
        self.paths = [path, self._beside]
        self.texts = {path: text, self._beside: read_text(self._beside)}
        self._manifest = read_manifest(self.texts[self._beside])
        self.wishes = [_wish(one) for one in self._manifest.wishes]
        document = read_toml(_LOCK, text)
        packages = [one for one in document.get("package", []) if isinstance(one, dict)]
        self._form = _checked_form(document)
        self._source = _one_source(packages)
        self._version = _own_version(packages, self._manifest.name)
        self.locked = _locked(packages)
        self.warnings: list[str] = []

    def asked(self, question: Question) -> Question:
        """Return a question with the settings of the folder."""
        return msgspec.structs.replace(question, folder=self._folder)

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish for that version and what is compatible with it."""
        wider = version.partition("+")[0]
        return msgspec.structs.replace(wish, range=wider, text=f"{wish.anyhow.removesuffix(_ANY)}{wider}")

    def missing(self, answer: Resolved) -> list[str]:
        """Return nothing: whatever is asked for is in an answer."""
        del answer
        return []

    def direct(self, answer: Resolved) -> set[str]:
        """Return what the manifest asks for."""
        return {one.name for one in answer.packages if one.direct}

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the lock as Cargo would write it, and the manifest where it changes."""
        del before
        text = cargo.written(self._manifest.name, self._version, answer, self._source, self._form)
        found = {self._path: text}
        for one in widenings:
            where = [str(key) for key in one.before.where]
            manifest = found.get(self._beside, self.texts[self._beside])
            found[self._beside] = edited(FORM, manifest, [[*where, "version"], where], one.after.range)
        return found


def _wish(one: CargoWish) -> Wish:
    anyhow = one.text(_ANY) if one.range != _ANY else ""
    return Wish(name=one.name, range=one.range, where=one.where, text=one.text(), anyhow=anyhow)


def _checked_form(document: Mapping[str, Any]) -> int:
    form = document.get("version")
    if form not in _FORMS:
        raise UnsupportedError(
            f"{_LOCK}: its version {form} is not written here", path="version", found=str(form), expected="3 or 4",
            suggestions=["have Cargo write it anew: cargo update --workspace"],
        )  # fmt: skip
    return int(form)


def _one_source(packages: Sequence[Mapping[str, Any]]) -> str:
    sources = sorted({str(one["source"]) for one in packages if one.get("source")})
    if len(sources) > 1 or any(not one.startswith(("registry+", "sparse+")) for one in sources):
        raise UnsupportedError(
            f"{_LOCK}: it has packages from elsewhere than one registry", path="package.source", found=", ".join(sources)[:200],
            expected="one registry", suggestions=["use Cargo itself: cargo update -p NAME --precise VERSION"],
        )  # fmt: skip
    return sources[0] if sources else ""


def _own_version(packages: Sequence[Mapping[str, Any]], name: str) -> str:
    own = [one for one in packages if not one.get("source")]
    if len(own) != 1 or own[0].get("name") != name:
        raise UnsupportedError(
            f"{_LOCK}: it is no lock of the one package {name}", path="package", found=f"{len(own)} packages without a source",
            expected="a package by itself, and no workspace", suggestions=["use Cargo itself: cargo update -p NAME --precise VERSION"],
        )  # fmt: skip
    return str(own[0].get("version", ""))


def _locked(packages: Sequence[Mapping[str, Any]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in packages:
        if one.get("source"):
            found.setdefault(str(one.get("name")), set()).add(str(one.get("version")))
    return found
