"""Resolves anew what a lock is the lock of, without what is vulnerable, and with as little change as will do.

First all that is vulnerable is to go at once. Where that cannot be, one after the other is to go, the worst first, and what cannot
be fixed stays in the version that is locked: it is told why, and which change of the manifest would do.
"""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from outrider.core.errors import NotFoundError
from outrider.operators.packages.fixing.asking import Asker, asked_version, settled
from outrider.operators.packages.fixing.lowest import lowest, newer
from outrider.operators.packages.fixing.masking import FixPolicy
from outrider.operators.packages.fixing.wishes import Project, Unit, Widening, Wish, replaced
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.policies import Policy
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.sessions import Session


class Blocked(msgspec.Struct, kw_only=True):
    """What is vulnerable and cannot be fixed as things are.

    Attributes:
        unit: What.
        why: What stands against it.
        widenings: Changes of the manifest, with each of which it can be; each was tried.
        together: Changes of what asks for one package in several places, which do all at once where none does alone; tried too.
    """

    unit: Unit
    why: Impossible
    widenings: list[Widening]
    together: list[Widening] = []


class Mended(msgspec.Struct, kw_only=True):
    """What a fix comes to.

    Attributes:
        answer: What is to be locked; None where nothing can be fixed.
        before: What would be chosen with the versions that are locked; None where that cannot be had.
        fixed: What was vulnerable, and is not any more.
        blocked: What still is.
        widenings: What changes in the manifest.
    """

    answer: Resolved | None = None
    before: Resolved | None = None
    fixed: list[Unit] = []
    blocked: list[Blocked] = []
    widenings: list[Widening] = []


