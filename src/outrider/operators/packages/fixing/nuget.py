"""packages.lock.json, with the project beside it and the files that this is made of."""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.fixing.wishes import Project, Widening, Wish
from outrider.operators.packages.locks.making.dotnet import LockedProject
from outrider.operators.packages.locks.making.nuget import project_name
from outrider.operators.packages.locks.nuget_lock import CONTENT_HASH, read
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.manifests.dotnet_project import Projects
from outrider.operators.packages.manifests.dotnet_references import Reference
from outrider.operators.packages.manifests.msbuild.editing import edited
from outrider.operators.packages.nuget.details import for_frameworks
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question

_ANY = "*"


class NugetProject(Project):
    """A lock and its project.

    Args:
        path: Of the lock.
        text: Of it.

    Raises:
        NotFoundError: There is no project beside it, or none where one is needed.
        InvalidConfigError: A file cannot be read, or says what cannot be.
        UnsupportedError: What the project needs cannot be told without building it.
    """

    ecosystem = "nuget"

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._text = path, text
        self._file = path.resolve().parent / project_name(path)
        self._project = LockedProject(self._file, text, Projects(read_text))
        self.texts = {path: text, **self._project.texts}
        self.paths = list(self.texts)
        asked = self._project.wishes
        self._references = {_where(reference): reference for reference in asked}
        self.wishes = [self._wish(*one) for one in asked.items()]
        self.locked: dict[str, set[str]] = {}
        self._hashes: dict[tuple[str, str], str] = {}
        for one in read(text).packages:
            self.locked.setdefault(one.name, set()).add(one.version)
            for digits in one.hashes.get(CONTENT_HASH, ()):
                self._hashes[one.name, one.version] = b64encode(bytes.fromhex(digits)).decode()
        self.warnings: list[str] = []

    def asked(self, question: Question) -> Question:
        """Return a question for all frameworks of the project."""
        return self._project.asked(question)

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish for that version: alone where one alone was asked for, and from it on otherwise."""
        wider = f"[{version}]" if wish.range.startswith("[") and "," not in wish.range else version
        return msgspec.structs.replace(wish, range=wider, text=f"{wish.anyhow.removesuffix(_ANY)}{wider}")

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the lock as NuGet would write it, and the project where it changes."""
        del before
        found: dict[Path, str] = {}
        for one in widenings:
            reference = self._references[one.before.where]
            assert reference.place is not None
            file = reference.place.file
            text = found.get(file, self.texts[file])
            found[file] = edited(text, reference.place, reference.field, reference.range, one.after.range)
        reading = Projects(lambda file: found[file] if file in found else read_text(file))
        project = LockedProject(self._file, self._text, reading) if found else self._project
        self.warnings = list(self._remarks(answer, found))
        kept = msgspec.structs.replace(answer, packages=[self._kept(one) for one in answer.packages])
        return {self._path: project.text(kept), **found}

    def _kept(self, one: ResolvedPackage) -> ResolvedPackage:
        """Return a package with the hash that the lock has of its version: another file of it is not taken for the same."""
        known = self._hashes.get((one.name, one.version))
        return one if known is None else msgspec.structs.replace(one, entry={**one.entry, "contentHash": known})

    def _wish(self, reference: Reference, frameworks: Sequence[str]) -> Wish:
        text = f"{reference.name}@{reference.range}"
        # The highest that there is: where a version is known to be the lowest fix, that one is tried first.
        anyhow = for_frameworks(frameworks, f"{reference.name}@{_ANY}") if self._is_editable(reference) else ""
        return Wish(
            name=reference.name.lower(), range=reference.range, where=_where(reference), text=for_frameworks(frameworks, text), anyhow=anyhow,
            file=reference.place.file if reference.place is not None else self._file,
        )  # fmt: skip

    def _is_editable(self, reference: Reference) -> bool:
        place = reference.place
        if place is None:
            return False
        try:
            edited(self.texts[place.file], place, reference.field, reference.range, reference.range)
        except UnsupportedError:
            return False
        return True

    def _remarks(self, answer: Resolved, found: Mapping[Path, str]) -> Iterator[str]:
        """Yield what whoever reads the lock should know."""
        if shared := sorted(file.name for file in found if file != self._file):
            yield f"{', '.join(shared)}: other projects may have versions from there too, and are to be locked anew"
        raised = {one.name for one in answer.packages if one.version not in self.locked.get(one.name, ())}
        kept = raised - {wish.name for wish in self.wishes if "*" in wish.range}
        if kept and not found:
            yield (
                f"{', '.join(sorted(kept))}: the lock alone says so; where NuGet makes it anew (--force-evaluate) it takes the lowest version"
                " that the project allows"
            )


def _where(reference: Reference) -> tuple[str | int, ...]:
    """Return what tells one from others: the same one may count for several frameworks."""
    place = reference.place
    if place is None:
        return (reference.name.lower(), reference.range)
    return (reference.name.lower(), str(place.file), *place.steps, reference.field)
