"""What is said of configurations: https://docs.gradle.org/current/userguide/declaring_configurations.html."""

import re
from typing import NoReturn

from outrider.operators.packages.manifests.gradle.builds import ALL, Asked
from outrider.operators.packages.manifests.gradle.containers import CONFIGURATIONS, MAKING, name_in
from outrider.operators.packages.manifests.gradle.dependencies import Dependencies, exclusion
from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.flattening import Event, is_true
from outrider.operators.packages.manifests.gradle.source_sets import declarable_in, resolvable_in
from outrider.operators.packages.manifests.gradle.steps import Step, steps_of
from outrider.operators.packages.manifests.gradle.syntax import Argument, Expression, Series
from outrider.operators.packages.manifests.gradle.values import Contained

_ALL = ("all", "configureEach", "each")
# How configurations are made whose use is said at once, and whether they can be resolved then.
_ROLES = {"dependencyScope": False, "resolvable": True, "consumable": False}
# There with plugins, though nothing is declared or resolved in them.
_FOR_OTHERS = re.compile(r"\w*Elements(?:For\w+)?|archives|default|\w+PmdAuxClasspath", re.ASCII)
_RESOLVED = ("canBeResolved", "isCanBeResolved", "setCanBeResolved")
_TRANSITIVE = ("transitive", "isTransitive", "setTransitive")
_NO_CHANGE = ("description", "visible", "isVisible", "setVisible")
# Nobody but the build itself takes configurations of its own, as they have no attributes.
_NO_CHANGE_OF_OWN = (
    "canBeConsumed",
    "isCanBeConsumed",
    "setCanBeConsumed",
    "canBeDeclared",
    "isCanBeDeclared",
    "outgoing",
)
# How long answers of repositories are kept changes nothing where all is asked anew.
_NO_CHANGE_OF_STRATEGY = ("cacheDynamicVersionsFor", "cacheChangingModulesFor")
_WHY = {
    "extendsFrom": "what all configurations extend is not read",
    "transitive": "all configurations without what their modules need are not read",
    "isTransitive": "all configurations without what their modules need are not read",
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
        name = self._name(steps[0], event.line, makes=True)
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
        elif len(words) == 1 and words[0] in _TRANSITIVE and name != ALL:
            self._known.project.alone[name] = not is_true(self._known, event)
        elif words[0] not in _NO_CHANGE and not self._is_of_own(name, words, event):
            self._refuse(event.line, words)

    def _is_of_own(self, name: str, words: list[str], event: Event) -> bool:
        """Take what can be said of configurations of the build's own alone, and return whether it is that."""
        own = self._known.project.own
        if name not in own:
            return False
        if len(words) == 1 and words[0] in _RESOLVED:
            own[name] = is_true(self._known, event)
            return True
        return words[0] in _NO_CHANGE_OF_OWN

    def _name(self, step: Step, line: int, *, makes: bool = False) -> str:
        """Return which configuration is meant.

        Args:
            step: That names it.
            line: Where it stands.
            makes: Whether it is made where there is none.
        """
        name, known = step.name, self._known
        if name in _ALL and not step.values:
            return ALL
        is_made = name in MAKING or name in _ROLES
        can_be_resolved = _ROLES.get(name, True)
        found = name_in(known, step._replace(name=MAKING[0]) if name in _ROLES and step.values else step)
        if found is None:
            known.script.refuse(line, f"configurations.{name[:40]} is not read")
        if not step.values:
            # In Groovy a name alone makes one.
            is_made = not known.script.is_kotlin
        name = found
        if name not in declarable_in(known.project) | resolvable_in(known.project):
            if _FOR_OTHERS.fullmatch(name) is not None:
                known.script.refuse(line, f"{name[:40]}: configurations that plugins make for others are not read")
            if not makes or not is_made:
                known.script.refuse(line, f"{name[:40]} is no configuration that is known here")
            known.project.own[name] = can_be_resolved
        return name

    def _extended(self, value: Expression, line: int) -> str:
        """Return which configuration another one extends, as in `annotationProcessor` or `configurations.annotationProcessor.get()`."""
        steps = [step for step in steps_of(value) if step.name not in (CONFIGURATIONS, "project", "get") or step.values]
        variable = self._known.scope.find(steps[0].name) if len(steps) == 1 else None
        if isinstance(variable, Contained) and variable.container == CONFIGURATIONS:
            return variable.name
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
