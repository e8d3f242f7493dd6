"""Why something cannot be had, in sentences."""

from collections.abc import Iterable, Iterator, Sequence

from outrider.operators.packages.maven.collecting import Node, Problem
from outrider.operators.packages.maven.coordinates import Artifact

_MOST = 5
_END = "So there is no solution."


def of_problems(problems: Sequence[Problem]) -> list[str]:
    """Return sentences about what cannot be had."""
    shown = list(dict.fromkeys(_sentence(one) for one in problems))
    more = len(shown) - _MOST
    return [*shown[:_MOST], *([f"{more} more cannot be had."] if more > 0 else []), _END]


def _sentence(problem: Problem) -> str:
    return f"{_way(problem.way, problem.need)}, and {problem.need.shown} {problem.text}."


def of_ranges(root: Node, group: int) -> list[str]:
    """Return sentences about ranges of an artifact that have no version in common.

    Args:
        root: Of the graph.
        group: The number of the choice.
    """
    sentences: dict[str, str] = {}
    name = ""
    for way, node in _ways(root, group):
        assert node.artifact is not None
        if node.range and node.range not in sentences:
            name = node.artifact.name
            sentences[node.range] = f"{_way(way, node.artifact._replace(version=node.range))}."
    return [*sentences.values(), f"No version of {name} that is looked at is in {' and in '.join(sentences)}.", _END]


def way_to(root: Node, wanted: Node) -> tuple[Artifact, ...]:
    """Return who needs a node, whoever asks first."""
    return next((way for way, node in _ways(root, wanted.group) if node is wanted), ())


def _way(way: Iterable[Artifact], need: Artifact) -> str:
    names = [one.shown for one in (*way, need)]
    return f"You ask for {', which needs '.join(names)}"


def _ways(root: Node, group: int) -> Iterator[tuple[tuple[Artifact, ...], Node]]:
    """Yield the nodes of a choice with the shortest way to each list that they are in."""
    seen = {id(root.children)}
    waiting: list[tuple[tuple[Artifact, ...], Node]] = [((), root)]
    while waiting:
        following = []
        for way, parent in waiting:
            for node in parent.children:
                if node.group == group:
                    yield way, node
                elif id(node.children) not in seen and node.artifact is not None:
                    seen.add(id(node.children))
                    following.append(((*way, node.artifact), node))
        waiting = following
