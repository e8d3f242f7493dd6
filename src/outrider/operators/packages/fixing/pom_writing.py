"""What is written where POMs say other versions: these, and the locks and the checksums of their build, if it has them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from outrider.operators.packages.fixing.pom_builds import Answer, PomBuild, lock_of
from outrider.operators.packages.fixing.pom_files import PomFiles
from outrider.operators.packages.fixing.pom_resolving import Chosen
from outrider.operators.packages.fixing.results import RangeChange
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.locks.making.maven import (
    NO_CHECKSUMS,
    LockedBuild,
    LockedTexts,
    checksums_beside,
    locked_together,
)
from outrider.operators.packages.locks.writing.differences import changes_between
from outrider.operators.packages.locks.writing.files import read_text, text_or_none
from outrider.operators.packages.locks.writing.pom_versions import Place
from outrider.operators.packages.resolving.outcomes import Impossible


class PomEdits(msgspec.Struct, kw_only=True):
    """POMs with other versions.

    Attributes:
        versions: That they would say, by where.
        answer: What Maven comes to.
    """

    versions: dict[Place, str]
    answer: Answer

    def told(self, build: PomBuild, path: Path) -> list[RangeChange]:
        """Return what is said anew in the file of a project, and of the first one in those of no project that is looked at."""
        return [
            RangeChange(file=str(build.files.shown(place.file)), name=place.shown, before=place.before, after=version)
            for place, version in self._within(build, path).items()
        ]

    def warnings(self, build: PomBuild, path: Path, made: "Written") -> Iterator[str]:
        """Yield which properties are raised there that several have; and with the first one what its reader should know of all."""
        for place, version in self._within(build, path).items():
            if place.is_shared:
                yield f"{place.shown} becomes {version} for all that have it: {', '.join(place.users)}"
        if path == next(iter(build.projects)):
            yield from made.warnings

    def _within(self, build: PomBuild, path: Path) -> dict[Place, str]:
        first = next(iter(build.projects))
        return {
            place: version
            for place, version in self.versions.items()
            if place.file == path or (path == first and place.file not in build.projects)
        }


class Written(NamedTuple):
    """What would be written.

    Attributes:
        texts: The files that would not be as they are, by what they are called.
        before: What is in all files of which some may change; None for one that is not there.
        chosen: What Maven chooses then, by project.
        locks: What is in the file of each, with that.
        warnings: What its reader should know.
    """

    texts: Mapping[Path, str]
    before: Mapping[Path, str | None]
    chosen: Mapping[Path, Chosen]
    locks: Mapping[Path, Lock]
    warnings: list[str]


async def written(build: PomBuild, edits: PomEdits) -> Written:
    """Return the files, with their locks and the checksums where they have them.

    Raises:
        OutriderError: As `locked_together`.
    """
    files, chosen = build.files, edits.answer.chosen
    texts, warnings = {**edits.answer.texts}, list[str]()
    beside = dict[Path, str]()
    if files.locked:
        made = await _locked(build, edits.answer)
        texts, warnings = texts | made.texts, [*made.warnings]
        beside = _checksums(files, made)
        warnings += (
            [] if any(map(checksums_beside, map(files.shown, (*files.build, *files.locked)))) else [NO_CHECKSUMS]
        )
        chosen = {path: await build.chosen(path, texts, build.question) for path in chosen}
    locks = {path: lock_of(texts.get(path, files.written[path]), answer) for path, answer in chosen.items()}
    warnings += [
        each for path in locks if path not in build.projects for each in await _elsewhere(build, path, locks[path])
    ]
    wanted = {files.shown(place): text for place, text in texts.items()} | beside
    known = {files.shown(place): files.written[place] for place in texts} | {
        place: read_text(place) for place in beside
    }
    before = {place: text_or_none(place) for place in wanted}
    changed = {place: text for place, text in wanted.items() if text != known[place]}
    return Written(changed, before, chosen, locks, warnings)


def _checksums(files: PomFiles, made: LockedTexts) -> dict[Path, str]:
    """Return the files of checksums that are there: those of all that is locked beside the first of a build, and of each beside it."""
    found = {}
    for project in (*sorted(files.locked), *files.build[:1]):
        place = checksums_beside(files.shown(project))
        if place is not None and place.is_file():
            of = files.locked if project in files.build[:1] else {project}
            # What cannot be resolved any more keeps what was noted of it.
            before = "" if of <= made.digests.keys() else read_text(place)
            found[place] = made.checksums(of & made.digests.keys(), before)
    return found


async def _locked(build: PomBuild, answer: Answer) -> LockedTexts:
    """Return what locks a build anew: of ranges with what was chosen of them, and where that is not known with what is locked."""
    known = answer.chosen
    # One that cannot be resolved as it is keeps the lock that it has.
    paths = [path for path in sorted(build.files.locked) if path in known or await build.other(path) is not None]
    kept = {path: known[path].versions if path in known else await build.locked(path) for path in paths}
    called = {path: build.files.shown(path) for path in build.files.written}
    whole = LockedBuild(called, {**build.files.texts, **answer.texts}, build.files.build, paths)
    made = await locked_together(whole, lambda path: msgspec.structs.replace(build.question, locked=kept[path]))
    if isinstance(made, Impossible):
        raise made.error()
    return made


async def _elsewhere(build: PomBuild, path: Path, after: Lock) -> list[str]:
    """Return what changes in a project that was not asked about."""
    project, called = await build.other(path), build.files.shown(path)
    changes = changes_between(project.lock, after) if project is not None else []
    return [
        f"{called}: {one.name} {one.before or '(none)'} becomes {one.after or '(none)'} with what it has from other files"
        for one in changes
    ]
