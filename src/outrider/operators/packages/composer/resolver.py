"""Resolves packages of Composer: what Composer itself would choose, and where that finds nothing, why there is nothing to choose.

It was compared with Composer 2.5.5. In these things the two are known to differ:

- Of versions that differ in nothing but their number, Composer keeps the best one for each wish alone, and may so find nothing where there
  is something: https://github.com/composer/composer/blob/2.5.5/src/Composer/DependencyResolver/PoolOptimizer.php. Then the answer here is
  the one that it gives with COMPOSER_POOL_OPTIMIZER=0.
- On a second look into a repository of Composer 1, or at packages beside a `metadata-url`, Composer forgets that it has found a name there
  before, and asks the next repository too. Here the first one keeps it.
- A version that cannot be read is left out alone; Composer refuses its repository.
- Composer sends what a repository is told, such as its header fields, to other hosts too that its documents are on.
- Where it has PHP's curl, Composer takes documents in the order in which they come, which may decide between packages that provide the
  same. Here it is the order in which they are asked for.
- What a library of PHP only provides, such as `lib-dom-libxml`, counts as missing.
- What the project itself requires, replaces, provides and conflicts with does not count, nor do its lock and its variables
  COMPOSER_PREFER_STABLE and COMPOSER_PREFER_LOWEST.
- A question that needs very many steps is answered by another search, which may choose other versions.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from outrider.core.errors import NotFoundError, OutriderError
from outrider.operators.packages.composer.candidates import Candidate
from outrider.operators.packages.composer.constraints import ANYTHING
from outrider.operators.packages.composer.optimizing import PoolOptimizer
from outrider.operators.packages.composer.order import ComposerOrder
from outrider.operators.packages.composer.platforms import ComposerPlatform, is_platform
from outrider.operators.packages.composer.pool import Pool, PoolLoader, Wish
from outrider.operators.packages.composer.preferences import Preferences
from outrider.operators.packages.composer.results import packages_of
from outrider.operators.packages.composer.rules import RuleMaker
from outrider.operators.packages.composer.selection import Selection
from outrider.operators.packages.composer.sources import ComposerSource
from outrider.operators.packages.composer.stabilities import Stabilities
from outrider.operators.packages.composer.universe import ComposerUniverse
from outrider.operators.packages.resolving.conflicts import involved
from outrider.operators.packages.resolving.explaining import Explanation
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.policies import Policy
from outrider.operators.packages.resolving.searching import in_thread
from outrider.operators.packages.resolving.solver import Unsolvable, solve

_REMEDIES = 3


class _Question(NamedTuple):
    """What is asked for, and what may be chosen for it."""

    wishes: Sequence[Wish]
    candidates: Sequence[Candidate]
    selection: Selection
    exact: bool


class _Found(NamedTuple):
    """What was chosen, and from what."""

    pool: Pool
    candidates: list[Candidate]


class _Nothing(NamedTuple):
    """Why nothing was."""

    universe: ComposerUniverse
    answer: Unsolvable
    selection: Selection


class ComposerResolver:
    """Resolves packages.

    Args:
        source: Where packages come from.
        platform: What there is here.
        policy: What may be chosen.
        check: Called now and then; it may raise to end a search.
    """

    def __init__(
        self, source: ComposerSource, platform: ComposerPlatform, policy: Policy, check: Callable[[], None]
    ) -> None:
        self._source, self._platform, self._policy, self._check = source, platform, policy, check
        self._preferences = Preferences(stable_first=source.settings.prefer_stable)

    async def resolve(self, wishes: list[Wish]) -> Resolved | Impossible:
        """Choose versions for what is asked for.

        Raises:
            NotFoundError: No repository has all that was asked for.
            OutriderError: What a repository says.
        """
        answer = await self._answer(wishes)
        if isinstance(answer, _Nothing):
            return await self._impossible(await self._told(answer, wishes), wishes)
        pinned = {wish.name for wish in wishes if wish.is_pinned}
        packages = packages_of(answer.pool, answer.candidates, pinned)
        return Resolved(target=self._platform.named, packages=packages, notes=[*self._platform.notes])

    async def _answer(self, wishes: list[Wish], *, narrow: bool = True, exact: bool = True) -> _Found | _Nothing:
        """Return what there is to say: what Composer would choose, else what can be chosen at all.

        Args:
            wishes: What is asked for.
            narrow: Whether to do as Composer does, and not to look at other versions of that.
            exact: Whether it matters what Composer would choose, and not only whether there is something to choose.
        """
        flags = {name: rank for wish in wishes for name, rank in wish.flags}
        selection = Selection(Stabilities(self._source.settings.minimum, flags), self._policy)
        loader = PoolLoader(self._source.repositories, selection, self._platform, self._check, narrow=narrow)
        candidates = await loader.load(wishes)
        await self._refuse_unknown(wishes, candidates)

        def choose(check: Callable[[], None]) -> _Found | _Nothing:
            return self._choose(_Question(wishes, candidates, selection, exact), check)

        return await in_thread(choose, self._check)

    async def _told(self, nothing: _Nothing, wishes: list[Wish]) -> _Nothing:
        """Return why there is nothing, with the versions that nobody asked for, but that others would need."""
        with suppress(OutriderError):
            wider = await self._answer(wishes, narrow=False, exact=False)
            if isinstance(wider, _Nothing):
                return wider
        return nothing

    async def _refuse_unknown(self, wishes: Sequence[Wish], candidates: Sequence[Candidate]) -> None:
        """Raise where nobody has heard of what is asked for.

        Raises:
            NotFoundError: So it is.
        """
        known = {name for one in candidates for name in one.names}
        for wish in wishes:
            if not is_platform(wish.name) and wish.name not in known and not self._source.has(wish.name):
                raise NotFoundError(
                    f"composer {wish.name}: there is none", found=wish.name,
                    suggestions=["check the name", *(f"ask for {one}, which provides it" for one in await self._providers(wish.name))],
                )  # fmt: skip

    def _choose(self, question: _Question, check: Callable[[], None]) -> _Found | _Nothing:
        """Return what can be chosen, as Composer would choose it, or why nothing can."""
        pool = Pool(question.candidates)
        reach = RuleMaker(pool, self._platform, with_rules=False)
        reach.make(question.wishes)
        stable_first = self._source.settings.prefer_stable
        universe = ComposerUniverse(pool, reach, self._platform, stable_first=stable_first)
        try:
            # That there is nothing is found out much faster in this way than in that of Composer.
            solution = solve(universe, universe.roots(question.wishes), check=check)
        except Unsolvable as answer:
            return _Nothing(universe, answer, question.selection)
        found = _Found(Pool(question.candidates), universe.chosen(solution.chosen))
        return (self._in_order(question, check) or found) if question.exact else found

    def _in_order(self, question: _Question, check: Callable[[], None]) -> _Found | None:
        """Return what Composer would choose; None where that would take too long."""
        optimizer = PoolOptimizer(question.candidates, self._platform.candidates, self._preferences)
        # Of what it takes for needless Composer may leave out what is needed.
        for candidates in (optimizer.optimized(question.wishes), question.candidates):
            pool = Pool(candidates)
            maker = RuleMaker(pool, self._platform)
            order = ComposerOrder(pool, maker.rules, self._preferences) if maker.make(question.wishes) else None
            numbers = order.run(check) if order is not None else None
            if numbers is not None:
                return _Found(pool, [pool.candidate(number) for number in numbers])
            if order is not None and order.has_given_up:
                break
        return None

    async def _impossible(self, nothing: _Nothing, wishes: list[Wish]) -> Impossible:
        names = nothing.universe.involved(involved(nothing.answer.proof))
        reasons = Explanation(nothing.answer.proof, nothing.universe).sentences()
        notes = [note for name in sorted(names) for note in await self._notes(nothing, name)]
        remedies: list[str] = []
        with suppress(OutriderError):
            # What there is to say is known: that no more can be learned now does not take it back.
            for position in range(len(wishes)):
                if len(remedies) < _REMEDIES and wishes[position].name in names:
                    remedies += await self._remedies(nothing.selection, wishes, position)
        asked = [str(wish) for wish in wishes]
        return Impossible(
            asked=asked, reasons=reasons, remedies=remedies[:_REMEDIES], notes=[*notes, *self._platform.notes]
        )

    async def _notes(self, nothing: _Nothing, name: str) -> list[str]:
        if is_platform(name):
            return []
        if not self._source.has(name):
            providers = await self._providers(name)
            return [
                f"{name}: no repository has it{', and it is provided by ' if providers else ''}{', '.join(providers)}"
            ]
        notes = [note for one in self._source.repositories for note in nothing.selection.notes(one, name)]
        return notes + nothing.universe.misfits(name)

    async def _providers(self, name: str) -> list[str]:
        """Return some packages that provide a name; none where nobody can tell."""
        with suppress(OutriderError):
            return (await self._source.providers(name))[:_REMEDIES]
        return []

    async def _remedies(self, selection: Selection, wishes: list[Wish], position: int) -> list[str]:
        """Return what would do in place of one wish: any version, else one that is as little less stable as can be."""
        wish = wishes[position]
        if is_platform(wish.name):
            return []
        ranks: set[int] = set()
        for repository in self._source.repositories:
            ranks |= selection.further_stabilities(repository, wish.name)
        wider = [Wish(wish.name, ANYTHING, flags=((wish.name, rank),)) for rank in sorted(ranks)]
        if wish.constraint.spans != ANYTHING.spans:
            wider.insert(0, Wish(wish.name, ANYTHING, flags=wish.flags))
        for other in wider:
            answer = await self._answer([*wishes[:position], other, *wishes[position + 1 :]], exact=False)
            if isinstance(answer, _Found):
                versions = [one.version for one in answer.candidates if one.name == wish.name and one.alias_of is None]
                return [f"allow {wish.name} {version}: you ask for {wish}" for version in versions]
        return []
