"""Decides which nodes of a graph count, as NuGet does: the nearest to the top wins, and of cousins the highest.

https://learn.microsoft.com/nuget/concepts/dependency-resolution, and of the rest `GraphOperations` and `Tracker` in
https://github.com/NuGet/NuGet.Client/tree/dev/src/NuGet.Core/NuGet.DependencyResolver.Core/GraphModel.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from outrider.operators.packages.nuget.graph import Fate, Node, walked
from outrider.operators.packages.nuget.packages import Item
from outrider.operators.packages.nuget.ranges import allows, reaches

_MOST_ROUNDS = 1000


class Clash(NamedTuple):
    """Two places of a package that do not go together.

    Attributes:
        taken: Which counts.
        other: What is not met by that.
    """

    taken: Node
    other: Node


class Decision(NamedTuple):
    """What has become of a graph.

    Attributes:
        accepted: What is taken of each package, by name.
        nodes: All nodes that count, without the top.
        cycles: Needs of what already stands above.
        lowered: Packages that are lower than something asks for, as they stand nearer to the top.
        conflicts: Cousins that no version meets.
        missing: Needs that no version meets.
        undecided: What may count or not, as each of these hangs on the others.
    """

    accepted: dict[str, Node]
    nodes: list[Node]
    cycles: list[Node]
    lowered: list[Clash]
    conflicts: list[Clash]
    missing: list[Node]
    undecided: list[Node]

    @property
    def is_sound(self) -> bool:
        """Whether everything goes together."""
        return not (self.cycles or self.lowered or self.conflicts or self.missing or self.undecided)


def decide(top: Node, check: Callable[[], None]) -> Decision:
    """Decide which nodes count.

    Args:
        top: Of a graph that has all its nodes.
        check: Called now and then; it may raise to end this.
    """
    cycles, lowered = _nearest(top)
    accepted = _settled(top, check)
    nodes = [node for node in walked(top) if node.fate is Fate.ACCEPTED]
    conflicts = [
        Clash(accepted[child.need.name], child)
        for node in nodes
        for child in node.inner
        if child.need.name in accepted and _is_unmet(child, accepted[child.need.name])
    ]
    lowered = [one for one in lowered if _counts(one.taken) and all(map(_counts, _above(one.other)))]
    counting = [node for node in nodes if node is not top]
    missing = [node for node in counting if not node.item.is_there]
    undecided = [node for node in _left(top) if node.fate is Fate.OPEN]
    return Decision(accepted, counting, cycles, lowered, conflicts, missing, undecided)


def _counts(node: Node) -> bool:
    return node.fate is Fate.ACCEPTED


def _above(node: Node) -> list[Node]:
    found, outer = [], node.outer
    while outer is not None:
        found.append(outer)
        outer = outer.outer
    return found


def _is_unmet(child: Node, taken: Node) -> bool:
    return child is not taken and taken.item.key != () and not allows(child.need.range, taken.item.key)


def _nearest(top: Node) -> tuple[list[Node], list[Clash]]:
    """Take out the nodes that something nearer to the top stands in for; return cycles, and what is lower than it should be."""
    cycles: list[Node] = []
    lowered: dict[Node, Node] = {}
    for node in walked(top):
        if node.fate is Fate.CYCLE:
            cycles.append(node)
        elif node.fate is Fate.LOWERED:
            for above in _above(node):
                _compare(node, above, lowered)
        else:
            continue
        assert node.outer is not None
        node.outer.inner.remove(node)
    return cycles, [Clash(taken, node) for node, taken in lowered.items()]


def _compare(node: Node, above: Node, lowered: dict[Node, Node]) -> None:
    """Compare a node with what stands beside something above it."""
    for beside in above.inner:
        if beside is node or beside.need.name != node.need.name:
            continue
        if reaches(beside.need.range, node.need.range):
            lowered.pop(node, None)
        # Where what was asked for nearer to the top is not there, what is taken for it may be high enough.
        elif beside.fate is not Fate.OPEN or not allows(node.need.range, beside.item.key):
            lowered[node] = beside


def _settled(top: Node, check: Callable[[], None]) -> dict[str, Node]:
    """Accept and reject nodes until nothing changes any more; return the accepted ones by name."""
    accepted: dict[str, Node] = {}
    for _ in range(_MOST_ROUNDS):
        check()
        known = _known(top)
        if not _round(top, known, _ambiguous(top, known), accepted):
            break
    accepted.pop(top.item.name, None)
    return accepted


def _left(top: Node) -> Iterator[Node]:
    """Yield the nodes that are not rejected, nor below such a one."""
    queue = deque([top])
    while queue:
        node = queue.popleft()
        if node.fate is not Fate.REJECTED:
            yield node
            queue.extend(node.inner)


def _known(top: Node) -> dict[str, list[Item]]:
    """Return what is taken for the nodes that are left."""
    known: dict[str, list[Item]] = {}
    for node in _left(top):
        items = known.setdefault(node.item.name, [])
        if node.item not in items:
            items.append(node.item)
    return known


def _ambiguous(top: Node, known: dict[str, list[Item]]) -> set[str]:
    """Return the packages that stand below one of which several versions are left: they may yet come to nothing."""
    found = set()
    queue = deque([(top, False)])
    while queue:
        node, below = queue.popleft()
        if node.fate is Fate.REJECTED:
            continue
        if below:
            found.add(node.item.name)
        below = below or len(known[node.item.name]) > 1
        queue.extend((child, below) for child in node.inner)
    return found


def _round(top: Node, known: dict[str, list[Item]], ambiguous: set[str], accepted: dict[str, Node]) -> bool:
    """Accept and reject what can be told of now; return whether there was anything."""
    has_changed = False
    queue = deque([top])
    while queue:
        node = queue.popleft()
        if node.fate is Fate.REJECTED or node.item.name in ambiguous:
            continue
        if node.fate is Fate.OPEN:
            has_changed = True
            if any(node.item.key < other.key for other in known[node.item.name]):
                node.fate = Fate.REJECTED
                continue
            node.fate = Fate.ACCEPTED
            accepted[node.item.name] = node
        queue.extend(node.inner)
    return has_changed
