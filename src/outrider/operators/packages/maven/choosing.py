"""Which of several nodes of one artifact stays, as maven-resolver 1.6.3 decides: the nearest, of equally near ones the first.

Only a range rules others out: then the nearest that is in all ranges stays. Its scope is the widest of all that were met, unless whoever
asks says one; it is optional where it is so everywhere.

https://github.com/apache/maven-resolver/tree/maven-resolver-1.6.3/maven-resolver-util/src/main/java/org/eclipse/aether/util/graph/transformer:
ConflictResolver, NearestVersionSelector, JavaScopeSelector, JavaScopeDeriver and SimpleOptionalitySelector. The table of scopes is that of
https://maven.apache.org/guides/introduction/introduction-to-dependency-mechanism.html#dependency-scope.
"""

from collections.abc import Callable, Iterable, Sequence

from outrider.operators.packages.maven.collecting import Node
from outrider.operators.packages.maven.order import RESOLVER_SCHEME
from outrider.operators.packages.versions.ranges import Cut, Key, VersionRange

# The wider ones first.
_SCOPES = ("compile", "runtime", "provided", "test")


class UnsolvableError(Exception):
    """Ranges of one artifact have no version in common that is near enough to be looked at.

    Attributes:
        group: The number of its nodes.
    """

    def __init__(self, group: int) -> None:
        super().__init__("there is no version in all ranges")
        self.group = group


class Item:
    """A node as it is met on the ways to it.

    Attributes:
        parent: The list that it is in, which several nodes may share; None for whoever asks.
        node: The node.
        depth: Of the nearest way.
        scopes: That it has on the ways.
        is_optional: Whether it is on all ways.
    """

    __slots__ = ("depth", "is_optional", "node", "parent", "scopes")

    def __init__(self, parent: list[Node] | None, node: Node, scope: str, *, is_optional: bool) -> None:
        self.parent, self.node, self.depth = parent, node, 0
        self.scopes, self.is_optional = {scope}, is_optional


class _Reached:
    """A list of nodes on the ways to it.

    Attributes:
        depth: Of the nearest way.
        scopes: That its owner has on the ways.
        optional: Whether its owner is optional, on any of the ways each.
        items: Nodes within that there is a choice between.
    """

    __slots__ = ("depth", "items", "optional", "scopes")

    def __init__(self, depth: int, scope: str, *, optional: bool) -> None:
        self.depth, self.scopes, self.optional = depth, {scope}, {optional}
        self.items: list[Item] = []


class Chooser:
    """Leaves one node of each artifact in a graph, and takes all others out.

    Args:
        root: Whoever asks.
        check: Called now and then; it may raise to end the work.
    """

    def __init__(self, root: Node, check: Callable[[], None]) -> None:
        self._root, self._check = root, check
        self._winners: dict[int, Node | None] = {}
        # The numbers of nodes behind which something may be found that is still to be chosen.
        self._ancestors: set[int] = set()
        self._items: list[Item] = []
        self._reached: dict[int, _Reached] = {}
        self._stack: set[int] = set()
        # What is on the way: node, its scope, whether it is optional, and where nodes within are noted; None where they are already.
        self._way: list[tuple[Node, str, bool, _Reached | None]] = []
        self._group = -1

    def run(self, ordered: Sequence[int], circles: dict[int, set[int]]) -> None:
        """Make all choices.

        Args:
            ordered: The numbers of the choices, in their order.
            circles: By number, those that a choice is in a circle with.

        Raises:
            UnsolvableError: Ranges of an artifact have no version in common.
        """
        winner = None
        for group in ordered:
            self._check()
            self._prepare(group)
            self._ancestors |= circles.get(group, set())
            self._gather(self._root)
            for item in self._items:
                item.depth = 0 if item.parent is None else self._reached[id(item.parent)].depth + 1
            self._ancestors.add(group)
            winner = self._choose(group) if self._items else None
            self._winners[group] = None if winner is None else winner.node
        if circles and winner is not None:
            self._prepare(-2)
            self._gather(winner.node)

    def _prepare(self, group: int) -> None:
        self._group = group
        self._items.clear()
        self._reached.clear()

    def _choose(self, group: int) -> Item:
        winner = nearest(self._items)
        if winner is None:
            raise UnsolvableError(group)
        scope = winner.node.scope if winner.node.scope == "system" else _widest(self._items)
        optional = _is_optional(self._items)
        winner.node.scope, winner.node.optional = scope, optional
        for item in self._items:
            if item is not winner and item.parent is not None:
                _remove(item.parent, item.node)
        return winner

    def _gather(self, node: Node) -> bool:
        """Note all nodes of the choice that can be reached; return whether this node stays."""
        if node.group == self._group:
            self._note(node)
            return True
        winner = self._winners.get(node.group)
        if winner is not None and winner is not node:
            return False
        if self._push(node):
            # Nodes without children of their own are very many, and lists of which nothing goes need not be made anew.
            gone = [child for child in node.children if not self._gather(child)]
            for child in gone:
                _remove(node.children, child)
            self._way.pop()
            self._stack.discard(id(node.children))
        return True

    def _push(self, node: Node) -> bool:
        if node.artifact is not None and node.group not in self._ancestors:
            return False
        identity = id(node.children)
        if identity in self._stack:
            return False
        depth, scope, optional = len(self._way), self._scope(node, node.group), self._optional(node, node.group)
        reached = self._reached.get(identity)
        if reached is None:
            reached = self._reached[identity] = _Reached(depth, scope, optional=optional)
            self._way.append((node, scope, optional, reached))
        else:
            reached.depth = min(reached.depth, depth)
            new_scope, new_optional = scope not in reached.scopes, optional not in reached.optional
            if not (new_scope or new_optional):
                return False
            reached.scopes.add(scope)
            reached.optional.add(optional)
            self._way.append((node, scope, optional, None))
            for item in reached.items:
                if new_scope:
                    item.scopes.add(self._scope(item.node))
                if new_optional:
                    item.is_optional = item.is_optional and self._optional(item.node)
        self._stack.add(identity)
        return True

    def _note(self, node: Node) -> None:
        parent, _, _, reached = self._way[-1] if self._way else (None, "", False, None)
        if parent is not None and reached is None:
            return
        children = None if parent is None else parent.children
        item = Item(children, node, self._scope(node), is_optional=self._optional(node))
        if reached is not None:
            reached.items.append(item)
        self._items.append(item)

    def _scope(self, node: Node, group: int | None = None) -> str:
        if node.is_scope_managed or (group is not None and group in self._winners):
            return node.scope
        return derived(self._way[-1][1], node.scope) if self._way else node.scope

    def _optional(self, node: Node, group: int | None = None) -> bool:
        if node.optional or node.is_optional_managed or (group is not None and group in self._winners):
            return node.optional
        return self._way[-1][2] if self._way else False


