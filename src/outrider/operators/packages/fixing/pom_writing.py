"""A pom.xml with what Maven comes to, and what is written where it says other versions: its lock and the checksums too, if it has them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from outrider.core.errors import MissingRequirementError, UnsupportedError
from outrider.operators.packages.fixing.calls import LockFile
from outrider.operators.packages.fixing.pom_resolving import Chosen, chosen
from outrider.operators.packages.fixing.projects import refuse_outside
from outrider.operators.packages.fixing.results import RangeChange
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.locks.making.maven import made_of
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.locks.writing.files import text_or_none
from outrider.operators.packages.locks.writing.pom_versions import Place
from outrider.operators.packages.manifests.pom import FORM, has_lock, without_lock
from outrider.operators.packages.maven.project import poms_beside
from outrider.operators.packages.resolving.outcomes import Impossible
from outrider.operators.packages.resolving.policies import ADMIT_ALL
from outrider.operators.packages.resolving.questions import Question


class PomFile(NamedTuple):
    """A pom.xml as it is.

    Attributes:
        path: Of it.
        text: Of it, without a lock.
        chosen: What Maven chooses for it, with the lock where it has one.
        lock: The same as a lock, with all that the file itself locks.
        is_locked: Whether a lock keeps Maven to what is chosen of ranges.
    """

    path: Path
    text: str
    chosen: Chosen
    lock: Lock
    is_locked: bool


class PomEdits(msgspec.Struct, kw_only=True):
    """A pom.xml with other versions.

    Attributes:
        versions: That it would say, by where.
        text: Of it, without a lock.
        chosen: What Maven chooses for it.
    """

    versions: dict[Place, str]
    text: str
    chosen: Chosen

    def told(self, path: Path) -> list[RangeChange]:
        """Return what it says anew."""
        return [
            RangeChange(file=str(path), name=place.shown, before=place.before, after=version)
            for place, version in self.versions.items()
        ]

    def shared(self) -> Iterator[str]:
        """Yield which properties are raised that several have."""
        for place, version in self.versions.items():
            if place.is_shared:
                yield f"{place.shown} becomes {version} for all that have it: {', '.join(place.users)}"


class Written(NamedTuple):
    """What would be written.

    Attributes:
        texts: The files that would not be as they are.
        before: What is in all files of which some may change; None for one that is not there.
        chosen: What Maven chooses then.
        lock: What is in the file, with that.
        warnings: What its reader should know.
    """

    texts: Mapping[Path, str]
    before: Mapping[Path, str | None]
    chosen: Chosen
    lock: Lock
    warnings: list[str]


async def opened_pom(file: LockFile, question: Question) -> PomFile:
    """Return what is known of a pom.xml, whatever a policy says of it.

    Raises:
        ConflictError: Nothing can be chosen for it.
        UnsupportedError: This machine knows no repository.
        OutriderError: As `pom_resolving.chosen`.
    """
    path, text, lock = file
    try:
        answer = await _chosen(path, text, msgspec.structs.replace(question, policy=ADMIT_ALL))
    except MissingRequirementError as error:
        # Other files of a folder can do without Maven.
        raise UnsupportedError(
            f"{path}: {error.message}",
            path="path",
            found=error.found,
            expected=error.expected,
            suggestions=error.suggestions,
        ) from error
    is_locked = has_lock(text)
    whole = _together(lock, answer) if is_locked else answer.lock
    return PomFile(path, without_lock(text), answer, whole, is_locked)


def parents_within(file: LockFile, folder: Path | None) -> list[Path]:
    """Return the files of the parents of a pom.xml that are on the machine too.

    Raises:
        InvalidConfigError: One cannot be read.
        UnsupportedError: One is outside of a folder.
    """
    paths = [one for one, _ in poms_beside(file.path, {file.path: file.text.encode()})]
    if folder is not None:
        refuse_outside(paths, folder)
    return paths[1:]


async def written(pom: PomFile, edits: PomEdits, question: Question) -> Written:
    """Return the file, with its lock and the checksums where it has them.

    Raises:
        OutriderError: As `made_of`.
    """
    if not pom.is_locked:
        before = {pom.path: text_or_none(pom.path)}
        return Written(_changed({pom.path: edits.text}, before), before, edits.chosen, edits.chosen.lock, [])
    made = await made_of(pom.path, edits.text, msgspec.structs.replace(question, locked=edits.chosen.versions))
    after = await _chosen(pom.path, made.text, question)
    texts = {pom.path: made.text, **{place: text for place, text in made.beside.items() if place.is_file()}}
    before = {place: text_or_none(place) for place in texts}
    lock = _together(read_lock(FORM, made.text), after)
    return Written(_changed(texts, before), before, after, lock, made.warnings)


async def _chosen(path: Path, text: str, question: Question) -> Chosen:
    answer = await chosen(path, text, question)
    if isinstance(answer, Impossible):
        raise answer.error()
    return answer


def _together(lock: Lock, answer: Chosen) -> Lock:
    """Return what is locked with what is chosen: a lock may be older than the file that it is in."""
    known = {(one.name, one.version) for one in lock.packages}
    more = [one for one in answer.lock.packages if (one.name, one.version) not in known]
    return msgspec.structs.replace(lock, packages=(*lock.packages, *more))


def _changed(texts: Mapping[Path, str], before: Mapping[Path, str | None]) -> dict[Path, str]:
    return {place: text for place, text in texts.items() if text != before[place]}
