"""Chooses one version of each package that is needed: conflict-driven search over bitmasks.

A package with n versions has a domain: bit k stands for version k, bit n for "not there at all". What the versions of a package need
of another one is propagated for all of them that are left at once, and not for a chosen one alone; that decides the speed.
"""

import gc
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import NamedTuple

from outrider.operators.packages.resolving.conflicts import Analysis, Proof
from outrider.operators.packages.resolving.domains import Incompatibility, Package, Trail
from outrider.operators.packages.resolving.searching import first_of
from outrider.operators.packages.resolving.universe import Universe

_CHECK_EVERY = 512


class Statistics(NamedTuple):
    """What a search has cost; the same for the same question, whatever the machine."""

    decisions: int
    conflicts: int
    propagations: int


class Solution(NamedTuple):
    """The version of each package that is needed, by its bit's number."""

    chosen: dict[int, int]
    statistics: Statistics


class Unsolvable(Exception):  # noqa: N818 - an answer, and no error
    """There is no solution.

    Attributes:
        proof: Of each incompatibility that was derived, the two that it follows from. Of the empty one it is what was to be shown.
    """

    def __init__(self, proof: Proof) -> None:
        super().__init__("there is no solution")
        self.proof = proof


def solve(
    universe: Universe,
    roots: Iterable[tuple[int, int]],
    *,
    check: Callable[[], None] = lambda: None,
    preferred: Callable[[int], int] = lambda _: 0,
) -> Solution:
    """Choose a version of every package that is needed.

    Args:
        universe: The packages.
        roots: What is asked for: packages, and the masks of versions that would do.
        check: Called now and then; it may raise to end the search.
        preferred: Returns the mask of the versions of a package that are tried before all others.

    Raises:
        Unsolvable: It cannot be done.
    """
    # The search makes very many small objects and no cycles among them: a third of its time would go into looking for these.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _Search(universe, check, preferred).run(roots)
    finally:
        if collecting:
            gc.enable()


