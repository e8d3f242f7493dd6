"""Leaves out versions that others can stand for, so that each package has as few as will do: `dedupe.rs` of bun 1.4.

What the project asks for itself, and what was there before, keeps its version. A version that would be left out has no say in which
others stay.
"""

from collections.abc import Callable, Iterable, Sequence

from outrider.operators.packages.npm.bun.graph import BunPackage, Graph
from outrider.operators.packages.npm.bun.needs import BunNeed, Wanted

Edge = tuple[BunPackage, int]
Targets = dict[Edge, BunPackage]


def collapse(graph: Graph, wanted: Callable[[BunPackage, BunNeed], Wanted]) -> None:
    """Have needs met by fewer versions.

    Args:
        graph: What was chosen.
        wanted: What a package asks for with a need.
    """
    _Collapse(graph, wanted).run()


class _Collapse:
    def __init__(self, graph: Graph, wanted: Callable[[BunPackage, BunNeed], Wanted]) -> None:
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
        """Have needs met by fewer versions: those on which all agree that are left then."""
        voters, before = set(live), self._targets(live)
        while True:
            self._apply(before)
            voted, after_vote = self._vote(voters, before)
            self._apply({**before, **after_vote})
            after = set(self._graph.reached())
            gone = voted - after
            # What comes back without a say of its own stays.
            if not gone or not after <= voters:
                return
            voters -= gone

    def _targets(self, live: Iterable[BunPackage]) -> Targets:
        return {(one, at): target for one in live for at, target in enumerate(one.targets) if target is not None}

    def _apply(self, targets: Targets) -> None:
        for (package, at), target in targets.items():
            package.targets[at] = target

    def _vote(self, voters: set[BunPackage], targets: Targets) -> tuple[set[BunPackage], Targets]:
        """Return who has a say, and what is to change: all that can be met by the versions that stay is, whoever needs it."""
        edges: list[list[Edge]] = [[] for _ in self._groups]
        for edge, target in targets.items():
            if target in self._group_of:
                edges[self._group_of[target]].append(edge)
        found: Targets = {}
        for group, some in zip(self._groups, edges, strict=True):
            staying = self._staying(group, [one for one in some if one[0] in voters])
            for edge in some:
                if staying and targets[edge] not in staying and self._moves(edge):
                    there = next((one for one in staying if one.meets(self._asked(edge))), None)
                    found |= {edge: there} if there is not None else {}
        return {package for some in edges for package, _ in some if package in voters}, found

    def _staying(self, group: Sequence[BunPackage], edges: Sequence[Edge]) -> list[BunPackage]:
        """Return the fewest versions of a package that will do for some needs, newest first."""
        needed = {package.targets[at] for package, at in edges}
        candidates = [one for one in group if one in needed]
        masks: list[int] = []
        required: list[int] = []
        for edge in edges:
            package, at = edge
            moves = self._moves(edge)
            fits = [one.meets(self._asked(edge)) if moves else one is package.targets[at] for one in candidates]
            masks.append(sum(fit << number for number, fit in enumerate(fits)))
            required += [] if moves else masks[-1:]
        chosen = _cover(masks, required)
        return [one for number, one in enumerate(candidates) if chosen >> number & 1]

    def _asked(self, edge: Edge) -> Wanted:
        package, at = edge
        return self._wanted(package, package.needs[at])

    def _moves(self, edge: Edge) -> bool:
        """Return whether a need may have another version."""
        package, at = edge
        need, wanted = package.needs[at], self._asked(edge)
        is_fixed = at in package.held or wanted.is_tag or need.is_bundled or (need.is_peer and wanted.text != "*")
        return package.npm is not None and not is_fixed


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
