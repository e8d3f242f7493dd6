"""What PubGrub has decided and derived so far.

https://github.com/jhawthorn/pub_grub/blob/main/lib/pub_grub/partial_solution.rb.
"""

from collections.abc import Mapping
from typing import NamedTuple

from outrider.operators.packages.gem.terms import Term

# What is asked for, as a package.
ROOT = ""


class Incompatibility:
    """Not all of its terms hold at once.

    Attributes:
        terms: By package.
        causes: The two that it was derived from; none for what an index says.
    """

    __slots__ = ("causes", "terms")

    def __init__(
        self, terms: Mapping[str, Term], causes: tuple["Incompatibility", "Incompatibility"] | None = None
    ) -> None:
        self.terms, self.causes = terms, causes

    @property
    def is_failure(self) -> bool:
        """Whether it says that there is no solution."""
        return all(package == ROOT and not term.absent for package, term in self.terms.items())


class Step(NamedTuple):
    """A change of what is possible.

    Attributes:
        package: Of which.
        term: Within which it is from here on.
        cause: Why; None for a decision.
        level: How many decisions there were, this one included.
        position: Of this step among all.
        left: What is possible of the package after it.
    """

    package: str
    term: Term
    cause: Incompatibility | None
    level: int
    position: int
    left: Term


class PartialSolution:
    """The steps so far.

    Attributes:
        left: By package, what is possible of it.
        decisions: By package, the candidate that was decided on, in the order of the decisions.
    """

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._of: dict[str, list[Step]] = {}
        self._needed: dict[str, None] = {}
        self.left: dict[str, Term] = {}
        self.decisions: dict[str, int] = {}

    def derive(self, package: str, term: Term, cause: Incompatibility) -> None:
        """Have a package be within a term."""
        self._step(package, term, cause, len(self.decisions))

    def decide(self, package: str, bit: int, term: Term) -> None:
        """Have a package be a candidate, which alone is within a term."""
        self.decisions[package] = bit
        self._step(package, term, None, len(self.decisions))

    def _step(self, package: str, term: Term, cause: Incompatibility | None, level: int) -> None:
        before = self.left.get(package)
        left = term if before is None else before & term
        step = Step(package, term, cause, level, len(self._steps), left)
        self._steps.append(step)
        self._of.setdefault(package, []).append(step)
        self.left[package] = left
        if not term.absent:
            self._needed.setdefault(package)

    def open(self) -> list[str]:
        """Return the packages that are needed and not decided yet, in the order in which that was found."""
        return [package for package in self._needed if package not in self.decisions]

    def satisfier(self, package: str, term: Term) -> Step:
        """Return the first step after which a term holds; there must be one."""
        return next(step for step in self._of[package] if step.left.within(term))

    def backtrack(self, level: int) -> None:
        """Undo the steps above a level."""
        kept = [step for step in self._steps if step.level <= level]
        self.decisions = dict(list(self.decisions.items())[:level])
        self._steps, self._of, self._needed, self.left = [], {}, {}, {}
        for step in kept:
            self._step(step.package, step.term, step.cause, step.level)