class _Search:
    def __init__(self, universe: Universe, check: Callable[[], None], preferred: Callable[[int], int]) -> None:
        self._universe, self._check, self._preferred = universe, check, preferred
        self._packages: list[Package | None] = []
        self._trail = Trail()
        self._analysis = Analysis(self._packages, self._trail)
        # What has to be looked at again after a jump below the level at which it came.
        self._log: list[tuple[int, Package]] = []
        self._queue: list[Package] = []
        self._heap: list[tuple[int, int, int]] = []
        self._step = 1
        self._decisions = self._conflicts = self._propagations = 0

    def run(self, roots: Iterable[tuple[int, int]]) -> Solution:
        conflict = self._ask(roots) or self._propagate()
        while True:
            if conflict:
                self._conflicts += 1
                self._learn(conflict)
            elif (package := self._next()) is not None:
                self._decide(package)
            else:
                break
            conflict = self._propagate()
        known = [package for package in self._packages if package is not None]
        chosen = {one.number: one.domain.bit_length() - 1 for one in known if not one.domain & one.absent}
        return Solution(chosen, Statistics(self._decisions, self._conflicts, self._propagations))

    def _ask(self, roots: Iterable[tuple[int, int]]) -> Incompatibility:
        for number, mask in roots:
            package = self._known(number, 0)
            if conflict := self._narrow(package, package.domain & mask, (number, package.full & ~mask)):
                return conflict
        return ()

    def _known(self, number: int, depth: int) -> Package:
        packages = self._packages
        if number >= len(packages):
            packages.extend([None] * (number + 1 - len(packages)))
        package = packages[number]
        if package is None:
            package = packages[number] = Package(number, depth, self._universe.versions(number))
        return package

    def _load(self, package: Package) -> None:
        """Note what the versions of a package need, once it is known to be there."""
        package.needs = self._universe.needs(package.number)
        for number, _, groups in package.needs:
            needed_by = self._known(number, package.depth + 1).needed_by
            pairs = iter(groups)
            for needed, versions in zip(pairs, pairs, strict=True):
                needed_by.setdefault(needed, []).extend((package.number, versions))
        self._log.append((self._trail.level, package))

    def _narrow(self, package: Package, domain: int, reason: Incompatibility) -> Incompatibility:
        """Leave less of a domain; where that would be nothing, return the reason, which is a conflict then."""
        if domain == package.domain:
            return ()
        if not domain:
            return reason
        self._trail.write(package, domain, reason)
        if not domain & package.absent:
            if package.needs is None:
                self._load(package)
            if domain & domain - 1:
                heappush(self._heap, package.priority)
        if not package.queued:
            package.queued = True
            self._queue.append(package)
        return ()

    def _propagate(self) -> Incompatibility:
        """Narrow domains as far as it follows, and return a conflict if there is one."""
        queue = self._queue
        while queue:
            package = queue.pop()
            package.queued = False
            self._propagations += 1
            if not self._propagations % _CHECK_EVERY:
                self._check()
            if conflict := self._forward(package) or self._backward(package) or self._apply_learned(package):
                for one in queue:
                    one.queued = False
                queue.clear()
                return conflict
        return ()

    def _forward(self, package: Package) -> Incompatibility:
        """Drop versions whose needs cannot be met; ask for what all that are left need."""
        left, packages = package.domain, self._packages
        for number, all_versions, groups in package.needs or ():
            other = packages[number]
            assert other is not None
            found, wanted = other.domain, 0
            pairs = iter(groups)
            for needed, versions in zip(pairs, pairs, strict=True):
                if not versions & left:
                    continue
                if needed & found:
                    wanted |= needed
                    continue
                reason = (package.number, versions, number, other.full & ~needed)
                if conflict := self._narrow(package, left & ~versions, reason):
                    return conflict
                left &= ~versions
            if found & ~wanted and not left & ~all_versions:
                reason = (package.number, _needing(wanted, groups), number, other.full & ~wanted)
                self._narrow(other, found & wanted, reason)
        return ()

    def _backward(self, package: Package) -> Incompatibility:
        """Drop versions of those that need what is no longer left."""
        left, packages = package.domain, self._packages
        for needed, dependents in package.needed_by.items():
            if needed & left:
                continue
            pairs = iter(dependents)
            for number, versions in zip(pairs, pairs, strict=True):
                one = packages[number]
                assert one is not None
                if one.domain & versions:
                    reason = (number, versions, package.number, package.full & ~needed)
                    if conflict := self._narrow(one, one.domain & ~versions, reason):
                        return conflict
        return ()

    def _apply_learned(self, package: Package) -> Incompatibility:
        """Drop what would make all terms of a learned incompatibility hold."""
        for learned in package.learned:
            open_package, open_mask = None, 0
            pairs = iter(learned)
            for number, mask in zip(pairs, pairs, strict=True):
                one = self._packages[number]
                assert one is not None
                if one.domain & ~mask:
                    if open_package is not None or not one.domain & mask:
                        break
                    open_package, open_mask = one, mask
            else:
                if open_package is None:
                    return learned
                self._narrow(open_package, open_package.domain & ~open_mask, learned)
        return ()

    def _next(self) -> Package | None:
        """Return the package that is decided next; None where nothing is open."""
        while self._heap:
            priority = heappop(self._heap)
            package = self._packages[priority[2]]
            assert package is not None
            # Whatever changed a priority has offered it anew.
            if package.open and package.priority == priority:
                return package
        return None

    def _decide(self, package: Package) -> None:
        self._decisions += 1
        self._step = 1
        self._trail.level += 1
        self._narrow(package, 1 << first_of(package.domain, self._preferred(package.number)), ())

    def _learn(self, conflict: Incompatibility) -> None:
        """Jump back to where what a conflict follows from leaves one thing open, or at least towards there.

        Raises:
            Unsolvable: It follows from nothing that was decided.
        """
        learned, level = self._analysis.cause(conflict)
        if not learned:
            raise Unsolvable(self._analysis.proof)
        # All the way back, most of what is undone would be decided again. So a step is tried first, and then twice as far.
        target = max(level, self._trail.level - self._step)
        self._step *= 2
        self._jump(target)
        for number in learned[::2]:
            package = self._known(number, 0)
            package.learned.append(learned)
            package.activity += 1
            self._offer(package)
        first = self._known(learned[0], 0)
        if target > level:
            self._log.append((target, first))
        self._enqueue(first)

    def _jump(self, level: int) -> None:
        """Undo all changes above a level."""
        for package in self._trail.undo(level):
            self._offer(package)
        lost = []
        while self._log and self._log[-1][0] > level:
            lost.append(self._log.pop()[1])
        for package in reversed(lost):
            # What followed from it is undone, and it is as true as before.
            self._log.append((level, package))
            self._enqueue(package)

    def _offer(self, package: Package) -> None:
        """Have a package be decided in its turn, where it is there and open."""
        if package.open:
            heappush(self._heap, package.priority)

    def _enqueue(self, package: Package) -> None:
        if not package.queued:
            package.queued = True
            self._queue.append(package)


def _needing(wanted: int, groups: tuple[int, ...]) -> int:
    """Return all versions that need no other than what is wanted, those among them that are no longer possible too."""
    versions = 0
    pairs = iter(groups)
    for needed, those in zip(pairs, pairs, strict=True):
        if not needed & ~wanted:
            versions |= those
    return versions
