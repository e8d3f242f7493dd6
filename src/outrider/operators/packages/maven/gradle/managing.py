"""Versions in the place of those that are asked for, and exclusions by Maven's rules.

Of the plugin io.spring.dependency-management 1.1.7: DependencyManagementContainer, ImplicitDependencyManagementCollector,
VersionConfiguringAction. Configurations are looked at in the order in which the task `dependencies` resolves them: which versions a
project asks for itself is known of those alone that were resolved before.
"""

from collections import deque
from collections.abc import Callable, Mapping

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.manifests.gradle.builds import (
    Asked,
    Bom,
    Exclusion,
    GradleBuild,
    GradleProject,
    Management,
    RichVersion,
)
from outrider.operators.packages.manifests.gradle.source_sets import resolvable_in
from outrider.operators.packages.maven.coordinates import Project
from outrider.operators.packages.maven.gradle.components import Component, Need, Variant
from outrider.operators.packages.maven.gradle.configurations import Configuration, extended, hierarchy, need_of
from outrider.operators.packages.maven.gradle.engine import Asking, Lookup
from outrider.operators.packages.maven.gradle.graph import Graph, resolved
from outrider.operators.packages.maven.gradle.maven_exclusions import ExclusionReading, excluded_modules
from outrider.operators.packages.maven.gradle.reading import GradleReading
from outrider.operators.packages.maven.poms import Dependency
from outrider.operators.packages.resolving.outcomes import Impossible

_DYNAMIC = ("latest.", "[", "]", "(")


class Managing:
    """Resolves configurations of a project whose versions are managed.

    Args:
        build: That the project is of.
        project: It.
        reading: Knows BOMs.
        lookup: Knows modules.
        check: Called now and then; it may raise to end the work.

    Raises:
        ConflictError: A BOM cannot be had.
    """

    def __init__(
        self,
        build: GradleBuild,
        project: GradleProject,
        reading: GradleReading,
        lookup: Lookup,
        check: Callable[[], None],
    ) -> None:
        assert project.management is not None
        self._build, self._project, self._management, self._reading = build, project, project.management, reading
        self._lookup, self._check = lookup, check
        self._local = {f"{one.group}:{one.name}" for one in build.projects.values()}
        managed = [one for bom in self._management.boms for one in _managed(reading, self._management, bom)]
        self._versions = {f"{one.group}:{one.artifact}": one.version or "" for one in managed} | {
            **self._management.versions
        }
        self._exclusions = ExclusionReading(reading, managed, self._management.excluded)
        self._excluded: dict[str, tuple[Exclusion, ...]] = {}
        self._prepared: set[str] = set()
        # Configurations whose own versions count by now.
        self._asking: set[str] = set()

    def prepare(self, name: str) -> None:
        """Do what is done before a configuration is resolved.

        Args:
            name: Of it.
        """
        is_sharing = self._management.shares_exclusions
        if is_sharing:
            self._asking.update(hierarchy(self._project, name))
        waiting, can_be_resolved = deque([name]), resolvable_in(self._project)
        while waiting:
            one = waiting.popleft()
            if one not in self._prepared and one in can_be_resolved and self._management.applies_exclusions:
                self._excluded[one] = self._excluded_from(one)
            self._prepared.add(one)
            waiting.extend(() if is_sharing else extended(self._project, one))
        self._asking.update(hierarchy(self._project, name))

    def resolved(self, configuration: Configuration, forced: Mapping[str, str]) -> Graph:
        """Resolve a configuration that is prepared.

        Args:
            configuration: It.
            forced: As `Asking` has it.
        """
        rule, root = _Rule(self, configuration.name), configuration.root.variants[0]
        excluded = [
            one for name in hierarchy(self._project, configuration.name) for one in self._excluded.get(name, ())
        ]
        whole = msgspec.structs.replace(root, excluded=(*root.excluded, *excluded))
        component = rule.applied(msgspec.structs.replace(configuration.root, variants=(whole,)))
        taken = {module: rule.version(module, version) or version for module, version in forced.items()}
        return resolved(Asking(component, configuration.attributes, taken), rule.lookup(self._lookup), self._check)

    def asked(self, name: str) -> list[Asked]:
        """Return what a configuration asks for with all that it extends, in the order of `Configuration.allDependencies`.

        Args:
            name: Of it.
        """
        found: list[Asked] = []
        seen = {name}
        waiting = [name]
        while waiting:
            one = waiting.pop(0)
            found += self._project.declared.get(one, ())
            further = [other for other in extended(self._project, one) if other not in seen]
            seen.update(further)
            waiting = [*further, *waiting]
        return found

    def versions(self, name: str) -> Mapping[str, str]:
        """Return the versions that are managed by now, by `group:name`.

        Args:
            name: Of the configuration that is resolved.
        """
        found = dict(self._versions)
        for one in reversed(hierarchy(self._project, name)) if self._management.is_overridden else ():
            found |= self._own(one) if one in self._asking else {}
        return found

    def is_local(self, module: str) -> bool:
        """Return whether a module has the name of a project of the build."""
        return module in self._local

    def _own(self, name: str) -> Mapping[str, str]:
        """Return the versions that a configuration itself asks for."""
        texts = ((one, one.version.text or one.version.preferred) for one in self.asked(name) if not one.is_constraint)
        return {f"{one.group}:{one.name}": text for one, text in texts if one.group and text and not _is_dynamic(text)}

    def _excluded_from(self, name: str) -> tuple[Exclusion, ...]:
        """Return what is excluded from a configuration, by what it comes to without the attributes that it wants."""
        needs = tuple(need_of(self._build, one) for one in self.asked(name))
        root = Component(
            project=Project("", "", ""), variants=(Variant(name=name, needs=needs),), path=self._project.path
        )
        rule = _Rule(self, name)
        graph = resolved(Asking(rule.applied(root), {}, {}), rule.lookup(self._lookup), self._check)
        excluded = excluded_modules(graph.nodes, self._exclusions)
        if excluded and self._management.shares_exclusions:
            raise _unsupported(self._project, name, excluded)
        return excluded


