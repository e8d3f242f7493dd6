"""What Maven would not have: of io.spring.dependency-management 1.1.7, ExclusionConfiguringAction and ExclusionResolver.

A module counts as Maven reaches it first: by the shortest way. What POMs on that way exclude is not looked for behind it.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from outrider.operators.packages.manifests.gradle.builds import Exclusion
from outrider.operators.packages.maven.coordinates import Project
from outrider.operators.packages.maven.gradle.components import Component
from outrider.operators.packages.maven.gradle.exclusions import NOTHING, Exclusions, excludes
from outrider.operators.packages.maven.gradle.nodes import Edge, Node
from outrider.operators.packages.maven.gradle.reading import GradleReading
from outrider.operators.packages.maven.poms import Dependency

_IGNORED_SCOPES = ("provided", "test")
# By the module that something does not come with.
ByModule = Mapping[str, Exclusions]


class ExclusionReading:
    """Knows what POMs exclude.

    Args:
        reading: Has them.
        managed: What BOMs manage.
        excluded: What the project itself excludes.
    """

    def __init__(
        self, reading: GradleReading, managed: Iterable[Dependency], excluded: Mapping[str, tuple[Exclusion, ...]]
    ) -> None:
        self._reading = reading
        self.managed: ByModule = _by_module(managed)
        for module, those in excluded.items():
            self.managed = {**self.managed, module: self.managed.get(module, NOTHING) | {*those}}
        # Of the version that is seen first, whatever others come later.
        self._known: dict[str, ByModule] = {}

    def load(self, projects: Sequence[Project]) -> None:
        """Look at the POMs of modules, once for each name.

        Raises:
            UnloadedError: One is not known yet.
        """
        missing = [one for one in projects if one.name not in self._known]
        self._reading.expect(missing)
        for one in missing:
            model = self._reading.model(one)
            said = () if model is None else (*model.managed, *model.dependencies)
            self._known[one.name] = _by_module(filter(_counts, said))

    def of(self, parent: str, child: str) -> Exclusions:
        """Return what does not come with a module that another one needs."""
        return self.managed.get(child, NOTHING) | self._known.get(parent, {}).get(child, NOTHING)


def excluded_modules(nodes: Sequence[Node], reading: ExclusionReading) -> tuple[Exclusion, ...]:
    """Return which modules of a graph Maven would not have.

    Args:
        nodes: Of it, the root first.
        reading: Knows exclusions.
    """
    edges: dict[int, list[Edge]] = {}
    components = {id(node.component): node.component for node in nodes}
    for node in nodes:
        edges.setdefault(id(node.component), []).extend(one for one in node.outgoing if not one.need.is_constraint)
    reading.load([one.project for one in components.values() if not one.path])
    seen = {name for several in edges.values() for edge in several for name in _names(edge)}
    return tuple(Exclusion(*name) for name in sorted(seen - _included(nodes[0].component, edges, reading)))


def _names(edge: Edge) -> list[tuple[str, str]]:
    """Return what an edge leads to, or would lead to if it could be had."""
    if edge.targets:
        return [(node.component.project.group, node.component.project.artifact) for node in edge.targets]
    return [(edge.need.group, edge.need.name)] if edge.need.group else []


def _included(root: Component, edges: Mapping[int, Sequence[Edge]], reading: ExclusionReading) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    waiting: deque[tuple[Component, Exclusions]] = deque([(root, NOTHING)])
    seen: set[int] = set()
    while waiting:
        component, exclusions = waiting.popleft()
        found.add((component.project.group, component.project.artifact))
        for edge in edges[id(component)]:
            if not edge.targets:
                found.update(name for name in _names(edge) if not excludes(exclusions, *name))
            for node in edge.targets:
                child = node.component
                if excludes(exclusions, child.project.group, child.project.artifact) or id(child) in seen:
                    continue
                seen.add(id(child))
                waiting.append((child, exclusions | reading.of(component.project.name, child.project.name)))
    return found


def _counts(one: Dependency) -> bool:
    return (one.optional or "").lower() != "true" and one.scope not in _IGNORED_SCOPES


def _by_module(dependencies: Iterable[Dependency]) -> ByModule:
    found: dict[str, Exclusions] = {}
    for one in dependencies:
        if one.exclusions:
            module = f"{one.group}:{one.artifact}"
            found[module] = found.get(module, NOTHING) | {Exclusion(*pair) for pair in one.exclusions}
    return found
