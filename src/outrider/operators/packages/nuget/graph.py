"""The graph of packages as NuGet sees it: a tree in which a package stands wherever something needs it.

https://learn.microsoft.com/nuget/concepts/dependency-resolution, and of the rest `RemoteDependencyWalker` in
https://github.com/NuGet/NuGet.Client/tree/dev/src/NuGet.Core/NuGet.DependencyResolver.Core.

Such a tree may have millions of nodes for some hundred packages. Here what would be the same below stands once: a version of a package, as
often as what stands above it differs in what matters below it. That comes to the same, but for one thing: where NuGet can decide nothing
any more (NU1106) because of copies of what is rejected elsewhere already, this goes on.

Compared with nuget.exe 5.8.0.6930, which NuGet's newer resolver (from 6.12 on) is to agree with: of the versions that are chosen all were
the same. It tells of a lower version (NU1605) even where what asks for more is not taken itself, which newer ones do not.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.nuget.packages import Item, Need, NugetPackage
from outrider.operators.packages.nuget.ranges import allows, reaches, read_range

_MOST_NODES = 200_000
_DEEPEST = 200
_CHECK_EVERY = 1024
_CYCLE = "cycle"


class Fate(Enum):
    """What becomes of a node, or of a need."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    # It asks for more than what stands nearer to the top.
    LOWERED = "lowered"
    CYCLE = "cycle"


class Above(NamedTuple):
    """What stands above a node of a package: all that matters of it for what the node needs of that package.

    Attributes:
        near: What the nearest of those above needs of it; `cycle` where it is one of them itself; empty where none does.
        far: What the furthest one needs of it, which is what counts in the end.
    """

    near: str
    far: str


_NOTHING = Above("", "")


class Edge(NamedTuple):
    """A need of a node.

    Attributes:
        need: What is needed.
        node: What is taken for it; None where something above stands in for it.
        fate: LOWERED and CYCLE where that is remarkable, else OPEN.
        far: What is taken in place of what is lowered.
    """

    need: Need
    node: "Node | None" = None
    fate: Fate = Fate.OPEN
    far: Item | None = None


class Node:
    """A version of a package in one or several places with the same below them.

    Attributes:
        item: The version.
        edges: What it needs.
        fate: What becomes of it.
        above: What was looked for above it, by the name of the package, and found.
        deep: For which of these it counts what the furthest needs, although something below it is nearer.
        outer: What leads to it, where that has been looked at; None at the top.
        need: As what it is needed there.
    """

    __slots__ = ("above", "deep", "edges", "fate", "item", "need", "outer")

    def __init__(self, item: Item, need: Need) -> None:
        self.item, self.need, self.fate = item, need, Fate.OPEN
        self.edges: list[Edge] = []
        self.above: dict[str, Above] = {}
        self.deep: set[str] = set()
        self.outer: Node | None = None

    def inner(self) -> Iterator["Node"]:
        """Yield what is taken for its needs."""
        return (edge.node for edge in self.edges if edge.node is not None)

    def path(self) -> list["Node"]:
        """Return what leads to it, itself at the end, without the top."""
        found: list[Node] = []
        node = self
        while node.outer is not None:
            found.append(node)
            node = node.outer
        return found[::-1]


class Graph:
    """A graph.

    Args:
        packages: By name; more may come while this has to wait for them.
        asked: What is asked for.

    Attributes:
        top: Whoever asks.
    """

    def __init__(self, packages: Mapping[str, NugetPackage], asked: Sequence[Need]) -> None:
        self._packages = packages
        self.top = Node(Item("", "you", bit=0, needs=asked), Need("", read_range("")))

    def expand(self, check: Callable[[], None]) -> list[tuple[str, int]]:
        """Make all nodes; return for which packages, and for which versions of them, this has to wait. Then it is to be called again.

        Args:
            check: Called now and then; it may raise to end this.

        Raises:
            ExecutionFailedError: There are too many of them.
        """
        check()
        building = _Building(self._packages, check)
        self.top.edges.clear()
        building.fill(self.top)
        return list(building.waiting)


