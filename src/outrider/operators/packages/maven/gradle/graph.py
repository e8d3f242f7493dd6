"""One configuration resolved: which variants of which versions it comes to.

https://docs.gradle.org/current/userguide/dependency_resolution.html.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from outrider.operators.packages.maven.gradle.engine import Asking, Engine, Lookup
from outrider.operators.packages.maven.gradle.nodes import Edge, Node, needed_edges


class Problem(NamedTuple):
    """Why something cannot be had.

    Attributes:
        edge: By which it is needed.
        text: The end of a sentence that begins with what is needed.
    """

    edge: Edge
    text: str


class Graph(NamedTuple):
    """What a configuration comes to.

    Attributes:
        nodes: The root, and all that it needs.
        problems: What cannot be had; where there is something, nothing of the graph counts.
    """

    nodes: Sequence[Node]
    problems: Sequence[Problem]


def resolved(asking: Asking, lookup: Lookup, check: Callable[[], None]) -> Graph:
    """Resolve a configuration.

    Args:
        asking: What is asked for.
        lookup: Knows modules.
        check: Called now and then; it may raise to end the work.

    Raises:
        ExecutionFailedError: It comes to no end.
    """
    engine = Engine(asking, lookup, check)
    nodes = engine.run()
    return Graph(nodes, [*_failures(nodes, engine), *_clashes(nodes)])


def _failures(nodes: Sequence[Node], engine: Engine) -> Iterator[Problem]:
    """Yield what cannot be had, and what is chosen although something does not allow it."""
    for edge in needed_edges(nodes):
        version = engine.version(edge.need.module)
        if edge.failure or not (edge.targets or edge.need.is_constraint):
            yield Problem(edge, edge.failure or "comes to nothing")
        elif version is not None and edge.request.wanted.rejects(version):
            yield Problem(edge, f"would have to be {version}, which something else asks for")


def _clashes(nodes: Sequence[Node]) -> Iterator[Problem]:
    """Yield modules that can stand for the same, of which Gradle takes one alone."""
    holders: dict[tuple[str, str], Node] = {}
    for node in nodes:
        project = node.component.project
        if node.variant.is_elsewhere:
            continue
        for one in node.variant.capabilities or ((project.group, project.artifact),):
            other = holders.setdefault(one, node)
            if other.module != node.module:
                yield Problem(node.incoming[0], _clash(node, other, ":".join(one)))


def _clash(node: Node, other: Node, name: str) -> str:
    if node.component.path or other.component.path:
        # Gradle takes the newer one, and the root whatever its version is.
        return f"is {name} as {other.module} is: which of both Gradle takes where a project of the build is one is not looked at"
    return f"cannot be there beside {other.module}: both are {name}"
