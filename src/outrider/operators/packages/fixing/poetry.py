"""poetry.lock with the pyproject.toml beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.fixing.beside import BesideManifest
from outrider.operators.packages.fixing.wishes import Widening, Wish
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.making.poetry import asked_of_poetry, poetry_lock_text
from outrider.operators.packages.manifests.poetry_requirements import PoetryRequirement
from outrider.operators.packages.manifests.poetry_settings import refuse_poetry_settings
from outrider.operators.packages.manifests.poetry_sources import PoetrySources
from outrider.operators.packages.manifests.py_requirements import FORM
from outrider.operators.packages.manifests.toml_editing import edited
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.pypi.poetry.project import PoetryManifest
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question

_LOCK = "poetry.lock"
_ITSELF = ["use Poetry itself: poetry update NAME"]


class PoetryProject(BesideManifest):
    """A lock and its manifest.

    Args:
        path: Of the lock.
        text: Of it.

    Raises:
        NotFoundError: There is no manifest beside it.
        InvalidConfigError: One of them cannot be read.
        UnsupportedError: One of them has what comes from elsewhere than the usual index.
    """

    ecosystem = "pypi"

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(path, text, FORM)
        self._project = PoetryManifest(read_toml(FORM, self.texts[self._beside]))
        self.wishes = [_wish(one) for one in self._project.asked]
        self._document = read_toml(_LOCK, text)
        self.locked = _locked(self._document, self._project.sources)

    def asked(self, question: Question) -> Question:
        """Return a question for all machines and Pythons of the project, with the settings of the folder.

        Raises:
            UnsupportedError: Settings count that are not heeded.
        """
        refuse_poetry_settings(self._folder, question.environment)
        return asked_of_poetry(self._project, question, self._folder, self._document)

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish from that version on."""
        wider = f">={version}"
        return msgspec.structs.replace(wish, range=wider, text=self._requirement(wish).with_range(wider))

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the lock as Poetry would write it, and the manifest where it changes."""
        del before
        manifest = self.texts[self._beside]
        for one in widenings:
            manifest = edited(FORM, manifest, [one.before.where], one.after.text)
        found = {self._path: poetry_lock_text(PoetryManifest(read_toml(FORM, manifest)), answer)}
        return found | ({self._beside: manifest} if widenings else {})

    def _requirement(self, wish: Wish) -> PoetryRequirement:
        return next(one for one in self._project.asked if one.where == wish.where)


def _wish(one: PoetryRequirement) -> Wish:
    return Wish(
        name=one.name, range=one.range, where=one.where, text=one.text, anyhow=one.anyhow if one.range else ""
    )  # fmt: skip


def _locked(document: Mapping[str, Any], sources: PoetrySources) -> dict[str, set[str]]:
    known = [{}, *(one.entry for one in sources.listed)]
    found: dict[str, set[str]] = {}
    for one in document.get("package", []):
        name = normalised(str(one.get("name"))) if isinstance(one, dict) else ""
        if isinstance(one, dict) and one.get("source", {}) not in known:
            raise UnsupportedError(
                f"{_LOCK}: {name} comes from elsewhere than pyproject.toml says, and that is not changed", path=f"package.{name}.source",
                found="another index", expected=" or ".join(each.name for each in sources.listed), suggestions=_ITSELF,
            )  # fmt: skip
        found.setdefault(name, set()).add(str(one.get("version")) if isinstance(one, dict) else "")
    return found
