"""Leaves out versions that others can stand for, so that each package has as few as will do: `dedupe.rs` of bun 1.4.

What the project asks for itself, and what was there before, keeps its version. A version that would be left out has no say in which
others stay.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from outrider.operators.packages.npm.bun.graph import BunPackage, Graph
from outrider.operators.packages.npm.bun.needs import BunNeed, Wanted

Edge = tuple[BunPackage, int]
Targets = dict[Edge, BunPackage]


class _Vote(NamedTuple):
    """Who needs the versions of one package.

    Attributes:
        candidates: The versions, newest first.
        edges: The needs.
        masks: For each of them, which versions would do.
        movable: Whether it may have another one.
    """

    candidates: list[BunPackage]
    edges: list[Edge]
    masks: list[int]
    movable: list[bool]


def collapse(graph: Graph, wanted: Callable[[BunNeed], Wanted]) -> None:
    """Have needs met by fewer versions.

    Args:
        graph: What was chosen.
        wanted: What is asked of a package for a need.
    """
    _Collapse(graph, wanted).run()


class _Collapse:
    def __init__(self, graph: Graph, wanted: Callable[[BunNeed], Wanted]) -> None:
        self._graph, self._wanted = graph, wanted
        several = [found for name in graph.names() if len(found := graph.versions(name)) > 1]
        self._groups = several
        self._group_of = {one: at for at, group in enumerate(several) for one in group}

    def run(self) -> None:
        live = set(self._graph.reached())
        while self._groups:
            self._settle(live)
            after = set(self._graph.reached())
            if after == live:
                break
            live = after

    def _settle(self, live: set[BunPackage]) -> None:
        """Have needs met by fewer versions, until those that are left agree."""
        voters, before = set(live), self._targets(live)
        best: Targets | None = None
        while True:
            self._apply(before)
            voted, after_vote = self._vote(voters)
            self._apply({**before, **after_vote})
            after = set(self._graph.reached())
            if not after <= voters:
                if best is not None:
                    self._apply({**before, **best})
                return
            gone = voted - after
            if not gone:
                return
            voters -= gone
            best = after_vote

    def _targets(self, live: Iterable[BunPackage]) -> Targets:
        return {(one, at): target for one in live for at, target in enumerate(one.targets) if target is not None}

    def _apply(self, targets: Targets) -> None:
        for (package, at), target in targets.items():
            package.targets[at] = target

    def _vote(self, voters: set[BunPackage]) -> tuple[set[BunPackage], Targets]:
        """Return who has a say, and what is to change."""
        edges: list[list[Edge]] = [[] for _ in self._groups]
        voted = set()
        for package in voters:
            for at, target in enumerate(package.targets):
                if target in self._group_of:
                    edges[self._group_of[target]].append((package, at))
                    voted.add(package)
        found: Targets = {}
        for group, some in zip(self._groups, edges, strict=True):
            needed = {package.targets[at] for package, at in some}
            candidates = [one for one in group if one in needed]
            if len(candidates) > 1:
                found |= _moved(self._ballot(candidates, some))
        return voted, found

    def _ballot(self, candidates: list[BunPackage], edges: list[Edge]) -> _Vote:
        masks, movable = [], []
        for package, at in edges:
            need, target = package.needs[at], package.targets[at]
            wanted = self._wanted(need)
            held = at in package.held or wanted.is_tag or need.is_bundled or (need.is_peer and wanted.text != "*")
            moves = package.npm is not None and not held
            masks.append(
                sum(
                    1 << number
                    for number, one in enumerate(candidates)
                    if (one.meets(wanted) if moves else one is target)
                )
            )
            movable.append(moves)
        return _Vote(candidates, edges, masks, movable)


def _moved(vote: _Vote) -> Targets:
    chosen = _cover(vote.masks, [mask for mask, moves in zip(vote.masks, vote.movable, strict=True) if not moves])
    found: Targets = {}
    for edge, mask, moves in zip(vote.edges, vote.masks, vote.movable, strict=True):
        target = edge[0].targets[edge[1]]
        assert target is not None
        if moves and not chosen >> vote.candidates.index(target) & 1 and mask & chosen:
            found[edge] = vote.candidates[(mask & chosen & -(mask & chosen)).bit_length() - 1]
    return found


def _cover(masks: Sequence[int], required: Sequence[int]) -> int:
    """Return the fewest versions that will do: those that are required, and then the one that does for most, the newest of these."""
    chosen = 0
    for mask in required:
        chosen |= mask
    left = [mask for mask in masks if not mask & chosen]
    while left := [mask for mask in left if mask]:
        numbers = range(max(left).bit_length())
        best = 1 << max(numbers, key=lambda number: (sum(mask >> number & 1 for mask in left), -number))
        chosen |= best
        left = [mask for mask in left if not mask & best]
    return chosen
