"""uv.lock with the pyproject.toml beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.fixing.beside import BesideManifest
from outrider.operators.packages.fixing.wishes import Widening, Wish
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.uv import kinds_of
from outrider.operators.packages.locks.writing import uv
from outrider.operators.packages.manifests.pyproject import FORM, PyProject, PyRequirement, asked_by, read_pyproject
from outrider.operators.packages.manifests.requirement_texts import with_range
from outrider.operators.packages.manifests.toml_editing import edited, text_at
from outrider.operators.packages.manifests.uv_settings import refuse_around
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question

_LOCK = "uv.lock"
_ITSELF = ["use uv itself: uv lock --upgrade-package NAME"]


class UvProject(BesideManifest):
    """A lock and its manifest.

    Args:
        path: Of the lock.
        text: Of it.

    Raises:
        NotFoundError: There is no manifest beside it.
        InvalidConfigError: One of them cannot be read.
        UnsupportedError: It has what comes from no registry, or was made with settings, or the manifest has what is not read.
    """

    ecosystem = "pypi"

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(path, text, FORM)
        self._project = read_pyproject(self.texts[self._beside])
        self.wishes = [_wish(one) for one in self._project.asked()]
        document = read_toml(_LOCK, text)
        self.locked = _locked(document, self._project)
        self._kinds = kinds_of(document)

    def asked(self, question: Question) -> Question:
        """Return a question for all machines and Pythons of the project, with the settings of the folder.

        Raises:
            UnsupportedError: Settings count that are not heeded.
        """
        refuse_around(self._folder, question.environment)
        return asked_by(self._project, question, self._folder, self._kinds)

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish from that version on."""
        wider = f">={version}"
        return msgspec.structs.replace(wish, range=wider, text=with_range(wish.text, wider))

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the lock as uv would write it, and the manifest where it changes."""
        del before
        manifest = self.texts[self._beside]
        for one in widenings:
            where = one.before.where
            wanted = with_range(text_at(FORM, manifest, where), one.after.range)
            manifest = edited(FORM, manifest, [where], wanted)
        found = {self._path: uv.written(read_pyproject(manifest), answer)}
        return found | ({self._beside: manifest} if widenings else {})


def _wish(one: PyRequirement) -> Wish:
    text = one.need.text()
    return Wish(
        name=one.need.name, range=one.need.range, where=one.where, text=text, anyhow=with_range(text, "") if one.need.range else ""
    )  # fmt: skip


def _locked(document: Mapping[str, Any], project: PyProject) -> dict[str, set[str]]:
    for key in ("supported-markers", "required-markers", "conflicts", "options", "manifest"):
        if document.get(key):
            raise _unsupported(key, f"it has {key}", "no settings")
    found: dict[str, set[str]] = {}
    for one in document.get("package", []):
        name = str(one.get("name")) if isinstance(one, dict) else ""
        source = one.get("source", {}) if isinstance(one, dict) else {}
        if name == project.name and ({"virtual", "editable"} & set(source)):
            continue
        if "registry" not in source:
            raise _unsupported(
                f"package.{name}.source", f"{name} comes from elsewhere than a registry", "packages of registries"
            )
        found.setdefault(name, set()).add(str(one.get("version")))
    return found


def _unsupported(path: str, what: str, expected: str) -> UnsupportedError:
    return UnsupportedError(
        f"{_LOCK}: {what}, and that is not changed", path=path, found=path, expected=expected, suggestions=_ITSELF
    )
