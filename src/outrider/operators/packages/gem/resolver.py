"""Resolves gems: chooses as `bundle lock` does without a lock, and where there is no choice, says why.

What is promised: each gem that is chosen is one that whoever needs it asks for, nothing else is chosen, and where nothing is, there is no
solution. Which one it is among several is for the order of Bundler 2.4 and newer to say (`order`), up to a count of conflicts behind which
the search for hard questions answers, with any. Compared with Bundler 2.6.7, that differs from it in three cases alone:

- Bundler compares statements by their texts, in which both candidates of a version read the same. There it may lose its way and say that
  there is no solution ("failed to resolve conflicts, this shouldn't have happened", among the steps that BUNDLER_DEBUG_RESOLVER shows).
- Where there is no solution without prereleases, it has those of some gems count that the clash is about, and not of all of them.
- It refuses gems that need each other, after it has chosen them.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress

from outrider.core.errors import NotFoundError, OutriderError
from outrider.operators.packages.gem.gems import Gem
from outrider.operators.packages.gem.lines import ANY, GemNeed
from outrider.operators.packages.gem.lock_entries import entry_of
from outrider.operators.packages.gem.modes import Modes
from outrider.operators.packages.gem.order import GemOrder
from outrider.operators.packages.gem.sources import GemSource
from outrider.operators.packages.gem.targets import called, is_here
from outrider.operators.packages.gem.universe import GemUniverse, written
from outrider.operators.packages.gem.variants import best_variants
from outrider.operators.packages.resolving.conflicts import involved
from outrider.operators.packages.resolving.explaining import Explanation
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved, ResolvedPackage
from outrider.operators.packages.resolving.searching import bits, in_thread
from outrider.operators.packages.resolving.solver import Unsolvable, solve

_REMEDIES = 3


class GemResolver:
    """Resolves for one target.

    Args:
        source: Where gems come from.
        check: Called now and then; it may raise to end a search.
        locked: By name, versions that are tried before all others.
        whole: Whether to tell of each version what a lock file has of it.
    """

    def __init__(
        self,
        source: GemSource,
        check: Callable[[], None] = lambda: None,
        *,
        locked: Mapping[str, Collection[str]] | None = None,
        whole: bool = False,
    ) -> None:
        self._source, self._check, self._locked, self._whole = source, check, locked, whole
        self._gems = source.gems
        # As with Bundler, these have been looked for among prereleases too, and those of them count from then on.
        self._left_out: set[str] = set()

    async def resolve(self, asked: Sequence[GemNeed], optional: Collection[str] = ()) -> Resolved | Impossible:
        """Choose versions for what is asked for.

        Args:
            asked: Each gem once.
            optional: Names of what is left out where no version fits.

        Raises:
            NotFoundError: Something that was asked for is in no source.
            OutriderError: What a source says.
        """
        await self._source.load(need.name for need in asked)
        self._left_out = {need.name for need in asked if need.name in optional and not self._fits(need)}
        asked = [need for need in asked if need.name not in self._left_out]
        for need in asked:
            if not is_here(need.name) and not self._gems[need.name].record.versions:
                near = [f"did you mean '{one}'?" for one in await self._source.near(need.name)]
                raise NotFoundError(
                    f"gem {need.name}: there is none", found=need.name, suggestions=near or ["check the name"]
                )
        answer = await self._answer(asked)
        if isinstance(answer, _Refuted):
            return await self._impossible(answer, asked)
        return Resolved(target=str(self._source.target), packages=self._packages(answer, asked))

    def _fits(self, need: GemNeed) -> bool:
        """Return whether any version of a gem is what is asked for."""
        return bool(self._gems[need.name].usable & self._gems[need.name].mask(need.range))

    async def _answer(self, asked: Sequence[GemNeed]) -> "dict[str, int] | _Refuted":
        """Return what Bundler would choose, else what can be chosen at all, else why nothing can."""
        modes = Modes(self._gems, asked, self._locked, self._left_out)
        await self._reach(asked, modes)
        while True:
            order = GemOrder(self._gems, modes, self._source.target, asked)
            while not isinstance(found := await in_thread(order.run, self._check), bool):
                await self._reach(found, modes)
            if found:
                return order.chosen
            if order.is_too_hard or not modes.relax(order.blamed):
                answer = await self._search(asked, modes)
                if not isinstance(answer, _Refuted) or not modes.relax(answer.gems):
                    return answer

    async def _search(self, asked: Sequence[GemNeed], modes: Modes) -> "dict[str, int] | _Refuted":
        """Return what there is to say, once no candidate that was not looked at could change it."""
        while True:
            self._check()
            universe = GemUniverse(self._gems, modes, self._source.target)
            try:
                answer = await in_thread(
                    lambda check: solve(universe, universe.roots(asked), check=check, preferred=universe.preferred),  # noqa: B023 - it is over before the next one
                    self._check,
                )
            except Unsolvable as proof:
                names = {universe.key(package) for package in involved(proof.proof)}
                gems = sorted(name for name in names if not is_here(name))
                if not await self._explore_more(gems, modes):
                    return _Refuted(universe, proof, gems, modes)
            else:
                named = {universe.key(package): bit for package, bit in answer.chosen.items()}
                return {name: bit for name, bit in named.items() if not is_here(name)}

    async def _reach(self, needs: Iterable[GemNeed], modes: Modes) -> None:
        """Explore the best candidate for each dependency, and what these need in turn."""
        waiting = dict.fromkeys(needs)
        seen: set[GemNeed] = set()
        while waiting:
            self._check()
            await self._source.load(need.name for need in waiting)
            seen.update(waiting)
            following = [one for need in waiting for one in self._explored_for(need, modes)]
            waiting = dict.fromkeys(one for one in following if one not in seen)

    def _explored_for(self, need: GemNeed, modes: Modes) -> Sequence[GemNeed]:
        if is_here(need.name):
            return ()
        gem = self._gems[need.name]
        fitting = [*bits(gem.mask(need.range) & modes.usable(need.name))]
        return _explore(gem, modes.best(need.name, fitting)) if fitting else ()

    async def _explore_more(self, names: Iterable[str], modes: Modes) -> bool:
        """Explore as many further candidates of some gems as are explored already, newest first; return whether there are any."""
        found: list[GemNeed] = []
        more = False
        for name in names:
            gem = self._gems[name]
            usable = modes.usable(name)
            left = [*bits(usable & ~gem.explored)]
            for bit in left[-max(1, (usable & gem.explored).bit_count()) :]:
                found += _explore(gem, bit)
                more = True
        await self._reach(found, modes)
        return more

    async def _impossible(self, answer: "_Refuted", asked: Sequence[GemNeed]) -> Impossible:
        notes = [note for name in answer.gems for note in _notes(self._gems[name], answer.modes)]
        reasons = Explanation(answer.proof.proof, answer.universe).sentences()
        remedies: list[str] = []
        with suppress(OutriderError):
            # What there is to say is known: that no more can be learned now does not take it back.
            for position in range(len(asked)):
                if len(remedies) < _REMEDIES and (text := await self._remedy(asked, position, answer.gems)):
                    remedies.append(text)
        return Impossible(asked=[written(need) for need in asked], reasons=reasons, remedies=remedies, notes=notes)

    async def _remedy(self, asked: Sequence[GemNeed], position: int, gems: Sequence[str]) -> str:
        """Return what would do in place of one wish; empty where nothing would."""
        need = asked[position]
        if need.name not in gems or need.range == ANY:
            return ""
        answer = await self._answer([*asked[:position], GemNeed(need.name, ANY), *asked[position + 1 :]])
        if isinstance(answer, _Refuted):
            return ""
        version = self._gems[need.name].table.versions[answer[need.name]]
        return f"allow {need.name} {version}: you ask for {written(need)}"

    def _packages(self, chosen: dict[str, int], asked: Sequence[GemNeed]) -> list[ResolvedPackage]:
        found: dict[str, ResolvedPackage] = {}
        waiting = [need.name for need in asked if not is_here(need.name)]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = self._package(name, chosen[name])
                waiting += [need.name for need in self._gems[name].needs(chosen[name]) if not is_here(need.name)]
        for need in asked:
            if need.name in found:
                found[need.name].direct = True
        for name in sorted(found):
            for need in self._gems[name].needs(chosen[name]):
                if not is_here(need.name):
                    found[need.name].needed_by.append(name)
        return [found[name] for name in sorted(found)]

    def _package(self, name: str, bit: int) -> ResolvedPackage:
        gem = self._gems[name]
        variants = gem.variants_of(bit)
        # There may be none for this machine, where gems are chosen for others.
        variant = (best_variants(variants, self._source.target.platform) or variants)[0]
        file = gem.file(bit, variant.platform)
        return ResolvedPackage(
            name=name, version=gem.table.versions[bit], file=file, url=f"{gem.record.index}/gems/{file}",
            hashes={"sha256": variant.checksum} if variant.checksum else {},
            entry=entry_of(gem.locked_variants_of(bit), gem.all_variants_of(bit)) if self._whole else {},
        )  # fmt: skip


class _Refuted:
    """That there is no solution.

    Args:
        universe: Of which.
        proof: Why.
        gems: That it is about.
        modes: Which candidates counted.
    """

    def __init__(self, universe: GemUniverse, proof: Unsolvable, gems: list[str], modes: Modes) -> None:
        self.universe, self.proof, self.gems, self.modes = universe, proof, gems, modes


def _explore(gem: Gem, bit: int) -> Sequence[GemNeed]:
    """Return what a candidate needs, where it is not explored yet."""
    if gem.explored >> bit & 1:
        return ()
    gem.explored |= 1 << bit
    return gem.needs(bit)


def _notes(gem: Gem, modes: Modes) -> Iterable[str]:
    """Yield what was left out of a gem."""
    if not gem.record.versions:
        yield f"{called(gem.name)}: no source has it"
    counts = [(gem.record.left_out, "in a form that cannot be read"), (gem.elsewhere, "for other platforms alone")]
    if modes.passes_over(gem.name):
        counts.append((gem.count(gem.prereleases), "that are prereleases"))
    for count, why in counts:
        if count:
            yield f"{gem.name}: {count} {'version' if count == 1 else 'versions'} {why}"
    for refusal in gem.refusals:
        count = gem.count(refusal.versions)
        yield f"{gem.name}: {count} {'version' if count == 1 else 'versions'} {refusal.why}"
