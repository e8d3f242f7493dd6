"""pylock.toml: of it only the packages that change are written anew, and what the pyproject.toml beside it asks for counts."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.fixing.wishes import Project, Widening, Wish
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.pylock_entries import Entry, PylockText, changed_text, read_entries
from outrider.operators.packages.locks.writing.files import text_or_none
from outrider.operators.packages.locks.writing.pylock import entry, needs_of
from outrider.operators.packages.manifests.py_requirements import FORM, PyRequirement, shown
from outrider.operators.packages.manifests.pyproject import read_pyproject
from outrider.operators.packages.manifests.requirement_texts import with_range
from outrider.operators.packages.manifests.toml_editing import edited, text_at
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question

_LOCK = "pylock.toml"


class _Manifest(NamedTuple):
    path: Path
    text: str
    requirements: list[PyRequirement]


class PylockProject(Project):
    """A file, and the pyproject.toml beside it where that asks for what is in it.

    The file has all that is to be installed, and does not say what is meant by itself. So what a manifest does not ask for stays in
    it, unless something else has needed it before and does so no more.

    Args:
        path: Of the file.
        text: Of it.
        python: For which version of Python.

    Raises:
        InvalidConfigError: One of both cannot be read.
        UnsupportedError: It is for other machines or Pythons, or one is written in a way that is not read here.
    """

    ecosystem = "pypi"

    def __init__(self, path: Path, text: str, python: str) -> None:
        self._path, self._file = path, read_entries(text, python)
        self._here = {one.name: one for one in self._file.entries if one.counts}
        self.warnings = list(_warnings(self._file))
        manifest = self._read_manifest(path.parent / FORM)
        self.texts = {path: text} | ({manifest.path: manifest.text} if manifest is not None else {})
        self.paths = list(self.texts)
        self._asked = manifest.requirements if manifest is not None else []
        named = {one.need.name for one in self._asked}
        self.wishes = [_wish(one, self._here[one.need.name], self.paths[-1]) for one in self._asked]
        self.wishes += [_pin(one) for one in self._here.values() if one.name not in named]
        self.locked = {name: {one.version} for name, one in self._here.items()}

    def asked(self, question: Question) -> Question:
        """Return a question with the settings of the folder, for the Python of the file."""
        return msgspec.structs.replace(
            question, folder=self._path.resolve().parent, target=self._file.target.python
        )  # fmt: skip

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish from that version on."""
        wider = f">={version}"
        return msgspec.structs.replace(wish, range=wider, text=f"{wish.anyhow}{wider}")

    def direct(self, answer: Resolved) -> set[str]:
        """Return what the manifest asks for; without one what nothing else needs."""
        named = {one.need.name for one in self._asked}
        return named or {one.name for one in answer.packages if not one.needed_by}

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the file as it would be, and the manifest where it changes.

        Raises:
            UnsupportedError: Another index than the file's has what is to come in, or the manifest cannot be changed.
        """
        chosen = {one.name: one for one in answer.packages}
        gone = self._unneeded(answer, before) if self._asked else set[str]()
        needs = needs_of(answer) if any("dependencies" in one.said for one in self._file.entries) else {}
        texts: dict[int, Sequence[str]] = {}
        for at, one in enumerate(self._file.entries):
            if one.counts and one.name in gone:
                texts[at] = []
            elif one.counts and chosen[one.name].version != one.version:
                self._refuse_named(one)
                texts[at] = self._entry(chosen[one.name], needs, one)
        added = {one.name: self._entry(one, needs) for one in answer.packages if one.name not in self._here}
        found = {self._path: changed_text(self._file, texts, added)}
        for widening in widenings:
            path, where = self.paths[-1], widening.before.where
            manifest = found.get(path, self.texts[path])
            found[path] = edited(
                FORM, manifest, [where], with_range(text_at(FORM, manifest, where), widening.after.range)
            )
        return found

    def _read_manifest(self, path: Path) -> _Manifest | None:
        """Return a manifest with those of its lists that the file has; None where it has none of them."""
        text = text_or_none(path)
        if text is None or not read_toml(FORM, text).get("project"):
            return None
        try:
            project = read_pyproject(text)
        except UnsupportedError as error:
            self.warnings.append(f"{error.message}; what it asks for was not looked at")
            return None
        if elsewhere := next((shown(one.where) for one in project.every() if one.url), ""):
            self.warnings.append(f"{FORM}: {elsewhere} has an address; what it asks for was not looked at")
            return None
        target = self._file.target
        found: dict[tuple[str | int, ...], PyRequirement] = {}
        for some in project.lists():
            here = [one for one in some if not one.need.marker or target.holds(one.need.marker, "")]
            if all(one.need.name in self._here for one in here):
                found |= {one.where: one for one in here}
            elif some is project.lists()[0]:
                return None
        return _Manifest(path, text, list(found.values()))

    def _unneeded(self, answer: Resolved, before: Resolved | None) -> set[str]:
        """Return the names of what something has needed, and nothing does any more."""
        asked = {one.need.name for one in self._asked}
        was = {one.name for one in before.packages if one.needed_by} if before is not None else set[str]()
        return {one.name for one in answer.packages if not one.needed_by and one.name in was - asked}

    def _entry(self, one: ResolvedPackage, needs: dict[str, list[str]], old: Entry | None = None) -> list[str]:
        indexes = {each.index for each in ([old] if old is not None else self._here.values())}
        index = next(iter(indexes)) if len(indexes) == 1 else ""
        if index and index.rstrip("/") != one.registry.rstrip("/"):
            raise UnsupportedError(
                f"{_LOCK}: {one.name} would come from another index than the file names", path=f"packages.{one.name}.index", found=one.registry,
                expected=index, suggestions=[f"set PIP_INDEX_URL={index}"],
            )  # fmt: skip
        marker = old.marker if old is not None else ""
        return list(entry(one, needs.get(one.name, []), marker=marker, index=index))

    def _refuse_named(self, old: Entry) -> None:
        """Refuse to change what others name with its version."""
        for one in self._file.entries:
            for need in one.said.get("dependencies", []):
                if isinstance(need, dict) and need.get("name") == old.said["name"] and set(need) != {"name"}:
                    raise UnsupportedError(
                        f"{_LOCK}: {one.name} names {old.name} with more than its name, and that is not changed",
                        path=f"packages.{one.name}.dependencies", found=", ".join(need), expected="the name alone",
                        suggestions=["have its own tool update it"],
                    )  # fmt: skip


def _wish(one: PyRequirement, locked: Entry, file: Path) -> Wish:
    name = _named(one)
    wanted = one.need.range
    return Wish(
        name=one.need.name, range=wanted, where=one.where, text=f"{name}{wanted}", anyhow=name if wanted else "",
        firm=f"{name}=={locked.version}", file=file,
    )  # fmt: skip


def _named(one: PyRequirement) -> str:
    return one.need.name + (f"[{','.join(one.need.extras)}]" if one.need.extras else "")


def _pin(one: Entry) -> Wish:
    return Wish(name=one.name, range="", where=(one.name,), text=one.name, firm=f"{one.name}=={one.version}")


def _warnings(file: PylockText) -> Iterator[str]:
    for one in file.entries:
        if one.version and one.marker and not one.counts:
            yield f"{one.name} {one.version} is for another machine or Python, and was left as it is"
