"""yarn.lock of Yarn 1 or Yarn 4, with the package.json beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.fixing.beside import BesideManifest
from outrider.operators.packages.fixing.npm import edited_manifests, wish_of
from outrider.operators.packages.fixing.wishes import Widening, Wish
from outrider.operators.packages.fixing.yarn_patches import anyhow_of, patch_texts, remarks, widened_patch
from outrider.operators.packages.locks.writing import yarn_berry, yarn_classic
from outrider.operators.packages.manifests.package_json import FORM, NpmMember, NpmWish
from outrider.operators.packages.manifests.yarn_workspaces import read_workspace
from outrider.operators.packages.npm.details import at
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.yarn import berry, classic
from outrider.operators.packages.yarn.addresses import readdressed
from outrider.operators.packages.yarn.patch_ranges import PROTOCOL
from outrider.operators.packages.yarn.projects import asked, client_of, entries_by_key, form_of

_LOCK = "yarn.lock"


class YarnProject(BesideManifest):
    """A lock, and the manifests of its project and of the members of its workspace.

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
        manifest = self.texts[self._beside]
        self._form = form_of(path.parent, manifest, text)
        self._workspace = read_workspace(self._beside, manifest, client_of(self._form))
        members = self._workspace.members
        self.texts |= {one.path: one.text for one in members}
        self.texts |= patch_texts(self._workspace, self._folder) if self._form else {}
        self.paths = list(self.texts)
        names = {one.name for one in members}
        self.wishes = [
            _wish(wish, one, is_firm=wish.name in names or not wish.package)
            for one in members
            for wish in one.manifest.wishes
        ]
        self._entries = entries_by_key(text)
        self._environment: Mapping[str, str] = {}
        self.locked = _locked(self._entries, later=self._form > 0)
        self.warnings = list(self._workspace.notes)

    def asked(self, question: Question) -> Question:
        """Return a question with the settings of the folder, and with what is locked for each range."""
        self._environment = question.environment
        return asked(self._workspace, question, self._folder, self._form, self._entries)

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish for that version and what is compatible with it."""
        return widened_patch(wish, version)

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the lock as Yarn would write it, with what it has of versions that stay, and the manifests that change."""
        del before
        found = edited_manifests(self.texts, widenings)
        if self._form:
            text = yarn_berry.written(answer.packages, self._form)
            changes = remarks(self._entries.values(), (one.entry for one in answer.packages))
            self.warnings = [*self._workspace.notes, *changes]
        else:
            text = yarn_classic.written(readdressed(answer.packages, self._entries, self._environment))
        # Both keep the ends of lines that are there.
        return {self._path: text.replace("\n", "\r\n") if "\r\n" in self.texts[self._path] else text, **found}


def _wish(one: NpmWish, member: NpmMember, *, is_firm: bool) -> Wish:
    """Return a wish of a manifest; one for a member of the workspace keeps its range, with which it finds the member or does not."""
    plain = wish_of(one)
    wanted = anyhow_of(one.name, one.range) if one.range.startswith(PROTOCOL) else plain.anyhow
    anyhow = "" if is_firm or not wanted else at(member.place, wanted)
    return msgspec.structs.replace(
        plain, name=one.package or one.name, text=at(member.place, f"{one.name}@{one.range}"), anyhow=anyhow, file=member.path
    )  # fmt: skip


def _locked(entries: Mapping[str, Mapping[str, Any]], *, later: bool) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for key, entry in entries.items():
        package = (berry if later else classic).ask(key).spec.package
        if not package:
            raise UnsupportedError(
                f"{_LOCK}: {key} comes from elsewhere than a registry", path=key[:200], found=key[:200], expected="packages of registries",
                suggestions=["use Yarn itself: yarn up NAME, or with Yarn 1 yarn upgrade NAME"],
            )  # fmt: skip
        found.setdefault(package, set()).add(str(entry.get("version")))
    return found
