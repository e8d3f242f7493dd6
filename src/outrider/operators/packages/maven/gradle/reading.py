"""What is known of modules while a configuration is resolved: it is resolved anew each time that more is known, until nothing is missing."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from outrider.operators.packages.maven.coordinates import Project
from outrider.operators.packages.maven.gradle.choosing import Listing
from outrider.operators.packages.maven.gradle.components import Component
from outrider.operators.packages.maven.gradle.engine import Lookup
from outrider.operators.packages.maven.gradle.order import newest_first
from outrider.operators.packages.maven.gradle.pom_variants import component_of
from outrider.operators.packages.maven.loading import Loading, UnloadedError
from outrider.operators.packages.maven.models import Library, Model, Models
from outrider.operators.packages.maven.order import RESOLVER_SCHEME
from outrider.operators.packages.maven.poms import Dependency
from outrider.operators.packages.maven.profiles import Machine
from outrider.operators.packages.maven.sources import MavenSource
from outrider.operators.packages.resolving.policies import Policy, by_version
from outrider.operators.packages.versions.tables import VersionTable

# Profiles of POMs count where they do for any machine: Gradle looks at no other condition.
_ANY_MACHINE = Machine({})


class GradleReading(Loading):
    """What is known, and what is missing.

    Args:
        source: Has POMs, metadata of Gradle and versions.
        policy: What may be chosen.
        check: Called now and then; it may raise to end the work.
        preferred: Returns which versions of a name are looked at first where several will do, as `Question` has it.
    """

    def __init__(
        self,
        source: MavenSource,
        policy: Policy,
        check: Callable[[], None],
        preferred: Callable[[str, Sequence[str]], int],
    ) -> None:
        super().__init__(source, check)
        self._policy, self._preferred = policy, preferred
        self._modules: set[Project] = set()
        self._components: dict[Project, Component | None] = {}
        self._listed: dict[str, list[str]] = {}
        self._refused: dict[tuple[str, str], str] = {}
        self._managing: dict[tuple[tuple[str, str | None], ...], Models] = {}
        # What is imported by several is what the first of them makes of it, as the plugin has it.
        self._imported: dict[Project, tuple[Dependency, ...]] = {}
        self._models = Models(Library(self._pom, self.table, self._expect), _ANY_MACHINE)

    def lookup(self, local: Mapping[str, Component]) -> Lookup:
        """Return what a resolution asks.

        Args:
            local: The projects of the build, by their paths.
        """
        return Lookup(self._component, self._listing, local)

    def _is_missing_something(self) -> bool:
        return bool(self._modules) or super()._is_missing_something()

    async def _load(self) -> None:
        await super()._load()
        for name in self._names:
            self._listed[name] = self._usable(name)
        await self._source.load_modules(self._modules)
        self._modules.clear()

    def model(self, project: Project) -> Model | None:
        """Return what the POM of a version comes to that was looked at; None where no repository has it."""
        return self._models.model(project)

    def managed(self, bom: Project, properties: Mapping[str, str | None]) -> Model | None:
        """Return what the POM of a BOM comes to; None where no repository has it.

        Args:
            bom: It.
            properties: That count before those that it sets, as `Models` has them.

        Raises:
            UnloadedError: It is not known yet.
        """
        key = tuple(sorted(properties.items(), key=lambda one: one[0]))
        models = self._managing.get(key)
        if models is None:
            library = Library(self._pom, self.table, self._expect)
            models = self._managing[key] = Models(library, _ANY_MACHINE, properties, self._imported)
        return models.model(bom)

    def expect(self, projects: Iterable[Project]) -> None:
        """Have POMs at hand.

        Args:
            projects: Whose.

        Raises:
            UnloadedError: They are not known yet.
        """
        self._expect(projects)

    def refusal(self, name: str, version: str) -> str:
        """Return why a version may not be chosen, as `Refusal` has it; empty where it may.

        Args:
            name: Group and artifact.
            version: Of it.
        """
        key = (name, version)
        if key not in self._refused:
            table = VersionTable(RESOLVER_SCHEME, [version])
            self._refused[key] = by_version(self._policy.refusals(name, table, ()), table).get(version, "")
        return self._refused[key]

    def _component(self, project: Project) -> Component | None:
        """Return a version of a module; None where no repository has it, and where that is not known yet."""
        if project not in self._components:
            try:
                found = self._found(project)
            except UnloadedError:
                return None
            self._components[project] = found
        return self._components[project]

    def _found(self, project: Project) -> Component | None:
        self._expect([project])
        pom = self._source.poms[project]
        if pom is None:
            return None
        if pom.has_module:
            if project not in self._source.modules:
                self._modules.add(project)
                raise UnloadedError(str(project))
            module = self._source.modules[project]
            if module is not None:
                return module
        model = self._models.model(project)
        return None if model is None else component_of(project, model)

    def _listing(self, name: str) -> Listing:
        """Return what has the versions of a module, the newest first."""

        def listed() -> Sequence[str]:
            if name not in self._listed:
                self._names.add(name)
            return self._listed.get(name, ())

        return listed

    def _usable(self, name: str) -> list[str]:
        """Return the versions that may be chosen: those that are tried first, then the others, each the newest first."""
        table = self._source.versions[name].table
        # What knows of advisories may be asked in one thread alone, and so not by a resolution.
        refused = by_version(self._policy.refusals(name, table, ()), table)
        first = set(table.named(self._preferred(name, table.versions)))
        usable = newest_first(one for one in table.versions if one not in refused)
        return [*(one for one in usable if one in first), *(one for one in usable if one not in first)]
