"""yarn.lock of Yarn 1 or Yarn 4, with the package.json beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.fixing.beside import BesideManifest
from outrider.operators.packages.fixing.npm import edited, widened, wish_of
from outrider.operators.packages.fixing.wishes import Widening, Wish
from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.locks.writing import yarn_berry, yarn_classic
from outrider.operators.packages.manifests.package_json import FORM, NpmWish, read_manifest
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.yarn import berry, classic
from outrider.operators.packages.yarn.addresses import readdressed
from outrider.operators.packages.yarn.projects import asked, entries_by_key, form_of

_LOCK = "yarn.lock"


class YarnProject(BesideManifest):
    """A lock and its manifest.

    Args:
        path: Of the lock.
        text: Of it.

    Raises:
        NotFoundError: There is no manifest beside it.
        InvalidConfigError: One of them cannot be read.
        UnsupportedError: It is of another Yarn, has what comes from no registry, or the manifest has what is not read.
    """

    ecosystem = "npm"

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(path, text, FORM)
        self._form = form_of(path.parent, self.texts[self._beside], text)
        self._manifest = read_manifest(self.texts[self._beside], "yarn4" if self._form else "yarn1")
        self.wishes = [_wish(one) for one in self._manifest.wishes]
        self._entries = entries_by_key(text)
        self._environment: Mapping[str, str] = {}
        self.locked = _locked(self._entries, later=self._form > 0)

    def asked(self, question: Question) -> Question:
        """Return a question with the settings of the folder, and with what is locked for each range."""
        self._environment = question.environment
        return asked(self._manifest, question, self._folder, self._form, self._entries)

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish for that version and what is compatible with it."""
        return widened(wish, version)

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the lock as Yarn would write it, with what it has of versions that stay, and the manifest where it changes."""
        del before
        found = {}
        manifest = self.texts[self._beside]
        for one in widenings:
            manifest = found[self._beside] = edited(manifest, one)
        if self._form:
            text = yarn_berry.written(read_json(FORM, manifest), answer.packages, self._form)
        else:
            text = yarn_classic.written(readdressed(answer.packages, self._entries, self._environment))
        # Both keep the ends of lines that are there.
        return {self._path: text.replace("\n", "\r\n") if "\r\n" in self.texts[self._path] else text, **found}


def _wish(one: NpmWish) -> Wish:
    return msgspec.structs.replace(wish_of(one), text=f"{one.name}@{one.range}")


def _locked(entries: Mapping[str, Mapping[str, Any]], *, later: bool) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for key, entry in entries.items():
        package = (berry if later else classic).spec(*split_name(key)).package
        if not package:
            raise UnsupportedError(
                f"{_LOCK}: {key} comes from elsewhere than a registry", path=key[:200], found=key[:200], expected="packages of registries",
                suggestions=["use Yarn itself: yarn up NAME, or with Yarn 1 yarn upgrade NAME"],
            )  # fmt: skip
        found.setdefault(package, set()).add(str(entry.get("version")))
    return found
