"""Source sets, and the configurations that a project has: https://docs.gradle.org/current/userguide/java_plugin.html#sec:source_sets."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from outrider.operators.packages.manifests.gradle.plugins import declarable, resolvable

MAIN, TEST, FIXTURES = "main", "test", "testFixtures"
COMPILE_ONLY, IMPLEMENTATION, RUNTIME_ONLY = "compileOnly", "implementation", "runtimeOnly"
ANNOTATION_PROCESSOR = "annotationProcessor"
COMPILE_CLASSPATH, RUNTIME_CLASSPATH = "compileClasspath", "runtimeClasspath"
DECLARED = (COMPILE_ONLY, IMPLEMENTATION, RUNTIME_ONLY, ANNOTATION_PROCESSOR)
_RESOLVED = (ANNOTATION_PROCESSOR, COMPILE_CLASSPATH, RUNTIME_CLASSPATH)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*", re.ASCII)


class Configured(Protocol):
    """A project with its plugins, and with source sets and configurations of its own."""

    @property
    def plugins(self) -> Sequence[str]:
        """The ids of its plugins."""

    @property
    def source_sets(self) -> Iterable[str]:
        """The names of its source sets besides main and test."""

    @property
    def own(self) -> Mapping[str, bool]:
        """Its own configurations, and whether they can be resolved."""


def is_source_set(name: str) -> bool:
    """Return whether the names of configurations follow from the name of a source set as told here.

    Args:
        name: Of it.
    """
    return _NAME.fullmatch(name) is not None


def of_source_set(source_set: str, configuration: str) -> str:
    """Return the name of a configuration of a source set.

    Args:
        source_set: The name of it.
        configuration: What it is called for main.
    """
    if source_set == MAIN:
        return configuration
    return f"{source_set[:1].lower()}{source_set[1:]}{configuration[:1].upper()}{configuration[1:]}"


def declarable_in(project: Configured) -> frozenset[str]:
    """Return the configurations of a project that dependencies are declared in.

    Args:
        project: It.
    """
    return declarable(project.plugins) | _of_source_sets(project, DECLARED) | frozenset(project.own)


def resolvable_in(project: Configured) -> frozenset[str]:
    """Return the configurations of a project that are resolved, and so are in a lock.

    Args:
        project: It.
    """
    own = frozenset(name for name, is_resolved in project.own.items() if is_resolved)
    return resolvable(project.plugins) | _of_source_sets(project, _RESOLVED) | own


def _of_source_sets(project: Configured, configurations: Sequence[str]) -> frozenset[str]:
    return frozenset(of_source_set(one, name) for one in project.source_sets for name in configurations)
