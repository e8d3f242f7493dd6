"""Why packages of npm do not go together, in sentences."""

from outrider.operators.packages.npm.nodes import Edge, Node
from outrider.operators.packages.npm.peers import PeerConflict

_LONGEST_CHAIN = 20


def sentences(conflict: PeerConflict) -> list[str]:
    """Return who needs what, what is there in its place, and for whose sake; the last one says that it cannot be done."""
    edge, other = conflict.edge, conflict.other
    told = [*_brought(edge.source), f"{_said(edge.source)} needs {_wish(edge)} beside it."]
    if other is None or other.manifest is None:
        told.append(f"There is no place for {edge.need.name} that all would find.")
    else:
        others = [one for one in other.edges_in if one is not edge and one.accepts(other)]
        for one in others[:1]:
            told += [
                *_brought(one.source),
                f"{_said(one.source)} {_verb(one.source)} {_wish(one)}, for which {_said(other)} is taken.",
            ]
        if not others:
            told.append(f"{_said(other)} is there.")
    told.append("These cannot all hold at once.")
    return [f"You {one[4:]}" if one.startswith("you ") else one for one in dict.fromkeys(told)]


def _brought(node: Node) -> list[str]:
    """Return how it comes that a node is needed, beginning with what the user asks for."""
    told: list[str] = []
    seen: set[Node] = set()
    while node not in seen and len(told) < _LONGEST_CHAIN:
        seen.add(node)
        edge = next((one for one in node.edges_in if _real(one.source) not in seen), None)
        if edge is None:
            break
        source = _real(edge.source)
        told.append(f"{_said(source)} {_verb(source)} {_wish(edge)}, for which {_said(node)} is taken.")
        node = source
    return told[::-1]


def _real(node: Node) -> Node:
    """Return what a copy of needs is of."""
    while node.below is not None:
        node = node.below
    return node


def _said(node: Node) -> str:
    manifest = _real(node).manifest
    return f"{manifest.name} {manifest.version}" if manifest is not None and manifest.package is not None else "you"


def _verb(node: Node) -> str:
    return "ask for" if _said(node) == "you" else "needs"


def _wish(edge: Edge) -> str:
    need = edge.asked
    name = need.name if need.package in ("", need.name) else f"{need.name}@npm:{need.package}"
    return name if need.text == "*" else f"{name}@{need.text}"
