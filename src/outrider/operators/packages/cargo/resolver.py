"""Resolves crates: looks at as few versions as will do, and at more where these clash."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from outrider.core.errors import NotFoundError
from outrider.operators.packages.cargo.all_sources import CargoSources
from outrider.operators.packages.cargo.chosen import Chosen, packages_of
from outrider.operators.packages.cargo.crates import Want
from outrider.operators.packages.cargo.details import CargoPatch, LocalPackage
from outrider.operators.packages.cargo.features import without_feature
from outrider.operators.packages.cargo.local import local_crates, local_roots
from outrider.operators.packages.cargo.order import CargoOrder
from outrider.operators.packages.cargo.places import GIT
from outrider.operators.packages.cargo.universe import CargoUniverse, Key, Kind
from outrider.operators.packages.resolving.conflicts import involved
from outrider.operators.packages.resolving.explaining import Explanation
from outrider.operators.packages.resolving.naming import counted
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved, ResolvedPackage
from outrider.operators.packages.resolving.searching import bits, in_thread
from outrider.operators.packages.resolving.solver import Solution, Unsolvable, solve

_REMEDIES = 3
# What is so by what a feature is need not be told.
_PLAIN = re.compile(r"(\S+)\[\S+\] (\S+) needs \1 \2\.", re.IGNORECASE)
ANY = "*"


class Refuted(NamedTuple):
    """That there is no answer.

    Attributes:
        universe: What was looked at.
        proof: Why.
    """

    universe: CargoUniverse
    proof: Unsolvable


class CargoResolver:
    """Resolves crates.

    Args:
        source: Where crates come from.
        check: Called now and then; it may raise to end a search.
        local: Packages that lie here and alone ask for the others.
        patches: What is taken in place of what registries and repositories have.
    """

    def __init__(
        self,
        source: CargoSources,
        check: Callable[[], None] = lambda: None,
        local: Sequence[LocalPackage] = (),
        patches: Sequence[CargoPatch] = (),
    ) -> None:
        self._source, self._check, self._local, self._patches = source, check, local, patches
        # By name and bucket, the features that somebody has asked for.
        self._features: dict[tuple[str, str], set[str]] = {}

    async def resolve(self, asked: list[Want]) -> Resolved | Impossible:
        """Choose versions for what is asked for.

        Raises:
            NotFoundError: The registry has not all that was asked for.
            OutriderError: What the registry says.
        """
        await self._source.load_patches(self._patches, local_crates(self._local, asked))
        await self._source.load(want.name for want in asked)
        for want in asked:
            if not self._source.crates[want.name].table.versions:
                raise NotFoundError(f"cargo {want}: there is none", found=want.name, suggestions=["check the name"])
        lacking = without_feature(self._source.crates, asked, self._local)
        if lacking is not None:
            return lacking
        answer = await self._answer(asked)
        if isinstance(answer, Refuted):
            return await self._impossible(answer, asked)
        return await self._resolved(answer)

    async def _resolved(self, answer: Chosen) -> Resolved:
        crates, local = self._source.crates, {one.name for one in self._local}
        places = {crates[name].place for name, _ in answer.features if name not in local}
        templates = await self._source.templates(one for one in places if not one.startswith(GIT))
        unused = self._source.unused(answer.features)
        return Resolved(
            target="cargo", packages=packages_of(answer, crates, templates, local),
            unused=[ResolvedPackage(name=one.crate.name, version=one.version, registry=one.crate.place) for one in unused],
            notes=[f"the patch {one.crate.name} {one.version} is not used" for one in unused],
        )  # fmt: skip

    def _roots(self, asked: list[Want]) -> list[Want]:
        """Return who asks first, with what it asks for: the members of what lies here, else whoever asks itself."""
        if not self._local:
            return asked
        crates = local_crates(self._local, asked)
        self._source.crates.update(crates)
        return local_roots(self._local, crates)

    async def _answer(self, asked: list[Want]) -> Chosen | Refuted:
        """Return what there is to say: what Cargo would choose, else what can be chosen at all."""
        roots = self._roots(asked)
        await self._reach(roots)
        # Cargo begins with what lies here in the order of its members; what is asked for otherwise has none.
        ordered = roots if self._local else sorted(roots)
        for is_coarse in (True, False):
            order = CargoOrder(self._source.crates, ordered, is_coarse=is_coarse)
            while (found := await in_thread(order.run, self._check)) is not True and found is not False:
                await self._reach(found)
            if found:
                return order.answer()
            if order.gave_up:
                break
        return await self._search(roots)

    async def _search(self, asked: list[Want]) -> Chosen | Refuted:
        """Return what there is to say, once no version that was not looked at could change it."""
        while True:
            self._check()
            universe = CargoUniverse(self._source.crates, self._features)
            try:
                found = await in_thread(partial(_solved, universe, asked), self._check)
            except Unsolvable as answer:
                if not await self._explore_more(_involved(universe, answer)):
                    return Refuted(universe, answer)
            else:
                return universe.chosen(asked, found.chosen)

    async def _reach(self, wants: Iterable[Want]) -> None:
        """Explore the best version for each wish, and what these need in turn."""
        waiting = dict.fromkeys(wants)
        seen: set[Want] = set()
        while waiting:
            self._check()
            await self._source.load(want.name for want in waiting)
            seen.update(waiting)
            following = [one for want in waiting for one in (*self._new_features(want), *self._new_version(want))]
            waiting = dict.fromkeys(one for one in following if one not in seen)

    def _new_features(self, want: Want) -> Iterable[Want]:
        """Yield what explored versions need with features that nobody has asked of their buckets before."""
        crate = self._source.crates[want.name]
        for bucket in crate.buckets(crate.mask(want.range)):
            known = self._features.setdefault((want.name, bucket), {""})
            for bit in bits(crate.bucket(bucket) & crate.explored):
                yield from self._needed(want.name, bit, [one for one in want.features if one not in known])
            known.update(want.features)

    def _new_version(self, want: Want) -> Iterable[Want]:
        """Yield what the newest version for a wish needs, where that is not explored yet."""
        crate = self._source.crates[want.name]
        mask = crate.mask(want.range)
        return self._explore(want.name, crate.tried_first(mask)) if mask else ()

    def _explore(self, name: str, bit: int) -> Iterable[Want]:
        """Yield what a version needs, where it is not explored yet."""
        crate = self._source.crates[name]
        if not crate.explored >> bit & 1:
            crate.explored |= 1 << bit
            (bucket,) = crate.buckets(1 << bit)
            yield from self._needed(name, bit, sorted(self._features.setdefault((name, bucket), {""})))

    def _needed(self, name: str, bit: int, features: Iterable[str]) -> Iterable[Want]:
        """Yield what a version needs with some features, of others and of itself."""
        crate = self._source.crates[name]
        for feature in features:
            needed = crate.needed(bit, feature)
            if needed is not None:
                yield from needed.wants
                if needed.features:
                    yield Want(name, f"={crate.table.versions[bit]}", needed.features)

    async def _explore_more(self, involved: set[Key]) -> bool:
        """Explore as many further versions of some packages as are explored already, newest first; return whether there are any."""
        more = sorted(
            {(key.name, bit) for key in involved if key.kind is not Kind.LINKS for bit in self._unexplored(key)}
        )
        await self._reach([want for name, bit in more for want in self._explore(name, bit)])
        return bool(more)

    def _unexplored(self, key: Key) -> list[int]:
        crate = self._source.crates[key.name]
        if key.kind is Kind.CRATE:
            mask = crate.bucket(key.part) & crate.usable
            left = [*bits(mask & ~crate.explored)]
            return left[-max(1, (mask & crate.explored).bit_count()) :]
        mask = crate.mask(key.part)
        groups = [crate.bucket(bucket) & mask for bucket in crate.buckets(mask)]
        return [group.bit_length() - 1 for group in groups if not group & crate.explored]

    async def _impossible(self, refuted: Refuted, asked: list[Want]) -> Impossible:
        universe, answer = refuted
        keys = {key for key in _involved(universe, answer) if key.kind is not Kind.LINKS}
        involved = {key.name for key in keys}
        notes = sorted({note for key in keys for note in self._notes(key)})
        sentences = Explanation(answer.proof, universe).sentences()
        reasons = [sentence for sentence in sentences if _PLAIN.fullmatch(sentence) is None]
        remedies = [text for position in range(len(asked)) if (text := await self._remedy(asked, position, involved))]
        return Impossible(
            asked=[str(want) for want in asked], reasons=reasons, remedies=remedies[:_REMEDIES], notes=notes
        )

    def _notes(self, key: Key) -> Iterable[str]:
        """Yield what is to be said of the versions of a package that cannot be chosen."""
        crate = self._source.crates[key.name]
        yield from (f"{key.name}: {counted(count, why)}" for why, count in crate.left_out())
        candidates = crate.bucket(key.part) & crate.usable if key.kind is Kind.CRATE else crate.mask(key.part)
        if key.feature and all(crate.needed(bit, key.feature) is None for bit in bits(candidates)):
            yield f"{key.name}: none of the versions that are asked for has the feature {key.feature}"

    async def _remedy(self, asked: list[Want], position: int, involved: set[str]) -> str:
        """Return what would do in place of one wish; empty where nothing would."""
        want = asked[position]
        if want.name not in involved or want.range == ANY:
            return ""
        wider = want._replace(range=ANY)
        answer = await self._answer([*asked[:position], wider, *asked[position + 1 :]])
        version = answer.version_for(want.name, ANY) if isinstance(answer, Chosen) else None
        if version is None:
            return ""
        return f"allow {want.name} {self._source.crates[version[0]].table.versions[version[1]]}: you ask for {want}"


def _solved(universe: CargoUniverse, asked: list[Want], check: Callable[[], None]) -> Solution:
    return solve(universe, universe.roots(asked), check=check)


def _involved(universe: CargoUniverse, answer: Unsolvable) -> set[Key]:
    """Return the packages that a proof is about."""
    return {universe.key(package) for package in involved(answer.proof)}