class Mender:
    """Fixes one lock.

    Args:
        session: What asks the registries of its ecosystem.
        question: What may be used for an answer; its policy counts too.
        vulnerable: Refuses versions that are vulnerable.
        project: The lock, and what it is the lock of.
        units: What is vulnerable in it, the worst first.
    """

    def __init__(
        self, session: Session, question: Question, vulnerable: Policy, project: Project, units: Sequence[Unit]
    ) -> None:
        self._session = session
        self._asker = Asker(session.resolve, question, project)
        self._question, self._vulnerable = question, vulnerable
        self._project, self._units = project, units
        self._wishes = list(project.wishes)
        self._freed: set[str] = set()
        self._least: dict[Wish, str] = {}
        self._needed_now: set[tuple[str, str, str]] | None = None

    async def mend(self, *, widen: bool) -> Mended:
        """Fix what can be fixed.

        Args:
            widen: Whether ranges of the manifest may be changed where nothing else will do.

        Raises:
            OutriderError: What a registry says.
        """
        answer = await self._attempt(self._units, free=False)
        if isinstance(answer, Resolved):
            return await self._done(Mended(answer=answer, fixed=list(self._units)))
        found = Mended(fixed=[], blocked=[], widenings=[])
        for unit in self._units:
            attempt = await self._attempt([*found.fixed, unit])
            possible = (
                attempt if isinstance(attempt, Resolved) else await self._blocked(found, unit, attempt, widen=widen)
            )
            if possible is not None:
                found.answer = possible
                found.fixed.append(unit)
        return await self._done(found)

    async def _done(self, found: Mended) -> Mended:
        if found.answer is not None:
            found.answer = await self._settled(found.answer, found.fixed)
            if any(wish.firm for wish in self._wishes):
                before = await self._ask(self._project.wishes, [], firm=True)
                found.before = before if isinstance(before, Resolved) else None
        return found

    async def _settled(self, answer: Resolved, units: Sequence[Unit]) -> Resolved:
        """Return what is to be locked, with all that a lock file has of each package."""
        if not any(wish.firm for wish in self._wishes):
            whole = await settled(answer, lambda locked: self._ask(self._wishes, units, locked=locked, files=True))
            if whole is not None:
                return whole
        again = await self._attempt(units, files=True)
        return again if isinstance(again, Resolved) else answer

    async def _blocked(self, found: Mended, unit: Unit, why: Impossible, *, widen: bool) -> Resolved | None:
        """Note why something cannot be fixed; or change the manifest, where that is allowed, and return what can be had then."""
        units = [*found.fixed, unit]
        widenings = await self._widenings(units, why)
        together = [] if widenings else await self._together(units, unit)
        if widen:
            for some in [[one] for one in widenings] or [together]:
                wishes = replaced(self._wishes, some)
                answer = await self._ask(wishes, units) if some else why
                if isinstance(answer, Resolved):
                    self._wishes = wishes
                    found.widenings += some
                    return answer
        found.blocked.append(Blocked(unit=unit, why=why, widenings=widenings, together=together))
        return None

    async def _widenings(self, units: Sequence[Unit], why: Impossible) -> list[Widening]:
        """Return the changes of one range each with which something can be had: those that the resolver has found, with a version."""
        found = []
        for wish in self._wishes:
            told = any(one.startswith(f"allow {wish.name} ") for one in why.remedies)
            if not wish.anyhow or not (told or any(wish.name == unit.name for unit in units)):
                continue
            found += await self._widened([wish], units)
        return found

    async def _together(self, units: Sequence[Unit], unit: Unit) -> list[Widening]:
        """Return the changes of all ranges of one package with which something can be had, such as those of several members of a workspace."""
        for name in sorted({unit.name, *unit.above}, key=lambda one: (one != unit.name, one)):
            some = [one for one in self._wishes if one.name == name and one.anyhow]
            if len(some) > 1:
                widenings = await self._widened(some, units)
                if widenings and isinstance(await self._ask(replaced(self._wishes, widenings), units), Resolved):
                    return await self._needed(widenings, units)
        return []

    async def _widened(self, some: Sequence[Wish], units: Sequence[Unit]) -> list[Widening]:
        """Return changes of ranges of one package with which something can be had: to the lowest version that does."""
        name = some[0].name
        anyhow = [msgspec.structs.replace(one, text=one.anyhow) if one in some else one for one in self._wishes]
        answer = await self._ask(anyhow, units, locked=self._locked(units, {name}))
        version = asked_version(answer, name) if isinstance(answer, Resolved) else ""
        # npm takes the newest version of what may be any, and where that does not do, an older one still may.
        may_be_older = self._project.ecosystem == "npm" and name in {units[-1].name, *units[-1].above}
        if not version and not may_be_older:
            return []

        def changes(version: str) -> list[Widening]:
            return [Widening(one, self._project.widened(one, version)) for one in some]

        async def does(version: str) -> bool:
            locked = {**self._locked(units, {name}), name: {version}}
            tried = await self._ask(replaced(self._wishes, changes(version)), units, locked=locked)
            return isinstance(tried, Resolved) and asked_version(tried, name) == version

        if version not in {unit.least_fix for unit in units if unit.name == name}:
            version = await lowest(await self._newer(some[0], version), does) or version
        if not version:
            return []
        self._least |= {one.after: version for one in changes(version)}
        return changes(version)

    async def _newer(self, wish: Wish, last: str) -> list[str]:
        """Return the versions of a package that are newer than what it is now, up to a last one, oldest first."""
        try:
            facts = await self._session.facts(self._question, wish.name)
        except NotFoundError:
            return []
        return newer(facts, wish.range, self._project.locked.get(wish.name, set()), last)

    async def _needed(self, widenings: Sequence[Widening], units: Sequence[Unit]) -> list[Widening]:
        """Return those of some changes that it takes: each that is not missed stays out."""
        needed = list(widenings)
        for one in widenings:
            fewer = [each for each in needed if each is not one]
            if isinstance(await self._ask(replaced(self._wishes, fewer), units), Resolved):
                needed = fewer
        return needed

    async def _attempt(self, units: Sequence[Unit], *, files: bool = False, free: bool = True) -> Resolved | Impossible:
        """Return an answer without some vulnerable versions: with all else as it is locked, where that will do.

        Args:
            units: What is to go, the last one for the first time.
            files: Whether all is to be told that a lock file has.
            free: Whether what needs these may change, where nothing else will do.
        """
        if any(wish.firm for wish in self._wishes):
            answer = await self._ask(self._wishes, units, firm=True, files=files)
            if isinstance(answer, Resolved):
                return answer
        answer = await self._ask(self._wishes, units, files=files)
        # npm takes the first version that a range allows, and never goes back: what needs it must not stay as it is.
        tries = (units[-1:], self._units) if free and self._project.ecosystem == "npm" else ()
        for others in tries:
            if isinstance(answer, Resolved):
                break
            above = {name for unit in others for name in unit.above} - {unit.name for unit in units}
            answer = await self._ask(self._wishes, units, files=files, locked=self._locked(units, above))
            if isinstance(answer, Resolved):
                self._freed |= above
        return answer

    async def _ask(
        self,
        wishes: Sequence[Wish],
        units: Sequence[Unit],
        *,
        firm: bool = False,
        locked: dict[str, set[str]] | None = None,
        files: bool = False,
    ) -> Resolved | Impossible:
        names = {unit.name for unit in units}
        packages = [wish.firm if firm and wish.firm and wish.name not in names else wish.text for wish in wishes]
        left = [unit for unit in self._units if unit not in units]
        excused: dict[str, set[str]] = {}
        for unit in left:
            excused.setdefault(unit.name, set()).add(unit.version)
        preferred = self._locked(units) if locked is None else locked
        for wish in wishes:
            if wish in self._least and locked is None:
                preferred.setdefault(wish.name, set()).add(self._least[wish])
        known = await self._needs_now() if names & excused.keys() else set()

        def refused(answer: Resolved) -> list[str]:
            spared = {name: versions for name, versions in excused.items() if name in names}
            new = sorted(_needs(answer, spared) - known)
            return [
                f"{needer or 'The project'} would have {name} {version}, which is vulnerable too."
                for needer, name, version in new
            ]

        return await self._asker.ask(
            wishes, packages, FixPolicy(self._question.policy, self._vulnerable, excused), preferred, files=files, refused=refused
        )  # fmt: skip

    async def _needs_now(self) -> set[tuple[str, str, str]]:
        """Return who needs what is vulnerable, as things are: nothing of it may come to anybody else."""
        if self._needed_now is None:
            answer = await self._ask(self._project.wishes, [], firm=True)
            spared = {unit.name: self._project.locked[unit.name] for unit in self._units}
            self._needed_now = _needs(answer, spared) if isinstance(answer, Resolved) else set()
        return self._needed_now

    def _locked(self, units: Sequence[Unit], others: Collection[str] = ()) -> dict[str, set[str]]:
        """Return what is tried first: what is locked but for some others, and the lowest fix in place of what is to go."""
        left_out = {*others, *self._freed}
        locked = {name: set(versions) for name, versions in self._project.locked.items() if name not in left_out}
        for unit in units:
            locked[unit.name] = locked.get(unit.name, set()) - {unit.version} | ({unit.least_fix} - {""})
        return locked


def _needs(answer: Resolved, versions: Mapping[str, Collection[str]]) -> set[tuple[str, str, str]]:
    """Return who needs some versions in an answer: names, of the project an empty one, each with a name and its version."""
    return {
        (needer, one.name, one.version)
        for one in answer.packages
        if one.version in versions.get(one.name, ())
        for needer in [*one.needed_by, *([""] if one.direct else [])]
    }
