"""Small universes of packages, and what an independent solver says of them."""

from collections.abc import Sequence
from random import Random

from pysat.solvers import Cadical153

from outrider.operators.packages.resolving.universe import Needs


class Small:
    """A universe of masks that are given.

    Args:
        sizes: How many versions each package has.
        needs: What each needs.
    """

    def __init__(self, sizes: Sequence[int], needs: Sequence[Sequence[Needs]]) -> None:
        self.sizes, self._needs = sizes, needs

    def versions(self, package: int) -> tuple[int, int]:
        return self.sizes[package], (1 << self.sizes[package]) - 1

    def needs(self, package: int) -> Sequence[Needs]:
        return self._needs[package]


def drawn(random: Random, forbids: float = 0.0) -> tuple[Small, list[tuple[int, int]]]:
    """Return a universe of 3 to 25 packages, and what is asked of it; about half of these questions have no solution.

    Args:
        random: Makes it.
        forbids: The share of needs that are met as well where there is no version at all.
    """
    count = random.randint(3, 25)
    sizes = [random.randint(1, 6) for _ in range(count)]
    needs = [_needs(random, package, sizes, forbids) for package in range(count)]
    roots = [(package, _mask(random, sizes[package])) for package in random.sample(range(count), random.randint(1, 3))]
    return Small(sizes, needs), roots


def windows(count: int, width: int, seed: int) -> Small:
    """Return packages of 8 versions, each of which needs some versions in a row of 3 others: near where solutions end."""
    random, needs = Random(seed), []
    for package in range(count):
        made: list[Needs] = []
        for other in random.sample([one for one in range(count) if one != package], 3):
            groups: dict[int, int] = {}
            for version in range(8):
                needed = ((1 << width) - 1) << random.randint(0, 8 - width)
                groups[needed] = groups.get(needed, 0) | 1 << version
            made.append((other, 255, tuple(value for pair in groups.items() for value in pair)))
        needs.append(made)
    return Small([8] * count, needs)


def _needs(random: Random, package: int, sizes: Sequence[int], forbids: float) -> list[Needs]:
    made: list[Needs] = []
    others = random.sample(range(len(sizes)), min(len(sizes), random.randint(0, 4)))
    for other in others:
        groups: dict[int, int] = {}
        for version in range(sizes[package]):
            if random.random() >= 0.15:
                needed = 0 if random.random() < 0.03 else _mask(random, sizes[other])
                if forbids and random.random() < forbids:
                    needed |= 1 << sizes[other]
                groups[needed] = groups.get(needed, 0) | 1 << version
        if groups and other != package:
            made.append((other, sum(groups.values()), tuple(value for pair in groups.items() for value in pair)))
    return made


def _mask(random: Random, size: int) -> int:
    first = random.randrange(size)
    return (1 << random.randint(first + 1, size)) - (1 << first)


def satisfiable(universe: Small, roots: Sequence[tuple[int, int]]) -> bool:
    """Return what CaDiCaL says."""
    sizes = universe.sizes
    begin = [sum(sizes[:package]) + 1 for package in range(len(sizes))]

    def some(package: int, mask: int) -> list[int]:
        return [begin[package] + bit for bit in range(sizes[package]) if mask >> bit & 1]

    with Cadical153() as solver:
        for package, size in enumerate(sizes):
            for one in range(size):
                for two in range(one):
                    solver.add_clause([-begin[package] - one, -begin[package] - two])
            for other, _, groups in universe.needs(package):
                for needed, versions in zip(groups[::2], groups[1::2], strict=True):
                    for variable in some(package, versions):
                        if needed >> sizes[other]:
                            solver.append_formula([[-variable, -one] for one in some(other, ~needed)])
                        else:
                            solver.add_clause([-variable, *some(other, needed)])
        for package, mask in roots:
            solver.add_clause(some(package, mask))
        return bool(solver.solve())
