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
- What the project itself requires, replaces, provides and conflicts with counts where its lock is asked for, and not where packages are
  asked for by themselves. Its version is not looked for in git, and the variables COMPOSER_PREFER_STABLE and COMPOSER_PREFER_LOWEST do
  not count.
- A question that needs very many steps is answered by another search, which may choose other versions.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, NamedTuple

from outrider.core.errors import NotFoundError, OutriderError
from outrider.operators.packages.composer.candidates import Candidate
from outrider.operators.packages.composer.constraints import ANYTHING
from outrider.operators.packages.composer.details import ComposerDetails
from outrider.operators.packages.composer.lock_entries import lock_entries
from outrider.operators.packages.composer.optimizing import PoolOptimizer
from outrider.operators.packages.composer.order import ComposerOrder
from outrider.operators.packages.composer.platforms import ComposerPlatform, is_platform
from outrider.operators.packages.composer.pool import Pool, PoolLoader, Wish
from outrider.operators.packages.composer.preferences import Preferences
from outrider.operators.packages.composer.repositories import ComposerRepository
from outrider.operators.packages.composer.results import packages_of
from outrider.operators.packages.composer.rules import RuleMaker
from outrider.operators.packages.composer.selection import Selection
from outrider.operators.packages.composer.sources import ComposerSource
from outrider.operators.packages.composer.stabilities import Stabilities
from outrider.operators.packages.composer.universe import ComposerUniverse
from outrider.operators.packages.resolving.conflicts import involved
from outrider.operators.packages.resolving.explaining import Explanation
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.resolving.searching import in_thread
from outrider.operators.packages.resolving.solver import Unsolvable, solve

_REMEDIES = 3


class _Task(NamedTuple):
    """What is asked for, and what may be chosen for it."""

    wishes: Sequence[Wish]
    candidates: Sequence[Candidate]
    origins: Mapping[Candidate, ComposerRepository]
    selection: Selection
    exact: bool


class _Found(NamedTuple):
    """What was chosen, and from what."""

    pool: Pool
    candidates: list[Candidate]
    task: _Task


class _Attempt(NamedTuple):
    """What Composer's way of searching comes to; nothing is chosen where it finds nothing."""

    pool: Pool
    chosen: list[Candidate] | None
    has_given_up: bool


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
        question: What may be used for an answer.
    """

    def __init__(self, source: ComposerSource, platform: ComposerPlatform, question: Question) -> None:
        self._source, self._platform, self._question = source, platform, question
        self._policy, self._check = question.policy, question.check
        self._preferences = Preferences(stable_first=source.settings.prefer_stable, locked=question.locked)

    async def resolve(self, wishes: list[Wish]) -> Resolved | Impossible:
        """Choose versions for what is asked for.

        Raises:
            NotFoundError: No repository has all that was asked for.
            OutriderError: What a repository says.
        """
        answer = await self._answer(wishes)
        if isinstance(answer, _Nothing):
            return await self._impossible(await self._told(answer, wishes), wishes)
        packages = packages_of(answer.pool, answer.candidates, wishes, self._platform.candidates)
        firm = await in_thread(lambda check: self._firm(answer, check), self._check)
        entries = await self._entries(packages, answer.task) if self._question.files else {}
        for one, package in packages.items():
            package.development, package.entry = one not in firm, entries.get(one, {})
        return Resolved(target=self._platform.named, packages=[*packages.values()], notes=[*self._platform.notes])

    def _firm(self, answer: _Found, check: Callable[[], None]) -> Collection[Candidate]:
        """Return what is needed not for development alone: what Composer chooses of its own answer for what else is asked for.

        https://github.com/composer/composer/blob/2.5.5/src/Composer/Installer.php, the method `extractDevPackages`.
        """
        # What was decided last comes first: that decides between packages that provide the same.
        bases = dict.fromkeys(one.base for one in reversed(answer.candidates))
        development = ComposerDetails.of(self._question).development
        if not development:
            return bases
        fixed = self._platform.candidates
        called: dict[Candidate, list[Candidate]] = {one: [] for one in bases if one not in fixed}
        for one in answer.task.candidates:
            if one.base in called:
                called[one.base].append(one)
        pool = Pool([*fixed, *chain.from_iterable(called.values())])
        wishes = [wish for wish in answer.task.wishes if wish.name not in development]
        chosen = self._attempt(pool, wishes, check).chosen
        # It can be had, for all of it can; thousands of packages may take too long, and then none is told to be for development alone.
        return bases if chosen is None else {one.base for one in chosen}

    async def _entries(self, packages: Collection[Candidate], task: _Task) -> dict[Candidate, dict[str, Any]]:
        references = {wish.name: wish.reference for wish in task.wishes if wish.reference}
        return await lock_entries({one: task.origins[one] for one in packages}, references)

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
            return self._choose(_Task(wishes, candidates, loader.origins, selection, exact), check)

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

    def _choose(self, task: _Task, check: Callable[[], None]) -> _Found | _Nothing:
        """Return what can be chosen, as Composer would choose it, or why nothing can."""
        pool = Pool(task.candidates)
        reach = RuleMaker(pool, self._platform, with_rules=False)
        reach.make(task.wishes)
        universe = ComposerUniverse(pool, reach, self._platform, self._preferences)
        try:
            # That there is nothing is found out much faster in this way than in that of Composer.
            solution = solve(universe, universe.roots(task.wishes), check=check)
        except Unsolvable as answer:
            return _Nothing(universe, answer, task.selection)
        found = _Found(Pool(task.candidates), universe.chosen(solution.chosen), task)
        return (self._in_order(task, check) or found) if task.exact else found

    def _in_order(self, task: _Task, check: Callable[[], None]) -> _Found | None:
        """Return what Composer would choose; None where that would take too long."""
        optimizer = PoolOptimizer(task.candidates, self._platform.candidates, self._preferences)
        # Of what it takes for needless Composer may leave out what is needed.
        for candidates in (optimizer.optimized(task.wishes), task.candidates):
            attempt = self._attempt(Pool(candidates), task.wishes, check)
            if attempt.chosen is not None:
                return _Found(attempt.pool, attempt.chosen, task)
            if attempt.has_given_up:
                break
        return None

    def _attempt(self, pool: Pool, wishes: Sequence[Wish], check: Callable[[], None]) -> _Attempt:
        maker = RuleMaker(pool, self._platform)
        if not maker.make(wishes):
            return _Attempt(pool, None, has_given_up=False)
        order = ComposerOrder(pool, maker.rules, self._preferences)
        numbers = order.run(check)
        chosen = None if numbers is None else [pool.candidate(number) for number in numbers]
        return _Attempt(pool, chosen, order.has_given_up)

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
