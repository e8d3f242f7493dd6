"""Chooses newer versions for a pom.xml and its modules: those that files here say are raised where they say them, and locks are written anew."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from outrider.core.package_updates import Step
from outrider.operators.packages.fixing.editions import edition_of
from outrider.operators.packages.fixing.pom_builds import Answer, PomBuild
from outrider.operators.packages.fixing.pom_files import PomFiles
from outrider.operators.packages.fixing.pom_places import NoPlaceError, PomPlaces
from outrider.operators.packages.fixing.pom_resolving import is_range
from outrider.operators.packages.fixing.pom_writing import PomEdits, Written, written
from outrider.operators.packages.fixing.results import FixedFile, explained
from outrider.operators.packages.locks.writing.differences import changes_between
from outrider.operators.packages.locks.writing.pom_versions import Place
from outrider.operators.packages.maven.order import RESOLVER_SCHEME
from outrider.operators.packages.maven.session import facts
from outrider.operators.packages.resolving.facts import newest
from outrider.operators.packages.resolving.outcomes import Impossible
from outrider.operators.packages.resolving.policies import refused
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.updating.steps import StepPolicy
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

# Where not all versions can be raised at once, so many are tried one by one.
_MOST_TRIED = 50


class PomUpdate(NamedTuple):
    """What is to be updated.

    Attributes:
        members: Returns those of some names that are.
        step: How far that may lead.
        raises: Whether versions that the file says may be raised.
    """

    members: Callable[[Collection[str]], set[str]]
    step: Step
    raises: bool


class PomUpdated(NamedTuple):
    """What an update comes to.

    Attributes:
        told: What changes, by project.
        texts: The files that do.
        unread: Why projects of a build could not be resolved.
    """

    told: list[FixedFile]
    texts: Mapping[Path, str]
    unread: list[str]


async def update_pom(files: PomFiles, question: Question, wanted: PomUpdate) -> PomUpdated:
    """Return what changes; nothing where no package of it is to be updated.

    Raises:
        ConflictError: Even what is there cannot be had any more.
        OutriderError: What a repository says.
    """
    build = PomBuild(files, question)
    await build.open()
    versions = _versions(build)
    names = wanted.members(versions)
    if not names:
        return PomUpdated([], {}, build.unread)
    policy = StepPolicy(question.policy, versions, names.__contains__, wanted.step)
    build.question = msgspec.structs.replace(question, policy=policy)
    edits = await _Raiser(build, names).edits(names if wanted.raises else ())
    made = await written(build, edits)
    told = [_told(build, path, (edits, made), names) for path in build.projects]
    return PomUpdated(told, made.texts, build.unread)


def _versions(build: PomBuild) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for project in build.projects.values():
        for name, versions in project.chosen.versions.items():
            found.setdefault(name, set()).update(versions)
    return found


def _told(build: PomBuild, path: Path, after: tuple[PomEdits, Written], names: Collection[str]) -> FixedFile:
    edits, made = after
    chosen = made.chosen[path]
    differences = changes_between(build.projects[path].lock, made.locks[path])
    return FixedFile(
        file=str(build.files.shown(path)), changes=explained(differences, (), chosen.direct, chosen.needers, names),
        manifest=edits.told(build, path), fixed=[], unfixed=[],
        warnings=[*edits.warnings(build, path, made)],
    )  # fmt: skip


class _Raiser:
    def __init__(self, build: PomBuild, names: Collection[str]) -> None:
        self._build = build
        self._places = PomPlaces(build.files)
        self._kept = {
            path: {name: found for name, found in project.chosen.versions.items() if name not in names}
            for path, project in build.projects.items()
            if path in build.files.locked
        }

    async def edits(self, names: Collection[str]) -> PomEdits:
        """Return the files with the newest versions that may be: all at once, else one after the other as long as there is an answer."""
        found = await self._tried({})
        if isinstance(found, Impossible):
            raise found.error()
        wanted = [each for name in sorted(names) for each in await self._wanted(name)]
        # Of a property that several have the newest version counts, if all of them have that.
        wanted.sort(key=lambda one: RESOLVER_SCHEME.parse(one[1]).key)
        everything = await self._tried(dict(wanted)) if wanted else found
        if isinstance(everything, PomEdits):
            return everything
        for place, version in wanted[:_MOST_TRIED]:
            more = await self._tried({**found.versions, place: version})
            found = more if isinstance(more, PomEdits) else found
        return found

    async def _tried(self, versions: Mapping[Place, str]) -> PomEdits | Impossible:
        answer = await self._build.answer(self._places.versions.edited(versions), self._kept)
        return answer if isinstance(answer, Impossible) else PomEdits(versions={**versions}, answer=answer)

    async def _wanted(self, name: str) -> list[tuple[Place, str]]:
        """Return where files say a version of a package that a newer one may take the place of."""
        found = []
        for path, project in self._build.projects.items():
            for before in project.chosen.versions.get(name, ()):
                version = await self._newest(name, before)
                if version != before:
                    found += [(place, version) for place in await self._said(path, name, before)]
        return [*dict.fromkeys(found)]

    async def _said(self, path: Path, name: str, version: str) -> list[Place]:
        chosen = self._build.projects[path].chosen
        answer = await self._build.with_boms(path, Answer({}, {path: chosen}))
        found = []
        for key in chosen.keys(name, version):
            try:
                places = self._places.of(path, key, answer, alone=False)
            except NoPlaceError:
                continue
            # What no file says yet is for a parent or a BOM of a repository to raise, or for whoever needs it.
            found += [place for place, said in places if place.entry is None and said == version and not is_range(said)]
        return found

    async def _newest(self, name: str, before: str) -> str:
        known = (await facts(self._build.question, name)).versions
        alike = [one for one in known if edition_of(one) == edition_of(before)]
        table = VersionTable(scheme_of("maven"), alike)
        usable = table.everything & ~refused(self._build.question.policy.refusals(name, table, ()))
        return table.versions[newest(usable, table.releases)] if usable else before
