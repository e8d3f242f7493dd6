"""The nodes and edges of a graph of variants."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from outrider.operators.packages.maven.gradle.components import Component, Need, Variant
from outrider.operators.packages.maven.gradle.exclusions import NOTHING, Exclusions, excludes, on_each

if TYPE_CHECKING:
    from outrider.operators.packages.maven.gradle.requests import Module, Request

Modules = frozenset[str]
NONE: Modules = frozenset()


class Edge:
    """That a node needs something.

    Args:
        source: The node.
        need: What it needs.
        request: What it asks for of the module, and may share with others.

    Attributes:
        exclusions: What is not to come on this way.
        targets: The nodes that this is; none where it cannot be had, or waits for a choice.
        is_used: Whether its source still has it.
        failure: Why it cannot be had: the end of a sentence that begins with what is needed; empty where it can.
    """

    def __init__(self, source: "Node", need: Need, request: "Request") -> None:
        self.source, self.need, self.request = source, need, request
        own = frozenset(need.excluded)
        self.exclusions: Exclusions = own if need.is_constraint else own | (source.exclusions or NOTHING)
        self.targets: list[Node] = []
        self.is_used = True
        self.failure = ""

    @property
    def module(self) -> "Module":
        """That it is about."""
        return self.request.module


class Node:
    """A variant in the graph.

    Args:
        component: Of which.
        variant: Which.
        is_root: Whether it needs all others.

    Attributes:
        incoming: The edges to it.
        outgoing: The edges from it.
        exclusions: What it does not bring; None where it was not visited, or brings nothing.
        waiting: Modules on which it has constraints that count from now on.
        settled: Modules whose versions are settled above it.
        is_queued: Whether it is to be visited.
        is_leaving: Whether its edges are being taken away.
    """

    def __init__(self, component: Component, variant: Variant, *, is_root: bool = False) -> None:
        self.component, self.variant, self.is_root = component, variant, is_root
        self.incoming: list[Edge] = []
        self.outgoing: list[Edge] = []
        self.exclusions: Exclusions | None = None
        self.waiting: dict[str, None] = {}
        self.settled: Modules = NONE
        self.is_queued = False
        self.is_leaving = False

    @property
    def module(self) -> str:
        """What it is of, in any version."""
        return self.component.path or self.component.project.name

    @property
    def is_transitive(self) -> bool:
        """Whether what it needs may bring something."""
        return self.is_root or any(edge.need.is_transitive for edge in self.incoming)

    @property
    def brings(self) -> bool:
        """Whether what it needs comes with it; what is but a way to another module leads there in any case."""
        return self.is_transitive or (self.variant.is_elsewhere and bool(self.incoming))

    @cached_property
    def strict(self) -> Modules:
        """The modules whose versions it is strict about."""
        return frozenset(need.module for need in self.variant.needs if need.version.strictly)

    def excluded_now(self) -> Exclusions:
        """Return what it does not bring, by the edges that lead to it."""
        ways = [edge.exclusions for edge in self.incoming if edge.need.is_transitive]
        own = frozenset(self.variant.excluded)
        return on_each(ways) | own.union(*(edge.exclusions for edge in self.incoming if edge.need.is_constraint))

    def needs(self, exclusions: Exclusions) -> Iterator[Need]:
        """Yield what it needs that nothing excludes."""
        transitive = self.is_transitive
        for need in self.variant.needs:
            if not (need.group and excludes(exclusions, need.group, need.name)):
                yield need if transitive else msgspec.structs.replace(need, is_transitive=False)

    def settled_now(self) -> Modules:
        """Return the modules whose versions are settled above it, on each way that leads to it.

        What it asks of these itself counts no more: https://docs.gradle.org/current/userguide/dependency_versions.html#sec:strict-version.
        """
        ways = [edge.source.strict | edge.source.settled | _endorsed(edge, self.strict) for edge in self.incoming]
        return frozenset.intersection(*ways) if ways else NONE


def _endorsed(edge: Edge, own: Modules) -> Modules:
    """Return what others are strict about in the place of the source of an edge.

    Args:
        edge: The one by which a node is reached.
        own: What that node itself is strict about.
    """
    found = NONE
    for other in edge.source.outgoing:
        if other.need.endorses and other is not edge:
            found = found.union(*(node.strict for node in other.targets))
    return found - own if edge.need.endorses else found


def needed_edges(nodes: Sequence[Node]) -> Iterator[Edge]:
    """Yield what some nodes ask for; constraints where one of them needs the module."""
    needed = {edge.need.module for node in nodes for edge in node.outgoing if not edge.need.is_constraint}
    for node in nodes:
        for edge in node.outgoing:
            if edge.need.module in needed:
                yield edge
