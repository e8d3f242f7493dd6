from collections.abc import Sequence
from random import Random

import pytest

from outrider.core.errors import DeadlineExceededError
from outrider.operators.packages.resolving.checking import unfounded, unmet
from outrider.operators.packages.resolving.explaining import Explanation
from outrider.operators.packages.resolving.solver import Solution, Unsolvable, solve
from outrider.operators.packages.tests.small_universes import Small, drawn, satisfiable, windows
from outrider.operators.packages.tests.synthetic import Synthetic


def agrees(universe: Small, roots: Sequence[tuple[int, int]]) -> bool:
    """Solve, check the answer, and return whether there is a solution."""
    answer = outcome(universe, roots)
    if isinstance(answer, Unsolvable):
        assert list(unfounded(universe, roots, answer.proof)) == []
        return False
    assert list(unmet(universe, roots, answer.chosen)) == []
    return True


def outcome(universe: Small, roots: Sequence[tuple[int, int]]) -> Solution | Unsolvable:
    try:
        return solve(universe, roots)
    except Unsolvable as answer:
        return answer


def fuzz(seeds: range, forbids: float = 0.0) -> int:
    solvable = 0
    for seed in seeds:
        universe, roots = drawn(Random(seed), forbids)
        found = agrees(universe, roots)
        assert found == satisfiable(universe, roots), seed
        solvable += found
    return solvable


def test_it_agrees_with_another_solver() -> None:
    assert 300 < fuzz(range(1_500)) < 1_200


def test_it_agrees_with_another_solver_where_versions_forbid_others() -> None:
    assert 300 < fuzz(range(1_500), 0.5) < 1_200


def test_what_only_must_not_be_there_may_be_absent() -> None:
    universe = Small([2, 2], [[(1, 0b11, (0b101, 0b11))], []])
    assert solve(universe, [(0, 0b11)]).chosen == {0: 1}
    assert list(unmet(universe, [(0, 0b11)], {0: 1})) == []
    assert solve(universe, [(0, 0b11), (1, 0b11)]).chosen == {0: 1, 1: 0}
    assert list(unmet(universe, [(0, 0b11), (1, 0b11)], {0: 1, 1: 1})) == ["0 1 needs another version of 1 than 1"]
    with pytest.raises(Unsolvable):
        solve(universe, [(0, 0b11), (1, 0b10)])


@pytest.mark.long
@pytest.mark.timeout(600)
def test_it_agrees_with_another_solver_on_twenty_thousand() -> None:
    assert 4_000 < fuzz(range(20_000)) < 16_000


@pytest.mark.parametrize(
    ("count", "width", "solvable"), [(200, 3, False), (200, 4, True), (500, 4, True), (500, 5, True)]
)
def test_where_solutions_end(count: int, width: int, solvable: bool) -> None:
    for seed in range(3):
        universe = windows(count, width, seed)
        assert agrees(universe, [(package, 255) for package in range(5)]) == solvable


def test_what_it_costs_is_the_same_everywhere() -> None:
    universe = Synthetic(1_000)
    roots = [(package, universe.versions(package)[1]) for package in Random(20).sample(range(1_000), 20)]
    solution = solve(universe, roots)
    assert list(unmet(universe, roots, solution.chosen)) == []
    assert solution == solve(universe, roots)
    assert solution.statistics.conflicts < 100


def test_all_of_an_index_at_once() -> None:
    universe = Synthetic(3_000, seed=7, laggards=0.3, leaders=0.4)
    roots = [(package, universe.versions(package)[1]) for package in range(3_000)]
    assert list(unmet(universe, roots, solve(universe, roots).chosen)) == []


def test_planted_versions_go_together() -> None:
    universe = Synthetic(500, seed=3)
    roots = [(package, 1 << version) for package, version in enumerate(universe.planted)]
    assert solve(universe, roots).chosen == dict(enumerate(universe.planted))


def test_a_search_can_be_ended() -> None:
    universe = Synthetic(3_000)

    def end() -> None:
        raise DeadlineExceededError("no answer in time")

    with pytest.raises(DeadlineExceededError):
        solve(universe, [(package, universe.versions(package)[1]) for package in range(3_000)], check=end)


class Letters:
    """Names for three packages of a few versions."""

    def name(self, package: int) -> str:
        return "abc"[package]

    def full(self, package: int) -> int:
        return SIZES_FULL[package]

    def described(self, package: int, mask: int) -> str:
        return f"{'abc'[package]} {','.join(str(bit + 1) for bit in range(4) if mask >> bit & 1)}"

    def demanded(self, package: int, versions: int, other: int) -> str:
        del package
        return f"{'abc'[other]}>=9" if versions == 0b10 else ""

    def wished(self, package: int) -> str:
        return "a>=1" if package == 0 else ""


SIZES_FULL = (0b111, 0b1111, 0b11)


def told(needs: Sequence[Sequence[tuple[int, int, tuple[int, ...]]]], roots: Sequence[tuple[int, int]]) -> list[str]:
    with pytest.raises(Unsolvable) as answer:
        solve(Small((2, 3, 1), needs), roots)
    return Explanation(answer.value.proof, Letters()).sentences()


def test_a_conflict_of_two_wishes_is_told() -> None:
    needs = [[(1, 0b11, (0b001, 0b11))], [], [(1, 0b1, (0b110, 0b1))]]
    assert told(needs, [(0, 0b11), (2, 0b1)]) == [
        "Because a 1,2 needs b 1, and c 1 needs b 2,3, a 1,2 and c 1 cannot be used together.",
        "And because you ask for c 1, no version of a can be used.",
        "And because you ask for a>=1, there is no solution.",
    ]


def test_a_need_that_nothing_meets_is_told() -> None:
    assert told([[(1, 0b10, (0, 0b10))], [], []], [(0, 0b10)]) == [
        "Because a 2 needs b>=9, of which there is no version that fits and may be used, and you ask for a>=1, there is no solution.",
    ]
