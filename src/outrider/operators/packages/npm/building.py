"""Builds the tree of packages that npm would for a new project: folder by folder from the top, and each need where there is room for it."""

import asyncio
import heapq
from collections.abc import Callable, Iterable, Mapping

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.npm.nodes import Edge, Node
from outrider.operators.packages.npm.order import collated
from outrider.operators.packages.npm.overrides import Rules
from outrider.operators.packages.npm.packages import Manifest
from outrider.operators.packages.npm.peers import PeerSets
from outrider.operators.packages.npm.placing import Placement
from outrider.operators.packages.npm.records import PEER_OPTIONAL
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.npm.trees import Tree

_MOST_VISITS = 200


class NpmTree:
    """Builds a tree.

    Args:
        source: Where packages come from.
        asked: What the user asks for.
        check: Called now and then; it may raise to end a search.
        rules: Overrides of the project; None where it has none.
        members: Of its workspace, by name.
        by_name: Whether that is said by name, and does not stand in a manifest: npm takes what comes along with others then too.

    Attributes:
        root: The project.
    """

    def __init__(
        self, source: NpmSource, asked: Manifest, check: Callable[[], None] = lambda: None, rules: Rules | None = None,
        members: Mapping[str, Node] | None = None, *, by_name: bool = True,
    ) -> None:  # fmt: skip
        self._source, self._check = source, check
        self.root = Node("", asked)
        self.root.rules = rules
        self._tree = Tree(self.root)
        members = members or {}
        for member in sorted(members.values(), key=lambda one: one.folder.count("/")):
            self._tree.settle(member, _around(member, members.values()) or self.root)
        self._peers = PeerSets(source, check, self.root, members)
        self._asked = set(self.root.edges_out.values()) if by_name else set()
        self._waiting: list[tuple[int, tuple[str, str], int, Node]] = []
        self._queued: set[Node] = set()
        self._done: set[Node] = set()
        self._count = 0
        self._visits: dict[str, int] = {}

    async def build(self) -> None:
        """Place whatever is needed.

        Raises:
            PeerConflict: What the user asks for does not go together.
            OutriderError: What a registry says.
        """
        self._source.foresee(edge.asked.package for edge in self.root.edges_out.values() if edge.asked.package)
        self._push(self.root)
        while self._waiting or self._push_members():
            node = heapq.heappop(self._waiting)[-1]
            self._queued.discard(node)
            if node not in self._done and node.tree is self._tree:
                self._done.add(node)
                await self._meet(node)
                # With all that is needed on disk nothing else would let others run meanwhile.
                await asyncio.sleep(0)

    def _push_members(self) -> bool:
        """Push the members that have not been looked at, once all else has; return whether there were any."""
        for link in self.root.children.values():
            member = link.stands_for
            if member is not None and link.is_link_to_member and member not in self._done:
                if link.rules is not None:
                    member.gain_rules(link.rules)
                self._push(member)
        return bool(self._waiting)

    def _push(self, node: Node) -> None:
        if node not in self._queued:
            self._count += 1
            self._queued.add(node)
            heapq.heappush(self._waiting, (node.depth, collated(node.place), self._count, node))

    def _problems(self, node: Node) -> list[Edge]:
        """Return the needs of a node that are to be met; optional peers are there to be heeded, not to be brought."""
        bundled = node.manifest.shape.bundled if node.manifest is not None and not node.is_of_user else ()
        found = []
        for edge in node.edges_out.values():
            if edge.need.name in bundled or edge.overruled or (edge.to is not None and _is_settled(edge.to, node)):
                continue
            is_met = edge.need.kind == PEER_OPTIONAL if edge.to is None else edge.valid
            if not is_met or edge in self._asked:
                found.append(edge)
        return found

    async def _open(self, node: Node) -> None:
        """Put into a node what came within its tarball."""
        manifest = node.manifest
        if (
            manifest is None
            or node.bundled
            or node.is_of_user
            or not (manifest.shape.bundled or manifest.shape.shrinkwrap)
        ):
            return
        for path, inside in await self._source.insides(manifest):
            parent: Node | None = node
            for name in path[:-1]:
                parent = parent.children.get(name.lower()) if parent is not None else None
            if parent is not None:
                child = Node(path[-1], inside)
                child.bundled = True
                self._tree.add(child, parent)

    async def _meet(self, node: Node) -> None:
        """Meet the needs of a node."""
        await self._open(node)
        tasks = [(edge, await self._candidate(node, edge)) for edge in self._problems(node)]
        tasks.sort(key=lambda task: collated(task[0].need.name))
        for edge, candidate in tasks:
            self._check()
            waiting = [Placement(candidate, edge, is_asked=edge in self._asked)]
            while waiting:
                placement = waiting.pop()
                self._follow(placement)
                waiting += placement.children

    async def _candidate(self, node: Node, edge: Edge) -> Node:
        top = self._peers.top(node)
        known = top.edges_out.get(edge.key)
        if known is not None and known.to is not None and known.valid and edge.accepts(known.to):
            return known.to
        if edge.need.kind == PEER_OPTIONAL and edge not in self._asked:
            near = _nearest(edge.source.outer or edge.source, edge)
            if near is not None:
                return near
        return await self._peers.bring(edge, top if edge.is_peer else None, None, {edge.source})

    def _follow(self, placement: Placement) -> None:
        """Note what has to be looked at after something was placed."""
        placed = placement.placed
        if placed is None:
            return
        for edge in list(placed.edges_in):
            if edge is not placement.edge and not edge.valid and not edge.overruled:
                self._again(edge.source)
        self._push(placed)
        for node in placement.holes:
            self._again(node)

    def _again(self, node: Node) -> None:
        """Look at a node once more.

        Raises:
            UnsupportedError: Packages drive each other away without end; npm itself never ends then.
        """
        count = self._visits[node.place] = self._visits.get(node.place, 0) + 1
        if count > _MOST_VISITS:
            raise UnsupportedError(
                f"npm {node.name}: what it needs is driven away by others again and again", found=f"{count} times",
                expected="packages that go together", suggestions=["ask for other versions"],
            )  # fmt: skip
        self._done.discard(node)
        self._push(node)


def _is_settled(found: Node, node: Node) -> bool:
    """Return whether nothing else is to be looked for: it could not be had, or came with the node."""
    return found.fault is not None or (found.bundled and found.is_within(node))


def _around(member: Node, others: Iterable[Node]) -> Node | None:
    """Return the member in whose folder another one is."""
    found = [one for one in others if member.folder.startswith(f"{one.folder}/")]
    return max(found, key=lambda one: len(one.folder), default=None)


def _nearest(start: Node, edge: Edge) -> Node | None:
    """Return what is needed where it is in the tree already, the next below a node."""
    waiting = list(start.children.values())
    for node in waiting:
        if node.key == edge.key and not node.bundled and edge.accepts(node):
            return node
        waiting += node.children.values()
    return None
