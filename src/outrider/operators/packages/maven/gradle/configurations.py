"""The configurations that plugins of Gradle bring: which of them are locked, what they ask for, and what other projects get to see.

https://docs.gradle.org/current/userguide/java_plugin.html#tab:configurations, java_library_plugin.html and java_platform_plugin.html.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.manifests.gradle.builds import ALL, Asked, Exclusion, GradleProject, RichVersion
from outrider.operators.packages.manifests.gradle.external.plugin import Part, parts
from outrider.operators.packages.manifests.gradle.plugins import resolvable, with_applied
from outrider.operators.packages.maven.coordinates import Project
from outrider.operators.packages.maven.gradle.attributes import (
    BUNDLING,
    ELEMENTS,
    ENVIRONMENT,
    Attributes,
)
from outrider.operators.packages.maven.gradle.components import (
    CATEGORY,
    ENFORCED_PLATFORM,
    JAVA_API,
    JAVA_RUNTIME,
    JAVA_VERSION,
    LIBRARY,
    PLATFORM,
    USAGE,
    Attribute,
    Component,
    Need,
    Variant,
)

_API, _RUNTIME_ONLY, _IMPLEMENTATION = "api", "runtimeOnly", "implementation"
_PROVIDED_COMPILE, _PROVIDED_RUNTIME = "providedCompile", "providedRuntime"
_JAVA, _JAVA_PLATFORM, _WAR, _GROOVY = "java", "java-platform", "war", "groovy"
# What each configuration has from others.
_EXTENDS: Mapping[str, tuple[str, ...]] = {
    _IMPLEMENTATION: (_API,),
    "compileOnly": ("compileOnlyApi",),
    "compileClasspath": ("compileOnly", _IMPLEMENTATION),
    "runtimeClasspath": (_RUNTIME_ONLY, _IMPLEMENTATION),
    "testImplementation": (_IMPLEMENTATION,),
    "testCompileOnly": ("compileOnlyApi",),
    "testRuntimeOnly": (_RUNTIME_ONLY,),
    "testCompileClasspath": ("testCompileOnly", "testImplementation"),
    "testRuntimeClasspath": ("testRuntimeOnly", "testImplementation"),
    "apiElements": (_API, "compileOnlyApi"),
    "runtimeElements": (_IMPLEMENTATION, _RUNTIME_ONLY),
}
_PLATFORM_EXTENDS: Mapping[str, tuple[str, ...]] = {
    "runtime": (_API,), "apiElements": (_API,), "runtimeElements": ("runtime",), "classpath": ("runtime",),
    "enforcedApiElements": (_API,), "enforcedRuntimeElements": ("runtime",),
}  # fmt: skip
_WAR_EXTENDS: Mapping[str, tuple[str, ...]] = {
    _IMPLEMENTATION: (_PROVIDED_COMPILE,), "runtimeClasspath": (_PROVIDED_RUNTIME,), "runtimeElements": (_PROVIDED_RUNTIME,),
    "testRuntimeClasspath": (_PROVIDED_RUNTIME,), _PROVIDED_RUNTIME: (_PROVIDED_COMPILE,),
}  # fmt: skip
_COMPILING: Attributes = {USAGE: JAVA_API, ELEMENTS: "classes"}
_RUNNING: Attributes = {USAGE: JAVA_RUNTIME, ELEMENTS: "jar"}
# What each wants besides what all of Java want; others want nothing.
_WANTED: Mapping[str, Attributes] = {
    "annotationProcessor": _RUNNING, "compileClasspath": _COMPILING, "runtimeClasspath": _RUNNING,
    "testAnnotationProcessor": _RUNNING, "testCompileClasspath": _COMPILING, "testRuntimeClasspath": _RUNNING,
    # Of Spring Boot.
    "productionRuntimeClasspath": _RUNNING,
}  # fmt: skip
_EVERYWHERE: Attributes = {CATEGORY: LIBRARY, BUNDLING: "external", ENVIRONMENT: "standard-jvm"}
_OF_TESTS = "test"
_PROCESSORS = ("annotationProcessor", "testAnnotationProcessor")


class Configuration(NamedTuple):
    """A configuration that is locked.

    Attributes:
        name: Of it.
        attributes: What it wants of variants.
        root: What it asks for.
    """

    name: str
    attributes: Attributes
    root: Component


def locked_names(project: GradleProject) -> list[str]:
    """Return the names of the configurations of a project that are locked, sorted."""
    names = resolvable(project.plugins)
    return sorted(names if project.locked is None else names & set(project.locked))


def configurations(project: GradleProject, java: int) -> list[Configuration]:
    """Return the configurations of a project that are locked, in the order of their names.

    Args:
        project: Of a build.
        java: The version of Java for which it is compiled where it does not say so.
    """
    return [configuration(project, name, java) for name in locked_names(project)]


def configuration(project: GradleProject, name: str, java: int) -> Configuration:
    """Return a configuration that can be resolved.

    Args:
        project: As for `configurations`.
        name: Of it.
        java: As for `configurations`.
    """
    return Configuration(name, _attributes(project, name, java), _root(project, name))


def component(project: GradleProject, java: int) -> Component:
    """Return what other projects of the build get of one; the parameters are those of `configurations`."""
    variants = []
    for name, attributes in _offered(project, java):
        asked = _asked(project, name)
        forced = attributes[CATEGORY] == ENFORCED_PLATFORM
        variants.append(
            Variant(name=name, attributes=attributes, needs=tuple(need_of(one, is_forced=forced) for one in asked), excluded=_excluded(project, name))
        )  # fmt: skip
    return Component(project=_identity(project), variants=tuple(variants), path=project.path)


def need_of(one: Asked, *, is_forced: bool = False) -> Need:
    """Return what is asked for as a variant needs it.

    Args:
        one: What is asked for.
        is_forced: Whether it is a constraint of an enforced platform.
    """
    version = one.version
    if one.category == ENFORCED_PLATFORM and not one.project and not version.strictly:
        version = RichVersion(strictly=version.required, rejected=version.rejected)
    attributes: dict[str, Attribute] = {} if one.category == LIBRARY else {CATEGORY: one.category}
    return Need(
        group=one.group, name=one.name, project=one.project, version=version, attributes=attributes, excluded=one.excluded,
        is_constraint=one.is_constraint, is_transitive=one.is_transitive and not one.is_constraint,
        is_forced=is_forced and one.is_constraint, endorses=one.category == PLATFORM,
    )  # fmt: skip


def _has(project: GradleProject, plugin: str) -> bool:
    return plugin in with_applied(project.plugins)


def _attributes(project: GradleProject, name: str, java: int) -> Attributes:
    if _has(project, _JAVA_PLATFORM):
        return _RUNNING
    for part in _parts(project):
        if name in part.wanted:
            return part.wanted[name]
    own = _WANTED.get(name)
    if own is None:
        return {}
    if own is _COMPILING and _has(project, _GROOVY):
        own = {**own, ELEMENTS: "classes+resources"}
    said = project.java_of_tests if name.startswith(_OF_TESTS) else project.java
    version: Attributes = {} if name in _PROCESSORS else {JAVA_VERSION: said or java}
    return {**_EVERYWHERE, **own, **version}


def _offered(project: GradleProject, java: int) -> Iterator[tuple[str, Attributes]]:
    """Yield what others can use, with what it is."""
    if _has(project, _JAVA_PLATFORM):
        for category, prefix in ((PLATFORM, ""), (ENFORCED_PLATFORM, "enforced")):
            for usage, name in ((JAVA_API, "apiElements"), (JAVA_RUNTIME, "runtimeElements")):
                yield prefix + (name[0].upper() + name[1:] if prefix else name), {CATEGORY: category, USAGE: usage}
    elif _has(project, _JAVA):
        version = project.java or java
        for usage, name in ((JAVA_API, "apiElements"), (JAVA_RUNTIME, "runtimeElements")):
            yield name, {CATEGORY: LIBRARY, BUNDLING: "external", JAVA_VERSION: version, ELEMENTS: "jar", USAGE: usage}


def _root(project: GradleProject, name: str) -> Component:
    needs = tuple(need_of(one) for one in _asked(project, name))
    variant = Variant(name=name, needs=needs, excluded=_excluded(project, name))
    return Component(project=_identity(project), variants=(variant,), path=project.path)


def _identity(project: GradleProject) -> Project:
    return Project(project.group, project.name, project.version)


def _asked(project: GradleProject, name: str) -> Iterator[Asked]:
    for one in _hierarchy(project, name):
        yield from project.declared.get(one, ())


def _excluded(project: GradleProject, name: str) -> tuple[Exclusion, ...]:
    found = [*project.excluded.get(ALL, ())]
    for one in _hierarchy(project, name):
        found += project.excluded.get(one, ())
    return tuple(dict.fromkeys(found))


def _hierarchy(project: GradleProject, name: str) -> list[str]:
    """Return a configuration and all that it has something from, which comes first."""
    return hierarchy(project, name)[::-1]


def hierarchy(project: GradleProject, name: str) -> list[str]:
    """Return a configuration and all that it has something from, as `Configuration.hierarchy` has them: it first.

    Args:
        project: Of it.
        name: Of it.

    Raises:
        InvalidConfigError: One extends itself.
    """
    found = [name]
    _extend(found, (name,), _tables(project))
    return found


def extended(project: GradleProject, name: str) -> list[str]:
    """Return the configurations that one has something from itself.

    Args:
        project: Of it.
        name: Of it.
    """
    return list(dict.fromkeys(one for table in _tables(project) for one in table.get(name, ())))


def _tables(project: GradleProject) -> list[Mapping[str, tuple[str, ...]]]:
    tables = [_PLATFORM_EXTENDS] if _has(project, _JAVA_PLATFORM) else [_EXTENDS]
    tables += [_WAR_EXTENDS] if _has(project, _WAR) else []
    tables += [part.extends for part in _parts(project)]
    tables.append(project.extended)
    return tables


def _parts(project: GradleProject) -> list[Part]:
    """Return what plugins add that others publish."""
    return [parts()[plugin] for plugin in project.plugins if plugin in parts()]


def _extend(found: list[str], way: tuple[str, ...], tables: Sequence[Mapping[str, tuple[str, ...]]]) -> None:
    for table in tables:
        for one in table.get(way[-1], ()):
            if one in way:
                raise InvalidConfigError(
                    f"configurations: {one} extends itself", path="configurations", found=" from ".join((*way, one)),
                    expected="configurations that do not lead back to themselves", suggestions=["leave out one of these extendsFrom"],
                )  # fmt: skip
            if one in found:
                found.remove(one)
            found.append(one)
            _extend(found, (*way, one), tables)
