"""Which plugins a project has: https://docs.gradle.org/current/userguide/plugins.html."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import NoReturn

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.manifests.gradle.catalogs import PluginAlias
from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.external.plugin import External, externals
from outrider.operators.packages.manifests.gradle.fixtures import add_fixtures
from outrider.operators.packages.manifests.gradle.flattening import Event, events, is_true
from outrider.operators.packages.manifests.gradle.plugins import is_known, plugin_id, with_applied
from outrider.operators.packages.manifests.gradle.state import ProjectState
from outrider.operators.packages.manifests.gradle.steps import Step
from outrider.operators.packages.manifests.gradle.syntax import Block, Expression, Name
from outrider.operators.packages.manifests.gradle.tools import TOOLS, add_tool
from outrider.operators.packages.manifests.gradle.values import Alias

# What plugins of Gradle itself do besides adding configurations.
_EFFECTS: Mapping[str, Callable[[ProjectState], None]] = {
    "java-test-fixtures": add_fixtures,
    **{one: partial(add_tool, one) for one in TOOLS},
}
_WHY = "a plugin is a program that may add configurations and change dependencies, and it is not run"


class Plugins:
    """Takes the plugins that are applied to a project.

    Args:
        known: What finds what expressions come to.
    """

    def __init__(self, known: Evaluator) -> None:
        self._known = known

    def read(self, block: Block) -> None:
        """Take what `plugins { }` applies.

        Args:
            block: It.

        Raises:
            UnsupportedError: One is not known here.
        """
        for event in events(self._known, block, deep=False):
            if event.value is not None:
                self._refuse(event.line, "within plugins, only their ids and versions are read")
            if self._is_applied(event):
                self.apply(self._id(event), event.line)
            else:
                self.note(event)

    def apply(self, name: str, line: int) -> None:
        """Take one plugin.

        Args:
            name: Its id, or that of its class.
            line: Where it stands.
        """
        plugin = plugin_id(name)
        if not is_known(plugin):
            self._refuse(line, f"the plugin {name[:60]} is not known here: {_WHY}")
        project, external = self._known.project, externals().get(plugin)
        if external is not None:
            project.versions[plugin] = self._compared(external, line)
        added = [one for one in with_applied((plugin,)) if one not in project.plugins]
        project.apply(plugin)
        for one in added:
            effect = externals()[one].applied if one in externals() else _EFFECTS.get(one)
            if effect is not None:
                effect(project)

    def _compared(self, external: External, line: int) -> str:
        """Return the version of a plugin that others publish."""
        plugin = external.id
        if self._known.build.has_plugin_rules:
            self._refuse(
                line, f"pluginManagement of the settings may choose another version of {plugin}: rules are not run"
            )
        version = self._known.build.plugin_versions.get(plugin, "")
        if not external.is_compared(version):
            shown = f"in version {version[:40]}" if version else "without its version in the build"
            self._refuse(line, f"the plugin {plugin} is not known {shown}, but in {external.expected}: {_WHY}")
        return version

    def _is_applied(self, event: Event) -> bool:
        """Return whether it is more than made known to the projects below."""
        applied = True
        for step in event.steps[1:]:
            if step.name not in ("version", "apply"):
                self._refuse(event.line, "within plugins, only their ids and versions are read")
            if step.name == "apply":
                applied = is_true(self._known, event._replace(steps=(step,)))
        return applied

    def note(self, event: Event) -> None:
        """Note which version of a plugin is meant wherever it is applied; one that is not known is refused where it is.

        Args:
            event: Of `plugins { }`.
        """
        with suppress(UnsupportedError):
            self._id(event)

    def _id(self, event: Event) -> str:
        """Return which plugin is meant, and note its version where that is said."""
        name, version = self._named(event)
        for step in event.steps[1:] if name in externals() else ():
            if step.name == "version" and len(step.values) == 1:
                version = self._known.text(step.values[0]).text
        if version:
            self._known.build.plugin_versions[name] = version
        return name

    def _named(self, event: Event) -> tuple[str, str]:
        """Return the id of a plugin, and its version where a catalog says it."""
        step = event.steps[0]
        if step.arguments is None:
            return step.name, ""
        if step.name == "alias" and len(step.values) == 1:
            found = self._known.value(step.values[0])
            plugin = self._known.resolved(found) if isinstance(found, Alias) else found
            if isinstance(plugin, PluginAlias):
                return plugin.id, plugin.version
            self._refuse(event.line, "the catalog has no such plugin")
        if step.name == "kotlin" and len(step.values) == 1:
            return f"org.jetbrains.kotlin.{self._known.text(step.values[0]).text}", ""
        if step.name != "id" or len(step.values) != 1:
            self._refuse(event.line, "within plugins, only their ids and versions are read")
        return self._known.text(step.values[0]).text, ""

    def name(self, expression: Expression) -> str:
        """Return which plugin is given: its id, or its class.

        Args:
            expression: It.
        """
        if isinstance(expression, Name) and plugin_id(expression.name) != expression.name:
            return expression.name
        return self._known.text(expression).text

    def take(self, step: Step, line: int) -> None:
        """Take what `apply` applies, but for other scripts.

        Args:
            step: It.
            line: Where it stands.
        """
        if step.block is not None and not step.named:
            for event in events(self._known, step.block):
                if event.names not in (["plugin"], ["type"]) or len(event.steps[0].values) != 1:
                    self._refuse(event.line, "within apply, only plugins are read")
                self.apply(self.name(event.steps[0].values[0]), event.line)
        elif set(step.named) == {"plugin"} and not step.values:
            self.apply(self.name(step.named["plugin"]), line)
        else:
            self._refuse(line, "what is applied here is not read")

    def _refuse(self, line: int, why: str) -> NoReturn:
        self._known.script.refuse(line, why)
