"""What is known of a build while its scripts are read."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from outrider.operators.packages.manifests.gradle.builds import (
    Asked,
    Exclusion,
    GradleProject,
    GradleRepository,
    Management,
)
from outrider.operators.packages.manifests.gradle.catalogs import Catalog
from outrider.operators.packages.manifests.gradle.external.plugin import externals
from outrider.operators.packages.manifests.gradle.plugins import with_applied
from outrider.operators.packages.manifests.gradle.traced import Traced
from outrider.operators.packages.manifests.gradle.values import Value

ROOT = ":"
MAIN, TEST = "main", "test"


class JavaState:
    """Which Java a project is compiled for, as far as it is said: for all of it, or in the tasks that compile it."""

    def __init__(self) -> None:
        self.toolchain: int | None = None
        self.source: int | None = None
        self.target: int | None = None
        self.tasks: dict[str, dict[str, int]] = {MAIN: {}, TEST: {}}

    def of(self, side: str) -> int | None:
        """Return the version for which a part of it is compiled.

        Args:
            side: Main or test.
        """
        said = self.tasks[side]
        order = (
            said.get("release"), said.get("targetCompatibility"), self.target, said.get("sourceCompatibility"), self.source, self.toolchain,
        )  # fmt: skip
        return next((one for one in order if one is not None), None)


class ProjectState:
    """A project.

    Args:
        path: Of it, such as `:lib`.
        folder: Of it.
        name: Of it.
        parent: The project around it.
        properties: Those that are set for it from the start.
    """

    def __init__(
        self, path: str, folder: Path, name: str, *, parent: "ProjectState | None", properties: Mapping[str, Value]
    ) -> None:
        self.path, self.folder, self.name, self.parent = path, folder, name, parent
        self.properties: dict[str, Value] = dict(properties)
        # Properties that a project has anyhow are set by files of properties too.
        self.group, self.version = self._own("group"), self._own("version")
        self.plugins: list[str] = []
        self.repositories: list[GradleRepository] = []
        self.declared: dict[str, list[Asked]] = {}
        # What counts where nothing else is asked for in a configuration.
        self.defaults: dict[str, list[Asked]] = {}
        self.extended: dict[str, list[str]] = {}
        self.excluded: dict[str, list[Exclusion]] = {}
        self.forced: list[Asked] = []
        self.locks_all = False
        self.locked: list[str] = []
        self.ignored: list[str] = []
        self.lock_file = folder / "gradle.lockfile"
        self.java = JavaState()
        self.management: Management | None = None
        # Of plugins that others publish.
        self.versions: dict[str, str] = {}
        self._waiting: dict[str, list[Callable[[], None]]] = {}

    def _own(self, name: str) -> Traced | None:
        found = self.properties.pop(name, None)
        return found if isinstance(found, Traced) else None

    def apply(self, plugin: str) -> None:
        """Note that a plugin that is known is applied.

        Args:
            plugin: Its id.
        """
        before = set(self.plugins)
        self.plugins = with_applied([*self.plugins, plugin])
        for one in self.plugins:
            if one not in before:
                for run in self._waiting.pop(one, ()):
                    run()

    def apply_external(self, plugin: str, version: str) -> None:
        """Note that a plugin is applied that others publish.

        Args:
            plugin: Its id.
            version: Of it.
        """
        if plugin not in self.versions:
            self.versions[plugin] = version
            self.apply(plugin)
            externals()[plugin].applied(self, version)

    def when_applied(self, plugin: str, run: Callable[[], None]) -> None:
        """Do something as soon as a plugin is applied, which may be at once.

        Args:
            plugin: Its id.
            run: Does it.
        """
        if plugin in self.plugins:
            run()
        else:
            self._waiting.setdefault(plugin, []).append(run)

    def find(self, name: str) -> Value | None:
        """Return a property of it or of the projects around it; None where there is none.

        Args:
            name: Of it.
        """
        found = self.properties.get(name)
        return self.parent.find(name) if found is None and self.parent is not None else found

    def everywhere(self) -> dict[str, Value]:
        """Return the properties of it and of the projects around it."""
        return {**(self.parent.everywhere() if self.parent is not None else {}), **self.properties}

    @property
    def own_group(self) -> str:
        """Its group; where none is said, that which Gradle gives it."""
        if self.group is not None:
            return self.group.text
        if self.parent is None:
            return ""
        root, above = self.parent, self.parent.path.strip(":").replace(":", ".")
        while root.parent is not None:
            root = root.parent
        return f"{root.name}.{above}" if above else root.name

    def finished(self, repositories: Iterable[GradleRepository]) -> GradleProject:
        """Return it as it is handed on.

        Args:
            repositories: Those that count for it.
        """
        for plugin, version in self.versions.items():
            externals()[plugin].finished(self, version)
        return GradleProject(
            path=self.path, folder=self.folder, group=self.own_group, name=self.name,
            version=self.version.text if self.version is not None else "", plugins=tuple(self.plugins),
            repositories=tuple(dict.fromkeys(repositories)),
            declared={name: tuple(asked) for name, asked in {**self.defaults, **self.declared}.items()},
            extended={name: tuple(dict.fromkeys(those)) for name, those in self.extended.items()},
            excluded={name: tuple(dict.fromkeys(those)) for name, those in self.excluded.items()}, forced=tuple(self.forced),
            locked=None if self.locks_all else tuple(sorted(set(self.locked))), ignored=tuple(dict.fromkeys(self.ignored)),
            lock_file=self.lock_file, java=self.java.of(MAIN), java_of_tests=self.java.of(TEST),
            management=self.management,
        )  # fmt: skip


class BuildState:
    """A build.

    Args:
        folder: Of it.
        catalog: Of its libraries, if there is one.
    """

    def __init__(self, folder: Path, catalog: Catalog | None) -> None:
        self.folder, self.catalog = folder, catalog
        self.projects: dict[str, ProjectState] = {}
        # Of plugins, whether they are applied or not, by their ids.
        self.plugin_versions: dict[str, str] = {}
        # Whether rules of the settings may choose other versions.
        self.has_plugin_rules = False
        # How many scripts were applied: few that apply one another often are soon more than anybody waits for.
        self.applied = 0

    @property
    def root(self) -> ProjectState:
        """The project at the root."""
        return self.projects[ROOT]

    def below(self, project: ProjectState) -> list[ProjectState]:
        """Return the projects below one.

        Args:
            project: It.
        """
        start = project.path.rstrip(":") + ":"
        return [one for path, one in self.projects.items() if path.startswith(start) and path != project.path]
