"""Suites of tests: https://docs.gradle.org/current/userguide/jvm_test_suite_plugin.html."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, NoReturn

from outrider.operators.packages.manifests.gradle.builds import Asked, RichVersion
from outrider.operators.packages.manifests.gradle.containers import SUITES, name_in
from outrider.operators.packages.manifests.gradle.dependencies import Dependencies
from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.flattening import Event, events
from outrider.operators.packages.manifests.gradle.passing import pass_over
from outrider.operators.packages.manifests.gradle.source_sets import (
    IMPLEMENTATION,
    RUNTIME_ONLY,
    TEST,
    is_source_set,
    of_source_set,
)
from outrider.operators.packages.manifests.gradle.sources import add_source_set
from outrider.operators.packages.manifests.gradle.state import Suite
from outrider.operators.packages.manifests.gradle.steps import Step
from outrider.operators.packages.manifests.gradle.syntax import Expression, Name
from outrider.operators.packages.manifests.gradle.traced import Traced

_TYPE = "JvmTestSuite"
_NO_CHANGE = ("targets", "sources", "testType")


class _Framework(NamedTuple):
    """What runs tests: its module, the version that Gradle 8.11 takes by itself, and whether JUnit's platform starts it."""

    group: str
    name: str
    version: str
    has_launcher: bool = True


_USUAL = "useJUnitJupiter"
_FRAMEWORKS: Mapping[str, _Framework] = {
    _USUAL: _Framework("org.junit.jupiter", "junit-jupiter", "5.8.2"),
    "useJUnit": _Framework("junit", "junit", "4.13.2", has_launcher=False),
    "useTestNG": _Framework("org.testng", "testng", "7.5", has_launcher=False),
    "useSpock": _Framework("org.spockframework", "spock-core", "2.2-groovy-3.0"),
    "useKotlinTest": _Framework("org.jetbrains.kotlin", "kotlin-test-junit5", "2.0.20"),
}
_LAUNCHER = Asked(group="org.junit.platform", name="junit-platform-launcher")


class Suites:
    """Takes suites of tests.

    Args:
        known: What finds what expressions come to.
    """

    def __init__(self, known: Evaluator) -> None:
        self._known = known

    def take(self, event: Event) -> None:
        """Take one statement, whose first step is `testing`.

        Args:
            event: It.

        Raises:
            UnsupportedError: It says what is not read here.
        """
        steps = event.steps
        if len(steps) > 1 and steps[1].name != SUITES:
            self._refuse(event, f"{'.'.join(event.names)[:60]} is not read")
        if len(steps) <= 2:
            self._within(event, self.take)
        elif len(steps) == 3:
            suite = self._suite(steps[2], event)
            self._within(event, lambda one: self._take(suite, one._replace(steps=one.steps[3:])))
        else:
            self._take(self._suite(steps[2], event), event._replace(steps=steps[3:]))

    def _within(self, event: Event, take: Callable[[Event], None]) -> None:
        last = event.steps[-1]
        if last.block is not None:
            for one in events(self._known, last.block, (*event.steps[:-1], last.without_block()), deep=False):
                take(one)
        elif len(event.steps) < 3:
            self._refuse(event, "suites of tests are read as blocks")

    def _suite(self, step: Step, event: Event) -> Suite:
        """Return a suite, which is made where there is none, with its source set."""
        known, project = self._known, self._known.project
        types = [one for one in step.values if isinstance(one, Name) and one.name == _TYPE]
        is_named_alone = bool(types) and len(types) == len(step.values)
        name = name_in(known, step._replace(arguments=None) if is_named_alone else step)
        if "java" not in project.plugins:
            self._refuse(event, "suites of tests are read where a plugin for Java is applied before")
        if name is None or not is_source_set(name):
            self._refuse(event, f"suites.{step.name[:40]} is not read")
        if name not in project.suites:
            suite = project.suites[name] = Suite(name)
            if name != TEST:
                if name in project.source_sets:
                    self._refuse(event, f"there is a source set {name[:40]} before the suite of tests")
                add_source_set(project, name)
                self._use(suite, _FRAMEWORKS[_USUAL], None, event)
        return project.suites[name]

    def _take(self, suite: Suite, event: Event) -> None:
        step = event.steps[0]
        if step.name in _FRAMEWORKS and len(event.steps) == 1 and len(step.values) <= 1 and event.value is None:
            self._use(suite, _FRAMEWORKS[step.name], next(iter(step.values), None), event)
        elif step.name == "dependencies" and len(event.steps) == 1 and step.block is not None:
            Dependencies(self._known, suite).read(step.block)
        elif step.name in _NO_CHANGE:
            pass_over(self._known, event.statement, allowed=("java",))
        else:
            self._refuse(event, f"{'.'.join(event.names)[:60]} of a suite of tests is not read")

    def _use(self, suite: Suite, framework: _Framework, version: Expression | None, event: Event) -> None:
        line = self._known.script.line_of(event.line)
        said = self._known.text(version) if version is not None else Traced("")
        asked = Asked(
            group=framework.group, name=framework.name, version=RichVersion(required=said.text or framework.version), place=said.place, line=line,
        )  # fmt: skip
        suite.framework = {of_source_set(suite.name, IMPLEMENTATION): [asked]}
        if framework.has_launcher:
            suite.framework[of_source_set(suite.name, RUNTIME_ONLY)] = [_LAUNCHER]
        suite.usual = "" if version is not None else f"{framework.name} {framework.version}"

    def _refuse(self, event: Event, why: str) -> NoReturn:
        self._known.script.refuse(event.line, why)