class _Rule:
    """What replaces versions in one configuration."""

    def __init__(self, managing: Managing, name: str) -> None:
        self._managing = managing
        self._direct = {f"{one.group}:{one.name}" for one in managing.asked(name) if not one.is_constraint}
        self._versions = managing.versions(name)
        self._components: dict[str, Component | None] = {}

    def lookup(self, lookup: Lookup) -> Lookup:
        """Return what knows modules whose needs have other versions."""

        def component(project: Project) -> Component | None:
            found = lookup.component(project)
            if found is None:
                return None
            key = str(project)
            if key not in self._components:
                self._components[key] = self.applied(found)
            return self._components[key]

        local = {path: self.applied(one) for path, one in lookup.local.items()}
        return Lookup(component, lookup.listing, local)

    def applied(self, component: Component) -> Component:
        """Return a component whose needs have other versions."""
        variants = (
            msgspec.structs.replace(one, needs=tuple(map(self._replaced, one.needs))) for one in component.variants
        )
        return msgspec.structs.replace(component, variants=tuple(variants))

    def version(self, module: str, asked: str) -> str | None:
        """Return the version that a module has instead of the one that is asked for; None where that stays."""
        if self._managing.is_local(module) or (module in self._direct and _is_dynamic(asked)):
            return None
        return self._versions.get(module)

    def _replaced(self, need: Need) -> Need:
        version = None if need.project else self.version(need.module, need.version.text or need.version.preferred)
        return need if version is None else msgspec.structs.replace(need, version=RichVersion(required=version))


def _managed(reading: GradleReading, management: Management, bom: Bom) -> list[Dependency]:
    """Return what a BOM manages that has a version, but for files with a classifier."""
    project = Project(bom.group, bom.name, bom.version)
    model = reading.managed(project, {**management.properties, **bom.properties})
    fault = "is in no repository" if model is None else next((one.text for one in model.faults if one.is_absence), "")
    if model is None or fault:
        raise Impossible(
            asked=[f"the BOM {project}"],
            reasons=[f"{project} {fault}."],
            remedies=["import another version of the BOM"],
        ).error()
    return [one for one in model.managed if not one.classifier and one.version]


def _is_dynamic(version: str) -> bool:
    return version.startswith(_DYNAMIC) or version.endswith("+")


def _unsupported(project: GradleProject, name: str, excluded: tuple[Exclusion, ...]) -> UnsupportedError:
    found = ", ".join(f"{one.group}:{one.name}" for one in excluded[:5])
    return UnsupportedError(
        f"project {project.path}: Maven's exclusions keep {found} out of {name}, which io.spring.dependency-management before 1.1.6 does for"
        " other configurations as well", path="dependencyManagement", found="a version before 1.1.6", expected="1.1.6 or 1.1.7",
        suggestions=["take version 1.1.7 of the plugin", "write dependencyManagement { applyMavenExclusions = false } into the build"],
    )  # fmt: skip
