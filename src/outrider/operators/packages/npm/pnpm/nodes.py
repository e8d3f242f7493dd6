"""The tree of packages, in which one that is needed in several ways stands in several places: `buildTree` of pnpm 10.34."""

from collections.abc import Mapping, Sequence
from itertools import count

from outrider.operators.packages.npm.pnpm.levels import NodeId
from outrider.operators.packages.npm.pnpm.manifests import PnpmPackage


class Node:
    """A place in the tree.

    Args:
        package: What is there.
        depth: How far it is from the project.
        ids: Of the packages above, as far as cycles are looked for.

    Attributes:
        children: Places of what it needs, by name; None where they are not known yet.
    """

    __slots__ = ("children", "depth", "ids", "package")

    def __init__(self, package: PnpmPackage, depth: int, ids: Sequence[str]) -> None:
        self.package, self.depth, self.ids = package, depth, ids
        self.children: dict[str, NodeId] | None = None


class Nodes:
    """All places.

    Args:
        packages: By id.
    """

    def __init__(self, packages: Mapping[str, PnpmPackage]) -> None:
        self._packages = packages
        self._numbers = count(1)
        self._known: dict[NodeId, Node] = {}

    def __getitem__(self, node: NodeId) -> Node:
        return self._known[node]

    def new_id(self, package: PnpmPackage) -> NodeId:
        """Return the place of a package where it is needed once more."""
        return package.id if package.is_leaf else next(self._numbers)

    def add(self, node_id: NodeId, package: PnpmPackage, depth: int, ids: Sequence[str]) -> None:
        """Have a package be in a place; one that has a single place is as near as it is anywhere."""
        known = self._known.get(node_id)
        if known is None:
            self._known[node_id] = Node(package, depth, ids)
        else:
            known.depth = min(known.depth, depth)

    def children(self, node_id: NodeId) -> dict[str, NodeId]:
        """Return the places of what a package needs, by name; a cycle is followed once."""
        node = self._known[node_id]
        if node.children is None:
            node.children = {}
            parent = node.package
            for alias, child_id in parent.children:
                if not (contains_sequence(node.ids, parent.id, child_id) or parent.id == child_id):
                    child = self._packages[child_id]
                    node.children[alias] = place = self.new_id(child)
                    if not child.is_leaf:
                        self._known[place] = Node(child, node.depth + 1, [*node.ids, child_id])
        return node.children


def contains_sequence(ids: Sequence[str], one: str, two: str) -> bool:
    """Return whether one package stands above another, somewhere above."""
    if one not in ids:
        return False
    first = ids.index(one)
    if first == len(ids) - 1 or two not in ids:
        return False
    last = len(ids) - 1 - list(reversed(ids)).index(two)
    return first < last != len(ids) - 1
