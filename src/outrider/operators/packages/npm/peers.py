"""Has peers come along with what needs them, before that is put into the tree, as npm does since version 7.

A copy of the needs of a node is the top of a small tree, in which what it needs stands with all peers of that.
"""

from collections.abc import Callable, Mapping

from outrider.core.errors import OutriderError, UnauthenticatedError, UnsupportedError
from outrider.operators.packages.npm.nodes import LINK, Edge, Node
from outrider.operators.packages.npm.order import collated
from outrider.operators.packages.npm.records import PEER_OPTIONAL
from outrider.operators.packages.npm.sets import can_replace
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.npm.trees import Tree

# Of react-scripts with its 1,288 packages 1,595 are brought.
_DEEPEST, _MOST = 100, 50_000


class PeerConflict(Exception):  # noqa: N818 - it ends a search
    """What a user asks for cannot be put together.

    Args:
        edge: The need that is not met.
        other: What is there in its place; None for nothing.
    """

    def __init__(self, edge: Edge, other: Node | None) -> None:
        super().__init__(edge, other)
        self.edge, self.other = edge, other


class PeerSets:
    """Makes nodes with their peers.

    Args:
        source: Where packages come from.
        check: Called now and then; it may raise to end a search.
        root: The project.
        members: Of its workspace, by name.
    """

    def __init__(self, source: NpmSource, check: Callable[[], None], root: Node, members: Mapping[str, Node]) -> None:
        self._source, self._check, self._root, self._members = source, check, root, members
        self._tops: dict[Node, Node] = {}
        self._count = 0

    def top(self, node: Node) -> Node:
        """Return the tree of peers that was made last for a node."""
        return self._tops.get(node) or self._new_top(node)

    def _new_top(self, node: Node) -> Node:
        top = Node("", node.manifest)
        top.below, top.rules = node, node.rules
        tree = Tree(top)
        for child in node.children.values():
            if child.is_link_to_member and child.stands_for is not None:
                # Whoever finds peers there counts, too.
                member = Node(child.stands_for.name, child.stands_for.manifest)
                member.below, member.rules = child.stands_for, child.stands_for.rules
                tree.settle(member, top)
        self._tops[node] = top
        return top

    async def bring(
        self, edge: Edge, parent: Node | None, other: Edge | None, required: set[Node], depth: int = 0
    ) -> Node:
        """Return a node for a need, with its peers beside it.

        Args:
            edge: The need.
            parent: The top of a tree of peers; a new one if there is none.
            other: A peer's need of the same name, which is met as well where that can be.
            required: Nodes without which the first need cannot be met.
            depth: Of peers of peers.

        Raises:
            PeerConflict: Peers of what the user asks for do not go together.
            UnsupportedError: Peers of peers do not end.
        """
        self._check()
        self._count += 1
        if depth > _DEEPEST or self._count > _MOST:
            raise UnsupportedError(
                f"npm {edge.need.name}: its peers need peers without end", found=f"peers {depth} deep, {self._count} in all",
                expected=f"at most {_DEEPEST} deep, {_MOST} in all", suggestions=["ask for another version"],
            )  # fmt: skip
        if parent is None:
            parent = self._new_top(edge.source)
        tree = parent.tree
        assert tree is not None
        first = node = await self._node(edge)
        tree.add(first, parent)
        if other is not None and not other.valid:
            second = await self._node(other)
            tree.add(second, parent)
            if edge.valid:
                node = second
            else:
                tree.add(first, parent)
        if any(one is not None and one.source in required and one.need.kind != PEER_OPTIONAL for one in (edge, other)):
            required.add(node)
        await self._add_peers(node, required, depth)
        return node

    async def _node(self, edge: Edge) -> Node:
        """Return a node for a need, one with a fault where it cannot be had."""
        need = edge.asked
        member = self._members.get(need.name)
        if member is not None and need.text == f"{LINK}{member.folder}":
            return member.link(need.name)
        found = self._root.edges_out[need.key].to if member is not None and member.is_member else None
        if found is not None and found.is_link_to_member and edge.accepts(found):
            return found
        if not need.package:
            return Node(need.name, None, _elsewhere(edge))
        try:
            package = await self._source.package(need.package)
        except UnauthenticatedError as error:
            # npm leaves out optional ones that it is not shown.
            return Node(need.name, None, error)
        manifest = package.pick(need.text)
        if manifest is None:
            return Node(need.name, None, package.nothing(need.text, edge.source.called))
        self._source.foresee(one.package for one in manifest.needs if one.package and one.kind != PEER_OPTIONAL)
        return Node(need.name, manifest)

    async def _add_peers(self, node: Node, required: set[Node], depth: int) -> None:
        edges = [edge for edge in node.edges_out.values() if edge.is_peer and not (edge.valid and edge.to)]
        for edge in sorted(edges, key=lambda edge: collated(edge.need.name)):
            if node.parent is None:
                return  # another one took its place meanwhile
            if edge.valid and edge.to is not None:
                continue
            if edge.to is None:
                await self._add_missing(node, edge, required, depth)
            else:
                await self._add_better(node, edge, required, depth)

    async def _add_missing(self, node: Node, edge: Edge, required: set[Node], depth: int) -> None:
        top = node.parent
        assert top is not None
        of_top = top.edges_out.get(edge.key)
        if of_top is None:
            await self.bring(edge, top, None, required, depth + 1)
            return
        peer = await self.bring(of_top, top, edge, required, depth + 1)
        if edge.valid:
            return
        if not _is_of_user(top) or peer not in required:
            edge.overruled = True
        elif node.parent is not None:
            raise PeerConflict(edge, node.resolve(edge.key))

    async def _add_better(self, node: Node, edge: Edge, required: set[Node], depth: int) -> None:
        """Replace a peer that is there for others, where they would do with what this one needs."""
        top, current = node.parent, edge.to
        assert top is not None
        assert current is not None
        alone = await self.bring(edge, None, None, required, depth + 1)
        if can_replace(alone, current):
            await self.bring(edge, top, None, required, depth + 1)
        elif _is_of_user(top) and edge.source in required:
            raise PeerConflict(edge, node.resolve(edge.key))


def _is_of_user(top: Node) -> bool:
    return top.below is not None and top.below.is_of_user and top.below.below is None


def _elsewhere(edge: Edge) -> OutriderError:
    return UnsupportedError(
        f"npm {edge.need.name}: it does not come from a registry", found=edge.asked.text[:200], expected="a range or a tag",
        suggestions=[f"ask for another version of {edge.source.called}" if edge.source.called else "name a range"],
    )  # fmt: skip
