"""Which nodes of a tree go together: those that only some others need, and peers with whatever brings them."""

from collections.abc import Callable, Iterable

from outrider.operators.packages.npm.nodes import Edge, Node

Nodes = dict[Node, None]


def only_for(nodes: Iterable[Node], counts: Callable[[Edge], bool]) -> Nodes:
    """Return some nodes and what they need, without what others need.

    Args:
        nodes: The first of them.
        counts: Whether a need counts.
    """
    found: Nodes = dict.fromkeys(nodes)
    waiting = list(found)
    for node in waiting:
        for edge in node.edges_out.values():
            if edge.to is not None and edge.to not in found and counts(edge):
                found[edge.to] = None
                waiting.append(edge.to)
    changed = True
    while changed and found:
        changed = False
        for node in list(found):
            if any(edge.source not in found and counts(edge) for edge in node.edges_in):
                del found[node]
                changed = True
    return found


def peer_sets(node: Node) -> dict[Edge, Nodes]:
    """Return the sets of peers that a node is in, each by the need that brings it."""
    union: Nodes = {node: None}
    waiting = [node]
    for one in waiting:
        beside = [edge.to for edge in one.edges_out.values() if edge.is_peer and edge.valid and edge.to is not None]
        beside += [edge.source for edge in one.edges_in if edge.is_peer and edge.valid]
        for other in beside:
            if other not in union:
                union[other] = None
                waiting.append(other)
    found = {}
    for one in union:
        for edge in one.edges_in:
            if edge.valid and (not edge.is_peer or edge.source.parent is None):
                members = _with_peers(one)
                if node in members:
                    found[edge] = members
    return found


def _with_peers(node: Node) -> Nodes:
    found: Nodes = {node: None}
    waiting = [node]
    for one in waiting:
        for edge in one.edges_out.values():
            if edge.is_peer and edge.valid and edge.to is not None and edge.to not in found:
                found[edge.to] = None
                waiting.append(edge.to)
    return found


def needed_but(node: Node) -> Callable[[Edge], bool]:
    """Return the test for needs that are met by others than a node."""
    return lambda edge: edge.valid and edge.to is not node


def deepest_place(start: Node, key: str) -> Node:
    """Return the deepest node that a name could be put into for the sake of another: peers stand above who needs them."""
    node = start
    while (outer := node.outer) is not None:
        edge = node.edges_out.get(key)
        if edge is None or not edge.is_peer:
            return node
        node = outer
    return node


def can_replace(new: Node, old: Node, beside: Iterable[str] = ()) -> bool:
    """Return whether all who need a node would do with another one.

    Args:
        new: The other one.
        old: What would go.
        beside: Keys of peers that would be replaced too, and whose needs do not count.
    """
    if new.name != old.name or new.manifest is None or old.manifest is None:
        return False
    if new.manifest.name != old.manifest.name or (old.edges_out and new.rules is not old.rules):
        return False
    others = [edge for edge in old.edges_in if not edge.accepts(new)]
    if not others:
        return True
    keys = set(beside)
    own = only_for([old], needed_but(old))
    for edge in others:
        replaced = old.parent is not None and edge.source.parent is old.parent and edge.is_peer
        if not (replaced and edge.source.key in keys) and edge.source not in own:
            return False
    return True
