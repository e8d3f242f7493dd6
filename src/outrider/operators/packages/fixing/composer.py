"""composer.lock with the composer.json beside it."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.operators.packages.composer.branches import reference_of
from outrider.operators.packages.composer.lock_entries import LINKS
from outrider.operators.packages.composer.platforms import is_platform
from outrider.operators.packages.composer.settings import ComposerSettings
from outrider.operators.packages.composer.stabilities import DEV, stability_of
from outrider.operators.packages.fixing.beside import BesideManifest
from outrider.operators.packages.fixing.wishes import Widening, Wish
from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.writing import composer
from outrider.operators.packages.manifests.composer import FORM, ComposerWish, asked, own_variables, read_manifest
from outrider.operators.packages.manifests.json_editing import edited
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question

_LOCK = "composer.lock"
_ANY = "*"
_FLAG = re.compile(r"@(?:stable|RC|beta|alpha|dev)\b", re.IGNORECASE)


class ComposerProject(BesideManifest):
    """A lock and its manifest.

    Args:
        path: Of the lock.
        text: Of it.
        environment: Variables of this process.

    Raises:
        NotFoundError: There is no manifest beside it.
        InvalidConfigError: One of them cannot be read.
        UnsupportedError: The manifest says what is not read.
    """

    ecosystem = "composer"

    def __init__(self, path: Path, text: str, environment: Mapping[str, str] = os.environ) -> None:
        super().__init__(path, text, FORM)
        self._environment = own_variables(environment)
        self._manifest = read_manifest(self.texts[self._beside], environment)
        self.wishes = [_wish(one) for one in self._manifest.wishes]
        self._document = read_json(_LOCK, text)
        self._entries = {str(one.get("name")).lower(): one for one in _entries(self._document)}
        self.locked = {name: {str(one.get("version"))} for name, one in self._entries.items()}

    def asked(self, question: Question) -> Question:
        """Return a question with what the project says of itself."""
        return asked(self._manifest, question, self._folder)

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish for that version and what is compatible with it; of a branch for that alone."""
        flag = _FLAG.search(wish.range)
        wider = version if stability_of(version) == DEV else f"^{version.removeprefix('v')}{flag[0] if flag else ''}"
        return msgspec.structs.replace(wish, range=wider, text=f"{wish.name}:{wider}")

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the lock as Composer would write it, with what it has of versions that stay, and the manifest where it changes."""
        del before
        found: dict[Path, str] = {}
        manifest = self.texts[self._beside]
        for one in widenings:
            where = [str(key) for key in one.before.where]
            manifest = found[self._beside] = edited(FORM, manifest, where, one.after.range)
        kept = msgspec.structs.replace(answer, packages=[self._kept(one) for one in answer.packages])
        overrides = ComposerSettings(self._environment, self._folder, None).platform
        read = read_manifest(manifest, self._environment)
        return {self._path: composer.written(read, kept, overrides, before=self._document), **found}

    def _kept(self, one: ResolvedPackage) -> ResolvedPackage:
        """Return a package with what the lock had of it, where its version stays, unless it now says something else of others."""
        old = self._entries.get(one.name)
        stays = old is not None and old.get("version") == one.version
        if old is None or not stays or any((old.get(kind) or {}) != one.entry.get(kind, {}) for kind in LINKS[:-1]):
            return one
        return msgspec.structs.replace(one, entry=old)


def _entries(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for section in ("packages", "packages-dev"):
        found = document.get(section)
        yield from (one for one in (found if isinstance(found, list) else ()) if isinstance(one, dict))


def _wish(one: ComposerWish) -> Wish:
    flag = _FLAG.search(one.range)
    anyhow = f"{_ANY}{flag[0] if flag else ''}"
    is_firm = is_platform(one.name) or one.aliases or reference_of(one.range) or one.range in (_ANY, anyhow)
    return Wish(
        name=one.name, range=one.range, where=(one.kind, one.key), text=one.text(one.range), anyhow="" if is_firm else one.text(anyhow)
    )  # fmt: skip
