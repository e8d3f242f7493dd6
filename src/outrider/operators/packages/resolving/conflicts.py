"""What a conflict follows from, found by resolution along the trail, as PubGrub does it.

https://github.com/dart-lang/pub/blob/master/doc/solver.md#conflict-resolution, with masks in place of ranges of versions.
"""

from collections.abc import Sequence
from itertools import chain

from outrider.operators.packages.resolving.domains import Incompatibility, Package, Trail

# Of each incompatibility that was derived, the two that it follows from.
Proof = dict[Incompatibility, tuple[Incompatibility, Incompatibility]]
_Terms = dict[int, int]


def involved(proof: Proof) -> set[int]:
    """Return the packages that a proof is about; not all that was derived on the way is needed for it."""
    waiting: list[Incompatibility] = [()]
    known: set[Incompatibility] = set()
    while waiting:
        statement = waiting.pop()
        if statement not in known:
            known.add(statement)
            waiting += proof.get(statement, ())
    return {package for statement in known for package in statement[::2]}


class Analysis:
    """Analyses conflicts.

    Args:
        packages: By number.
        trail: The changes of their domains.

    Attributes:
        proof: What was derived so far.
    """

    def __init__(self, packages: Sequence[Package | None], trail: Trail) -> None:
        self._packages, self._trail = packages, trail
        self.proof: Proof = {}

    def cause(self, conflict: Incompatibility) -> tuple[Incompatibility, int]:
        """Return an incompatibility from which a conflict follows, and the level at which one term of it alone is open.

        The incompatibility is empty where the conflict follows from nothing that was decided.
        """
        terms = self._without_full(_terms(conflict))
        derived = _flat(terms)
        if derived != conflict:
            self.proof[derived] = (conflict, conflict)
        while terms:
            satisfied = sorted((self._satisfier(number, mask), number) for number, mask in terms.items())
            position, pivot = satisfied[-1]
            _, _, _, why, level, _ = self._trail.changes[position]
            if not why:
                return derived, self._level_before(satisfied)
            reason = _terms(why)
            below = max(self._level_before(satisfied), self._level_of_rest(pivot, terms[pivot], reason[pivot]))
            if below < level:
                return derived, below
            before = derived
            terms = self._resolved(terms, reason, pivot)
            derived = _flat(terms)
            self.proof.setdefault(derived, (before, why))
        return (), 0

    def _package(self, number: int) -> Package:
        package = self._packages[number]
        assert package is not None
        return package

    def _without_full(self, terms: _Terms) -> _Terms:
        """Leave out terms that always hold."""
        return {number: mask for number, mask in terms.items() if self._package(number).full & ~mask}

    def _satisfier(self, number: int, mask: int) -> int:
        """Return the position of the first change after which a term holds."""
        package = self._package(number)
        return self._trail.first_without(package, package.full & ~mask)

    def _level_before(self, satisfied: list[tuple[int, int]]) -> int:
        """Return the level from which on all terms but the last one hold."""
        return self._trail.level_of(satisfied[-2][0]) if len(satisfied) > 1 else 0

    def _level_of_rest(self, number: int, mask: int, forbidden: int) -> int:
        """Return the level from which on a term holds, but for what one change has forbidden."""
        package = self._package(number)
        rest = package.full & ~forbidden & ~mask
        return self._trail.level_of(self._trail.first_without(package, rest)) if rest else 0

    def _resolved(self, terms: _Terms, reason: _Terms, pivot: int) -> _Terms:
        """Return what follows from two incompatibilities, whatever the pivot is."""
        made = dict(terms)
        for number, mask in reason.items():
            if number == pivot:
                made[number] |= mask
            else:
                made[number] = made.get(number, mask) & mask
        return self._without_full(made)


def _terms(incompatibility: Incompatibility) -> _Terms:
    return dict(zip(incompatibility[::2], incompatibility[1::2], strict=True))


def _flat(terms: _Terms) -> Incompatibility:
    return tuple(chain.from_iterable(sorted(terms.items())))
