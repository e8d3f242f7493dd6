"""Whether a node, with its peers, can be put into another one without harm to what is there. Nothing is changed here."""

from enum import Enum

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.npm.nodes import Edge, Node
from outrider.operators.packages.npm.sets import can_replace, deepest_place, peer_sets
from outrider.operators.packages.versions.ecosystems import scheme_of

_MOST_LOOKS = 200_000


class Answer(Enum):
    """What can be done."""

    OK = "put it there"
    REPLACE = "put it in the place of what is there"
    KEEP = "what is there will do"
    CONFLICT = "nothing"


class Fit:
    """Looks whether a node fits.

    Args:
        node: It stands in a tree of peers.
        edge: The need for which it is.
        target: What it is to be put into.
        parent: For a peer: what needs it.
        is_asked: Whether the user asks for just this.

    Attributes:
        answer: With its peers.
        own: For itself, where only peers are in the way.
        children: The same of peers.

    Raises:
        UnsupportedError: Its peers need one another in too many ways.
    """

    def __init__(
        self, node: Node, edge: Edge, target: Node, parent: "Fit | None" = None, *, is_asked: bool = False, path: tuple[Node, ...] = ()
    ) -> None:  # fmt: skip
        self.node, self.edge, self.target, self.parent = node, edge, target, parent
        self._is_asked, self._path = is_asked, path
        self.children: list[Fit] = []
        self._looks: list[int] = [0] if parent is None else parent._looks  # noqa: SLF001 - of the same class
        self._count()
        self.current = target.children.get(edge.key)
        self._of_peers: Answer | None = None
        self.own: Answer | None = None
        self.answer = self._look()
        if self.own is None:
            self.own = self.answer

    def _count(self) -> None:
        """Count looks: peers that all need one another have as many ways through them as there are orders of them."""
        self._looks[0] += 1
        if self._looks[0] > _MOST_LOOKS:
            raise UnsupportedError(
                f"npm {self.edge.need.name}: its peers need one another in too many ways", found=f"{self._looks[0]} ways",
                expected=f"at most {_MOST_LOOKS}", suggestions=["ask for another version"],
            )  # fmt: skip

    def _look(self) -> Answer:
        node, current = self.node, self.current
        if node.fault is not None:
            return Answer.OK if current is None else Answer.REPLACE
        of_target = self.target.edges_out.get(self.edge.key)
        if of_target is not None and of_target.is_peer and self.target.parent is not None:
            return Answer.CONFLICT
        if current is not None:
            return self._beside(current)
        if of_target is not None and of_target is not self.edge and not of_target.accepts(node):
            return Answer.CONFLICT
        return self._alone()

    def _alone(self) -> Answer:
        """Look where nothing is there: whoever below finds one further up must do with the new one."""
        shadowed = self.target.resolve(self.edge.key) if self.target is not self._first.edge.source else None
        for edge in shadowed.edges_in if shadowed is not None else ():
            if edge.valid and not edge.accepts(self.node) and edge.source.is_within(self.target):
                return Answer.CONFLICT
        return self._with_peers(Answer.OK)

    def _beside(self, current: Node) -> Answer:
        node, edge = self.node, self.edge
        if node.same_as(current) and (edge.accepts(current) or not edge.accepts(node)):
            return Answer.REPLACE if self._is_asked else Answer.KEEP
        is_newer = not is_older(node, current)
        if is_newer and can_replace(node, current) and self._with_peers(Answer.REPLACE) is Answer.REPLACE:
            return Answer.REPLACE
        # Of peers one is better than two.
        prefers_one = edge.is_peer
        if edge.accepts(current) and (not self._is_asked or prefers_one):
            return Answer.KEEP
        may = prefers_one and not is_newer and can_replace(node, current)
        return Answer.REPLACE if may and self._with_peers(Answer.REPLACE) is Answer.REPLACE else self._by_force(current)

    def _by_force(self, current: Node) -> Answer:
        """Look whether this is the last place for the new one, and not for what is there."""
        if self.target is not self._deepest:
            return Answer.CONFLICT
        if not self.edge.is_peer and self.target is self.edge.source:
            return self._with_peers(Answer.REPLACE)
        if self.parent is None and not self.edge.is_peer:
            return Answer.CONFLICT
        entry = self._first.edge
        for edge, members in peer_sets(current).items():
            if edge is not self.edge and edge is not entry and not self._can_go(edge, members):
                return Answer.CONFLICT
        return self._with_peers(Answer.REPLACE)

    def _can_go(self, entry: Edge, members: dict[Node, None]) -> bool:
        """Return whether a set of peers can be replaced, or be put deeper."""
        top, first = self.node.parent, entry.to
        assert top is not None
        assert first is not None
        instead = top.children.get(first.key)
        if instead is None:
            if _is_met(first, top):
                return True
        elif can_replace(instead, first, top.children):
            return True
        for member in members:
            deepest = deepest_place(entry.source, member.key)
            if deepest is self.target or self.target.is_within(deepest):
                return False
        return True

    def _with_peers(self, answer: Answer) -> Answer:
        self.own = answer
        if self._of_peers is not None:
            return self._of_peers
        path = (*self._path, self.node)
        self._of_peers = answer
        for edge in self.node.edges_out.values():
            peer = edge.to
            if not edge.is_peer or peer is None or peer in path:
                continue
            fit = Fit(peer, edge, deepest_place(self.target, peer.key), self, path=path)
            self.children.append(fit)
            if fit.answer is Answer.CONFLICT:
                self._of_peers = Answer.CONFLICT
        return self._of_peers

    @property
    def _deepest(self) -> Node:
        start = self.edge.source if self.parent is None else self.parent._deepest  # noqa: SLF001 - of the same class
        return deepest_place(start, self.edge.key)

    @property
    def _first(self) -> "Fit":
        return self if self.parent is None else self.parent._first  # noqa: SLF001


def _is_met(first: Node, top: Node) -> bool:
    """Return whether whatever a set of peers needs of a new set is met by that."""
    seen = {first: None}
    waiting = [first]
    for node in waiting:
        for edge in node.edges_out.values():
            if not edge.is_peer or not edge.valid:
                continue
            instead = top.children.get(edge.key)
            if instead is not None:
                if not edge.accepts(instead):
                    return False
            elif edge.to is not None and edge.to not in seen:
                seen[edge.to] = None
                waiting.append(edge.to)
    return True


def is_older(node: Node, other: Node) -> bool:
    """Return whether one is of a lower version than another; whatever has none counts as lower."""
    one, two = node.manifest, other.manifest
    if one is None or two is None or not one.version or not two.version:
        return True
    if one.package is two.package:
        return one.bit < two.bit
    scheme = scheme_of("npm")
    return scheme.parse(one.version).key < scheme.parse(two.version).key
