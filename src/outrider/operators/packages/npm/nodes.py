"""Packages in their folders, and what each of their needs finds, as node looks for it: in its own folder, then upwards."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from outrider.core.errors import OutriderError
from outrider.operators.packages.npm.overrides import Rules
from outrider.operators.packages.npm.packages import Manifest, Need
from outrider.operators.packages.npm.records import PEER

if TYPE_CHECKING:
    from outrider.operators.packages.npm.trees import Tree

Edges = dict["Edge", None]
# What a project asks of a member of its workspace: a link to the folder that follows.
LINK = "file:"


class Edge:
    """A need of a node, and what it finds.

    Attributes:
        source: Who needs.
        need: What, as it is written.
        key: Its name as file systems compare it.
        to: What is found; None for nothing.
        overruled: Whether it was given up: a peer that does not go with others.
        rules: Overrides that hold for it, and for what is below what it finds; None where the project has none.
    """

    __slots__ = ("_asked", "_valid", "key", "need", "overruled", "rules", "source", "to")

    def __init__(self, source: "Node", need: Need) -> None:
        self.source, self.need, self.key = source, need, need.key
        self.to: Node | None = None
        self._valid: bool | None = None
        self._asked: Need | None = None
        self.overruled = False
        self.rules: Rules | None = None

    @property
    def is_peer(self) -> bool:
        """Whether it has to be found beside, and not below."""
        return self.need.kind >= PEER

    @property
    def is_optional(self) -> bool:
        """Whether it may find nothing."""
        return self.need.kind & 1 == 1

    @property
    def asked(self) -> Need:
        """What is asked, with overrides in place of what is written.

        Raises:
            InvalidConfigError: An override refers to what is not needed.
        """
        if self.rules is None:
            return self.need
        if self._asked is None:
            source = self.source.below or self.source
            top = source.tree.top if source.tree is not None else source
            self._asked = self.rules.instead(self.need, top.needs, self.source.needs)
        return self._asked

    @property
    def valid(self) -> bool:
        """Whether what is found will do."""
        if self._valid is None:
            self._valid = self._is_met()
        return self._valid

    def _is_met(self) -> bool:
        found, source = self.to, self.source
        if found is None:
            return self.is_optional
        if self.need.kind >= PEER and source is found.parent and source.parent is not None:
            return False
        if not self.accepts(found):
            return False
        return (
            self.rules is None
            or found.rules is None
            or not found.edges_out
            or self.rules.beside(found.rules) is not None
        )

    def accepts(self, node: "Node") -> bool:
        """Return whether a node is what is needed, by its version."""
        if node.name != self.need.name:
            return False
        if self.rules is None or self.asked is self.need or _comes_with_others(node):
            return _allows(self.need, node)
        if _allows(self.asked, node):
            return True
        # What is written counts for versions that are not overridden.
        overridden = self.need._replace(package=self.need.name, text=self.rules.range)
        return _allows(self.need, node) and not _allows(overridden, node)

    def look(self, *, anew: bool = False) -> None:
        """Find again what is needed.

        Args:
            anew: Whether to look again at whether it will do, even where it is what it was.
        """
        before = self.rules
        rules = self.source.rules.of(self.need) if self.source.rules is not None else None
        if rules is not before:
            self.rules, self._asked = rules, None
        found = self.source.resolve(self.key)
        if found is not self.to:
            if self.to is not None:
                self.to.lose(self)
            self.to = found
            self._valid = None
            if found is not None:
                found.gain(self)
        elif anew:
            self._valid = None
        elif found is not None and self.rules is not None and self.rules is not before:
            found.lose_rules(before)
            found.gain_rules(self.rules)

    def forget(self) -> None:
        """Find nothing any more."""
        if self.to is not None:
            self.to.lose(self)
        self.to = self._valid = None


def _allows(need: Need, node: "Node") -> bool:
    manifest = node.manifest
    if node.stands_for is not None and node.stands_for.above is not None:
        if not need.package:
            return need.text == f"{LINK}{node.stands_for.folder}"
        # What has no version is only found by whoever takes anything.
        if manifest is None or manifest.package is None or not manifest.version or manifest.package.is_tag(need.text):
            return need.text == "*"
    if manifest is None or manifest.package is None or not need.package:
        return need.text == "*"
    return manifest.package.allows(need.text, manifest.bit)


def _concerns(rules: Rules, start: "Node") -> bool:
    """Return whether overrides are about what a node needs, or what is needed for that."""
    seen = {start: None}
    waiting = [start]
    for node in waiting:
        for edge in node.edges_out.values():
            if rules.of(edge.need).name == edge.need.name:
                return True
            found = edge.to.stands_for or edge.to if edge.to is not None else None
            if found is not None and found not in seen:
                seen[found] = None
                waiting.append(found)
    return False


def _comes_with_others(node: "Node") -> bool:
    """Return whether a node came in a way that overrides do not change."""
    return node.bundled or (node.manifest is not None and node.manifest.shape.shrinkwrap)


class Node:
    """A package in a folder.

    Args:
        name: Of the folder.
        manifest: What is in it; None where it could not be had.
        fault: Why.

    Attributes:
        key: Its name as file systems compare it.
        parent: In whose node_modules it is; None for the top, and for what was taken away.
        children: What is in its own node_modules.
        edges_out: What it needs, by name.
        edges_in: Who finds it.
        tree: In which it is.
        stands_for: The node that it is a link to: a member of a workspace, or one above where packages would be nested without end.
        bundled: Whether it came within the tarball of another, or that says that it is to be there.
        below: For the top of a tree of peers: the node whose needs it has.
        rules: Overrides that hold for what it needs; None where the project has none.
        folder: Of a member of a workspace, below that of the project.
        above: The node in whose folder that is; None for all others.
        inside: Members in its folder.
        is_member: Whether it is a member of a workspace that has a name: npm does not know others as such.
    """

    __slots__ = (
        "above", "below", "bundled", "children", "depth", "edges_in", "edges_out", "fault", "folder", "inside", "is_member", "key", "manifest",
        "name", "parent", "rules", "stands_for", "tree",
    )  # fmt: skip

    def __init__(self, name: str, manifest: Manifest | None, fault: OutriderError | None = None) -> None:
        self.name, self.manifest, self.fault = name, manifest, fault
        self.key = name.lower()
        self.parent: Node | None = None
        self.children: dict[str, Node] = {}
        self.edges_in: Edges = {}
        self.tree: Tree | None = None
        self.stands_for: Node | None = None
        self.below: Node | None = None
        self.rules: Rules | None = None
        self.bundled = False
        self.folder = ""
        self.above: Node | None = None
        self.inside: list[Node] = []
        self.is_member = False
        self.depth = 0
        self.edges_out: dict[str, Edge] = {}
        if manifest is not None:
            for need in manifest.needs:
                self.edges_out[need.key] = Edge(self, need)

    @property
    def is_root(self) -> bool:
        """Whether it is the top of its tree."""
        return self.tree is not None and self.tree.top is self

    @property
    def is_of_user(self) -> bool:
        """Whether its needs are those of the user: the project, or a member of its workspace that has a name."""
        return self.is_member or self.is_root

    @property
    def called(self) -> str:
        """The name of the package as a user knows it: of a member of a workspace not that of its folder."""
        return self.manifest.name if self.above is not None and self.manifest is not None else self.name

    @property
    def is_link_to_member(self) -> bool:
        """Whether it is a link to a member of a workspace."""
        return self.stands_for is not None and self.stands_for.above is not None

    @property
    def outer(self) -> "Node | None":
        """Where node looks next for what is not there."""
        return self.parent or self.above

    def link(self, name: str) -> "Node":
        """Return a link to it."""
        link = Node(name, None)
        link.manifest, link.stands_for = self.manifest, self
        return link

    def copy(self) -> "Node":
        """Return the same by itself, to be put elsewhere."""
        copy = (
            self.stands_for.link(self.name)
            if self.stands_for is not None
            else Node(self.name, self.manifest, self.fault)
        )
        copy.rules = self.rules
        return copy

    @property
    def place(self) -> str:
        """Its folder."""
        if self.parent is None:
            return self.folder
        above = self.parent.place
        return f"{above}/node_modules/{self.name}" if above else f"node_modules/{self.name}"

    @property
    def needs(self) -> dict[str, Need]:
        """What it needs, by name, without members of its workspace."""
        needs = self.manifest.needs if self.manifest is not None else ()
        return {need.name: need for need in needs if not need.text.startswith(LINK)}

    @property
    def is_overridden(self) -> bool:
        """Whether an override has asked for just its version."""
        rules = self.rules
        if rules is None or rules.name != self.name or self.manifest is None:
            return False
        return any(
            edge.rules is not None
            and (edge.rules.name, edge.rules.value) == (self.name, self.manifest.version)
            and edge.rules is not edge.source.rules
            for edge in self.edges_in
        )

    def gain(self, edge: Edge) -> None:
        """Take in a need that finds it, with the overrides of that."""
        if edge.rules is not None and edge.rules is not self.rules:
            self.gain_rules(edge.rules)
        self.edges_in[edge] = None

    def lose(self, edge: Edge) -> None:
        """Give up a need that finds something else now."""
        self.edges_in.pop(edge, None)
        if edge.rules is not None:
            self.lose_rules(edge.rules)

    def gain_rules(self, rules: Rules) -> None:
        """Have overrides hold too: of two the ones further down count, else what they have in common."""
        # Where they clash, those stay that were there first.
        both = rules if self.rules is None else self.rules.beside(rules)
        if both is not None and both is not self.rules:
            self.rules = both
            self._pass_on()

    def lose_rules(self, rules: Rules | None) -> None:
        """Have what is left of overrides hold, once a need with some has gone."""
        if self.rules is None or self.rules is not rules:
            return
        left: Rules | None = None
        for edge in self.edges_in:
            left = left.beside(edge.rules) if left is not None and edge.rules is not None else edge.rules
        if left is not self.rules:
            self.rules = left
            # Where nobody finds it for the moment, others follow soon.
            if left is not None:
                self._pass_on()

    def _pass_on(self) -> None:
        if self.stands_for is not None and self.rules is not None and _concerns(self.rules, self.stands_for):
            self.stands_for.gain_rules(self.rules)
        for edge in self.edges_out.values():
            edge.look(anew=True)
            if edge.to is not None and edge.rules is not None:
                edge.to.gain_rules(edge.rules)

    def resolve(self, key: str) -> "Node | None":
        """Return what node finds by a name from here."""
        node: Node | None = self
        while node is not None:
            found = node.children.get(key)
            if found is not None:
                return found
            node = node.parent or node.above
        return None

    def ancestry(self) -> Iterator["Node"]:
        """Yield it, and whatever it is in."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent or node.above

    def is_within(self, other: "Node") -> bool:
        """Return whether it is another one, or is in it."""
        return any(node is other for node in self.ancestry())

    def same_as(self, other: "Node") -> bool:
        """Return whether the same is in both."""
        if self is other:
            return True
        if (self.stands_for is None) != (other.stands_for is None) or self.manifest is None:
            return False
        one, two = self.manifest, other.manifest
        if one is two:
            return self.name == other.name
        return two is not None and (self.name, one.name, one.version) == (other.name, two.name, two.version)

    def subtree(self) -> Iterator["Node"]:
        """Yield it, and whatever is in it."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(node.children.values())
            waiting.extend(node.inside)
