"""The nodes and edges of a graph of variants."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from outrider.operators.packages.maven.gradle.components import Component, Need, Variant
from outrider.operators.packages.maven.gradle.exclusions import NOTHING, Exclusions, excludes, on_each


class Edge:
    """That a node needs something.

    Args:
        source: The node.
        need: What it needs.

    Attributes:
        targets: The nodes that this is; none where it cannot be had, or is a constraint on what nothing else needs.
        failure: Why it cannot be had: the end of a sentence that begins with what is needed; empty where it can.
    """

    def __init__(self, source: "Node", need: Need) -> None:
        self.source, self.need = source, need
        self.targets: list[Node] = []
        self.failure = ""

    def attach(self, node: "Node") -> None:
        """Let a node be what is needed."""
        self.targets.append(node)
        node.incoming.append(self)

    def detach(self) -> None:
        """Let no node be what is needed."""
        for node in self.targets:
            node.incoming.remove(self)
        self.targets = []


class Node:
    """A variant in the graph.

    Args:
        component: Of which.
        variant: Which.
        constrained: What constraints on it exclude.

    Attributes:
        incoming: The edges to it.
        outgoing: The edges from it.
        exclusions: What it does not bring; None where it brings nothing.
        is_transitive: Whether what it needs may bring something.
    """

    def __init__(self, component: Component, variant: Variant, constrained: Exclusions = NOTHING) -> None:
        self.component, self.variant = component, variant
        self._own = constrained | frozenset(variant.excluded)
        self.incoming: list[Edge] = []
        self.outgoing: list[Edge] = []
        self.exclusions: Exclusions | None = None
        self.is_transitive = False

    @property
    def module(self) -> str:
        """What it is of, in any version."""
        return self.component.path or self.component.project.name

    @property
    def is_needed(self) -> bool:
        """Whether something needs it that is more than a constraint."""
        return any(not edge.need.is_constraint for edge in self.incoming)

    def begin(self) -> None:
        """Let it be what everything begins with."""
        self.exclusions, self.is_transitive = self._own, True

    def settle(self) -> bool:
        """Find out what it does not bring, from the edges to it; return whether that changes."""
        before = (self.exclusions, self.is_transitive)
        ways = [
            frozenset(edge.need.excluded) | (edge.source.exclusions or NOTHING)
            for edge in self.incoming
            if edge.need.is_transitive
        ]
        self.is_transitive = bool(ways)
        # What is but a way to another module leads there in any case.
        self.exclusions = on_each(ways) | self._own if ways else NOTHING if self.variant.is_elsewhere else None
        return (self.exclusions, self.is_transitive) != before

    def needs(self) -> Iterator[Need]:
        """Yield what it needs that nothing excludes."""
        if self.exclusions is None:
            return
        for need in self.variant.needs:
            if not (need.group and excludes(self.exclusions, need.group, need.name)):
                yield need if self.is_transitive else msgspec.structs.replace(need, is_transitive=False)


def constraints(nodes: Iterable[Node]) -> Iterator[Edge]:
    """Yield the constraints of some nodes."""
    for node in nodes:
        for edge in node.outgoing:
            if edge.need.is_constraint:
                yield edge


def edges(nodes: Sequence[Node]) -> Iterator[Edge]:
    """Yield what some nodes ask for; constraints where one of them needs the module."""
    needed = {edge.need.module for node in nodes for edge in node.outgoing if not edge.need.is_constraint}
    for node in nodes:
        for edge in node.outgoing:
            if edge.need.module in needed:
                yield edge
