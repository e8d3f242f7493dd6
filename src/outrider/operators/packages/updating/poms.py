"""Chooses newer versions for a pom.xml: those that it says itself are raised where it says them, and its lock is written anew."""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from outrider.core.errors import DeniedError, InvalidConfigError, NotFoundError
from outrider.core.package_updates import Step
from outrider.operators.packages.fixing.calls import LockFile
from outrider.operators.packages.fixing.editions import edition_of
from outrider.operators.packages.fixing.pom_places import NoPlaceError, PomPlaces
from outrider.operators.packages.fixing.pom_resolving import Chosen, chosen, is_range
from outrider.operators.packages.fixing.pom_writing import PomEdits, PomFile, opened_pom, written
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


async def update_pom(
    file: LockFile, question: Question, wanted: PomUpdate
) -> tuple[FixedFile, Mapping[Path, str]] | None:
    """Return what changes, and the files that do; None where nothing of it is to be updated.

    Raises:
        ConflictError: Even what is there cannot be had any more.
        OutriderError: What a repository says.
    """
    pom = await opened_pom(file, question)
    names = wanted.members(pom.chosen.versions)
    if not names:
        return None
    policy = StepPolicy(question.policy, pom.chosen.versions, names.__contains__, wanted.step)
    kept = {name: found for name, found in pom.chosen.versions.items() if name not in names} if pom.is_locked else {}
    asked = msgspec.structs.replace(question, policy=policy, locked=kept)
    edits = await _Raiser(pom, asked).edits(names if wanted.raises else ())
    made = await written(pom, edits, asked)
    changes = explained(changes_between(pom.lock, made.lock), (), made.chosen.direct, made.chosen.needers, names)
    told = FixedFile(
        file=str(pom.path), changes=changes, manifest=edits.told(pom.path), fixed=[], unfixed=[],
        warnings=[*edits.shared(), *made.warnings],
    )  # fmt: skip
    return told, made.texts


class _Raiser:
    def __init__(self, pom: PomFile, question: Question) -> None:
        self._pom, self._question = pom, question
        self._places = PomPlaces(pom.path.name, pom.text)

    async def edits(self, names: Collection[str]) -> PomEdits:
        """Return the file with the newest versions that may be: all at once, else one after the other as long as there is an answer."""
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
        text = self._places.versions.edited(versions)
        try:
            answer = await chosen(self._pom.path, text, self._question)
        except (DeniedError, InvalidConfigError, NotFoundError) as error:
            if not versions:
                raise
            return Impossible(asked=[], reasons=[f"{error.message}."])
        return PomEdits(versions={**versions}, text=text, chosen=answer) if isinstance(answer, Chosen) else answer

    async def _wanted(self, name: str) -> list[tuple[Place, str]]:
        """Return where the file says a version of a package that a newer one may take the place of."""
        found = []
        for before in self._pom.chosen.versions[name]:
            for place in self._said(name, before):
                version = await self._newest(name, before)
                if version != before:
                    found.append((place, version))
        return found

    def _said(self, name: str, version: str) -> Iterator[Place]:
        choice = self._pom.chosen.choice
        for key in self._pom.chosen.keys(name, version):
            try:
                places = self._places.of(key, choice, alone=False)
            except NoPlaceError:
                continue
            # What the file does not say yet is for its parent or its BOM to raise, or for whoever needs it.
            yield from (
                place for place, said in places if place.entry is None and said == version and not is_range(said)
            )

    async def _newest(self, name: str, before: str) -> str:
        known = (await facts(self._question, name)).versions
        alike = [one for one in known if edition_of(one) == edition_of(before)]
        table = VersionTable(scheme_of("maven"), alike)
        usable = table.everything & ~refused(self._question.policy.refusals(name, table, ()))
        return table.versions[newest(usable, table.releases)] if usable else before
