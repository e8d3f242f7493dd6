"""The graph of packages as NuGet sees it: a tree in which a package stands wherever something needs it.

https://learn.microsoft.com/nuget/concepts/dependency-resolution, and of the rest `RemoteDependencyWalker` in
https://github.com/NuGet/NuGet.Client/tree/dev/src/NuGet.Core/NuGet.DependencyResolver.Core.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.nuget.packages import Item, Need, NugetPackage
from outrider.operators.packages.nuget.ranges import reaches, read_range

# Two thousand packages that all need each other differently would make a tree larger than any memory.
_MOST_NODES = 400_000
_CHECK_EVERY = 4096


class Fate(Enum):
    """What becomes of a node."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    # It asks for more than what stands nearer to the top.
    LOWERED = "lowered"
    CYCLE = "cycle"


class Node:
    """A place where a package is needed.

    Attributes:
        need: What is needed.
        outer: Who needs it; None at the top.
        inner: What it needs in turn.
        fate: What becomes of it.
    """

    __slots__ = ("_item", "fate", "inner", "need", "outer")

    def __init__(self, need: Need, outer: "Node | None", fate: Fate = Fate.OPEN) -> None:
        self.need, self.outer, self.fate = need, outer, fate
        self.inner: list[Node] = []
        self._item: Item | None = None

    @property
    def item(self) -> Item:
        """What is taken for it."""
        assert self._item is not None
        return self._item

    def take(self, item: Item) -> None:
        """Say what is taken for it."""
        self._item = item

    def path(self) -> list["Node"]:
        """Return what leads to it, itself at the end, without the top."""
        found, node = [self], self.outer
        while node is not None and node.outer is not None:
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
        self.top = Node(Need("", read_range("")), None)
        self.top.take(Item("", "you", bit=0, needs=asked))
        self._open = [self.top]
        self._count = 0

    def expand(self, check: Callable[[], None]) -> list[tuple[str, int]]:
        """Add all nodes that are missing; return for which packages, and for which versions of them, this has to wait.

        Args:
            check: Called now and then; it may raise to end this.

        Raises:
            ExecutionFailedError: There are too many of them.
        """
        queue, self._open = deque(self._open), []
        waiting: dict[tuple[str, int], None] = {}
        while queue:
            node = queue.popleft()
            wanted = self._fill(node)
            if wanted is not None:
                waiting[wanted] = None
                self._open.append(node)
                continue
            queue.extend(self._add_inner(node))
            self._count += 1
            if not self._count % _CHECK_EVERY:
                check()
            if self._count > _MOST_NODES:
                raise ExecutionFailedError(
                    "nuget: what is asked for needs packages in too many ways", found=f"more than {_MOST_NODES} places",
                    expected="fewer", suggestions=["ask for the packages that most others need too: nothing below them counts then"],
                )  # fmt: skip
        return list(waiting)

    def _fill(self, node: Node) -> tuple[str, int] | None:
        """Take what is taken for a node; where that cannot be told yet, return what must be known for it."""
        if node is self.top:
            return None
        package = self._packages.get(node.need.name)
        if package is None:
            return node.need.name, -1
        item = package.item(node.need.range)
        if isinstance(item, int):
            return node.need.name, item
        node.take(item)
        return None

    def _add_inner(self, node: Node) -> list[Node]:
        found = []
        for need in node.item.needs:
            fate = _fate(node, need)
            if fate is Fate.OPEN:
                found.append(Node(need, node))
            elif fate is not Fate.REJECTED:
                node.inner.append(Node(need, node, fate))
        node.inner += found
        return found


def _fate(node: Node, need: Need) -> Fate:
    """Return what becomes of what a node needs, by what stands nearer to the top; what is rejected here needs no node."""
    if need.name == node.need.name:
        return Fate.CYCLE
    below, above = node, node.outer
    while above is not None:
        if above.item.name == need.name:
            return Fate.CYCLE
        for other in above.item.by_name.get(need.name, ()):
            if other is not below.need:
                return Fate.REJECTED if reaches(other.range, need.range) else Fate.LOWERED
        below, above = above, above.outer
    return Fate.OPEN


def walked(top: Node) -> Iterator[Node]:
    """Yield all nodes, those nearest to the top first."""
    queue = deque([top])
    while queue:
        node = queue.popleft()
        inner = list(node.inner)
        yield node
        queue.extend(inner)
