"""Looks at solutions and proofs again, with nothing of the search in it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from outrider.operators.packages.resolving.conflicts import Proof
from outrider.operators.packages.resolving.domains import Incompatibility
from outrider.operators.packages.resolving.universe import Universe


def unmet(universe: Universe, roots: Sequence[tuple[int, int]], chosen: Mapping[int, int]) -> Iterator[str]:
    """Yield what a solution leaves unmet, and what is in it that nothing needs.

    Args:
        universe: The packages.
        roots: What was asked for.
        chosen: The number of the chosen version, by package.
    """
    wanted: list[tuple[str, int, int]] = [("what was asked for", package, mask) for package, mask in roots]
    for package, version in chosen.items():
        if not universe.versions(package)[1] >> version & 1:
            yield f"{package}: version {version} may not be chosen"
        for other, _, groups in universe.needs(package):
            for needed, versions in zip(groups[::2], groups[1::2], strict=True):
                if versions >> version & 1:
                    wanted.append((f"{package} {version}", other, needed))
    for who, package, mask in wanted:
        # What only must not be there in some versions may be absent.
        if not mask >> chosen.get(package, universe.versions(package)[0]) & 1:
            yield f"{who} needs another version of {package} than {chosen.get(package)}"
    for package in chosen.keys() - _reached(universe, [package for package, _ in roots], chosen):
        yield f"{package}: nothing needs it"


def _reached(universe: Universe, packages: list[int], chosen: Mapping[int, int]) -> set[int]:
    reached: set[int] = set()
    while packages:
        package = packages.pop()
        if package in reached or package not in chosen:
            continue
        reached.add(package)
        for other, versions, _ in universe.needs(package):
            if versions >> chosen[package] & 1:
                packages.append(other)
    return reached


def unfounded(universe: Universe, roots: Iterable[tuple[int, int]], proof: Proof) -> Iterator[Incompatibility]:
    """Yield the statements of a proof that are neither so in the universe nor follow from the two that they are said to follow from.

    Args:
        universe: The packages.
        roots: What was asked for.
        proof: What was derived, the empty statement among it.
    """
    asked = dict(roots)
    waiting: list[Incompatibility] = [()]
    known: set[Incompatibility] = set()
    while waiting:
        statement = waiting.pop()
        if statement in known:
            continue
        known.add(statement)
        if statement in proof:
            waiting += proof[statement]
            if not _follows(universe, statement, *proof[statement]):
                yield statement
        elif not (_is_asked(universe, statement, asked) or _is_need(universe, statement)):
            yield statement


def _full(universe: Universe, package: int) -> int:
    count, allowed = universe.versions(package)
    return allowed | 1 << count


def _is_asked(universe: Universe, statement: Incompatibility, asked: Mapping[int, int]) -> bool:
    if len(statement) != 2:
        return False
    package, mask = statement
    return package in asked and not _full(universe, package) & mask & asked[package]


def _is_need(universe: Universe, statement: Incompatibility) -> bool:
    if len(statement) != 4:
        return False
    package, versions, other, forbidden = statement
    for number, _, groups in universe.needs(package):
        if number == other:
            good = 0
            for needed, those in zip(groups[::2], groups[1::2], strict=True):
                if not needed & forbidden:
                    good |= those
            return not versions & ~good
    return False


def _follows(universe: Universe, statement: Incompatibility, one: Incompatibility, two: Incompatibility) -> bool:
    """Return whether whatever breaks a statement breaks one of two others: of one package either may hold, of all others both."""
    said = dict(zip(statement[::2], statement[1::2], strict=True))
    left, right = (dict(zip(each[::2], each[1::2], strict=True)) for each in (one, two))

    def within(package: int, mask: int) -> bool:
        return not said.get(package, _full(universe, package)) & ~mask

    for pivot in left.keys() | right.keys():
        if not within(pivot, left.get(pivot, -1) | right.get(pivot, -1)):
            continue
        others = (left.keys() | right.keys()) - {pivot}
        if all(within(package, left.get(package, -1) & right.get(package, -1)) for package in others):
            return True
    return False
