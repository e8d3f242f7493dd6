"""All versions of all packages that an answer may need, as Composer loads them before it begins to choose.

Of a package those versions are loaded that somebody has a wish for who is loaded already; whatever these need is loaded in turn:
https://github.com/composer/composer/blob/2.5.5/src/Composer/DependencyResolver/PoolBuilder.php.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from outrider.operators.packages.composer.branches import InlineAlias
from outrider.operators.packages.composer.candidates import Candidate, alias_of
from outrider.operators.packages.composer.constraints import ANYTHING, Constraint, Spans
from outrider.operators.packages.composer.platforms import ComposerPlatform, is_platform
from outrider.operators.packages.composer.repositories import ComposerRepository
from outrider.operators.packages.composer.selection import Selection
from outrider.operators.packages.composer.stabilities import DEV

_CHECK_EVERY = 512


class Wish(NamedTuple):
    """What is asked for.

    Attributes:
        name: Of the package, in small letters.
        constraint: Which versions.
        aliases: Versions that are to be called by others too.
        flags: How unstable they may be, by name.
        reference: The commit of a branch that is wanted; empty for none.
    """

    name: str
    constraint: Constraint
    aliases: tuple[InlineAlias, ...] = ()
    flags: tuple[tuple[str, int], ...] = ()
    reference: str = ""

    def __str__(self) -> str:
        return f"{self.name}:{self.constraint.text}"


class Answers(NamedTuple):
    """What a requirement asks for.

    Attributes:
        candidates: That would do.
        numbers: Of these, the lowest first.
    """

    candidates: list[Candidate]
    numbers: tuple[int, ...]


class Pool:
    """Versions to choose from.

    Args:
        candidates: All of them; they are given their numbers.
    """

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.candidates = candidates
        self._by_name: dict[str, list[Candidate]] = {}
        self._answers: dict[tuple[str, Spans], Answers] = {}
        for number, candidate in enumerate(candidates, 1):
            candidate.number = number
            for name in candidate.names:
                self._by_name.setdefault(name, []).append(candidate)

    def candidate(self, number: int) -> Candidate:
        """Return a candidate by its number."""
        return self.candidates[number - 1]

    def answers(self, name: str, constraint: Constraint) -> Answers:
        """Return what a requirement asks for, by itself or by what it provides or replaces."""
        key = (name, constraint.spans)
        found = self._answers.get(key)
        if found is None:
            ones = [one for one in self._by_name.get(name, ()) if one.answers(name, constraint)]
            found = self._answers[key] = Answers(ones, tuple(one.number for one in ones))
        return found


class PoolLoader:
    """Loads versions.

    Args:
        repositories: In the order in which they are asked.
        selection: Which versions may be chosen.
        platform: What there is here.
        check: Called now and then; it may raise to end the work.
        narrow: Whether what is asked for is loaded only as far as it is asked for, whoever else has a wish for it.

    Attributes:
        origins: The repository of each version that was loaded.
    """

    def __init__(
        self,
        repositories: Sequence[ComposerRepository],
        selection: Selection,
        platform: ComposerPlatform,
        check: Callable[[], None],
        *,
        narrow: bool = True,
    ) -> None:
        self._repositories, self._selection, self._platform = repositories, selection, platform
        self._check, self._narrow = check, narrow
        self._candidates: list[Candidate] = []
        self._wanted: dict[str, Constraint] = {}
        self._loaded: dict[str, Constraint] = {}
        self._asked: set[str] = set()
        self._aliases: dict[tuple[str, str], str] = {}
        self._selected: list[dict[str, set[str]]] = [{} for _ in repositories]
        self.origins: dict[Candidate, ComposerRepository] = {}

    async def load(self, wishes: Iterable[Wish]) -> list[Candidate]:
        """Return all that may be needed for some wishes, in Composer's order.

        Raises:
            OutriderError: What a repository says.
        """
        for one in self._platform.candidates:
            # What the project itself replaces is looked for nowhere.
            self._loaded |= dict.fromkeys(one.own_names, ANYTHING)
            self._candidates.append(one)
        for wish in wishes:
            self._aliases |= {(wish.name, one.version): one.alias for one in wish.aliases}
            if wish.name not in self._loaded and not is_platform(wish.name):
                self._wanted[wish.name] = wish.constraint
                self._asked.add(wish.name)
        while self._wanted:
            self._check()
            await self._load_wanted()
        return self._candidates

    async def _load_wanted(self) -> None:
        batch, self._wanted = self._wanted, {}
        self._loaded |= batch
        for repository, selected in zip(self._repositories, self._selected, strict=True):
            if not batch:
                break
            await repository.load({name: self._selection.stabilities.accept((name,), DEV) for name in batch})
            found = self._selection.select(repository, batch, selected)
            if repository.place.canonical:
                batch = {name: constraint for name, constraint in batch.items() if name not in found.found}
            for candidate in found.candidates:
                selected.setdefault(candidate.name, set()).add(candidate.normal)
                self.origins[candidate.base] = repository
                self._add(candidate)

    def _add(self, candidate: Candidate) -> None:
        if not len(self._candidates) % _CHECK_EVERY:
            self._check()
        self._candidates.append(candidate)
        alias = self._aliases.get((candidate.name, candidate.normal))
        if alias is not None:
            self._candidates.append(alias_of(candidate.base, alias, is_root=True))
        for link in candidate.links.requires:
            self._want(link.target, link.constraint)

    def _want(self, name: str, constraint: Constraint) -> None:
        if (self._narrow and name in self._asked) or is_platform(name):
            return
        known = self._loaded.get(name) or self._wanted.get(name)
        if known is not None and constraint.is_within(known):
            return
        self._wanted[name] = constraint if known is None else known.or_else(constraint)
        self._loaded.pop(name, None)
