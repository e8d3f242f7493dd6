"""uv.lock with the pyproject.toml beside it, and with those of the members of its workspace."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.fixing.wishes import Project, Widening, Wish
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.writing import uv
from outrider.operators.packages.manifests.py_requirements import FORM
from outrider.operators.packages.manifests.requirement_texts import with_range
from outrider.operators.packages.manifests.toml_editing import edited, text_at
from outrider.operators.packages.manifests.uv_asking import asked_by
from outrider.operators.packages.manifests.uv_direct import Direct
from outrider.operators.packages.manifests.uv_fetching import read_whole
from outrider.operators.packages.manifests.uv_reading import read_workspace
from outrider.operators.packages.manifests.uv_settings import refuse_around
from outrider.operators.packages.manifests.uv_workspace import Asked, Fetched
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question

_LOCK = "uv.lock"
_OF_WORKSPACE = ("members", "constraints", "overrides", "dependency-groups")
_ITSELF = ["use uv itself: uv lock --upgrade-package NAME"]


class UvProject(Project):
    """A lock and its manifests: that beside it, and those that this leads to.

    Args:
        path: Of the lock.
        text: Of it.

    Raises:
        NotFoundError: There is no manifest beside it, or where one is named.
        InvalidConfigError: One of them cannot be read.
        UnsupportedError: A manifest has what is not read.
    """

    ecosystem = "pypi"

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._beside, self._folder = path, path.parent / FORM, path.resolve().parent
        self._workspace = read_workspace(self._beside)
        self._fetched: dict[Direct, Fetched] = {}
        self.texts = {path: text, **self._workspace.texts}
        self.paths = list(self.texts)
        self._document = read_toml(_LOCK, text)
        # All of this is known once what has to be fetched is.
        self.wishes: list[Wish] = []
        self.locked: dict[str, set[str]] = {}
        self.warnings: list[str] = []

    async def complete(self, question: Question) -> None:
        """Have what comes from repositories, addresses and files: commits that are locked stay.

        Raises:
            UnsupportedError: The lock has what the manifests do not ask for from there.
            OutriderError: What git or a server says.
        """
        self._workspace, self._fetched = await read_whole(
            self._beside, question, self._document, is_bounded=self.is_bounded
        )
        self.wishes = [_wish(one) for one in self._workspace.asked()]
        self.locked = _locked(self._document, {one.project.name for one in self._workspace.projects})

    def asked(self, question: Question) -> Question:
        """Return a question for all machines and Pythons of the project, with the settings of the folder.

        Raises:
            UnsupportedError: Settings count that are not heeded.
        """
        refuse_around(self._folder, question.environment)
        return asked_by(self._workspace, question, self._folder, self._document)

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish from that version on."""
        wider = f">={version}"
        return msgspec.structs.replace(wish, range=wider, text=with_range(wish.text, wider))

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the lock as uv would write it, and the manifests that change."""
        del before
        changed: dict[Path, str] = {}
        for one in widenings:
            file, where = one.before.file, one.before.where
            assert file is not None
            manifest = changed.get(file, self.texts[file])
            wanted = with_range(text_at(FORM, manifest, where), one.after.range)
            changed[file] = edited(str(file), manifest, [where], wanted)
        workspace = read_workspace(self._beside, changed, self._fetched)
        return {self._path: uv.written(workspace, answer), **changed}


def _wish(asked: Asked) -> Wish:
    need = asked.one.need
    text = need.text()
    # What lies in folders outside of the workspace is read and not changed.
    anyhow = with_range(text, "") if need.range and asked.is_own else ""
    return Wish(name=need.name, range=need.range, where=asked.one.where, text=text, anyhow=anyhow, file=asked.path)


def _locked(document: Mapping[str, Any], local: Collection[str]) -> dict[str, set[str]]:
    for key in ("conflicts", "options"):
        if document.get(key):
            raise _unsupported(key, f"it has {key}", "no settings")
    manifest = document.get("manifest", {})
    unknown = (
        next((key for key in manifest if key not in _OF_WORKSPACE), "") if isinstance(manifest, dict) else "manifest"
    )
    if unknown:
        raise _unsupported(f"manifest.{unknown}", f"its manifest has {unknown}", " or ".join(_OF_WORKSPACE))
    found: dict[str, set[str]] = {}
    for one in document.get("package", []):
        name = str(one.get("name")) if isinstance(one, dict) else ""
        source = one.get("source", {}) if isinstance(one, dict) else {}
        if name in local and "registry" not in source:
            continue
        if "registry" not in source:
            raise _unsupported(
                f"package.{name}.source", f"{name} comes from elsewhere than a registry", "packages of registries, and those of the manifests"
            )  # fmt: skip
        found.setdefault(name, set()).add(str(one.get("version")))
    return found


def _unsupported(path: str, what: str, expected: str) -> UnsupportedError:
    return UnsupportedError(
        f"{_LOCK}: {what}, and that is not changed", path=path, found=path, expected=expected, suggestions=_ITSELF
    )
