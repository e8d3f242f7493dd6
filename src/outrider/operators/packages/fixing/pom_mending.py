"""Raises versions that POMs say, or manage, until nothing of what their projects come to is vulnerable that can be fixed.

Maven has no lock that would be resolved anew: the nearest version counts, whichever it is, and only ranges rule others out. So each
vulnerable version is raised where it is said, Maven's choice is looked at again, and what comes in with it is raised too.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from outrider.core.errors import NotFoundError
from outrider.operators.packages.advisories.severity import ORDER
from outrider.operators.packages.fixing.editions import edition_of
from outrider.operators.packages.fixing.pom_builds import Answer, Kept, PomBuild
from outrider.operators.packages.fixing.pom_places import NoPlaceError, PomPlaces
from outrider.operators.packages.fixing.pom_resolving import Violation, Violations, is_range
from outrider.operators.packages.fixing.pom_writing import PomEdits
from outrider.operators.packages.fixing.units import Auditor
from outrider.operators.packages.fixing.wishes import Unit
from outrider.operators.packages.locks.writing.pom_versions import Place
from outrider.operators.packages.maven.order import RESOLVER_SCHEME
from outrider.operators.packages.maven.session import facts
from outrider.operators.packages.resolving.facts import PackageFacts
from outrider.operators.packages.resolving.outcomes import Impossible
from outrider.operators.packages.versions.ranges import Key

_MOST_ROUNDS = 20


class Goal(NamedTuple):
    """Something vulnerable that is to go."""

    project: Path
    name: str


class Stuck(msgspec.Struct, kw_only=True):
    """Why something vulnerable stays.

    Attributes:
        reasons: Sentences.
        range: Where a project asks for a range that does not allow the fix, and that would be changed; None elsewhere.
        version: That would be said there.
    """

    reasons: list[str]
    range: Place | None = None
    version: str = ""


class PomMended(msgspec.Struct, kw_only=True):
    """What a fix comes to.

    Attributes:
        edits: What is to be written; None where nothing can be fixed.
        stuck: What stays.
    """

    edits: PomEdits | None
    stuck: dict[Goal, Stuck]


class _StuckError(Exception):
    """An attempt cannot go on.

    Attributes:
        goal: What cannot be raised; None where it is not known which it is.
        stuck: Why.
    """

    def __init__(self, goal: Goal | None, *reasons: str, stuck: Stuck | None = None) -> None:
        super().__init__(goal)
        self.goal, self.stuck = goal, stuck or Stuck(reasons=[*reasons])


class PomMender:
    """Fixes the projects of a build.

    Args:
        build: As it is.
        auditor: Knows what is vulnerable.
    """

    def __init__(self, build: PomBuild, auditor: Auditor) -> None:
        self._build, self._files, self._auditor = build, build.files, auditor
        self._places = PomPlaces(build.files)
        self._facts: dict[str, PackageFacts | None] = {}
        units = [(path, one) for path, project in build.projects.items() for one in auditor.units(project.lock)]
        # The worst first, whichever project comes to it.
        self._units = sorted(units, key=lambda one: ORDER.index(one[1].vulnerabilities[0].severity))
        self._bad: dict[Path, list[Unit]] = {}
        self._violations: dict[Path, Violations] = {}

    async def mend(self, *, widen: bool) -> PomMended:
        """Fix what can be fixed: all at once, else one after the other, the worst first.

        Args:
            widen: Whether ranges that the projects ask for may give way to a fix that they do not allow.

        Raises:
            OutriderError: What a repository says.
        """
        goals = list(dict.fromkeys(Goal(path, one.name) for path, one in self._units))
        found = PomMended(edits=None, stuck={})
        try:
            found.edits = await self._all(goals, found.stuck, widen=widen)
        except _StuckError:
            await self._each([one for one in goals if one not in found.stuck], found, widen=widen)
        if not widen:
            fixed = [one for one in goals if one not in found.stuck]
            for goal, stuck in found.stuck.items():
                if stuck.range is not None and not await self._would_do([*fixed, goal]):
                    stuck.range = None
        return found

    async def _all(self, some: Iterable[Goal], stuck: dict[Goal, Stuck], *, widen: bool) -> PomEdits | None:
        """Fix all but for what cannot be raised by itself, of which it is noted why."""
        goals = [*some]
        while goals:
            try:
                return await self._attempt(goals, widen=widen)
            except _StuckError as error:
                if error.goal not in goals:
                    raise
                goals.remove(error.goal)
                stuck[error.goal] = error.stuck
        return None

    async def _each(self, goals: Iterable[Goal], found: PomMended, *, widen: bool) -> None:
        fixed: list[Goal] = []
        for goal in goals:
            try:
                found.edits = await self._attempt([*fixed, goal], widen=widen)
                fixed.append(goal)
            except _StuckError as error:
                found.stuck[goal] = error.stuck

    async def _would_do(self, goals: Sequence[Goal]) -> bool:
        try:
            await self._attempt(goals, widen=True)
        except _StuckError:
            return False
        return True

    async def _attempt(self, goals: Sequence[Goal], *, widen: bool) -> PomEdits:
        """Return the files without some of what is vulnerable.

        Raises:
            _StuckError: That cannot be.
        """
        attempt = _Attempt(goals, widen=widen)
        kept = await self._kept(goals)
        for _ in range(_MOST_ROUNDS):
            answer = await self._build.answer(self._places.versions.edited(attempt.versions), kept)
            if isinstance(answer, Impossible):
                if attempt.shares_none_more():
                    continue
                raise _StuckError(None, *answer.reasons, *_notes(answer))
            left = await self._left(answer, goals)
            try:
                await self._raise_all(attempt, left, answer)
                if not left:
                    await self._refuse_violations(answer, goals)
                    await self._refuse_other_versions(attempt, answer)
                    return await self._needed(PomEdits(versions=attempt.versions, answer=answer), goals, kept)
            except _StuckError as error:
                if error.goal is not None or not attempt.shares_none_more():
                    raise
        raise _StuckError(None, f"Each of {_MOST_ROUNDS} changes led to something else that is vulnerable.")

    async def _kept(self, goals: Iterable[Goal]) -> Kept:
        """Return which versions of ranges a lock will keep: what was locked, and the lowest fix of what is vulnerable."""
        fixes: dict[Path, dict[str, set[str]]] = {}
        for path, one in self._units:
            if Goal(path, one.name) in goals:
                fixes.setdefault(path, {})[one.name] = {(await self._fix(one)).least_fix}
        projects = self._build.projects.items()
        return {
            path: {**project.chosen.versions, **fixes.get(path, {})}
            for path, project in projects
            if path in self._files.locked
        }

    async def _left(self, answer: Answer, goals: Sequence[Goal]) -> list[tuple[Path, Unit]]:
        """Return what is vulnerable and is to go: it is one of the goals, or was not there before."""
        return [
            (path, one)
            for path, chosen in answer.chosen.items()
            for one in self._auditor.units(chosen.lock)
            if Goal(path, one.name) in goals or await self._is_new(path, one)
        ]

    async def _needed(self, edits: PomEdits, goals: Sequence[Goal], kept: Kept) -> PomEdits:
        """Return edits without those that are not missed: what is raised may bring others in that are not vulnerable either."""
        for place in sorted(edits.versions, key=lambda one: one.entry is None):
            if len(edits.versions) < 2:
                break
            fewer = {one: version for one, version in edits.versions.items() if one != place}
            answer = await self._build.answer(self._places.versions.edited(fewer), kept)
            if isinstance(answer, Answer) and not await self._left(answer, goals) and not await self._violated(answer):
                edits = PomEdits(versions=fewer, answer=answer)
        return edits

    async def _is_new(self, path: Path, unit: Unit) -> bool:
        """Return whether something is vulnerable in a way in which no version of it was before."""
        if path not in self._bad:
            project = await self._build.other(path)
            self._bad[path] = self._auditor.units(project.lock) if project is not None else []
        return not {*unit.ids} <= {each for one in self._bad[path] if one.name == unit.name for each in one.ids}

    async def _fix(self, unit: Unit) -> Unit:
        """Return something vulnerable with the lowest fix that can be had, of the same edition where there is one; empty where there is none."""
        if unit.name not in self._facts:
            try:
                self._facts[unit.name] = await facts(self._build.question, unit.name)
            except NotFoundError:
                self._facts[unit.name] = None
        known = self._facts[unit.name]
        if known is None:
            return unit._replace(least_fix="")
        edition = edition_of(unit.version)
        alike = [one for one in known.versions if edition_of(one) == edition]
        for versions in (alike, known.versions):
            real = self._auditor.with_real_fix("maven", unit, msgspec.structs.replace(known, versions=versions))
            if real.least_fix in versions:
                return real
        return unit._replace(least_fix="")

    async def _raise_all(self, attempt: "_Attempt", units: Sequence[tuple[Path, Unit]], answer: Answer) -> None:
        """Raise what can be raised: whatever stands against the rest may be gone then.

        Raises:
            _StuckError: Nothing can be.
        """
        before = ({**attempt.versions}, {*attempt.alone})
        attempt.new.clear()
        errors = []
        for path, unit in units:
            try:
                await self._raise(attempt, path, unit, answer)
            except _StuckError as error:
                errors.append(error)
        if errors and (attempt.versions, attempt.alone) == before:
            raise errors[0]

    async def _raise(self, attempt: "_Attempt", path: Path, unit: Unit, answer: Answer) -> None:
        """Have a file say a version that is not vulnerable.

        Raises:
            _StuckError: That cannot be.
        """
        goal, fix = Goal(path, unit.name), (await self._fix(unit)).least_fix
        if not fix:
            raise self._stuck(attempt, goal, unit, [self._no_fix(unit)])
        chosen = answer.chosen[path]
        keys = chosen.keys(unit.name, unit.version)
        before = await self._violations_of(path)
        against = [why for key in keys for who, why in chosen.against(key, fix).items() if (who, key) not in before]
        if against:
            raise self._stuck(attempt, goal, unit, against)
        try:
            alone = goal in attempt.alone
            whole = await self._build.with_boms(path, answer)
            places = [one for key in keys for one in self._places.of(path, key, whole, alone=alone)]
        except NoPlaceError as error:
            raise self._stuck(attempt, goal, unit, [str(error)]) from error
        for place, said in places:
            if is_range(said) and not attempt.widen:
                asking = self._files.name(place.file, path)
                reasons = [f"{asking} asks for {unit.name} {said}, and {fix} is not chosen of that."]
                raise self._stuck(attempt, goal, unit, reasons, range_=place, version=fix)
            self._say(attempt, goal, unit, (place, fix))

    def _say(self, attempt: "_Attempt", goal: Goal, unit: Unit, wanted: tuple[Place, str]) -> None:
        place, fix = wanted
        before = attempt.versions.get(place)
        if before is None or _key(before) < _key(fix):
            attempt.versions[place] = fix
            attempt.new.add(place)
        if place in attempt.new:
            attempt.goals_of.setdefault(place, set()).add(goal)
        elif is_shared(place, goal.project) and goal not in attempt.alone:
            attempt.alone.add(goal)
        else:
            saying = self._files.name(place.file, goal.project)
            why = f"Maven comes to {unit.name} {unit.version} all the same where {saying} says {before}."
            raise self._stuck(attempt, goal, unit, [why])

    def _no_fix(self, unit: Unit) -> str:
        if not unit.least_fix:
            return f"No version of {unit.name} is known that is not vulnerable."
        return f"No repository has {unit.name} {unit.least_fix}, or a later version that is not vulnerable."

    def _stuck(
        self,
        attempt: "_Attempt",
        goal: Goal,
        unit: Unit,
        reasons: list[str],
        *,
        range_: Place | None = None,
        version: str = "",
    ) -> _StuckError:
        if goal in attempt.goals:
            return _StuckError(goal, stuck=Stuck(reasons=reasons, range=range_, version=version))
        into = "" if len(self._files.lines) == 1 else f" into {self._files.shown(goal.project)}"
        ids = ", ".join(unit.ids)
        return _StuckError(
            None, f"{unit.name} {unit.version} would come in{into}, which is vulnerable ({ids}).", *reasons
        )

    async def _violations_of(self, path: Path) -> Violations:
        """Return what a project chose against ranges before."""
        if path not in self._violations:
            project = await self._build.other(path)
            self._violations[path] = project.chosen.violations() if project is not None else {}
        return self._violations[path]

    async def _violated(self, answer: Answer) -> list[tuple[Path, Violation, str]]:
        """Return what is chosen against ranges now, and was not before."""
        return [
            (path, violation, why)
            for path, chosen in answer.chosen.items()
            for violation, why in chosen.violations().items()
            if violation not in await self._violations_of(path)
        ]

    async def _refuse_other_versions(self, attempt: "_Attempt", answer: Answer) -> None:
        """Refuse what would lower a version somewhere, or have another edition of it, because it is raised elsewhere."""
        names = {goal.name for goals in attempt.goals_of.values() for goal in goals}
        for path, chosen in answer.chosen.items():
            project = await self._build.other(path)
            before = project.chosen.versions if project is not None else {}
            for name in sorted(names & before.keys() & chosen.versions.keys()):
                old, new = (max(some[name], key=_key) for some in (before, chosen.versions))
                if _key(new) < _key(old) or edition_of(new) not in (edition_of(old), await self._edition(path, name)):
                    where = self._files.shown(path)
                    raise _StuckError(None, f"{name} {old} would become {new} in {where}.")

    async def _edition(self, path: Path, name: str) -> str | None:
        """Return the edition of the fix of something vulnerable in a project; None where it is not vulnerable there."""
        fixes = [(await self._fix(one)).least_fix for place, one in self._units if (place, one.name) == (path, name)]
        return edition_of(fixes[0]) if fixes else None

    async def _refuse_violations(self, answer: Answer, goals: Sequence[Goal]) -> None:
        """Refuse what is chosen against a range because it is managed: whoever has that range has not been tried with it."""
        for path, (who, key), why in await self._violated(answer):
            names = (f"{key[0]}:{key[1]}", who)
            raise _StuckError(next((goal for one in names if (goal := Goal(path, one)) in goals), None), why)


class _Attempt:
    """What is tried.

    Attributes:
        goals: What is to be fixed.
        widen: Whether ranges of the projects may give way.
        versions: What files would say.
        goals_of: For what each of these is said.
        new: Where something is said that was not when it was last looked at what Maven comes to.
        alone: What is not raised where others have their versions from too.
    """

    def __init__(self, goals: Sequence[Goal], *, widen: bool) -> None:
        self.goals, self.widen = goals, widen
        self.versions: dict[Place, str] = {}
        self.goals_of: dict[Place, set[Goal]] = {}
        self.new: set[Place] = set()
        self.alone: set[Goal] = set()

    def shares_none_more(self) -> bool:
        """Begin anew without places that others have too; return whether there was any."""
        shared = {
            goal for place, goals in self.goals_of.items() for goal in goals if is_shared(place, goal.project)
        } - self.alone
        if shared:
            self.alone |= shared
            self.versions.clear()
            self.goals_of.clear()
        return bool(shared)


def is_shared(place: Place, project: Path) -> bool:
    """Return whether others may have something from a place where a project has it from: other dependencies, or other projects."""
    return place.is_shared or place.file != project


def _notes(answer: Impossible) -> list[str]:
    return [f"Not considered: {'; '.join(answer.notes)}."] if answer.notes else []


def _key(version: str) -> Key:
    return RESOLVER_SCHEME.parse(version).key