class _Building:
    """Makes nodes, from the top down to the bottom on each way in turn."""

    def __init__(self, packages: Mapping[str, NugetPackage], check: Callable[[], None]) -> None:
        self._packages, self._check = packages, check
        self.waiting: dict[tuple[str, int], None] = {}
        self._made: dict[Item, list[Node]] = {}
        self._count = self._steps = 0
        # On the way to where we are: of each node the need that leads on; and by name what stands there, with its depth: a need, or None
        # for the package itself.
        self._ways: list[Need] = []
        self._there: dict[str, list[tuple[int, Need | None]]] = {}

    def fill(self, node: Node) -> None:
        """Add what a node needs."""
        depth = len(self._ways)
        self._count += 1
        if self._count > _MOST_NODES or depth > _DEEPEST:
            raise ExecutionFailedError(
                "nuget: what is asked for needs packages in too many ways", found="more places, or more of them below each other",
                expected=f"at most {_MOST_NODES} places, and {_DEEPEST} below each other",
                suggestions=["ask for the packages that most others need too: nothing below them counts then"],
            )  # fmt: skip
        here = [*((need.name, need) for need in (*node.item.needs, *node.item.private)), (node.item.name, None)]
        for name, one in here:
            self._there.setdefault(name, []).append((depth, one))
        for need in node.item.needs:
            edge = self._edge(node, need)
            if edge is not None:
                node.edges.append(edge)
        for name, _ in here:
            self._there[name].pop()

    def _edge(self, node: Node, need: Need) -> Edge | None:
        """Return a need of a node; None where something above stands in for it."""
        if need.name == node.item.name:
            return Edge(need, fate=Fate.CYCLE)
        above = node.above[need.name] = self._above(need.name)
        if above.near == _CYCLE:
            return Edge(need, fate=Fate.CYCLE)
        if not above.near:
            below = self._below(node, need)
            return None if below is None else Edge(need, below)
        if reaches(read_range(above.near), need.range):
            return None
        node.deep.add(need.name)
        far = Need(need.name, read_range(above.far))
        taken = self._item(far)
        # Where what was asked for nearer to the top is not there, what is taken for it may be high enough.
        if taken is None or reaches(far.range, need.range) or allows(need.range, taken.key):
            return None
        return Edge(need, fate=Fate.LOWERED, far=taken)

    def _above(self, name: str) -> Above:
        """Return what stands of a package above the node that we are at."""
        there, depth = self._there.get(name, ()), len(self._ways)
        for level, one in reversed(there):
            if level < depth and one is not self._ways[level]:
                far = next(need.range.text for _, need in there if need is not None)
                return Above(_CYCLE if one is None else one.range.text, far)
        return _NOTHING

    def _below(self, node: Node, need: Need) -> Node | None:
        """Return what is taken for a need of a node; None where that cannot be told yet."""
        item = self._item(need)
        if item is None:
            return None
        self._ways.append(need)
        below = next((made for made in self._made.get(item, ()) if self._fits(made)), None)
        if below is None:
            below = Node(item, need)
            self.fill(below)
            self._made.setdefault(item, []).append(below)
        self._ways.pop()
        self._note(node, need, below)
        return below

    def _fits(self, made: Node) -> bool:
        self._steps += 1
        if not self._steps % _CHECK_EVERY:
            self._check()
        return all(self._above(name) == above for name, above in made.above.items())

    def _note(self, node: Node, need: Need, below: Node) -> None:
        """Note what was looked for above a node for the sake of what it needs."""
        node.deep |= below.deep
        for name in below.above:
            is_here = name == node.item.name or any(other is not need for other in node.item.by_name.get(name, ()))
            if not is_here or name in below.deep:
                node.above[name] = self._above(name)

    def _item(self, need: Need) -> Item | None:
        package = self._packages.get(need.name)
        item = package.item(need.range) if package is not None else -1
        if isinstance(item, int):
            self.waiting[need.name, item] = None
            return None
        return item


def walked(top: Node, goes_on: Callable[[Node], bool] = lambda _: True) -> Iterator[Node]:
    """Yield nodes, each once, those nearest to the top first.

    Args:
        top: Where to begin.
        goes_on: Whether a node is yielded, and what it needs looked at.
    """
    seen = {top}
    queue = deque([top])
    while queue:
        node = queue.popleft()
        if goes_on(node):
            yield node
            for inner in node.inner():
                if inner not in seen:
                    seen.add(inner)
                    queue.append(inner)
