"""Chooses candidates in the order of Bundler 2.4 and newer, so that the same ones are chosen: PubGrub, with its choice of what is next.

https://github.com/rubygems/rubygems/blob/master/bundler/lib/bundler/resolver.rb, its folder resolver, and
https://github.com/jhawthorn/pub_grub/blob/main/lib/pub_grub/version_solver.rb, as Bundler 2.6.7 has them. Where their ways are odd, they are
followed: another order of the same steps would choose other versions.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import takewhile

from outrider.operators.packages.gem.gems import Gem
from outrider.operators.packages.gem.lines import GemNeed
from outrider.operators.packages.gem.modes import Modes
from outrider.operators.packages.gem.partial import ROOT, Incompatibility, PartialSolution, Step
from outrider.operators.packages.gem.targets import RUBY_ITSELF, RUBYGEMS, GemTarget, is_here
from outrider.operators.packages.gem.terms import ANYWHERE, Candidates, Term, Terms
from outrider.operators.packages.versions.ecosystems import scheme_of

# With more conflicts than this a question is a hard one, and the search for hard ones answers it.
_MOST_CONFLICTS = 500


class GemOrder:
    """One search.

    Args:
        gems: By name; those that are asked for are among them.
        modes: Which candidates count.
        target: For what.
        asked: What is asked for, each gem once.

    Attributes:
        chosen: The candidates of the gems that are needed, after a search that has found them.
        blamed: The gems whose prereleases Bundler has count next, after a search that has found none.
        is_too_hard: Whether it was given up.
    """

    def __init__(self, gems: Mapping[str, Gem], modes: Modes, target: GemTarget, asked: Iterable[GemNeed]) -> None:
        self._gems, self._modes, self._target = gems, modes, target
        self._asked = [*asked, *(GemNeed(name, f"= {target.here(name)}") for name in (RUBY_ITSELF, RUBYGEMS))]
        self._terms = Terms()
        self._required: dict[str, Term] = {}
        self._solution = PartialSolution()
        self._known: dict[str, list[Incompatibility]] = {}
        self._seen: set[tuple[str, Term, str, Term]] = set()
        self._candidates: dict[str, Candidates] = {ROOT: Candidates([()], [0])}
        self._conflicts = 0
        self.chosen: dict[str, int] = {}
        self.blamed: list[str] = []
        self.is_too_hard = False
        self._note(Incompatibility({ROOT: ~self._terms.there}))
        self._propagate(ROOT)

    def run(self, check: Callable[[], None]) -> bool | list[GemNeed]:
        """Search on.

        Args:
            check: Called now and then; it may raise to end the search.

        Returns:
            Whether there is a solution; or dependencies on gems that have to be known first.
        """
        while waiting := self._solution.open():
            check()
            package = min(waiting, key=self._urgency)
            bit = self._best(package)
            needs = [] if bit is None else self._needs(package, bit)
            missing = [need for need in needs if not is_here(need.name) and need.name not in self._gems]
            if missing:
                return missing
            if bit is None:
                self._note(Incompatibility({package: self._solution.left[package]}))
            else:
                self._choose(package, bit, needs)
            if not self._propagate(package):
                return False
        self.chosen = {name: bit for name, bit in self._solution.decisions.items() if name and not is_here(name)}
        return True

    def _of(self, package: str) -> Candidates:
        """Return the candidates of a package."""
        found = self._candidates.get(package)
        if found is None:
            if is_here(package):
                found = Candidates([(scheme_of("gem").parse(self._target.here(package)).key, ANYWHERE)], [0])
            else:
                found = self._gems[package].candidates(self._modes.usable(package))
            self._candidates[package] = found
        return found

    def _needs(self, package: str, bit: int) -> list[GemNeed]:
        """Return what a candidate needs; what of it is here in a version that is not known is passed over."""
        if is_here(package):
            return []
        needs = self._asked if package == ROOT else self._gems[package].needs(bit)
        return [need for need in needs if not is_here(need.name) or self._target.here(need.name)]

    def _urgency(self, package: str) -> tuple[bool, int]:
        """Return what is lowest for the package that is decided next: at most one candidate left, else few that are newer."""
        candidates, left = self._of(package), self._solution.left[package]
        return len([*candidates.within(left)]) > 1, candidates.above(left)

    def _best(self, package: str) -> int | None:
        """Return the candidate that would be chosen; None where there is none."""
        left = [*self._of(package).within(self._solution.left[package])]
        if not left:
            return None
        return left[-1] if package == ROOT or is_here(package) else self._modes.best(package, left)

    def _choose(self, package: str, bit: int, needs: Iterable[GemNeed]) -> None:
        conflict = False
        for need in needs:
            versions, needed = self._alike(package, bit, need), self._demanded(need.range)
            key = (package, versions, need.name, needed)
            if key in self._seen:
                continue
            self._seen.add(key)
            self._note(Incompatibility({package: versions, need.name: ~needed}))
            left = self._solution.left.get(need.name)
            conflict = conflict or (left is not None and left.within(~needed))
        if not conflict:
            self._solution.decide(package, bit, self._terms.term(self._of(package).only(bit)))

    def _alike(self, package: str, bit: int, need: GemNeed) -> Term:
        """Return the range of candidates around one that need the same of another gem."""
        candidates = self._of(package)
        at = candidates.bits.index(bit)

        def same(one: int) -> bool:
            return need in self._needs(package, one)

        below = len([*takewhile(same, reversed(candidates.bits[:at]))])
        above = len([*takewhile(same, candidates.bits[at:])])
        return self._terms.term(candidates.between(at - below, at + above))

    def _note(self, incompatibility: Incompatibility) -> None:
        for package in incompatibility.terms:
            self._known.setdefault(package, []).append(incompatibility)

    def _propagate(self, package: str) -> bool:
        """Derive what follows from a change; return False where there is no solution, or none is searched for any more."""
        changed = [package]
        while changed:
            for incompatibility in reversed([*self._known.get(changed.pop(0), ())]):
                found = self._derive(incompatibility)
                if found is True:
                    cause = self._resolve(incompatibility)
                    if cause is None:
                        return False
                    found = self._derive(cause)
                    changed = []
                if isinstance(found, str):
                    changed.append(found)
            changed = list(dict.fromkeys(changed))
        return True

    def _derive(self, incompatibility: Incompatibility) -> str | bool:
        """Derive what follows from an incompatibility; return of which package it is, True for a conflict, False for nothing."""
        unsure: str | None = None
        for package, term in incompatibility.terms.items():
            left = self._solution.left.get(package)
            if left is not None and left.within(term):
                continue
            if unsure is not None or (left is not None and not (left & term).possible):
                return False
            unsure = package
        if unsure is None:
            return True
        self._solution.derive(unsure, ~incompatibility.terms[unsure], incompatibility)
        return unsure

    def _resolve(self, incompatibility: Incompatibility) -> Incompatibility | None:
        """Return what a conflict follows from, and go back to where that leaves something open; None where it follows from nothing."""
        self._conflicts += 1
        self.is_too_hard = self._conflicts > _MOST_CONFLICTS
        learned = False
        while not self.is_too_hard and not incompatibility.is_failure:
            latest, difference, level = self._latest(incompatibility)
            if level < latest.level or latest.cause is None:
                self._solution.backtrack(level)
                if learned:
                    self._note(incompatibility)
                return incompatibility
            incompatibility, learned = self._resolved(incompatibility, latest, latest.cause, difference), True
        self._blame(incompatibility)
        return None

    def _latest(self, incompatibility: Incompatibility) -> tuple[Step, Term | None, int]:
        """Return the step that made the last term hold, what of it lies outside that term, and the level at which the rest holds."""
        latest: Step | None = None
        difference: Term | None = None
        level = 1
        for package, term in incompatibility.terms.items():
            step = self._solution.satisfier(package, term)
            if latest is not None and latest.position >= step.position:
                level = max(level, step.level)
                continue
            if latest is not None:
                level = max(level, latest.level)
            latest, outside = step, step.term & ~term
            # As there, it is none where no version is outside, even where the package may be absent.
            difference = outside if outside.spans else None
            if difference is not None:
                level = max(level, self._solution.satisfier(package, ~difference).level)
        assert latest is not None
        return latest, difference, level

    def _resolved(
        self, incompatibility: Incompatibility, latest: Step, cause: Incompatibility, difference: Term | None
    ) -> Incompatibility:
        """Return what follows from an incompatibility and the cause of a step, whatever the package of that step is."""
        terms = {package: term for package, term in incompatibility.terms.items() if package != latest.package}
        for package, term in cause.terms.items():
            if package != latest.package:
                terms[package] = terms.get(package, self._terms.always) & term
        if difference is not None:
            terms[latest.package] = ~difference
        if len(terms) != 1 and ROOT in terms and not terms[ROOT].absent:
            del terms[ROOT]
        return Incompatibility(terms, (incompatibility, cause))

    def _demanded(self, text: str) -> Term:
        """Return the term that a requirement is."""
        found = self._required.get(text)
        if found is None:
            found = self._required[text] = self._terms.required(scheme_of("gem").range(text).spans)
        return found

    def _blame(self, failure: Incompatibility) -> None:
        found: dict[str, None] = {}
        while failure.causes:
            failure = failure.causes[0]
            found.update(dict.fromkeys(failure.terms))
        self.blamed = [name for name in found if name and not is_here(name)]
