"""Walks through what is needed, breadth first, and changes its mind about versions as soon as something newer is asked for.

What is chosen in the end depends on the way where modules need one another in circles, so this is the way of Gradle 8.11:
DependencyGraphBuilder, NodeState, EdgeState and ModuleResolveState. A node is visited when edges to it come or go. The edges of what is
not chosen any more go at once, and what only they have asked for with them. A constraint is an edge where something else needs its module.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.manifests.gradle.builds import RichVersion
from outrider.operators.packages.maven.coordinates import Project
from outrider.operators.packages.maven.gradle.attributes import Attributes
from outrider.operators.packages.maven.gradle.choosing import Listing, NoVersionError, Wanted
from outrider.operators.packages.maven.gradle.components import Component, Need
from outrider.operators.packages.maven.gradle.exclusions import Exclusions
from outrider.operators.packages.maven.gradle.nodes import Edge, Node
from outrider.operators.packages.maven.gradle.requests import Module, Request
from outrider.operators.packages.maven.gradle.variants import fitting

_MOST_VISITS = 200_000


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


class Engine:
    """Walks.

    Args:
        asking: What is asked for.
        lookup: Knows modules.
        check: Called now and then; it may raise to end the work.
    """

    def __init__(self, asking: Asking, lookup: Lookup, check: Callable[[], None]) -> None:
        self._asking, self._lookup, self._check = asking, lookup, check
        self._modules: dict[str, Module] = {}
        self._requests: dict[tuple[object, ...], Request] = {}
        self._queue: deque[Node] = deque()
        self._root = Node(asking.root, asking.root.variants[0], is_root=True)

    def run(self) -> list[Node]:
        """Return the root and all that it needs in the end.

        Raises:
            ExecutionFailedError: It comes to no end.
        """
        self._enqueue(self._root)
        visits = 0
        while self._queue:
            visits += 1
            self._check()
            if visits > _MOST_VISITS:
                raise self._endless()
            node = self._queue.popleft()
            node.is_queued = False
            self._visit(node)
        return self._reached()

    def _endless(self) -> ExecutionFailedError:
        name = self._asking.root.project.artifact or "the project"
        return ExecutionFailedError(
            f"gradle: what {name} needs comes to no end", found=f"{_MOST_VISITS} visits", expected="modules that do not lead back to themselves",
            suggestions=["say in a constraint which version of a module is to be taken"],
        )  # fmt: skip

    def version(self, module: str) -> str | None:
        """Return the version that is chosen of a module; None where none is."""
        found = self._modules.get(module)
        return None if found is None else found.version

    def _reached(self) -> list[Node]:
        found = {self._root: None}
        waiting = deque([self._root])
        while waiting:
            for edge in waiting.popleft().outgoing:
                for node in edge.targets:
                    if not edge.need.is_constraint and node not in found:
                        found[node] = None
                        waiting.append(node)
        return [*found]

    def _enqueue(self, node: Node, *, first: bool = False) -> None:
        """Have a node visited: at once where something is given up, else once all that was found before was visited."""
        if not node.is_queued:
            node.is_queued = True
            if first:
                self._queue.appendleft(node)
            else:
                self._queue.append(node)

    def _module(self, name: str) -> Module:
        found = self._modules.get(name)
        if found is None:
            found = self._modules[name] = Module(name)
        return found

    def _is_chosen(self, node: Node) -> bool:
        return (
            node.is_root
            or bool(node.component.path)
            or self._module(node.module).version == node.component.project.version
        )

    def _visit(self, node: Node) -> None:
        if not self._is_chosen(node):
            self._forget_constraints(node)
            return
        if not node.brings:
            self._forget_constraints(node)
            self._leave(node)
            return
        exclusions = node.excluded_now()
        # What is settled above it by then counts, as for Gradle: to look again when that changes may come to no end.
        if node.exclusions is not None and [*node.needs(exclusions)] == [*node.needs(node.exclusions)]:
            self._revisit(node, exclusions)
            return
        if node.exclusions is not None:
            self._leave(node)
        node.exclusions, node.settled = exclusions, node.settled_now()
        node.waiting.clear()
        self._attach([edge for need in node.needs(exclusions) if (edge := self._edge(node, need)) is not None])

    def _revisit(self, node: Node, exclusions: Exclusions) -> None:
        """Visit a node that needs the same as before: there may be constraints that count from now on."""
        if exclusions != node.exclusions:
            node.exclusions = exclusions
            for edge in node.outgoing:
                if not edge.need.is_constraint:
                    edge.exclusions = frozenset(edge.need.excluded) | exclusions
                    for target in edge.targets:
                        self._enqueue(target)
        modules = [*node.waiting]
        node.waiting.clear()
        anew = [
            need for name in modules for need in node.needs(exclusions) if need.is_constraint and need.module == name
        ]
        self._attach([self._linked(node, need, defer=False) for need in anew])

    def _edge(self, node: Node, need: Need) -> Edge | None:
        """Return the edge of something that is needed; None for a constraint on what nothing needs so far."""
        module = self._module(need.module)
        if need.is_constraint:
            if module.hard == 0:
                module.providers[node] = None
                return None
            return self._linked(node, need, defer=False)
        module.hard += 1
        activates = bool(module.providers)
        for provider in module.providers:
            provider.waiting[need.module] = None
            self._enqueue(provider, first=True)
        module.providers.clear()
        return self._linked(node, need, defer=activates)

    def _linked(self, node: Node, need: Need, *, defer: bool) -> Edge:
        forced = self._asking.forced.get(need.module)
        if forced is not None:
            need = msgspec.structs.replace(need, version=RichVersion(required=forced), is_forced=True)
        edge = Edge(node, need, self._request(node, need))
        node.outgoing.append(edge)
        edge.request.edges += 1
        if edge.request.edges == 1:
            edge.module.add(edge.request, defer=defer)
        return edge

    def _request(self, node: Node, need: Need) -> Request:
        is_settled = need.module in node.settled and not need.is_forced
        version = RichVersion() if is_settled else need.version
        key = (need.module, version, tuple(sorted(need.attributes.items())), need.capabilities, is_settled)
        request = self._requests.get(key)
        if request is None:
            request = self._requests[key] = Request(self._module(need.module), Wanted(version), need)
        if need.is_forced and not request.wanted.is_forced:
            request.wanted, request.is_resolved = Wanted(version, is_forced=True), False
        return request

    def _attach(self, edges: list[Edge]) -> None:
        """Choose versions for what edges ask for, and let them lead there."""
        for edge in edges:
            # Whoever publishes a module may write very many needs of one other.
            self._check()
            if edge.is_used and edge.request.matters and edge.module.is_asked_for:
                self._choose(edge.module)
            if edge.is_used:
                edge.module.unattached[edge] = None
        for edge in edges:
            self._lead(edge)

    def _choose(self, module: Module) -> None:
        if module.name in self._lookup.local:
            module.settle()
            return
        try:
            version = module.choice(self._lookup.listing(module.name))
        except NoVersionError:
            return  # the edges that ask for it say so
        if version is None:
            return
        before = [*module.chosen_nodes()]
        if module.version is None:
            module.version = version
            return
        module.is_changing = True
        for node in before:
            self._leave(node)
            for edge in [*node.incoming]:
                if edge.need.endorses:
                    self._enqueue(edge.source)
                    self._leave(edge.source)
        module.version = version
        self._restart(module)
        module.is_changing = False

    def _restart(self, module: Module) -> None:
        """Let all edges to a module lead to the version that is chosen now."""
        for (version, _), node in [*module.nodes.items()]:
            if version == module.version:
                self._enqueue(node)
                continue
            for edge in [*node.incoming]:
                self._detach(edge)
                self._lead(edge)
                if edge.is_used and not edge.targets:
                    module.unattached[edge] = None
            node.incoming.clear()
        module.settle()
        for edge in [*module.unattached]:
            self._detach(edge)
            self._lead(edge)

    def _lead(self, edge: Edge) -> None:
        """Let an edge lead to what is chosen; it leads nowhere where nothing is, or it cannot be had."""
        module = edge.module
        if not edge.is_used or not edge.request.is_resolved:
            return
        edge.failure = ""
        if edge.need.is_constraint:
            targets = self._constrained(edge)
        else:
            target = self._target(edge)
            targets = [] if target is None else [target]
        edge.targets = targets
        for node in targets:
            if edge not in node.incoming:
                node.incoming.append(edge)
                self._enqueue(node)
        if targets:
            module.unattached.pop(edge, None)

    def _constrained(self, edge: Edge) -> list[Node]:
        """Return the nodes that a constraint is about, once edges that waited for it lead there."""
        for other in [*edge.module.unattached]:
            if not other.need.is_constraint:
                self._lead(other)
        return [node for node in edge.module.chosen_nodes() if node.incoming]

    def _target(self, edge: Edge) -> Node | None:
        component = self._component(edge)
        if component is None or component.fault:
            edge.failure = component.fault if component is not None else edge.failure
            return None
        module = edge.module
        found = fitting(component, edge.need, {**self._asking.attributes, **module.attributes, **edge.need.attributes})
        if len(found) != 1:
            names = ", ".join(sorted(one.name for one in found))
            edge.failure = (
                f"has several variants that go equally well: {names}" if found else "has no variant that would go"
            )
            return None
        return module.nodes.setdefault((component.project.version, found[0].name), Node(component, found[0]))

    def _component(self, edge: Edge) -> Component | None:
        """Return what is needed; None where it cannot be had, which is noted, or waits for a choice."""
        need, module = edge.need, edge.module
        if need.project:
            edge.failure = "" if need.project in self._lookup.local else "is no project of the build"
            return self._lookup.local.get(need.project)
        if module.version is None:
            edge.failure = f"has no version that {edge.request.wanted.selector.text} allows"
            return None
        component = self._lookup.component(Project(need.group, need.name, module.version))
        if component is None:
            edge.failure = (
                f"is in no repository in version {module.version}"
                if module.version
                else "is asked for without a version"
            )
        return component

    def _leave(self, node: Node) -> None:
        """Take the edges of a node away, and what only they have asked for."""
        if node.is_leaving:
            return
        node.is_leaving = True
        for edge in node.outgoing:
            edge.is_used = False
            is_own = any(target.component is node.component for target in edge.targets)
            if not is_own and not edge.module.is_changing:
                self._disconnect(node, edge)
        node.outgoing.clear()
        node.exclusions = None
        node.is_leaving = False

    def _disconnect(self, node: Node, edge: Edge) -> None:
        self._detach(edge)
        module = edge.module
        module.unattached.pop(edge, None)
        if not edge.need.is_constraint:
            module.hard -= 1
            if module.hard == 0:
                self._suspend(module, node)
        self._release(edge)

    def _suspend(self, module: Module, source: Node) -> None:
        """Let constraints on a module wait that nothing needs any more."""
        for node in [*module.chosen_nodes()]:
            for edge in [*node.incoming]:
                if edge.source is not source and not edge.source.is_leaving:
                    edge.source.outgoing.remove(edge)
                    edge.is_used = False
                    self._release(edge)
                module.providers[edge.source] = None
            node.incoming.clear()

    def _detach(self, edge: Edge) -> None:
        for node in edge.targets:
            if edge in node.incoming:
                node.incoming.remove(edge)
                self._enqueue(node, first=True)
        edge.targets = []

    def _release(self, edge: Edge) -> None:
        request = edge.request
        request.edges -= 1
        if request.edges == 0 and edge.module.remove(request):
            self._choose(edge.module)

    def _forget_constraints(self, node: Node) -> None:
        for need in node.variant.needs:
            if need.is_constraint:
                self._module(need.module).providers.pop(node, None)
        node.waiting.clear()
