"""One configuration resolved: which variants of which versions it comes to.

https://docs.gradle.org/current/userguide/dependency_resolution.html. Gradle changes its mind in the midst of a graph, whenever something newer
is asked for. Here the graph is drawn with the versions that are chosen so far, what is asked for in it chooses anew, and it is drawn again
until nothing changes: what stays then is what Gradle comes to.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.maven.gradle.choosing import Wanted
from outrider.operators.packages.maven.gradle.drawing import Asking, Choices, Drawing, Lookup
from outrider.operators.packages.maven.gradle.nodes import Edge, Node, edges
from outrider.operators.packages.maven.gradle.order import key
from outrider.operators.packages.maven.gradle.strictness import is_settled, provided

_MOST_ROUNDS = 500


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
    choices = Choices({})
    states: list[Mapping[str, str]] = []
    pinned: dict[str, str] = {}
    for _ in range(_MOST_ROUNDS):
        check()
        drawing = Drawing(asking, lookup, choices)
        anew = drawing.choices()
        anew.versions.update((module, pinned[module]) for module in pinned.keys() & anew.versions.keys())
        if anew == choices:
            return Graph(drawing.nodes, [*_failures(drawing.nodes, choices.versions), *_clashes(drawing.nodes)])
        if anew.versions in states:
            # What is given up because of something that it brings itself would come back for ever. Gradle lets the newer one stay.
            pinned |= _wavering(states[states.index(anew.versions) :])
        states.append(anew.versions)
        choices = anew
    raise ExecutionFailedError(
        f"gradle: what {asking.root.project.artifact or 'the project'} needs comes to no end", found=f"{_MOST_ROUNDS} rounds",
        expected="versions that need one another no more", suggestions=["say in a constraint which version is to be taken"],
    )  # fmt: skip


def _wavering(states: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the newest version of each module that changes again and again."""
    found: dict[str, set[str]] = {}
    for state in states:
        for module, version in state.items():
            found.setdefault(module, set()).add(version)
    return {module: max(versions, key=key) for module, versions in found.items() if len(versions) > 1}


def _failures(nodes: Sequence[Node], versions: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what cannot be had, and what is chosen although something does not allow it."""
    above = provided(nodes)
    for edge in edges(nodes):
        version = versions.get(edge.need.module)
        if edge.failure:
            yield Problem(edge, edge.failure)
        elif version is not None and not is_settled(edge, above) and Wanted(edge.need.version).rejects(version):
            yield Problem(edge, f"would have to be {version}, which something else asks for")


def _clashes(nodes: Sequence[Node]) -> Iterator[Problem]:
    """Yield modules that can stand for the same, of which Gradle takes one alone."""
    holders: dict[tuple[str, str], Node] = {}
    for node in nodes[1:]:
        project = node.component.project
        if node.component.path or node.variant.is_elsewhere:
            continue
        for one in node.variant.capabilities or ((project.group, project.artifact),):
            other = holders.setdefault(one, node)
            if other.module != node.module:
                yield Problem(node.incoming[0], f"cannot be there beside {other.module}: both are {':'.join(one)}")
