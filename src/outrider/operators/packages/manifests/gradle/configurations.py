"""What is said of configurations: https://docs.gradle.org/current/userguide/declaring_configurations.html."""

from typing import NoReturn

from outrider.operators.packages.manifests.gradle.builds import ALL, Asked
from outrider.operators.packages.manifests.gradle.dependencies import Dependencies, exclusion
from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.flattening import Event
from outrider.operators.packages.manifests.gradle.plugins import declarable, resolvable
from outrider.operators.packages.manifests.gradle.steps import Step, steps_of
from outrider.operators.packages.manifests.gradle.syntax import Argument, Expression, Series

_ALL = ("all", "configureEach", "each")
_BY_NAME = ("named", "getByName")
_NO_CHANGE = ("description", "visible", "isVisible", "setVisible")
# How long answers of repositories are kept changes nothing where all is asked anew.
_NO_CHANGE_OF_STRATEGY = ("cacheDynamicVersionsFor", "cacheChangingModulesFor")
_WHY = {
    "extendsFrom": "what all configurations extend is not read",
    "transitive": "a configuration without what its modules need is not read",
    "isTransitive": "a configuration without what its modules need is not read",
    "attributes": "attributes of the build's own are not read",
    "eachDependency": "rules are programs, and are not run",
    "dependencySubstitution": "modules that replace others are not read",
    "componentSelection": "rules are programs, and are not run",
    "capabilitiesResolution": "modules that replace others are not read",
    "failOnVersionConflict": "whether versions are in conflict is not looked at",
    "deactivateDependencyLocking": "a configuration that is not locked though others are is not read",
}


class Configurations:
    """Takes what is said of configurations.

    Args:
        known: What finds what expressions come to.
    """

    def __init__(self, known: Evaluator) -> None:
        self._known = known

    def take(self, event: Event) -> None:
        """Take one statement, whose first step is `configurations`.

        Args:
            event: It.

        Raises:
            UnsupportedError: It says what is not read here.
        """
        steps = [step for step in event.steps[1:] if step.name != "get" or step.values]
        if not steps:
            return
        name = self._name(steps[0], event.line)
        action = steps[1:]
        if not action:
            return
        words = [step.name.lstrip("*") for step in action]
        if words == ["exclude"]:
            self._known.project.excluded.setdefault(name, []).append(exclusion(self._known, action[0]))
        elif words == ["extendsFrom"] and name != ALL:
            for value in action[0].values:
                self._known.project.extended.setdefault(name, []).append(self._extended(value, event.line))
        elif words[0] == "resolutionStrategy" and len(words) == 2:
            self._strategy(name, action[1], event)
        elif words[0] not in _NO_CHANGE:
            self._refuse(event.line, words)

    def _name(self, step: Step, line: int) -> str:
        """Return which configuration is meant."""
        name = step.name
        if name in _ALL and not step.values:
            return ALL
        if name in _BY_NAME and len(step.values) == 1:
            name = self._known.text(step.values[0]).text
        elif step.values or step.named:
            self._known.script.refuse(line, f"configurations.{name[:40]} is not read")
        plugins = self._known.project.plugins
        if name not in declarable(plugins) | resolvable(plugins):
            self._known.script.refuse(line, f"a configuration of the build's own, {name[:40]}, is not read")
        return name

    def _extended(self, value: Expression, line: int) -> str:
        """Return which configuration another one extends, as in `annotationProcessor` or `configurations.annotationProcessor.get()`."""
        steps = [step for step in steps_of(value) if step.name not in ("configurations", "get") or step.values]
        if len(steps) != 1:
            self._known.script.refuse(line, "only configurations that are named are read behind extendsFrom")
        return self._name(steps[0], line)

    def _strategy(self, name: str, step: Step, event: Event) -> None:
        project = self._known.project
        if step.name == "activateDependencyLocking":
            if name == ALL:
                project.locks_all = True
            else:
                project.locked.append(name)
        elif step.name in ("force", "forcedModules") and name == ALL:
            given = step
            if event.value is not None:
                project.forced.clear()
                given = step._replace(arguments=_items(event))
            for asked in Dependencies(self._known).forced(given):
                self._force(asked, event.line)
        elif step.name not in _NO_CHANGE_OF_STRATEGY:
            self._refuse(event.line, [step.name])

    def _force(self, asked: Asked, line: int) -> None:
        """Add a module that is forced; what is forced twice is forced once."""
        forced = self._known.project.forced
        before = [one.version for one in forced if (one.group, one.name) == (asked.group, asked.name)]
        if not before:
            forced.append(asked)
        elif before != [asked.version]:
            self._known.script.refuse(line, f"{asked.group}:{asked.name} is forced in two versions")

    def _refuse(self, line: int, words: list[str]) -> NoReturn:
        why = _WHY.get(words[0], "this of a configuration is not read")
        self._known.script.refuse(line, f"{'.'.join(words)[:60]}: {why}")


def _items(event: Event) -> tuple[Argument, ...]:
    """Return what `force = [...]` sets as if it were given to a call."""
    value = event.value
    assert value is not None
    return tuple(Argument(None, one) for one in (value.items if isinstance(value, Series) else (value,)))
