"""What packages stand beside and above a place, where they may be peers of what is there."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from outrider.operators.packages.npm.pnpm.levels import NodeId
from outrider.operators.packages.npm.pnpm.links import LinkedPackage
from outrider.operators.packages.npm.pnpm.nodes import Nodes
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.ranges import Key


class Parent:
    """A package that stands above.

    Args:
        alias: By which it goes; empty for a member of the workspace.
        node: Its place.
        version: Of it.
        depth: How far it is from the project.

    Attributes:
        occurrence: How many others of its name stand above it.
    """

    __slots__ = ("alias", "depth", "node", "occurrence", "version")

    def __init__(self, alias: str, node: NodeId, version: str, depth: int) -> None:
        self.alias, self.node, self.version, self.depth = alias, node, version, depth
        self.occurrence = 0


Parents = dict[str, Parent]


class Seen(NamedTuple):
    """A package above, as it is compared.

    Attributes:
        id: Of it; of a member of the workspace its version.
        depth: How far it is from the project.
        occurrence: How many others of its name stand above it.
        is_link: Whether it is a member of the workspace.
    """

    id: str
    depth: int
    occurrence: int
    is_link: bool


def parents_of(nodes: Nodes, places: Iterable[tuple[str, NodeId]]) -> Parents:
    """Return packages by the names by which they go, and by their own; members of a workspace by the former alone, after all else."""
    found: Parents = {}
    linked = []
    for alias, place in places:
        node = nodes[place]
        if isinstance(node.package, LinkedPackage):
            linked.append((alias, Parent("", place, node.package.version, 0)))
            continue
        parent = Parent(alias, place, node.package.version, node.depth)
        _enter(found, alias, parent)
        if alias != node.package.name:
            _enter(found, node.package.name, parent)
    for alias, parent in linked:
        _enter(found, alias, parent)
    return found


def _enter(found: Parents, name: str, parent: Parent) -> None:
    """Have a package be found by a name: one that goes by it counts more than one that only is called so, and then the newest."""
    known = found.get(name)
    if known is not None:
        if known.alias in ("", name):
            return
        if parent.alias not in ("", name) and _key(known.version) >= _key(parent.version):
            return
    found[name] = parent


def below(nodes: Nodes, above: Parents, places: Iterable[tuple[str, NodeId]]) -> Parents:
    """Return what stands above whatever is needed by some package.

    Args:
        nodes: All places.
        above: What stands above that package.
        places: What it needs.
    """
    found = dict(above)
    for name, parent in parents_of(nodes, places).items():
        known = found.get(name)
        if known is not None:
            if _same(nodes, known, parent):
                continue
            parent.occurrence = known.occurrence + 1
        found[name] = parent
    return found


def _same(nodes: Nodes, one: Parent, two: Parent) -> bool:
    alike = (one.version, one.alias) == (two.version, two.alias)
    return alike and nodes[one.node].package.name == nodes[two.node].package.name


def seen(nodes: Nodes, parents: Parents, names: set[str]) -> dict[str, Seen]:
    """Return what stands above as it is compared, of those that are peers of anything."""
    return {name: _seen(nodes, parent) for name, parent in parents.items() if name in names}


def _seen(nodes: Nodes, parent: Parent) -> Seen:
    package = nodes[parent.node].package
    if isinstance(package, LinkedPackage):
        return Seen(package.version, 0, 0, is_link=True)
    return Seen(package.called, parent.depth, parent.occurrence, is_link=False)


def alike(one: Mapping[str, Seen] | None, two: Mapping[str, Seen] | None, pure: set[str]) -> bool:
    """Return whether the same stands above two places: `parentPackagesMatch` of pnpm 10.34.

    Args:
        one: What is above the one.
        two: What is above the other.
        pure: Ids of packages that have to do with no peers.
    """
    if one is None or two is None or len(one) != len(two):
        return False
    deepest = max((each.depth for each in two.values()), default=0)
    single = not any(each.occurrence for each in (*one.values(), *two.values()))
    for name, each in one.items():
        other = two.get(name)
        if other is None or (each.id, each.is_link) != (other.id, other.is_link) or not each.id:
            return False
        if not (each.is_link or single or other.depth == deepest or each.id in pure):
            return False
    return True


def _key(version: str) -> Key:
    return scheme_of("npm").parse(version).key
