"""Pipfile.lock with the Pipfile beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.fixing.beside import BesideManifest
from outrider.operators.packages.fixing.wishes import Widening, Wish
from outrider.operators.packages.locks.making.pipfile import asked_of_pipenv, categories_of
from outrider.operators.packages.locks.pipfile import FORM as LOCK
from outrider.operators.packages.locks.pipfile import SOURCES
from outrider.operators.packages.locks.writing import pipfile as writing
from outrider.operators.packages.manifests.pipfile import ANY, Pipfile, PipfileRequirement
from outrider.operators.packages.manifests.pipfile_sources import FORM
from outrider.operators.packages.manifests.toml_editing import edited
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question

_ITSELF = ["use Pipenv itself: pipenv upgrade NAME"]


class PipfileProject(BesideManifest):
    """A lock and its manifest.

    Args:
        path: Of the lock.
        text: Of it.

    Raises:
        NotFoundError: There is no manifest beside it.
        InvalidConfigError: One of them cannot be read.
        UnsupportedError: One of them has what comes from no index, or the manifest has what is not read.
    """

    ecosystem = "pypi"

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(path, text, FORM)
        self._pipfile = Pipfile.read(self.texts[self._beside])
        self.wishes = [_wish(one) for one in self._pipfile.asked]
        self.locked = _locked(categories_of(text))

    def asked(self, question: Question) -> Question:
        """Return a question for this machine, with the sources of the manifest."""
        return asked_of_pipenv(self._pipfile, question, self._folder, self.texts[self.paths[0]])

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish from that version on."""
        wider = f">={version}"
        return msgspec.structs.replace(wish, range=wider, text=wider)

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the lock as Pipenv would write it, and the manifest where it changes."""
        del before
        manifest = self.texts[self._beside]
        for one in widenings:
            manifest = edited(FORM, manifest, [one.before.where], one.after.text)
        lock = writing.written(Pipfile.read(manifest), answer.packages, self.texts[self.paths[0]])
        return {self.paths[0]: lock} | ({self._beside: manifest} if widenings else {})


def _wish(one: PipfileRequirement) -> Wish:
    name, any_version = normalised(one.name), ANY if one.range else ""
    return Wish(name=name, range=one.range, where=one.where, text=one.text, anyhow=any_version)


def _locked(categories: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for category, entries in categories.items():
        for name, entry in entries.items():
            if source := next((one for one in SOURCES if one in entry), ""):
                shown = f"{category}.{name}.{source}"
                raise UnsupportedError(
                    f"{LOCK}: {name} comes from elsewhere than an index, and that is not changed", path=shown, found=shown,
                    expected="packages of indexes", suggestions=_ITSELF,
                )  # fmt: skip
            found.setdefault(normalised(name), set()).add(str(entry.get("version", "")).lstrip("="))
    return found
