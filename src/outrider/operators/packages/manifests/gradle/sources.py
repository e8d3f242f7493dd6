"""What is said of source sets: https://docs.gradle.org/current/userguide/java_plugin.html#sec:source_sets."""

from outrider.operators.packages.manifests.gradle.containers import FINDING, name_in
from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.flattening import Event, flattened
from outrider.operators.packages.manifests.gradle.passing import pass_over
from outrider.operators.packages.manifests.gradle.source_sets import (
    DECLARED,
    MAIN,
    TEST,
    is_source_set,
    of_source_set,
)
from outrider.operators.packages.manifests.gradle.state import ProjectState

_ALL = ("all", "configureEach", "each")


def take_sources(known: Evaluator, event: Event) -> None:
    """Take source sets of the build's own, and pass over what is said of them and of others: files on class paths change nothing.

    Args:
        known: What finds what expressions come to.
        event: The statement, whose first step is `sourceSets`.

    Raises:
        UnsupportedError: It may change what is locked.
    """
    for one in flattened(known, event):
        step = one.steps[1] if len(one.steps) > 1 else None
        if step is not None and not (step.name in _ALL and not step.values):
            name = name_in(known, step)
            if name is None:
                known.script.refuse(one.line, f"sourceSets.{step.name[:40]} is not read")
            if name not in (MAIN, TEST, *known.project.source_sets):
                is_found = step.name in FINDING or (known.script.is_kotlin and not step.values)
                _add(known, name, one.line, is_found=is_found)
    pass_over(known, event.statement, allowed=("sourceSets", "java"))


def _add(known: Evaluator, name: str, line: int, *, is_found: bool) -> None:
    project = known.project
    if is_found:
        known.script.refuse(line, f"the project has no source set {name[:40]}")
    if "java-base" not in project.plugins:
        known.script.refuse(line, "source sets are read where a plugin for Java is applied before")
    if not is_source_set(name):
        known.script.refuse(line, f"a source set is read whose name is of letters and digits, and not {name[:40]}")
    add_source_set(project, name)


def add_source_set(project: ProjectState, name: str) -> None:
    """Add a source set to a project.

    Args:
        project: It.
        name: Of the source set.
    """
    project.source_sets.append(name)
    for configuration in DECLARED:
        # One that was there before is that of the source set from now on.
        project.own.pop(of_source_set(name, configuration), None)
