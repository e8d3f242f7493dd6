"""Resolves the configurations of a project of Gradle that are locked."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from outrider.operators.packages.manifests.gradle.builds import ALL, GradleBuild, GradleProject, RichVersion
from outrider.operators.packages.manifests.gradle.source_sets import resolvable_in
from outrider.operators.packages.maven.coordinates import Project
from outrider.operators.packages.maven.gradle.components import Need
from outrider.operators.packages.maven.gradle.configurations import Configuration, component, configurations
from outrider.operators.packages.maven.gradle.engine import Asking
from outrider.operators.packages.maven.gradle.graph import Graph, Problem, resolved
from outrider.operators.packages.maven.gradle.managing import Managing
from outrider.operators.packages.maven.gradle.nodes import Node
from outrider.operators.packages.maven.gradle.reading import GradleReading
from outrider.operators.packages.resolving.outcomes import Impossible
from outrider.operators.packages.resolving.policies import Policy

_MOST, _MOST_REMEDIES = 5, 3
_MANAGED = (
    "Versions that dependencyManagement of the build has, and those that the build asks for beside it, stay whatever a lock says: they are"
    " raised in the build."
)
_NO_FLOORS: Mapping[str, Mapping[str, str]] = {}


class Locked(NamedTuple):
    """What the configurations of a project come to.

    Attributes:
        modules: The configurations that each version of a module is in.
        needed_by: The modules that need each of them; whoever asks has an empty name.
        configurations: All that are locked.
    """

    modules: Mapping[Project, list[str]]
    needed_by: Mapping[str, list[str]]
    configurations: list[str]


class GradleResolver:
    """Resolves.

    Args:
        reading: Knows modules.
        policy: What may be chosen.
        java: The version of Java for which a project is compiled that does not say so.
    """

    def __init__(self, reading: GradleReading, policy: Policy, java: int) -> None:
        self._reading, self._policy, self._java = reading, policy, java

    async def locked(
        self, build: GradleBuild, project: GradleProject, floors: Mapping[str, Mapping[str, str]] = _NO_FLOORS
    ) -> Locked | Impossible:
        """Resolve the configurations of a project that are locked.

        Args:
            build: Whose project it is.
            project: Whose configurations.
            floors: Versions below which none is taken: by configuration, then by module.

        Raises:
            OutriderError: What a repository says.
        """
        wanted = [_raised(one, floors.get(one.name, {})) for one in configurations(build, project, self._java)]
        graphs = await self._reading.settled(lambda check: self._graphs(build, project, wanted, check))
        problems = {one.name: [*self._problems(graphs[one.name])] for one in wanted}
        reasons = [reason for one in wanted for reason in _reasons(one, problems[one.name])]
        if reasons:
            reasons += [] if project.management is None else [_MANAGED]
            blamed = dict.fromkeys(one.edge.need.module for several in problems.values() for one in several)
            remedies = [
                f"name another version of {name} in the build, or exclude it" for name in [*blamed][:_MOST_REMEDIES]
            ]
            return Impossible(asked=[str(project.folder)], reasons=reasons, remedies=remedies)
        modules: dict[Project, list[str]] = {}
        needed_by: dict[str, set[str]] = {}
        for one in wanted:
            for node in graphs[one.name].nodes[1:]:
                if node.component.path or _is_ignored(node, project):
                    continue
                names = modules.setdefault(node.component.project, [])
                if one.name not in names:
                    names.append(one.name)
                needed_by.setdefault(node.module, set()).update(_names(node))
        return Locked(modules, {name: sorted(by) for name, by in needed_by.items()}, [one.name for one in wanted])

    def _graphs(
        self, build: GradleBuild, project: GradleProject, wanted: Sequence[Configuration], check: Callable[[], None]
    ) -> dict[str, Graph]:
        local = {path: component(build, one, self._java) for path, one in build.projects.items()}
        lookup = self._reading.lookup(local)
        forced = {f"{one.group}:{one.name}": one.version.required for one in project.forced}
        if project.management is None:
            return {one.name: resolved(Asking(one.root, one.attributes, forced), lookup, check) for one in wanted}
        managing = Managing(build, project, self._reading, lookup, check)
        by_name = {one.name: one for one in wanted}
        graphs: dict[str, Graph] = {}
        # Those that are not locked have a say in what comes after them.
        for name in sorted(resolvable_in(project)):
            managing.prepare(name)
            if name in by_name:
                graphs[name] = managing.resolved(by_name[name], forced)
        return graphs

    def _problems(self, graph: Graph) -> Iterator[Problem]:
        """Yield what cannot be had of a configuration, or may not be chosen."""
        yield from graph.problems
        for node in graph.nodes[1:]:
            why = "" if node.component.path else self._refusal(node.component.project)
            if why:
                yield Problem(
                    node.incoming[0],
                    f"may not be chosen in version {node.component.project.version}: such versions {why}",
                )

    def _refusal(self, project: Project) -> str:
        why = self._reading.refusal(project.name, project.version)
        if not why and self._policy.asks_for_licences:
            model = self._reading.model(project)
            licence = " OR ".join(model.licences) if model is not None else ""
            why = self._policy.refuses_licence(project.name, project.version, licence)
        return why


def _raised(configuration: Configuration, floors: Mapping[str, str]) -> Configuration:
    """Return a configuration that takes no version below some."""
    if not floors:
        return configuration
    root = configuration.root
    variant = root.variants[0]
    constraints = (
        Need(
            group=module.partition(":")[0], name=module.partition(":")[2], version=RichVersion(required=version), is_constraint=True,
            is_transitive=False,
        )
        for module, version in floors.items()
    )  # fmt: skip
    whole = msgspec.structs.replace(variant, needs=(*variant.needs, *constraints))
    return configuration._replace(root=msgspec.structs.replace(root, variants=(whole,)))


def _is_ignored(node: Node, project: GradleProject) -> bool:
    group, _, name = node.module.partition(":")
    return any(
        _matches(one.partition(":")[0], group) and _matches(one.partition(":")[2], name) for one in project.ignored
    )


def _matches(pattern: str, text: str) -> bool:
    return pattern in (ALL, text) or (pattern.endswith(ALL) and text.startswith(pattern[:-1]))


def _names(node: Node) -> set[str]:
    return {
        "" if edge.source.component.path else edge.source.module
        for edge in node.incoming
        if not edge.need.is_constraint
    }


def _reasons(configuration: Configuration, problems: Iterable[Problem]) -> Iterator[str]:
    """Yield sentences about what cannot be had."""
    shown = dict.fromkeys(f"{configuration.name} needs {_way(one)}, which {one.text}." for one in problems)
    yield from [*shown][:_MOST]
    if len(shown) > _MOST:
        yield f"Of {configuration.name} {len(shown) - _MOST} more cannot be had."


def _way(problem: Problem) -> str:
    """Return how something comes to be needed."""
    need = problem.edge.need
    wanted = need.version.text or need.version.preferred
    names = [f"{need.module} {wanted}".rstrip()]
    node, seen = problem.edge.source, set[int]()
    while node.incoming and id(node) not in seen:
        seen.add(id(node))
        names.append(f"{node.module} {node.component.project.version}".rstrip())
        node = next((edge for edge in node.incoming if not edge.need.is_constraint), node.incoming[0]).source
    return ", which needs ".join(reversed(names))
