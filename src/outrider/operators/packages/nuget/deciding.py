"""Decides which nodes of a graph count, as NuGet does: the nearest to the top wins, and of cousins the highest.

https://learn.microsoft.com/nuget/concepts/dependency-resolution, and of the rest `GraphOperations` and `Tracker` in
https://github.com/NuGet/NuGet.Client/tree/dev/src/NuGet.Core/NuGet.DependencyResolver.Core/GraphModel.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from outrider.operators.packages.nuget.graph import Edge, Fate, Node, walked
from outrider.operators.packages.nuget.packages import Item, Need
from outrider.operators.packages.nuget.ranges import allows

_MOST_ROUNDS = 1000


class Place(NamedTuple):
    """A need of a node.

    Attributes:
        node: Whose.
        need: What is needed.
    """

    node: Node
    need: Need


class Clash(NamedTuple):
    """A need that is not met by what is taken.

    Attributes:
        taken: What is.
        other: The need.
    """

    taken: Node
    other: Place


class Decision(NamedTuple):
    """What has become of a graph.

    Attributes:
        top: Of the graph.
        accepted: What is taken of each package, by name.
        cycles: Needs of what already stands above.
        lowered: Packages that are lower than something asks for, as they stand nearer to the top.
        conflicts: Cousins that no version meets.
        missing: Needs that no version meets.
        undecided: What may count or not, as each of these hangs on the others.
    """

    top: Node
    accepted: dict[str, Node]
    cycles: list[Place]
    lowered: list[Clash]
    conflicts: list[Clash]
    missing: list[Place]
    undecided: list[Node]

    @property
    def is_sound(self) -> bool:
        """Whether everything goes together."""
        return not (self.cycles or self.lowered or self.conflicts or self.missing or self.undecided)

    def edges(self) -> Iterator[tuple[Node, Edge]]:
        """Yield the needs of all nodes that count."""
        return _edges(self.top)


def decide(top: Node, check: Callable[[], None]) -> Decision:
    """Decide which nodes count.

    Args:
        top: Of a graph that has all its nodes.
        check: Called now and then; it may raise to end this.
    """
    accepted = _settled(top, check)
    _lead(top, _counts)
    _lead(top, lambda _: True)
    needs = list(_edges(top))
    return Decision(
        top,
        accepted,
        cycles=[Place(node, edge.need) for node in walked(top) for edge in node.edges if edge.fate is Fate.CYCLE],
        lowered=list(_clashes(needs, accepted, _is_lowered)),
        conflicts=list(_clashes(needs, accepted, _is_unmet)),
        missing=[
            Place(node, edge.need)
            for node, edge in needs
            if edge.node is not None and _counts(edge.node) and not edge.node.item.is_there
        ],
        undecided=[node for node in walked(top, _is_left) if node.fate is Fate.OPEN],
    )


def _counts(node: Node) -> bool:
    return node.fate is Fate.ACCEPTED


def _is_left(node: Node) -> bool:
    return node.fate is not Fate.REJECTED


def _edges(top: Node) -> Iterator[tuple[Node, Edge]]:
    """Yield the needs of all nodes that count."""
    return ((node, edge) for node in walked(top, _counts) for edge in node.edges)


def _lead(top: Node, goes_on: Callable[[Node], bool]) -> None:
    """Note what leads to nodes, where that is not known yet: the shortest way."""
    for node in walked(top, goes_on):
        for edge in node.edges:
            if edge.node is not None and edge.node.outer is None:
                edge.node.outer, edge.node.need = node, edge.need


def _clashes(
    needs: list[tuple[Node, Edge]], accepted: dict[str, Node], is_one: Callable[[Edge, Item], bool]
) -> Iterator[Clash]:
    for node, edge in needs:
        taken = accepted.get(edge.need.name)
        if taken is not None and is_one(edge, taken.item):
            yield Clash(taken, Place(node, edge.need))


def _is_lowered(edge: Edge, taken: Item) -> bool:
    return edge.fate is Fate.LOWERED and edge.far is taken


def _is_unmet(edge: Edge, taken: Item) -> bool:
    return edge.fate is Fate.OPEN and taken.is_there and not allows(edge.need.range, taken.key)


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


def _known(top: Node) -> dict[str, list[Item]]:
    """Return what is taken for the nodes that are not rejected, nor below such a one."""
    known: dict[str, list[Item]] = {}
    for node in walked(top, _is_left):
        items = known.setdefault(node.item.name, [])
        if node.item not in items:
            items.append(node.item)
    return known


def _ambiguous(top: Node, known: dict[str, list[Item]]) -> set[str]:
    """Return the packages that stand below one of which several versions are left: they may yet come to nothing."""
    seen = {(top, False)}
    queue = deque(seen)
    while queue:
        node, below = queue.popleft()
        below = below or len(known[node.item.name]) > 1
        for inner in filter(_is_left, node.inner()):
            if (inner, below) not in seen:
                seen.add((inner, below))
                queue.append((inner, below))
    return {node.item.name for node, below in seen if below}


def _round(top: Node, known: dict[str, list[Item]], ambiguous: set[str], accepted: dict[str, Node]) -> bool:
    """Accept and reject what can be told of now; return whether there was anything."""
    has_changed = False

    def is_accepted(node: Node) -> bool:
        nonlocal has_changed
        if node.item.name in ambiguous or node.fate is Fate.REJECTED:
            return False
        if node.fate is Fate.OPEN:
            has_changed = True
            is_best = not any(node.item.key < other.key for other in known[node.item.name])
            node.fate = Fate.ACCEPTED if is_best else Fate.REJECTED
        if _counts(node):
            accepted.setdefault(node.item.name, node)
        return _counts(node)

    for _ in walked(top, is_accepted):
        continue
    return has_changed
