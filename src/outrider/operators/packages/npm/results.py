"""What a tree of npm packages comes to: who may be missing, what does not run here, and the list of all."""

from outrider.operators.packages.npm.nodes import Edge, Node
from outrider.operators.packages.npm.order import collated
from outrider.operators.packages.npm.records import PEER_OPTIONAL
from outrider.operators.packages.npm.targets import NpmTarget
from outrider.operators.packages.resolving.outcomes import ResolvedPackage


def required(root: Node) -> set[Node]:
    """Return the nodes that something needs in any case, without optional ones on the way."""
    found = {root}
    waiting = [root]
    for node in waiting:
        for edge in node.edges_out.values():
            if edge.to is not None and not edge.is_optional and edge.to not in found:
                found.add(edge.to)
                waiting.append(edge.to)
        if node.stands_for is not None and node.stands_for not in found:
            found.add(node.stands_for)
            waiting.append(node.stands_for)
    return found


def refuse_missing(root: Node) -> None:
    """Raise the fault of what is needed in any case, and could not be had.

    Raises:
        OutriderError: The fault.
    """
    for node in sorted(required(root), key=lambda node: collated(node.place)):
        if node.fault is not None:
            raise node.fault


def misfits(root: Node, target: NpmTarget) -> list[str]:
    """Return sentences about what is needed in any case, and is not for this machine."""
    found = []
    for node in required(root):
        shape = node.manifest.shape if node.manifest is not None else None
        if shape is not None and not target.takes(shape.os, shape.cpu, shape.libc):
            machines = " ".join((*shape.os, *shape.cpu, *shape.libc))
            assert node.manifest is not None
            found.append(
                f"{node.manifest.name} {node.manifest.version} is for {machines}, and this is {target.os} {target.cpu}."
            )
    return sorted(found)


def packages_of(root: Node) -> list[ResolvedPackage]:
    """Return all packages by their place."""
    found = []
    for node in root.subtree():
        manifest = node.manifest
        if manifest is None or node is root:
            continue
        names = {edge.source.called for edge in node.edges_in if edge.valid and edge.source is not root}
        one = ResolvedPackage(name=manifest.name, version=manifest.version, needed_by=sorted(names), place=node.place)
        one.direct = any(edge.source.is_root or edge.source.above is not None for edge in node.edges_in)
        one.unmet = [edge.need.name for edge in node.edges_out.values() if _is_unmet(edge)]
        if manifest.package is not None and not node.is_link_to_member and node.above is None:
            one.url, one.hashes = manifest.package.distribution(manifest.bit)
        if node.bundled and not one.hashes:
            one.url = ""  # it has no tarball of its own
        found.append(one)
    return sorted(found, key=lambda one: collated(one.place))


def _is_unmet(edge: Edge) -> bool:
    if edge.to is None:
        return edge.need.kind != PEER_OPTIONAL
    return edge.to.fault is not None or not edge.valid
