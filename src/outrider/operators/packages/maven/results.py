"""What a graph comes to once all choices are made: the artifacts, and who needs them."""

from collections.abc import Iterator

from outrider.operators.packages.maven.client import url_of
from outrider.operators.packages.maven.collecting import Node
from outrider.operators.packages.maven.coordinates import Artifact, ArtifactKey, file_name
from outrider.operators.packages.maven.holdings import Holdings
from outrider.operators.packages.resolving.outcomes import ResolvedPackage

_WHOEVER_ASKS = ""


def winners(root: Node) -> list[Node]:
    """Return the nodes that were left, each artifact once, in the order in which Maven has them on a class path."""
    found: dict[int, Node] = {}
    waiting = [root]
    while waiting:
        following: list[Node] = []
        for node in waiting:
            for child in node.children:
                if id(child) not in found:
                    found[id(child)] = child
                    following.append(child)
        waiting = following
    return [*found.values()]


def needers(root: Node) -> dict[int, list[str]]:
    """Return who needs any of the nodes between which there is a choice, by its number; whoever asks has an empty name.

    Args:
        root: Of the graph before any choice was made.
    """
    found: dict[int, dict[str, None]] = {}
    for parent, child in _edges(root):
        names = found.setdefault(child.group, {})
        names[_identity(parent.artifact) if parent.artifact is not None else _WHOEVER_ASKS] = None
    return {key: [*names] for key, names in found.items()}


def moved_by_ranges(root: Node) -> dict[ArtifactKey, str]:
    """Return by its key the version of each artifact that a range led to, and that was moved: there its new name is no range any more.

    Args:
        root: Of the graph before any choice was made.
    """
    found: dict[ArtifactKey, str] = {}
    for _, node in _edges(root):
        if node.is_found_by_range and node.artifact is not None:
            for one in node.moves:
                found.setdefault((one.group, one.artifact, *node.artifact.key[2:]), one.version)
    return found


def _edges(root: Node) -> Iterator[tuple[Node, Node]]:
    seen = {id(root)}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        for child in node.children:
            yield node, child
            if id(child) not in seen:
                seen.add(id(child))
                waiting.append(child)


def _identity(artifact: Artifact) -> str:
    """Return what tells an artifact from all others, whichever of its files it is."""
    return ":".join((*artifact.key, artifact.version))


def packages(
    nodes: list[Node], by: dict[int, list[str]], places: dict[Artifact, tuple[Holdings, str]]
) -> list[ResolvedPackage]:
    """Return what was chosen, by name.

    Args:
        nodes: Those that were left.
        by: Who needs each, as `needers` has it.
        places: Of each artifact, the repository that has it, and the version in the name of its file.
    """
    chosen = {_identity(node.artifact): node.artifact for node in nodes if node.artifact is not None}
    found = []
    for node in nodes:
        artifact = node.artifact
        if artifact is None or artifact not in places:
            continue
        holdings, version = places[artifact]
        file = artifact._replace(version=version)
        needed_by = by.get(node.group, ())
        names = {chosen[one].name for one in needed_by if one in chosen} - {artifact.name}
        place = artifact.shown.partition(" ")[0]
        found.append(
            ResolvedPackage(
                name=artifact.name, version=artifact.version, needed_by=sorted(names), place=place if place != artifact.name else "",
                file=file_name(file), url=url_of(holdings.repository, file), direct=_WHOEVER_ASKS in needed_by,
            )
        )  # fmt: skip
    return sorted(found, key=lambda one: (one.name, one.place))
