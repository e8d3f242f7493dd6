"""Cargo.lock with the Cargo.toml beside it, and with those that this leads to."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.cargo.places import is_usual, key_of
from outrider.operators.packages.fixing.wishes import Project, Widening, Wish
from outrider.operators.packages.locks.cargo import kept_of
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.writing import cargo
from outrider.operators.packages.manifests.cargo import ANY, FORM
from outrider.operators.packages.manifests.cargo_workspace import CargoWish, asked, read_workspace
from outrider.operators.packages.manifests.toml_editing import edited
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question

_LOCK = "Cargo.lock"
_FORMS = (3, 4)


class CargoProject(Project):
    """A lock and its manifests: that beside it, and those of the members and folders that this leads to.

    Args:
        path: Of the lock.
        text: Of it.

    Raises:
        NotFoundError: There is no manifest beside it, or where one is named.
        InvalidConfigError: One of them cannot be read.
        UnsupportedError: It is beside a member of a workspace, or has what is not read here.
    """

    ecosystem = "cargo"

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._folder = path, path.resolve().parent
        self._workspace = read_workspace(path.parent / FORM)
        self.paths = [path, *self._workspace.texts]
        self.texts = {path: text, **self._workspace.texts}
        self.wishes = [_wish(one, path.parent) for one in self._workspace.wishes]
        document = read_toml(_LOCK, text)
        packages = [one for one in document.get("package", []) if isinstance(one, dict)]
        self._form = _checked_form(document)
        self._source = _usual_source(packages)
        _refuse_unknown(packages, self._workspace.names.values())
        self.locked, self._commits = kept_of(text)
        self.warnings: list[str] = []

    def asked(self, question: Question) -> Question:
        """Return a question with the settings of the folder, and with who asks."""
        return asked(self._workspace, question, self._folder, self._commits, is_bounded=self.is_bounded)

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish for that version and what is compatible with it."""
        wider = version.partition("+")[0]
        return msgspec.structs.replace(wish, range=wider, text=f"{wish.anyhow.removesuffix(ANY)}{wider}")

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the lock as Cargo would write it, and the manifest where it changes."""
        del before
        workspace = self._workspace
        if not self._source and cargo.names_usual(workspace.names, answer):
            raise UnsupportedError(
                f"{_LOCK}: it does not say how it names the registry of what is to be in it", path="package.source", found="nothing of it",
                expected="a lock that goes with its manifests", suggestions=["have Cargo write it anew: cargo update --workspace"],
            )  # fmt: skip
        found = {self._path: cargo.written(workspace.names, answer, self._source, self._form)}
        for one in widenings:
            where, file = [str(key) for key in one.before.where], one.before.file
            assert file is not None
            manifest = found.get(file, self.texts[file])
            found[file] = edited(str(file), manifest, [[*where, "version"], where], one.after.range)
        return found


def _wish(one: CargoWish, folder: Path) -> Wish:
    # What lies elsewhere is not changed, and of other registries and of repositories no advisories tell.
    is_own = one.file.absolute().is_relative_to(folder.absolute()) and not one.place
    anyhow = one.text(ANY) if one.range != ANY and is_own else ""
    return Wish(
        name=key_of(one.name, one.place),
        range=one.range,
        where=one.where,
        text=one.text(),
        anyhow=anyhow,
        file=one.file,
    )


def _checked_form(document: Mapping[str, Any]) -> int:
    form = document.get("version")
    if form not in _FORMS:
        raise UnsupportedError(
            f"{_LOCK}: its version {form} is not written here", path="version", found=str(form), expected="3 or 4",
            suggestions=["have Cargo write it anew: cargo update --workspace"],
        )  # fmt: skip
    return int(form)


def _usual_source(packages: Sequence[Mapping[str, Any]]) -> str:
    """Return how a lock names the usual registry; empty where nothing is of it."""
    return next((str(one["source"]) for one in packages if is_usual(str(one.get("source")))), "")


def _refuse_unknown(packages: Sequence[Mapping[str, Any]], known: Iterable[str]) -> None:
    """Refuse a lock of other packages than the manifests tell of."""
    more = Counter(str(one.get("name")) for one in packages if not one.get("source")) - Counter(known)
    if more:
        raise UnsupportedError(
            f"{_LOCK}: it has packages of folders that no manifest leads to", path="package", found=", ".join(sorted(more))[:200],
            expected="the packages of the manifests alone", suggestions=["have Cargo write it anew: cargo update --workspace"],
        )  # fmt: skip
