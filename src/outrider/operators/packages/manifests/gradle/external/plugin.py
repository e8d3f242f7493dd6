"""What is told of a plugin that others than Gradle publish; `PLUGINS` of each file beside this one."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
    from outrider.operators.packages.manifests.gradle.flattening import Event
    from outrider.operators.packages.manifests.gradle.state import ProjectState

_PACKAGE = __name__.rpartition(".")[0]
_MARKER = ".gradle.plugin"


class Part(NamedTuple):
    """What a plugin adds to a project, or a part of that which depends on its version or on other plugins.

    Attributes:
        applies: Plugins that it applies.
        declarable: The configurations that it adds, to declare in.
        resolvable: Those to resolve.
        extends: What a configuration has from others, besides what other plugins say.
        of_source_sets: What a configuration of each source set has from others, by what it is called for main.
        like: The configuration of Java that one wants the same of variants as.
        wanted: What a configuration wants of variants, in the place of what is known of it.
    """

    applies: tuple[str, ...] = ()
    declarable: tuple[str, ...] = ()
    resolvable: tuple[str, ...] = ()
    extends: Mapping[str, tuple[str, ...]] = {}
    of_source_sets: Mapping[str, tuple[str, ...]] = {}
    like: Mapping[str, str] = {}
    wanted: Mapping[str, Mapping[str, str]] = {}


def _nothing(project: "ProjectState") -> None:
    del project


class External(NamedTuple):
    """A plugin.

    Attributes:
        id: Of it.
        versions: An expression for those that were compared with Gradle.
        expected: These, for those who read.
        artifact: `group:name` by which the class path of a build script has it.
        parts: What it adds, by names that are applied as plugins are; its own id is one.
        applied: Called where it is applied.
        finished: Called once all scripts are read.
        takes: Reads statements that begin with a name.
        passed: Names at the beginning of statements that change nothing of a lock.
        types: Names of statements, by the types that Kotlin calls them by.
        constants: Texts by the names that scripts have for them; `{version}` is that of the plugin.
    """

    id: str
    versions: str
    expected: str
    artifact: str = ""
    parts: Mapping[str, Part] = {}
    applied: Callable[["ProjectState"], None] = _nothing
    finished: Callable[["ProjectState"], None] = _nothing
    takes: Mapping[str, Callable[["Evaluator", "Event"], None]] = {}
    passed: frozenset[str] = frozenset()
    types: Mapping[str, str] = {}
    constants: Mapping[str, str] = {}

    def is_compared(self, version: str) -> bool:
        """Return whether a version was compared with Gradle."""
        return re.fullmatch(self.versions, version) is not None


@cache
def externals() -> Mapping[str, External]:
    """Return the plugins by their ids."""
    modules = (import_module(f"{_PACKAGE}.{one.name}") for one in iter_modules(import_module(_PACKAGE).__path__))
    return {plugin.id: plugin for module in modules for plugin in getattr(module, "PLUGINS", ())}


@cache
def parts() -> Mapping[str, Part]:
    """Return what all of them add, by names that are applied as plugins are."""
    return {name: part for plugin in externals().values() for name, part in plugin.parts.items()}


def id_of_artifact(artifact: str) -> str | None:
    """Return the id of the plugin that an artifact is or leads to; None where it is none that is known.

    Args:
        artifact: `group:name` of it.
    """
    group, _, name = artifact.partition(":")
    if name == group + _MARKER:
        return group
    return next((one.id for one in externals().values() if artifact == one.artifact), None)
