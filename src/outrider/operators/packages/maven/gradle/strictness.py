"""What strict versions do to what comes below them.

Where something on each way to a node is strict about a module, what the node itself asks of the version of it counts no more:
https://docs.gradle.org/current/userguide/dependency_versions.html#sec:strict-version; of Gradle 8.11: NodeState.
"""

from collections.abc import Mapping, Sequence

from outrider.operators.packages.maven.gradle.nodes import Edge, Node

Modules = frozenset[str]
_NONE: Modules = frozenset()


def provided(nodes: Sequence[Node]) -> dict[Node, Modules]:
    """Return of each node the modules whose versions are settled above it.

    Args:
        nodes: All of a graph; the root first.
    """
    own = {node: frozenset(edge.need.module for edge in node.outgoing if edge.need.version.strictly) for node in nodes}
    found: dict[Node, Modules] = {nodes[0]: _NONE}
    changed = any(own.values())
    while changed:
        changed = False
        for node in nodes[1:]:
            above = _above(node, own, found)
            if found.get(node) != above:
                found[node] = above
                changed = True
    return found


def is_settled(edge: Edge, above: Mapping[Node, Modules]) -> bool:
    """Return whether the version that is asked for does not count."""
    return not edge.need.is_forced and edge.need.module in above.get(edge.source, _NONE)


def _above(node: Node, own: Mapping[Node, Modules], found: Mapping[Node, Modules]) -> Modules:
    known = [edge for edge in node.incoming if edge.source in found]
    ways = [own[edge.source] | found[edge.source] | _endorsed(edge, own[node], own) for edge in known]
    return frozenset.intersection(*ways) if ways else _NONE


def _endorsed(edge: Edge, target: Modules, own: Mapping[Node, Modules]) -> Modules:
    """Return what others are strict about in the place of the source of an edge.

    Args:
        edge: The one by which a node is reached.
        target: What that node itself is strict about.
        own: The same of all nodes.
    """
    found = _NONE
    for other in edge.source.outgoing:
        if other.need.endorses and other is not edge:
            found = found.union(*(own.get(node, _NONE) for node in other.targets))
    return found - target if edge.need.endorses else found
