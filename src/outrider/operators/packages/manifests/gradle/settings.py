"""settings.gradle: which projects a build has, https://docs.gradle.org/current/userguide/settings_file_basics.html."""

from collections.abc import Callable, Mapping

import msgspec

from outrider.operators.packages.manifests.gradle.applying import Plugins
from outrider.operators.packages.manifests.gradle.builds import GradleRepository
from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.flattening import Event, events, flattened, is_assigned
from outrider.operators.packages.manifests.gradle.repositories import read_repositories
from outrider.operators.packages.manifests.gradle.steps import steps_of
from outrider.operators.packages.manifests.gradle.syntax import Block
from outrider.operators.packages.manifests.gradle.values import Several, Value

_PASSED = frozenset((
    "enableFeaturePreview", "buildCache", "gradleEnterprise", "develocity", "toolchainManagement", "buildscript",
    "println",
))  # fmt: skip
# These add nothing to any project.
_PLUGINS = (
    "org.gradle.toolchains.foojay-resolver-convention", "org.gradle.toolchains.foojay-resolver", "com.gradle.enterprise", "com.gradle.develocity",
    "com.gradle.common-custom-user-data-gradle-plugin",
)  # fmt: skip
_MODES = ("PREFER_PROJECT", "PREFER_SETTINGS", "FAIL_ON_PROJECT_REPOS")
_WHY = {
    "includeBuild": "builds that are put together are not read",
    "project": "projects with folders or names of their own choice are not read",
    "apply": "a plugin of settings is a program, and is not run",
}
_NO_NAMES = frozenset('/\\:<>"?*|\0')
MOST_PROJECTS = 500


class Settings(msgspec.Struct, kw_only=True):
    """What a build says of itself.

    Attributes:
        name: Of the project at the root; empty where none is said.
        projects: The paths of those below, each behind the one around it.
        repositories: For all projects.
        mode: Which repositories count: those of projects, or these.
    """

    name: str = ""
    projects: list[str] = []
    repositories: list[GradleRepository] = []
    mode: str = "PREFER_PROJECT"


class SettingsReader:
    """Reads a script of settings.

    Args:
        known: What finds what expressions come to.
    """

    def __init__(self, known: Evaluator) -> None:
        self._known = known
        self._found = Settings()
        self._commands: Mapping[str, Callable[[Event], None]] = {
            "rootProject": self._root, "include": self._include, "dependencyResolutionManagement": self._management, "plugins": self._plugins,
            "pluginManagement": self._plugin_management,
        }  # fmt: skip

    def read(self) -> Settings:
        """Return what it says.

        Raises:
            UnsupportedError: It has what is not read here.
        """
        known = self._known
        for event in events(known, Block((), known.script.statements, 1), deep=False):
            steps = event.steps[1:] if event.names[0] == "settings" and len(event.steps) > 1 else event.steps
            name = steps[0].name
            if name in self._commands:
                self._commands[name](event._replace(steps=steps))
            elif name in _PASSED:
                continue
            elif not is_assigned(known, event):
                known.script.refuse(event.line, f"{name[:40]}: {_WHY.get(name, 'nothing that is known in settings')}")
        return self._found

    def _root(self, event: Event) -> None:
        if event.names != ["rootProject", "name"] or event.value is None:
            self._known.script.refuse(event.line, "of the root project its name alone is read")
        self._found.name = self._known.text(event.value).text

    def _include(self, event: Event) -> None:
        step = event.steps[0]
        if event.value is not None or len(event.steps) != 1 or step.named or step.block is not None:
            self._known.script.refuse(event.line, "projects are included by their paths")
        for one in step.values:
            for path in self._paths(self._known.value(one), event.line):
                self._add(path, event.line)

    def _paths(self, value: Value, line: int) -> list[str]:
        if isinstance(value, Several):
            return [path for one in value.items for path in self._paths(one, line)]
        shown = self._known.shown(value)
        if shown is None:
            self._known.script.refuse(line, "projects are included by their paths")
        return [shown.text]

    def _add(self, path: str, line: int) -> None:
        names = path.removeprefix(":").split(":")
        if not all(names) or any(_NO_NAMES & set(name) or name.startswith(".") or name.endswith(".") for name in names):
            self._known.script.refuse(line, f"{path[:60]} is no path of a project")
        for count in range(1, len(names) + 1):
            whole = ":" + ":".join(names[:count])
            if whole not in self._found.projects:
                self._found.projects.append(whole)
        if len(self._found.projects) > MOST_PROJECTS:
            self._known.script.refuse(line, f"more than {MOST_PROJECTS} projects")

    def _plugins(self, event: Event) -> None:
        block = event.steps[0].block
        for one in events(self._known, block, deep=False) if block is not None else ():
            step = one.steps[0]
            plugin = self._known.text(step.values[0]).text if step.name == "id" and step.values else step.name
            if any(inner.name == "apply" for inner in one.steps[1:]):
                Plugins(self._known).note(one)
            elif plugin not in _PLUGINS:
                self._known.script.refuse(
                    one.line, f"the plugin of settings {plugin[:60]} is a program, and is not run"
                )

    def _plugin_management(self, event: Event) -> None:
        """Note the versions of plugins; where they come from changes no lock."""
        block = event.steps[0].block
        for one in events(self._known, block, deep=False) if block is not None else ():
            inner = one.steps[0].block
            if one.names[0] == "resolutionStrategy":
                self._known.build.has_plugin_rules = True
            elif one.names == ["plugins"] and inner is not None:
                for plugin in events(self._known, inner, deep=False):
                    Plugins(self._known).note(plugin)

    def _management(self, event: Event) -> None:
        block = event.steps[0].block
        if len(event.steps) != 1 or block is None:
            self._known.script.refuse(event.line, "dependencyResolutionManagement is read as a block alone")
        for one in events(self._known, block, deep=False):
            step = one.steps[0]
            if step.name == "repositories" and len(one.steps) == 1 and step.block is not None:
                self._found.repositories.extend(read_repositories(self._known, step.block))
            elif step.name == "repositoriesMode":
                self._mode(one)
            elif step.name != "rulesMode":
                self._known.script.refuse(
                    one.line, f"{step.name[:40]} within dependencyResolutionManagement is not read"
                )

    def _mode(self, event: Event) -> None:
        for one in flattened(self._known, event):
            steps = steps_of(one.value) if one.value is not None else ()
            if len(one.steps) != 1 or not steps or steps[-1].name not in _MODES:
                self._known.script.refuse(one.line, f"the mode is one of {', '.join(_MODES)}")
            self._found.mode = steps[-1].name
