"""Puts a node into a tree as high as it goes, its peers with it, and takes away what nobody needs after that."""

from functools import partial

from outrider.operators.packages.npm.fitting import Answer, Fit, is_older
from outrider.operators.packages.npm.nodes import Edge, Node
from outrider.operators.packages.npm.order import collated
from outrider.operators.packages.npm.peers import PeerConflict
from outrider.operators.packages.npm.sets import can_replace, deepest_place, needed_but, only_for, peer_sets


class Placement:
    """Puts a node where it belongs.

    Args:
        node: It stands in a tree of peers.
        edge: The need for which it is.
        parent: For a peer: the placement of what needs it.
        is_asked: Whether the user asks for just this.

    Attributes:
        placed: The node in the tree; None where what is there will do.
        fit: Why it is there.
        children: Placements of peers.
        holes: Nodes whose needs have to be looked at again.

    Raises:
        PeerConflict: It has no place, and the user asks for it.
    """

    def __init__(self, node: Node, edge: Edge, parent: "Placement | None" = None, *, is_asked: bool = False) -> None:
        self.node, self.edge, self.parent, self.is_asked = node, edge, parent, is_asked
        self.placed: Node | None = None
        self.fit: Fit | None = None
        self.children: list[Placement] = []
        self.holes: dict[Node, None] = {}
        # What was placed just before may have taken away who needs this, and it is looked at again then.
        is_gone = edge.source.tree is None or self._start.tree is None
        if is_gone or (edge.to is not None and edge.valid and not is_asked):
            return
        self.fit = self._find()
        if self.fit is None:
            edge.overruled = True
            return
        self._put(self.fit)

    @property
    def _start(self) -> Node:
        start = self.edge.source if self.parent is None else self.parent._start  # noqa: SLF001 - of the same class
        return deepest_place(start, self.edge.key)

    @property
    def _first(self) -> "Placement":
        return self if self.parent is None else self.parent._first  # noqa: SLF001

    def _find(self) -> Fit | None:
        """Return the highest place that is free, else the highest that would be but for peers."""
        best = best_own = None
        above = self.parent.fit if self.parent is not None else None
        for target in self._start.ancestry():
            of_target = target.edges_out.get(self.edge.key)
            if target.parent is not None and of_target is not None and of_target.is_peer:
                continue
            fit = Fit(self.node, self.edge, target, above, is_asked=self.is_asked)
            if fit.own is not Answer.CONFLICT:
                best_own = fit
            if fit.answer is Answer.CONFLICT:
                break
            best = fit
            if self.node.fault is not None:
                break
        if best is None and _is_of_user(self._first.edge):
            raise self._conflict(best_own)
        return best or best_own

    def _conflict(self, fit: Fit | None) -> PeerConflict:
        """Return the error for what has no place: it names the peer that is in the way, where one is."""
        waiting = [fit] if fit is not None else []
        for one in waiting:
            waiting += one.children
            if one is not fit and one.answer is Answer.CONFLICT and one.current is not None:
                return PeerConflict(one.edge, one.current)
        return PeerConflict(self.edge, self.edge.source.resolve(self.edge.key))

    def _put(self, fit: Fit) -> None:
        answer = fit.own if fit.answer is Answer.CONFLICT else fit.answer
        target = fit.target
        if answer is Answer.KEEP:
            if self.edge.is_peer and not self.edge.valid:
                self.edge.overruled = True
            self._remove_spare(target)
            return
        tree = target.tree
        assert tree is not None
        for node in target.ancestry():
            # Packages that need other versions of one another would be nested without end.
            if node.parent is not None and node.same_as(self.node):
                self.placed = node.link(self.node.name)
                tree.add(self.placed, target)
                return
        self.placed = self.node.copy()
        old = target.children.get(self.edge.key)
        if old is None:
            tree.add(self.placed, target)
        else:
            self._replace(old, self.placed)
        self._tidy(self.placed, target)
        self._put_peers(self.placed)

    def _tidy(self, placed: Node, target: Node) -> None:
        """Give up what cannot be met, and remove what there is once too often now."""
        tree = target.tree
        assert tree is not None
        if self.edge.is_peer and not self.edge.accepts(placed):
            self.edge.overruled = True
        if self.edge.valid and self.edge.to is not None and self.edge.to is not placed:
            self._remove_spare(self.edge.to, descend=False)
        for node in list(tree.named[self.edge.key]):
            if node.tree is not tree or node.parent is None or not node.is_within(target):
                continue
            self._remove_spare(node, descend=False)
            if node.tree is tree:
                for child in list(node.children.values()):
                    self._remove_spare(child, descend=False)

    def _put_peers(self, placed: Node) -> None:
        peers = self.node.parent
        for edge in list(placed.edges_out.values()):
            if edge.valid or not edge.is_peer or edge.overruled or peers is None:
                continue
            peer = peers.children.get(edge.key)
            if peer is not None and edge.accepts(peer):
                self.children.append(Placement(peer, edge, self, is_asked=self.is_asked))

    def _replace(self, old: Node, placed: Node) -> None:
        target, tree = old.parent, old.tree
        assert target is not None
        assert tree is not None
        unneeded: list[Node] = []
        for name, edge in old.edges_out.items():
            if name not in placed.edges_out and edge.to is not None:
                gone = edge.to
                unneeded += only_for([gone], partial(_is_else, gone))
        moved = self._moved(old, placed, target)
        tree.replace(old, placed)
        self._remove_unneeded(placed, unneeded)
        for node in moved:
            for edge in node.edges_in:
                self.holes[edge.source] = None
            if node.tree is tree:
                tree.remove(node)

    def _moved(self, old: Node, placed: Node, target: Node) -> dict[Node, None]:
        """Return the sets of peers that do not go with a new one, and have a place further down."""
        moved: dict[Node, None] = {}
        for edge in list(old.edges_in):
            if not edge.is_peer or edge.overruled or edge.source.parent is not target or edge.accepts(placed):
                continue
            for entry in peer_sets(edge.source):
                first = entry.to
                assert first is not None
                if not entry.source.is_of_user:
                    moved |= only_for([first], partial(_is_else_and_kept, first))
                else:
                    edge.overruled = True
        return moved

    def _remove_unneeded(self, placed: Node, unneeded: list[Node]) -> None:
        invalid: dict[Node, None] = {
            edge.to: None for edge in placed.edges_out.values() if edge.to is not None and not edge.valid
        }
        for node in unneeded:
            invalid |= only_for([node], needed_but(node))
        for node in only_for(invalid, lambda edge: edge.source is not placed and edge.to is not placed and edge.valid):
            if node.tree is placed.tree and node.parent is not None and node.tree is not None:
                node.tree.remove(node)

    def _remove_spare(self, node: Node, *, descend: bool = True) -> None:
        """Remove a node where whoever needs it would do with what is further up; else look below it."""
        if _is_spare(node, self.is_asked):
            for one in only_for([node], needed_but(node)):
                if one.tree is not None and one.parent is not None:
                    one.tree.remove(one)
        elif descend:
            for one in (node, *sorted(node.inside, key=lambda member: collated(member.place))):
                for child in sorted(one.children.values(), key=lambda child: collated(child.place)):
                    if child.tree is not None:
                        self._remove_spare(child)


def _is_else(node: Node, edge: Edge) -> bool:
    return edge.to is not node


def _is_else_and_kept(node: Node, edge: Edge) -> bool:
    return edge.to is not node and not edge.overruled


def _is_of_user(edge: Edge) -> bool:
    """Return whether the user asks for something, or for what it belongs to."""
    node = edge.source
    if node.is_of_user:
        return True
    if not edge.is_peer:
        return False
    if any(one.source.is_of_user and not one.is_peer for one in node.edges_in):
        return True
    return any(one.is_peer for one in node.edges_in) and any(one.source.is_of_user for one in peer_sets(node))


def _is_spare(node: Node, is_asked: bool) -> bool:
    further = node.outer.outer if node.outer is not None else None
    if node.bundled or further is None:
        return False
    if not node.edges_in:
        return True
    other = further.resolve(node.key)
    if other is None:
        return False
    if other.same_as(node):
        return True
    if not can_replace(other, node):
        return False
    # What an override asks for does not give way to what is newer.
    return is_asked or not (is_older(other, node) or (node.is_overridden and is_older(node, other)))