def nearest(items: Sequence[Item]) -> Item | None:
    """Return the item that stays; None where the ranges have no version in common.

    Args:
        items: In the order in which they were met.
    """
    ranges: dict[str, VersionRange] = {}
    candidates: list[Item] = []
    winner: Item | None = None
    for item in items:
        fresh = bool(item.node.range) and item.node.range not in ranges
        if fresh:
            ranges[item.node.range] = RESOLVER_SCHEME.range(item.node.range)
        goes_back = fresh and winner is not None and not _is_within(winner, [ranges[item.node.range]])
        acceptable = _is_within(item, ranges.values())
        if acceptable:
            candidates.append(item)
        if goes_back:
            candidates = [one for one in candidates if _is_within(one, ranges.values())]
            winner = None
            for one in candidates:
                winner = one if winner is None or _is_nearer(one, winner) else winner
            if winner is None:
                return None
        elif acceptable and (winner is None or _is_nearer(item, winner)):
            winner = item
    return winner


def _is_within(item: Item, ranges: Iterable[VersionRange]) -> bool:
    key = _key(item)
    return all(allows(one, key) for one in ranges)


def allows(allowed: VersionRange, key: Key) -> bool:
    """Return whether a version is in a range."""
    at = Cut(key, after=False)
    return any((span.low is None or span.low <= at) and (span.high is None or span.high > at) for span in allowed.spans)


def _is_nearer(one: Item, other: Item) -> bool:
    if one.parent is other.parent:
        return _key(one) > _key(other)
    return one.depth < other.depth


def _key(item: Item) -> Key:
    assert item.node.artifact is not None
    return RESOLVER_SCHEME.parse(item.node.artifact.version).key


def derived(parent: str, child: str) -> str:
    """Return the scope of what is needed by something of another scope."""
    if child in ("system", "test") or parent in ("", "compile"):
        return child
    if parent in ("test", "runtime"):
        return parent
    return "provided" if parent in ("system", "provided") else "runtime"


def _widest(items: Sequence[Item]) -> str:
    scopes: set[str] = set()
    for item in items:
        if item.depth <= 1:
            return item.node.scope
        scopes |= item.scopes
    if len(scopes) > 1:
        scopes.discard("system")
    if len(scopes) == 1:
        return scopes.pop()
    return next((scope for scope in _SCOPES if scope in scopes), "")


def _is_optional(items: Sequence[Item]) -> bool:
    for item in items:
        if item.depth <= 1:
            return item.node.optional
    return all(item.is_optional for item in items)


def _remove(nodes: list[Node], node: Node) -> None:
    """Take a node out of a list, by what it is and not by what it is like."""
    place = next((at for at, one in enumerate(nodes) if one is node), None)
    if place is not None:
        del nodes[place]
