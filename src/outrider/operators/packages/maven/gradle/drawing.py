"""A graph drawn with the versions that are chosen so far, and what is asked for in it chooses anew."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from outrider.operators.packages.manifests.gradle.builds import RichVersion
from outrider.operators.packages.maven.coordinates import Project
from outrider.operators.packages.maven.gradle.attributes import Attributes, best_matches
from outrider.operators.packages.maven.gradle.choosing import Listing, NoVersionError, Wanted, chosen
from outrider.operators.packages.maven.gradle.components import Attribute, Component, Need, Variant
from outrider.operators.packages.maven.gradle.exclusions import NOTHING, Exclusions
from outrider.operators.packages.maven.gradle.nodes import Edge, Node, constraints, edges
from outrider.operators.packages.maven.gradle.strictness import is_settled, provided


class Lookup(NamedTuple):
    """What is known of modules.

    Attributes:
        component: Returns a version of a module, None where no repository has it.
        listing: Returns what has the versions of a module, the newest first.
        local: The projects of the build, by their paths.
    """

    component: Callable[[Project], Component | None]
    listing: Callable[[str], Listing]
    local: Mapping[str, Component]


class Asking(NamedTuple):
    """What is asked for.

    Attributes:
        root: What needs all else; it has one variant.
        attributes: What its configuration wants of variants.
        forced: Versions that count whatever is asked for, by module.
    """

    root: Component
    attributes: Attributes
    forced: Mapping[str, str]


class Choices(NamedTuple):
    """What was chosen so far.

    Attributes:
        versions: Of each module.
        attributes: What constraints want of variants of a module.
        exclusions: What constraints on a module exclude.
    """

    versions: dict[str, str]
    attributes: Mapping[str, Mapping[str, Attribute]] = {}
    exclusions: Mapping[str, Exclusions] = {}


class Drawing:
    """Draws.

    Args:
        asking: What is asked for.
        lookup: Knows modules.
        choices: What was chosen so far.
    """

    def __init__(self, asking: Asking, lookup: Lookup, choices: Choices) -> None:
        self._asking, self._lookup = asking, lookup
        self._choices = choices._replace(versions=dict(choices.versions))
        self._nodes: dict[tuple[str, str], Node] = {}
        # All that is asked for of a module so far, constraints too.
        self._asked: dict[str, list[Edge]] = {}
        self._waiting: deque[Node] = deque()
        self._root = Node(asking.root, asking.root.variants[0])
        self._draw()
        self.nodes = [self._root, *(node for node in self._nodes.values() if node.is_needed)]
        self._attach_constraints()

    def _draw(self) -> None:
        self._root.begin()
        self._leave(self._root)
        while self._waiting:
            node = self._waiting.popleft()
            if node is not self._root and node.settle():
                self._leave(node)

    def _leave(self, node: Node) -> None:
        """Follow what a node needs, in the place of what it needed when more was excluded."""
        for edge in node.outgoing:
            self._asked[edge.need.module].remove(edge)
            edge.detach()
        node.outgoing = [Edge(node, self._forced(need)) for need in node.needs()]
        for edge in node.outgoing:
            self._asked.setdefault(edge.need.module, []).append(edge)
        for edge in node.outgoing:
            target = None if edge.need.is_constraint else self._target(edge)
            if target is not None:
                edge.attach(target)
                self._waiting.append(target)

    def _forced(self, need: Need) -> Need:
        version = self._asking.forced.get(need.module)
        if version is None:
            return need
        return msgspec.structs.replace(need, version=RichVersion(required=version), is_forced=True)

    def _target(self, edge: Edge) -> Node | None:
        """Return the variant that something needed is; None where it cannot be had, which is noted."""
        component = self._component(edge)
        if component is None or component.fault:
            edge.failure = edge.failure or (component.fault if component is not None else "")
            return None
        module = edge.need.module
        wanted = {**self._asking.attributes, **self._choices.attributes.get(module, {}), **edge.need.attributes}
        found = _variants(component, edge.need, wanted)
        if len(found) != 1:
            names = ", ".join(sorted(one.name for one in found))
            edge.failure = (
                f"has several variants that go equally well: {names}" if found else "has no variant that would go"
            )
            return None
        key = (module, found[0].name)
        if key not in self._nodes:
            self._nodes[key] = Node(component, found[0], self._choices.exclusions.get(module, NOTHING))
        return self._nodes[key]

    def _component(self, edge: Edge) -> Component | None:
        need = edge.need
        if need.project:
            edge.failure = "" if need.project in self._lookup.local else "is no project of the build"
            return self._lookup.local.get(need.project)
        version = self._version(edge)
        component = None if version is None else self._lookup.component(Project(need.group, need.name, version))
        if component is None and not edge.failure:
            edge.failure = f"is in no repository in version {version}" if version else "is asked for without a version"
        return component

    def _version(self, edge: Edge) -> str | None:
        """Return the version that is chosen of a module; where it is met for the first time, by what is asked for so far."""
        module, versions = edge.need.module, self._choices.versions
        if module not in versions:
            wanted = [
                Wanted(one.need.version, one.need.is_forced, one.need.is_constraint) for one in self._asked[module]
            ]
            try:
                versions[module] = chosen(wanted, self._lookup.listing(module))
            except NoVersionError as error:
                edge.failure = f"has no version that {error.selector.text} allows"
                return None
        return versions[module]

    def _attach_constraints(self) -> None:
        nodes: dict[str, list[Node]] = {}
        for node in self.nodes[1:]:
            nodes.setdefault(node.module, []).append(node)
        for edge in constraints(self.nodes):
            for node in nodes.get(edge.need.module, ()):
                edge.attach(node)

    def choices(self) -> Choices:
        """Return what is chosen by what is in the graph."""
        above = provided(self.nodes)
        asked: dict[str, list[Wanted]] = {}
        attributes: dict[str, dict[str, Attribute]] = {}
        exclusions: dict[str, Exclusions] = {}
        for edge in edges(self.nodes):
            need, module = edge.need, edge.need.module
            if not need.project:
                version = RichVersion() if is_settled(edge, above) else need.version
                asked.setdefault(module, []).append(Wanted(version, need.is_forced, need.is_constraint))
            if need.is_constraint and need.attributes:
                attributes.setdefault(module, {}).update(need.attributes)
            if need.is_constraint and need.excluded:
                exclusions[module] = exclusions.get(module, NOTHING).union(need.excluded)
        return Choices(dict(self._chosen(asked.items())), attributes, exclusions)

    def _chosen(self, asked: Iterable[tuple[str, list[Wanted]]]) -> Iterator[tuple[str, str]]:
        for module, wanted in asked:
            try:
                yield module, chosen(wanted, self._lookup.listing(module))
            except NoVersionError:
                continue  # the edge that needs it says so


def _variants(component: Component, need: Need, wanted: Attributes) -> list[Variant]:
    """Return the variants that go best with what is wanted."""
    found = [one for one in component.variants if _can_be(one, component, need, strictly=False)]
    found = _best(wanted, found)
    if len(found) > 1:
        found = _best(wanted, [one for one in found if _can_be(one, component, need, strictly=True)])
    return found


def _best(wanted: Attributes, variants: list[Variant]) -> list[Variant]:
    return [variants[place] for place in best_matches(wanted, [one.attributes for one in variants])]


def _can_be(variant: Variant, component: Component, need: Need, *, strictly: bool) -> bool:
    """Return whether a variant is what is needed, and nothing else besides where that is asked for."""
    itself = (component.project.group, component.project.artifact)
    offered, wanted = variant.capabilities or (itself,), need.capabilities or (itself,)
    return all(one in offered for one in wanted) and (not strictly or all(one in wanted for one in offered))
