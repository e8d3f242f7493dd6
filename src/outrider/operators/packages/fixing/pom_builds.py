"""The projects that a fix of a pom.xml looks at, and what Maven comes to for each of them where files say other versions."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from outrider.core.errors import (
    ConflictError,
    DeniedError,
    InvalidConfigError,
    MissingRequirementError,
    NotFoundError,
    UnsupportedError,
)
from outrider.operators.packages.fixing.pom_files import PomFiles
from outrider.operators.packages.fixing.pom_resolving import Chosen, chosen
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.manifests.pom import FORM, has_lock
from outrider.operators.packages.resolving.outcomes import Impossible
from outrider.operators.packages.resolving.policies import ADMIT_ALL
from outrider.operators.packages.resolving.questions import Question

# What ranges led to, by name, for each project.
Kept = Mapping[Path, Mapping[str, set[str]]]


class PomProject(NamedTuple):
    """A project as it is.

    Attributes:
        chosen: What Maven chooses for it, with the lock where it has one.
        lock: The same as a lock, with all that the file itself locks.
    """

    chosen: Chosen
    lock: Lock


class Answer(NamedTuple):
    """What Maven comes to.

    Attributes:
        texts: The files that are not as they are, without locks.
        chosen: What it chooses, by project.
    """

    texts: Mapping[Path, str]
    chosen: Mapping[Path, Chosen]


class PomBuild:
    """Projects.

    Attributes:
        files: Of them.
        question: What may be used for an answer; it may become another one before the first.
        projects: Those that are looked at, by their paths.
        unread: Why others of a build could not be resolved.
    """

    def __init__(self, files: PomFiles, question: Question) -> None:
        self.files, self.question = files, question
        self.projects: dict[Path, PomProject] = {}
        self.unread: list[str] = []
        self._others: dict[Path, PomProject | None] = {}
        self._answers: dict[tuple[object, ...], Chosen | Impossible] = {}

    async def open(self) -> None:
        """Find out what each project comes to as it is, whatever a policy says of that.

        Raises:
            ConflictError: Nothing can be chosen for the only one.
            UnsupportedError: This machine knows no repository.
            OutriderError: As `pom_resolving.chosen`.
        """
        for path in self.files.asked:
            try:
                self.projects[path] = await self._opened(path)
            except MissingRequirementError as error:
                # Other files of a folder can do without Maven.
                raise UnsupportedError(
                    f"{self.files.shown(path)}: {error.message}", path="path", found=error.found, expected=error.expected,
                    suggestions=error.suggestions,
                ) from error  # fmt: skip
            except (ConflictError, InvalidConfigError, NotFoundError) as error:
                if len(self.files.asked) == 1:
                    raise
                self.unread.append(f"{self.files.shown(path)}: {error.message}")

    async def others(self, texts: Collection[Path]) -> list[Path]:
        """Return the projects of the build that are not looked at and follow from some files, as far as they can be resolved."""
        following = (one for one in self.files.build if not self.files.followed[one].isdisjoint(texts))
        return [one for one in following if one not in self.projects and await self.other(one) is not None]

    async def other(self, path: Path) -> PomProject | None:
        """Return a project of the build as it is; None where it cannot be resolved."""
        if path in self.projects:
            return self.projects[path]
        if path not in self._others:
            try:
                self._others[path] = await self._opened(path)
            except (ConflictError, DeniedError, InvalidConfigError, NotFoundError):
                self._others[path] = None
        return self._others[path]

    async def locked(self, path: Path) -> Mapping[str, set[str]]:
        """Return the versions that a project has locked, by name; none where it has no lock, or cannot be resolved."""
        project = await self.other(path) if path in self.files.locked else None
        return project.chosen.versions if project is not None else {}

    async def answer(self, texts: Mapping[Path, str], kept: Kept) -> Answer | Impossible:
        """Return what Maven chooses where some files have other texts: for the projects, and for all that follow from these files.

        Args:
            texts: Without locks.
            kept: Of projects with a lock, which will keep it, the versions of ranges; of all others those that are locked.
        """
        found = {}
        for path in (*self.projects, *await self.others(texts)):
            answer = await self._answer(path, texts, kept[path] if path in kept else await self.locked(path))
            if isinstance(answer, Impossible):
                return answer if len(self.files.lines) == 1 else self._placed(answer, path)
            found[path] = answer
        return Answer(texts, found)

    async def with_boms(self, path: Path, answer: Answer) -> Answer:
        """Return an answer with the projects of the same build that one imports as BOMs, and with what these import."""
        found, waiting = {**answer.chosen}, [path]
        while waiting:
            for place in found[waiting.pop()].choice.boms_beside:
                project = await self.other(place) if place not in found else None
                if project is not None:
                    found[place] = project.chosen
                    waiting.append(place)
        return Answer(answer.texts, found)

    async def chosen(self, path: Path, written: Mapping[Path, str], question: Question) -> Chosen:
        """Return what Maven chooses for a project.

        Args:
            path: Of it.
            written: The files that have other texts, with their locks.
            question: What may be used for an answer.

        Raises:
            ConflictError: Nothing can be.
            OutriderError: As `pom_resolving.chosen`.
        """
        contents = {place: written.get(place, text).encode() for place, text in self.files.written.items()}
        answer = await chosen(path, contents, self.files.build, question)
        if isinstance(answer, Impossible):
            raise answer.error()
        return answer

    async def _opened(self, path: Path) -> PomProject:
        answer = await self.chosen(path, {}, msgspec.structs.replace(self.question, policy=ADMIT_ALL))
        return PomProject(answer, lock_of(self.files.written[path], answer))

    async def _answer(self, path: Path, texts: Mapping[Path, str], kept: Mapping[str, set[str]]) -> Chosen | Impossible:
        project = await self.other(path)
        beside = project.chosen.choice.needed_beside if project is not None else ()
        places = {place for one in (path, *beside) for place in self.files.followed[one]}
        key = (path, *((place, texts.get(place)) for place in sorted(places)), repr(sorted(kept.items())))
        if key not in self._answers:
            try:
                question = msgspec.structs.replace(self.question, locked=kept)
                self._answers[key] = await chosen(path, self.files.with_changes(texts), self.files.build, question)
            except (DeniedError, InvalidConfigError, NotFoundError) as error:
                self._answers[key] = Impossible(asked=[], reasons=[f"{error.message}."])
        return self._answers[key]

    def _placed(self, answer: Impossible, path: Path) -> Impossible:
        where = f"That is so of {self.files.shown(path)}."
        return msgspec.structs.replace(answer, reasons=[*answer.reasons, where])


def lock_of(text: str, answer: Chosen) -> Lock:
    """Return what is chosen as a lock, with all that the text of a pom.xml locks itself: that may be older than the file is."""
    if not has_lock(text):
        return answer.lock
    lock = read_lock(FORM, text)
    known = {(one.name, one.version) for one in lock.packages}
    more = [one for one in answer.lock.packages if (one.name, one.version) not in known]
    return msgspec.structs.replace(lock, packages=(*lock.packages, *more))
