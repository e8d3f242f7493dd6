"""What is known of a build while its scripts are read."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

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
from outrider.operators.packages.manifests.gradle.source_sets import MAIN, TEST
from outrider.operators.packages.manifests.gradle.traced import Traced
from outrider.operators.packages.manifests.gradle.values import Value

ROOT = ":"


class JavaState:
    """Which Java a project is compiled for, as far as it is said: for all of it, or in the tasks that compile it."""

    def __init__(self) -> None:
        self.toolchain: int | None = None
        self.source: int | None = None
        self.target: int | None = None
        self.tasks: dict[str, dict[str, int]] = {MAIN: {}, TEST: {}}
        self._all_tasks: dict[str, int] = {}

    def say(self, side: str | None, name: str, version: int) -> None:
        """Note what is said of the task that compiles a source set.

        Args:
            side: The name of the source set; None for all of them.
            name: What is said.
            version: It.
        """
        if side is None:
            self._all_tasks[name] = version
        for said in self.tasks.values() if side is None else (self._said(side),):
            said[name] = version

    def _said(self, side: str) -> dict[str, int]:
        return self.tasks.setdefault(side, dict(self._all_tasks))

    def of(self, side: str) -> int | None:
        """Return the version for which a part of it is compiled.

        Args:
            side: The name of the source set.
        """
        said = self._said(side)
        order = (
            said.get("release"), said.get("targetCompatibility"), self.target, said.get("sourceCompatibility"), self.source, self.toolchain,
        )  # fmt: skip
        return next((one for one in order if one is not None), None)


class Default(NamedTuple):
    """What a plugin asks for in a configuration where the build asks for nothing there.

    Attributes:
        asked: It.
        usual: What it is and its version, where that is the one that Gradle takes by itself; else empty.
    """

    asked: tuple[Asked, ...]
    usual: str = ""


class Suite:
    """A suite of tests: https://docs.gradle.org/current/userguide/jvm_test_suite_plugin.html.

    Args:
        name: Of it, and of its source set.

    Attributes:
        declared: What it asks for itself.
        framework: What it asks for to run tests; by configuration.
        usual: What of that is in the version that Gradle takes by itself, with that version; empty where the build says one.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.declared: dict[str, list[Asked]] = {}
        self.framework: dict[str, list[Asked]] = {}
        self.usual = ""


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
        self.defaults: dict[str, Default] = {}
        self.extended: dict[str, list[str]] = {}
        self.own: dict[str, bool] = {}
        self.source_sets: list[str] = []
        self.alone: dict[str, bool] = {}
        self.suites: dict[str, Suite] = {}
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

    def _all_declared(self) -> dict[str, list[Asked]]:
        """Return what is asked for: by suites of tests, in the project, and to run the suites, in this order."""
        found: dict[str, list[Asked]] = {}
        suites = self.suites.values()
        of_suites, to_run = [one.declared for one in suites], [one.framework for one in suites]
        for declared in (*of_suites, self.declared, *to_run):
            for name, asked in declared.items():
                found.setdefault(name, []).extend(asked)
        return found

    def finished(self, repositories: Iterable[GradleRepository]) -> GradleProject:
        """Return it as it is handed on.

        Args:
            repositories: Those that count for it.
        """
        for plugin in self.versions:
            externals()[plugin].finished(self)
        declared, usual = self._all_declared(), [suite.usual for suite in self.suites.values()]
        for name, default in self.defaults.items():
            if all(one.is_constraint for one in declared.get(name, ())):
                declared[name] = [*default.asked, *declared.get(name, ())]
                usual.append(default.usual)
        return GradleProject(
            path=self.path, folder=self.folder, group=self.own_group, name=self.name,
            version=self.version.text if self.version is not None else "", plugins=tuple(self.plugins),
            repositories=tuple(dict.fromkeys(repositories)),
            declared={name: tuple(asked) for name, asked in declared.items()}, usual=tuple(dict.fromkeys(one for one in usual if one)),
            extended={name: tuple(dict.fromkeys(those)) for name, those in self.extended.items()},
            excluded={name: tuple(dict.fromkeys(those)) for name, those in self.excluded.items()}, forced=tuple(self.forced),
            locked=None if self.locks_all else tuple(sorted(set(self.locked))), ignored=tuple(dict.fromkeys(self.ignored)),
            own=dict(self.own), source_sets={one: self.java.of(one) for one in self.source_sets},
            alone=tuple(name for name, is_alone in self.alone.items() if is_alone), lock_file=self.lock_file, java=self.java.of(MAIN), java_of_tests=self.java.of(TEST),
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
