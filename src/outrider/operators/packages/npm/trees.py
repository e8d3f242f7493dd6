"""Trees of folders node_modules, and which package each need finds there, as node looks for it: in its own folder, then upwards."""

from collections.abc import Iterator

from outrider.core.errors import OutriderError
from outrider.operators.packages.npm.packages import Manifest, Need
from outrider.operators.packages.npm.records import PEER

Edges = dict["Edge", None]


class Edge:
    """A need of a node, and what it finds.

    Attributes:
        source: Who needs.
        need: What.
        key: Its name as file systems compare it.
        to: What is found; None for nothing.
        valid: Whether that will do.
        overruled: Whether it was given up: a peer that does not go with others.
    """

    __slots__ = ("key", "need", "overruled", "source", "to", "valid")

    def __init__(self, source: "Node", need: Need) -> None:
        self.source, self.need, self.key = source, need, need.key
        self.to: Node | None = None
        self.valid = need.kind & 1 == 1
        self.overruled = False

    @property
    def is_peer(self) -> bool:
        """Whether it has to be found beside, and not below."""
        return self.need.kind >= PEER

    @property
    def is_optional(self) -> bool:
        """Whether it may find nothing."""
        return self.need.kind & 1 == 1

    def accepts(self, node: "Node") -> bool:
        """Return whether a node is what is needed, by its version."""
        manifest, need = node.manifest, self.need
        if node.name != need.name:
            return False
        if manifest is None or manifest.package is None or not need.package:
            return need.text == "*"
        return manifest.package.allows(need.text, manifest.bit)

    def look(self) -> None:
        """Find again what is needed."""
        found = self.source.resolve(self.key)
        if found is not self.to:
            if self.to is not None:
                self.to.edges_in.pop(self, None)
            self.to = found
            if found is not None:
                found.edges_in[self] = None
        if found is None:
            self.valid = self.is_optional
        else:
            source = self.source
            local = self.need.kind >= PEER and source is found.parent and source.parent is not None
            self.valid = not local and self.accepts(found)


class Node:
    """A package in a folder.

    Args:
        name: Of the folder.
        manifest: What is in it; None where it could not be had.
        fault: Why.

    Attributes:
        key: Its name as file systems compare it.
        parent: In whose node_modules it is; None for the top, and for what was taken away.
        children: What is in its own node_modules.
        edges_out: What it needs, by name.
        edges_in: Who finds it.
        tree: In which it is.
        stands_for: The node above that it is a link to; only where packages would be nested without end.
        bundled: Whether it came within the tarball of another, or that says that it is to be there.
        below: For the top of a tree of peers: the node whose needs it has.
    """

    __slots__ = (
        "below", "bundled", "children", "depth", "edges_in", "edges_out", "fault", "key", "manifest", "name", "parent", "stands_for", "tree",
    )  # fmt: skip

    def __init__(self, name: str, manifest: Manifest | None, fault: OutriderError | None = None) -> None:
        self.name, self.manifest, self.fault = name, manifest, fault
        self.key = name.lower()
        self.parent: Node | None = None
        self.children: dict[str, Node] = {}
        self.edges_in: Edges = {}
        self.tree: Tree | None = None
        self.stands_for: Node | None = None
        self.below: Node | None = None
        self.bundled = False
        self.depth = 0
        self.edges_out: dict[str, Edge] = {}
        if manifest is not None:
            for need in manifest.needs:
                self.edges_out[need.key] = Edge(self, need)

    @property
    def is_root(self) -> bool:
        """Whether it is the top of its tree."""
        return self.tree is not None and self.tree.top is self

    @property
    def place(self) -> str:
        """Its folder."""
        if self.parent is None:
            return ""
        above = self.parent.place
        return f"{above}/node_modules/{self.name}" if above else f"node_modules/{self.name}"

    def resolve(self, key: str) -> "Node | None":
        """Return what node finds by a name from here."""
        node: Node | None = self
        while node is not None:
            found = node.children.get(key)
            if found is not None:
                return found
            node = node.parent
        return None

    def ancestry(self) -> Iterator["Node"]:
        """Yield it, and whatever it is in."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent

    def is_within(self, other: "Node") -> bool:
        """Return whether it is another one, or is in it."""
        return any(node is other for node in self.ancestry())

    def same_as(self, other: "Node") -> bool:
        """Return whether the same is in both."""
        if self is other:
            return True
        if (self.stands_for is None) != (other.stands_for is None) or self.manifest is None:
            return False
        one, two = self.manifest, other.manifest
        if one is two:
            return self.name == other.name
        return two is not None and (self.name, one.name, one.version) == (other.name, two.name, two.version)

    def subtree(self) -> Iterator["Node"]:
        """Yield it, and whatever is in it."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(node.children.values())


class Tree:
    """All nodes below one.

    Args:
        top: The one.
    """

    def __init__(self, top: Node) -> None:
        self.top = top
        self._edges: dict[str, Edges] = {}
        self.named: dict[str, dict[Node, None]] = {}
        self._enter(top)

    def _enter(self, node: Node) -> None:
        node.tree = self
        self.named.setdefault(node.key, {})[node] = None
        for key, edge in node.edges_out.items():
            known = self._edges.get(key)
            if known is None:
                known = self._edges[key] = {}
            known[edge] = None
            edge.look()

    def _leave(self, node: Node) -> None:
        node.tree = None
        del self.named[node.key][node]
        for key, edge in node.edges_out.items():
            del self._edges[key][edge]
            if edge.to is not None:
                edge.to.edges_in.pop(edge, None)
                edge.to = None
            edge.valid = edge.is_optional

    def add(self, node: Node, parent: Node) -> None:
        """Put a node into another one, in place of what is there by its name."""
        if (old := parent.children.get(node.key)) is not None:
            self.remove(old)
        if node.tree is not None:
            node.tree.remove(node)
        node.parent = parent
        parent.children[node.key] = node
        for one in node.subtree():
            assert one.parent is not None
            one.depth = one.parent.depth + 1
            self._enter(one)
        self._look_again(node.key)

    def remove(self, node: Node) -> None:
        """Take a node away, with whatever is in it."""
        assert node.parent is not None
        del node.parent.children[node.key]
        gone = list(node.subtree())
        lost = [edge for one in gone for edge in one.edges_in]
        for one in gone:
            self._leave(one)
        node.parent = None
        for edge in lost:
            if edge.source.tree is self:
                edge.look()

    def replace(self, old: Node, new: Node) -> None:
        """Put a node in the place of another; what is in that one stays."""
        parent = old.parent
        assert parent is not None
        new.parent, new.depth = parent, old.depth
        new.children, old.children = old.children, {}
        for child in new.children.values():
            child.parent = new
        self._leave(old)
        old.parent = None
        del parent.children[old.key]
        parent.children[new.key] = new
        self._enter(new)
        self._look_again(new.key)

    def _look_again(self, key: str) -> None:
        for edge in list(self._edges.get(key, ())):
            edge.look()
