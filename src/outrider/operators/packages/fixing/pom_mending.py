"""Raises versions that a pom.xml says, or manages, until nothing of what it comes to is vulnerable that can be fixed.

Maven has no lock that would be resolved anew: the nearest version counts, whichever it is, and only ranges rule others out. So each
vulnerable version is raised where it is said, Maven's choice is looked at again, and what comes in with it is raised too.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from outrider.core.errors import DeniedError, InvalidConfigError, NotFoundError
from outrider.operators.packages.fixing.editions import edition_of
from outrider.operators.packages.fixing.pom_places import NoPlaceError, PomPlaces
from outrider.operators.packages.fixing.pom_resolving import Chosen, chosen, is_range
from outrider.operators.packages.fixing.pom_writing import PomEdits, PomFile
from outrider.operators.packages.fixing.units import Auditor
from outrider.operators.packages.fixing.wishes import Unit
from outrider.operators.packages.locks.writing.pom_versions import Place
from outrider.operators.packages.maven.order import RESOLVER_SCHEME
from outrider.operators.packages.maven.session import facts
from outrider.operators.packages.resolving.facts import PackageFacts
from outrider.operators.packages.resolving.outcomes import Impossible
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.versions.ranges import Key

_MOST_ROUNDS = 20


class Stuck(msgspec.Struct, kw_only=True):
    """Why something vulnerable stays.

    Attributes:
        reasons: Sentences.
        range: Where the project asks for a range that does not allow the fix, and that would be changed; None elsewhere.
        version: That would be said there.
    """

    reasons: list[str]
    range: Place | None = None
    version: str = ""


class PomMended(msgspec.Struct, kw_only=True):
    """What a fix comes to.

    Attributes:
        edits: What is to be written; None where nothing can be fixed.
        stuck: What stays, by name.
    """

    edits: PomEdits | None
    stuck: dict[str, Stuck]


class _StuckError(Exception):
    """An attempt cannot go on.

    Attributes:
        name: Of what cannot be raised; empty where it is not known which it is.
        stuck: Why.
    """

    def __init__(self, name: str, *reasons: str, stuck: Stuck | None = None) -> None:
        super().__init__(name)
        self.name, self.stuck = name, stuck or Stuck(reasons=[*reasons])


class PomMender:
    """Fixes one pom.xml.

    Args:
        pom: As it is.
        units: What of that is vulnerable, the worst first.
        question: What may be used for an answer.
        auditor: Knows what is vulnerable.
    """

    def __init__(self, pom: PomFile, units: Sequence[Unit], question: Question, auditor: Auditor) -> None:
        self._path, self._question, self._auditor = pom.path, question, auditor
        self._before, self._units, self._keeps = pom.chosen, units, pom.is_locked
        self._places = PomPlaces(pom.path.name, pom.text)
        self._violations = pom.chosen.violations()
        self._facts: dict[str, PackageFacts | None] = {}
        self._answers: dict[tuple[str, str], Chosen | Impossible] = {}

    async def mend(self, *, widen: bool) -> PomMended:
        """Fix what can be fixed: all at once, else one after the other, the worst first.

        Args:
            widen: Whether ranges that the project asks for may give way to a fix that they do not allow.

        Raises:
            OutriderError: What a repository says.
        """
        names = list(dict.fromkeys(one.name for one in self._units))
        found = PomMended(edits=None, stuck={})
        try:
            found.edits = await self._all(names, found.stuck, widen=widen)
        except _StuckError:
            await self._each([one for one in names if one not in found.stuck], found, widen=widen)
        if not widen:
            fixed = [one for one in names if one not in found.stuck]
            for name, stuck in found.stuck.items():
                if stuck.range is not None and not await self._would_do([*fixed, name]):
                    stuck.range = None
        return found

    async def _all(self, names: Iterable[str], stuck: dict[str, Stuck], *, widen: bool) -> PomEdits | None:
        """Fix all but for what cannot be raised by itself, of which it is noted why."""
        goals = [*names]
        while goals:
            try:
                return await self._attempt(goals, widen=widen)
            except _StuckError as error:
                if error.name not in goals:
                    raise
                goals.remove(error.name)
                stuck[error.name] = error.stuck
        return None

    async def _each(self, names: Iterable[str], found: PomMended, *, widen: bool) -> None:
        fixed: list[str] = []
        for name in names:
            try:
                found.edits = await self._attempt([*fixed, name], widen=widen)
                fixed.append(name)
            except _StuckError as error:
                found.stuck[name] = error.stuck

    async def _would_do(self, goals: Sequence[str]) -> bool:
        try:
            await self._attempt(goals, widen=True)
        except _StuckError:
            return False
        return True

    async def _attempt(self, goals: Sequence[str], *, widen: bool) -> PomEdits:
        """Return the file without some of what is vulnerable.

        Raises:
            _StuckError: That cannot be.
        """
        attempt = _Attempt(goals, widen=widen)
        fixes = {one.name: (await self._fix(one)).least_fix for one in self._units if one.name in goals}
        for _ in range(_MOST_ROUNDS):
            text = self._places.versions.edited(attempt.versions)
            answer = await self._answer(text, fixes)
            if isinstance(answer, Impossible):
                if attempt.shares_none_more():
                    continue
                raise _StuckError("", *answer.reasons, *_notes(answer))
            left = self._left(answer, goals)
            if not left:
                self._refuse_violations(answer, goals)
                return await self._needed(PomEdits(versions=attempt.versions, text=text, chosen=answer), goals, fixes)
            await self._raise_all(attempt, left, answer)
        raise _StuckError("", f"Each of {_MOST_ROUNDS} changes led to something else that is vulnerable.")

    def _left(self, answer: Chosen, goals: Sequence[str]) -> list[Unit]:
        """Return what is vulnerable and is to go."""
        return [one for one in self._auditor.units(answer.lock) if one.name in goals or self._is_new(one)]

    async def _needed(self, edits: PomEdits, goals: Sequence[str], fixes: Mapping[str, str]) -> PomEdits:
        """Return edits without those that are not missed: what is raised may bring others in that are not vulnerable either."""
        for place in sorted(edits.versions, key=lambda one: one.entry is None):
            if len(edits.versions) < 2:
                break
            fewer = {one: version for one, version in edits.versions.items() if one != place}
            text = self._places.versions.edited(fewer)
            answer = await self._answer(text, fixes)
            if (
                isinstance(answer, Chosen)
                and not self._left(answer, goals)
                and answer.violations().keys() <= self._violations.keys()
            ):
                edits = PomEdits(versions=fewer, text=text, chosen=answer)
        return edits

    async def _answer(self, text: str, fixes: Mapping[str, str]) -> Chosen | Impossible:
        """Return what is chosen for a text: where a lock will keep it, of ranges what was locked, and the lowest fix."""
        key = (text, repr(sorted(fixes.items())) if self._keeps else "")
        if key not in self._answers:
            kept = {**self._before.versions, **{name: {fix} for name, fix in fixes.items()}} if self._keeps else {}
            try:
                self._answers[key] = await chosen(
                    self._path, text, msgspec.structs.replace(self._question, locked=kept)
                )
            except (DeniedError, InvalidConfigError, NotFoundError) as error:
                self._answers[key] = Impossible(asked=[], reasons=[f"{error.message}."])
        return self._answers[key]

    def _is_new(self, unit: Unit) -> bool:
        """Return whether something is vulnerable in a way in which no version of it was before."""
        return not {*unit.ids} <= {each for one in self._units if one.name == unit.name for each in one.ids}

    async def _fix(self, unit: Unit) -> Unit:
        """Return something vulnerable with the lowest fix that can be had, of the same edition where there is one; empty where there is none."""
        if unit.name not in self._facts:
            try:
                self._facts[unit.name] = await facts(self._question, unit.name)
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

    async def _raise_all(self, attempt: "_Attempt", units: Sequence[Unit], answer: Chosen) -> None:
        """Raise what can be raised: whatever stands against the rest may be gone then.

        Raises:
            _StuckError: Nothing can be.
        """
        before = ({**attempt.versions}, {*attempt.alone})
        errors = []
        for unit in units:
            try:
                await self._raise(attempt, unit, answer)
            except _StuckError as error:
                errors.append(error)
        if errors and (attempt.versions, attempt.alone) == before:
            raise errors[0]

    async def _raise(self, attempt: "_Attempt", unit: Unit, answer: Chosen) -> None:
        """Have a file say a version that is not vulnerable.

        Raises:
            _StuckError: That cannot be.
        """
        fix = (await self._fix(unit)).least_fix
        if not fix:
            raise self._stuck(attempt, unit, [self._no_fix(unit)])
        keys = answer.keys(unit.name, unit.version)
        against = [
            why for key in keys for who, why in answer.against(key, fix).items() if (who, key) not in self._violations
        ]
        if against:
            raise self._stuck(attempt, unit, against)
        try:
            places = [
                one for key in keys for one in self._places.of(key, answer.choice, alone=unit.name in attempt.alone)
            ]
        except NoPlaceError as error:
            raise self._stuck(attempt, unit, [str(error)]) from error
        for place, said in places:
            if is_range(said) and not attempt.widen:
                reasons = [f"{self._path.name} asks for {unit.name} {said}, and {fix} is not chosen of that."]
                raise self._stuck(attempt, unit, reasons, range_=place, version=fix)
            self._say(attempt, unit, (place, fix))

    def _say(self, attempt: "_Attempt", unit: Unit, wanted: tuple[Place, str]) -> None:
        place, fix = wanted
        before = attempt.versions.get(place)
        if before is None or _key(before) < _key(fix):
            attempt.versions[place] = fix
            attempt.names.setdefault(place, set()).add(unit.name)
        elif place.is_shared and unit.name not in attempt.alone:
            attempt.alone.add(unit.name)
        else:
            why = f"Maven comes to {unit.name} {unit.version} all the same where {self._path.name} says {before}."
            raise self._stuck(attempt, unit, [why])

    def _no_fix(self, unit: Unit) -> str:
        if not unit.least_fix:
            return f"No version of {unit.name} is known that is not vulnerable."
        return f"No repository has {unit.name} {unit.least_fix}, or a later version that is not vulnerable."

    def _stuck(
        self, attempt: "_Attempt", unit: Unit, reasons: list[str], *, range_: Place | None = None, version: str = ""
    ) -> _StuckError:
        if unit.name in attempt.goals:
            return _StuckError(unit.name, stuck=Stuck(reasons=reasons, range=range_, version=version))
        ids = ", ".join(unit.ids)
        return _StuckError("", f"{unit.name} {unit.version} would come in, which is vulnerable ({ids}).", *reasons)

    def _refuse_violations(self, answer: Chosen, goals: Sequence[str]) -> None:
        """Refuse what is chosen against a range because it is managed: whoever has that range has not been tried with it."""
        for (who, key), why in answer.violations().items():
            if (who, key) not in self._violations:
                raise _StuckError(next((one for one in (f"{key[0]}:{key[1]}", who) if one in goals), ""), why)


class _Attempt:
    """What is tried.

    Attributes:
        goals: Names of what is to be fixed.
        widen: Whether ranges of the project may give way.
        versions: What the file would say.
        names: For what each of these is said.
        alone: Names of what is not raised by a property that others have too.
    """

    def __init__(self, goals: Sequence[str], *, widen: bool) -> None:
        self.goals, self.widen = goals, widen
        self.versions: dict[Place, str] = {}
        self.names: dict[Place, set[str]] = {}
        self.alone: set[str] = set()

    def shares_none_more(self) -> bool:
        """Begin anew without properties that others have too; return whether there was any."""
        shared = {name for place, names in self.names.items() if place.is_shared for name in names} - self.alone
        if shared:
            self.alone |= shared
            self.versions.clear()
            self.names.clear()
        return bool(shared)


def _notes(answer: Impossible) -> list[str]:
    return [f"Not considered: {'; '.join(answer.notes)}."] if answer.notes else []


def _key(version: str) -> Key:
    return RESOLVER_SCHEME.parse(version).key
