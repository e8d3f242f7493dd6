"""The plugins of Gradle that change nothing of what is locked but by the configurations that are told here.

What each adds is what Gradle 8.11 says of a project that it is applied to. Any other plugin is a program that may do anything.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from outrider.operators.packages.manifests.gradle.external.plugin import Part, parts

_JAVA = ("compileOnly", "implementation", "runtimeOnly", "annotationProcessor")
_JAVA_RESOLVED = ("annotationProcessor", "compileClasspath", "runtimeClasspath")
_OF_TESTS = tuple(f"test{name[0].upper()}{name[1:]}" for name in _JAVA)
_OF_TESTS_RESOLVED = tuple(f"test{name[0].upper()}{name[1:]}" for name in _JAVA_RESOLVED)


class _Plugin(NamedTuple):
    """A plugin: those that it applies, and the configurations that it adds, to declare in and to resolve."""

    applies: tuple[str, ...] = ()
    declarable: tuple[str, ...] = ()
    resolvable: tuple[str, ...] = ()


_PLUGINS = {
    "java-base": _Plugin(),
    "java": _Plugin(("java-base",), (*_JAVA, *_OF_TESTS), (*_JAVA_RESOLVED, *_OF_TESTS_RESOLVED)),
    "java-library": _Plugin(("java",), ("api", "compileOnlyApi")),
    "java-library-distribution": _Plugin(("java-library", "distribution")),
    "java-platform": _Plugin((), ("api", "runtime"), ("classpath",)),
    "application": _Plugin(("java", "distribution")),
    "groovy": _Plugin(("java", "groovy-base")),
    "groovy-base": _Plugin(("java-base",)),
    "jacoco": _Plugin((), ("jacocoAgent", "jacocoAnt"), ("jacocoAgent", "jacocoAnt")),
    "checkstyle": _Plugin((), ("checkstyle",), ("checkstyle",)),
    "pmd": _Plugin((), ("pmd", "pmdAux"), ("pmd",)),
    "codenarc": _Plugin(("groovy-base",), ("codenarc",), ("codenarc",)),
    "antlr": _Plugin(("java-library",), ("antlr",), ("antlr",)),
    "java-test-fixtures": _Plugin(("java-base",), ("testFixturesApi", "testFixturesCompileOnlyApi")),
    "war": _Plugin(("java",), ("providedCompile", "providedRuntime"), ("providedCompile", "providedRuntime")),
    "signing": _Plugin((), (), ("signatures",)),
    **dict.fromkeys(
        (
            "base", "distribution", "jvm-test-suite", "maven-publish", "ivy-publish", "publishing", "idea", "eclipse", "eclipse-wtp",
            "build-dashboard", "project-report", "help-tasks", "reporting-base", "lifecycle-base", "wrapper", "build-init",
            "jvm-ecosystem", "jvm-toolchains",
        ),
        _Plugin(),
    ),
}  # fmt: skip
_OF_GRADLE = "org.gradle."
# Those that a name is given to in Groovy and Kotlin alike.
_CLASSES = {
    "JavaPlugin": "java", "JavaLibraryPlugin": "java-library", "JavaPlatformPlugin": "java-platform", "JavaBasePlugin": "java-base",
    "ApplicationPlugin": "application", "MavenPublishPlugin": "maven-publish", "GroovyPlugin": "groovy", "WarPlugin": "war",
    "SigningPlugin": "signing", "BasePlugin": "base", "IdeaPlugin": "idea", "EclipsePlugin": "eclipse",
}  # fmt: skip


def plugin_id(name: str) -> str:
    """Return the id of a plugin as it is known here.

    Args:
        name: Its id, with or without that of Gradle before it, or the name of its class.
    """
    return _CLASSES.get(name, name.removeprefix(_OF_GRADLE))


def is_known(plugin: str) -> bool:
    """Return whether a plugin is one of those that are known.

    Args:
        plugin: Its id.
    """
    return plugin in _PLUGINS or plugin in parts()


def _part(plugin: str) -> _Plugin | Part:
    return _PLUGINS.get(plugin) or parts()[plugin]


def with_applied(plugins: Iterable[str]) -> list[str]:
    """Return plugins with those that they apply, each once and behind those.

    Args:
        plugins: They, all known.
    """
    found: dict[str, None] = {}
    for plugin in plugins:
        for one in (*with_applied(_part(plugin).applies), plugin):
            found.setdefault(one)
    return list(found)


def declarable(plugins: Sequence[str]) -> frozenset[str]:
    """Return the configurations that dependencies are declared in.

    Args:
        plugins: Of a project, all known.
    """
    return frozenset(name for one in with_applied(plugins) for name in _part(one).declarable)


def resolvable(plugins: Sequence[str]) -> frozenset[str]:
    """Return the configurations that are resolved, and so are in a lock.

    Args:
        plugins: Of a project, all known.
    """
    return frozenset(name for one in with_applied(plugins) for name in _part(one).resolvable)
