"""How pip goes back where what it has chosen clashes: `Resolution` of resolvelib 1.2, which comes with pip 26."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from outrider.operators.packages.pypi.pipenv.candidates import Candidates, Matches
from outrider.operators.packages.pypi.pipenv.preferences import Information, Preferences
from outrider.operators.packages.pypi.pipenv.requirements import Candidate, Identifier, Requirement

_MOST_ROUNDS = 200_000
# So many of these may be spent on going back further than would be safe.
_OPTIMISTIC_ROUNDS = 0.1


class ImpossibleError(Exception):
    """What is asked for cannot be had, or was not found in as many steps as pip takes."""


class _ClashError(Exception):
    def __init__(self, criterion: "_Criterion") -> None:
        self.criterion = criterion


class _Criterion(msgspec.Struct, frozen=True):
    matches: Matches
    information: tuple[Information, ...]
    left_out: tuple[Candidate, ...]

    @property
    def requirements(self) -> list[Requirement]:
        return [one.requirement for one in self.information]


Criteria = dict[Identifier, _Criterion]


class _State(msgspec.Struct):
    pins: dict[Identifier, Candidate]
    criteria: Criteria
    causes: list[Information]

    def copy(self) -> "_State":
        return _State(dict(self.pins), dict(self.criteria), list(self.causes))


class Resolution:
    """Chooses versions.

    Args:
        candidates: Where they are found.
        preferences: In which order they are chosen.
        check: Called now and then; it may raise to end a search.
    """

    def __init__(self, candidates: Candidates, preferences: Preferences, check: Callable[[], None]) -> None:
        self._candidates, self._preferences, self._check = candidates, preferences, check
        self._states: list[_State] = []
        self._saved: list[_State] | None = None
        self._is_optimistic = True
        self._last_optimistic = 0

    @property
    def _state(self) -> _State:
        return self._states[-1]

    async def resolve(self, requirements: Sequence[Requirement]) -> tuple[dict[Identifier, Candidate], Criteria]:
        """Return what was chosen, and why.

        Raises:
            ImpossibleError: Nothing was found.
            OutriderError: What an index says.
        """
        await self._candidates.load(requirements)
        self._states = [_State({}, {}, [])]
        for one in requirements:
            try:
                await self._add(self._state.criteria, one, None)
            except _ClashError as error:
                raise ImpossibleError from error
        self._states.append(self._state.copy())
        for number in range(_MOST_ROUNDS):
            self._check()
            if self._is_over_optimistic(number):
                self._roll_back()
                continue
            open_ones = [one for one in self._state.criteria if not self._is_met(one)]
            if not open_ones:
                return self._reached()
            await self._choose(open_ones)
        raise ImpossibleError

    def _is_over_optimistic(self, number: int) -> bool:
        if not self._is_optimistic or self._saved is None:
            return False
        if not self._last_optimistic:
            self._last_optimistic = number + int((_MOST_ROUNDS - number) * _OPTIMISTIC_ROUNDS)
        return number >= self._last_optimistic

    async def _choose(self, open_ones: list[Identifier]) -> None:
        state = self._state
        met = set(state.criteria) - set(open_ones)
        several = self._preferences.narrowed(open_ones, state.pins, state.causes) if len(open_ones) > 1 else open_ones
        name = min(several, key=lambda one: self._preferences.key(one, state.criteria[one].information))
        failed = await self._pin(name)
        if not failed:
            broken = {one for one in self._state.criteria if one in met and not self._is_met(one)}
            self._forget(broken)
            self._states.append(self._state.copy())
            return
        causes = [*{id(one): one for criterion in failed for one in criterion.information}.values()]
        if await self._go_back(causes):
            self._state.causes[:] = causes
        elif self._is_optimistic and self._saved is not None:
            self._roll_back()
        else:
            raise ImpossibleError

    def _is_met(self, name: Identifier) -> bool:
        pin = self._state.pins.get(name)
        if pin is None:
            return False
        return all(self._candidates.satisfies(pin, one) for one in self._state.criteria[name].requirements)

    async def _add(self, criteria: Criteria, requirement: Requirement, parent: Candidate | None) -> None:
        name = requirement.identifier
        known = criteria.get(name)
        information = (*(known.information if known is not None else ()), Information(requirement, parent))
        left_out = known.left_out if known is not None else ()
        found = _Criterion(self._matches(criteria, name, information, left_out), information, left_out)
        if await self._candidates.next_usable(found.matches, 0) is None:
            raise _ClashError(found)
        criteria[name] = found

    def _matches(
        self,
        criteria: Mapping[Identifier, _Criterion],
        name: Identifier,
        information: Iterable[Information],
        left_out: Sequence[Candidate],
    ) -> Matches:
        alone = criteria.get(Identifier(name.name)) if name.extras else None
        return self._candidates.matches(
            name, [one.requirement for one in information], alone.requirements if alone is not None else [], left_out
        )

    async def _pin(self, name: Identifier) -> list[_Criterion]:
        """Choose a version; return why none will do."""
        state, causes, at = self._state, list[_Criterion](), -1
        matches = state.criteria[name].matches
        while (position := await self._candidates.next_usable(matches, at + 1)) is not None:
            at = position
            candidate, criteria = Candidate(name, matches.order[at]), dict(state.criteria)
            try:
                for one in await self._candidates.dependencies(candidate):
                    await self._add(criteria, one, candidate)
            except _ClashError as error:
                causes.append(error.criterion)
                continue
            state.criteria.update(criteria)
            # The last one is gone back to first.
            state.pins.pop(name, None)
            state.pins[name] = candidate
            return []
        return causes

    def _forget(self, parents: set[Identifier]) -> None:
        """Have nothing asked by versions that will not do any more."""
        criteria = self._state.criteria
        for name, one in criteria.items() if parents else ():
            left = tuple(
                each for each in one.information if each.parent is None or each.parent.identifier not in parents
            )
            criteria[name] = _Criterion(one.matches, left, one.left_out)

    def _roll_back(self) -> None:
        self._is_optimistic = False
        if self._saved is not None:
            self._states, self._saved = self._saved, None

    async def _go_back(self, causes: Sequence[Information]) -> bool:
        """Undo the last choice that has to do with a conflict; return whether there is one."""
        blamed = {one.parent.identifier for one in causes if one.parent is not None}
        blamed |= {one.requirement.identifier for one in causes}
        while len(self._states) >= 3:
            del self._states[-1]
            undone = await self._undone(blamed)
            if undone is None:
                return False
            state, name, candidate = undone
            left_out = [(each, list(one.left_out)) for each, one in state.criteria.items()]
            self._states.append(self._state.copy())
            if await self._left_out([*left_out, (name, [candidate])]):
                return True
        return False

    async def _undone(self, blamed: set[Identifier]) -> tuple[_State, Identifier, Candidate] | None:
        while True:
            if not self._states or not self._state.pins:
                return None
            state = self._states.pop()
            name, candidate = state.pins.popitem()
            if not self._is_optimistic and name not in blamed:
                return state, name, candidate
            if self._is_optimistic and self._saved is None and name not in blamed:
                self._saved = [one.copy() for one in self._states]
            needed = {one.identifier for one in await self._candidates.dependencies(candidate)}
            if not needed.isdisjoint(blamed) or not state.pins:
                return state, name, candidate
            if len(self._states) <= 1:
                return None

    async def _left_out(self, versions: Iterable[tuple[Identifier, list[Candidate]]]) -> bool:
        """Leave versions out from now on; return whether there are others."""
        criteria = self._state.criteria
        for name, some in versions:
            known = criteria.get(name)
            if not some or known is None:
                continue
            # Of what was left out before the state that is gone back to only what is new is looked at.
            matches = self._matches(criteria, name, known.information, some)
            if await self._candidates.next_usable(matches, 0) is None:
                return False
            both = tuple(dict.fromkeys((*some, *known.left_out)))
            criteria[name] = _Criterion(matches, known.information, both)
        return True

    def _reached(self) -> tuple[dict[Identifier, Candidate], Criteria]:
        """Return what somebody asks for in the end."""
        pins, criteria = self._state.pins, self._state.criteria
        reached: set[Identifier] = set()
        more = True
        while more:
            new = {
                name
                for name, one in criteria.items()
                if name not in reached and any(_leads(each.parent, pins, reached) for each in one.information)
            }
            reached |= new
            more = bool(new)
        return {name: one for name, one in pins.items() if name in reached}, criteria


def _leads(parent: Candidate | None, pins: Mapping[Identifier, Candidate], reached: set[Identifier]) -> bool:
    return parent is None or (parent.identifier in reached and pins.get(parent.identifier) == parent)
