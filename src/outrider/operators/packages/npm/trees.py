"""Trees of folders node_modules: what is put in and taken away, and which needs find something else after that."""

from outrider.operators.packages.npm.nodes import Edge, Edges, Node


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
        _look_around(top)

    def _enter(self, node: Node) -> None:
        node.tree = self
        self.named.setdefault(node.key, {})[node] = None
        for key, edge in node.edges_out.items():
            known = self._edges.get(key)
            if known is None:
                known = self._edges[key] = {}
            known[edge] = None

    def _leave(self, node: Node) -> None:
        node.tree = None
        del self.named[node.key][node]
        for key, edge in node.edges_out.items():
            del self._edges[key][edge]

    def add(self, node: Node, parent: Node) -> None:
        """Put a node into another one, in place of what is there by its name."""
        if (old := parent.children.get(node.key)) is not None:
            self.remove(old)
        if node.tree is not None:
            node.tree.remove(node)
        node.parent = parent
        parent.children[node.key] = node
        entered = list(node.subtree())
        for one in entered:
            assert one.parent is not None
            one.depth = one.parent.depth + 1
            self._enter(one)
        self._look_again(node.key)
        for one in entered:
            _look_around(one)

    def settle(self, node: Node, above: Node) -> None:
        """Have a member of a workspace in the folder of another node."""
        node.above = above
        above.inside.append(node)
        self._enter(node)
        _look_around(node)

    def remove(self, node: Node) -> None:
        """Take a node away, with whatever is in it."""
        assert node.parent is not None
        del node.parent.children[node.key]
        gone = list(node.subtree())
        lost = [edge for one in gone for edge in one.edges_in]
        for one in gone:
            self._leave(one)
        node.parent = None
        self._look_for(lost)
        for one in gone:
            _forget(one)

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
        self._look_for(list(old.edges_in))
        _forget(old)
        parent.children[new.key] = new
        self._enter(new)
        self._look_again(new.key)
        _look_around(new)

    def _look_for(self, edges: list[Edge]) -> None:
        for edge in edges:
            if edge.source.tree is self:
                edge.look()

    def _look_again(self, key: str) -> None:
        for edge in list(self._edges.get(key, ())):
            if edge.source.resolve(key) is not edge.to:
                edge.look()


def _look_around(node: Node) -> None:
    for edge in node.edges_out.values():
        edge.look(anew=True)


def _forget(node: Node) -> None:
    for edge in node.edges_out.values():
        edge.forget()
