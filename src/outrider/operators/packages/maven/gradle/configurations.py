"""The configurations that plugins of Gradle bring: which of them are locked, what they ask for, and what other projects get to see.

https://docs.gradle.org/current/userguide/java_plugin.html#tab:configurations, java_library_plugin.html and java_platform_plugin.html.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.manifests.gradle.builds import (
    ALL,
    Asked,
    Exclusion,
    GradleBuild,
    GradleProject,
    RichVersion,
)
from outrider.operators.packages.manifests.gradle.external.plugin import Part, parts
from outrider.operators.packages.manifests.gradle.functions import TEST_FIXTURES
from outrider.operators.packages.manifests.gradle.plugins import with_applied
from outrider.operators.packages.manifests.gradle.source_sets import (
    ANNOTATION_PROCESSOR,
    COMPILE_CLASSPATH,
    COMPILE_ONLY,
    FIXTURES,
    IMPLEMENTATION,
    MAIN,
    RUNTIME_CLASSPATH,
    RUNTIME_ONLY,
    TEST,
    of_source_set,
    resolvable_in,
)
from outrider.operators.packages.manifests.gradle.tools import QUALITY_TOOLS
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

_API = "api"
_PROVIDED_COMPILE, _PROVIDED_RUNTIME = "providedCompile", "providedRuntime"
_JAVA, _JAVA_PLATFORM, _WAR, _GROOVY, _ANTLR = "java", "java-platform", "war", "groovy", "antlr"
_TEST_FIXTURES = "java-test-fixtures"
# What each configuration has from others.
_EXTENDS: Mapping[str, tuple[str, ...]] = {
    IMPLEMENTATION: (_API,),
    COMPILE_ONLY: ("compileOnlyApi",),
    "testImplementation": (IMPLEMENTATION,),
    "testCompileOnly": ("compileOnlyApi",),
    "testRuntimeOnly": (RUNTIME_ONLY,),
    "apiElements": (_API, "compileOnlyApi"),
    "runtimeElements": (IMPLEMENTATION, RUNTIME_ONLY),
    "testFixturesImplementation": ("testFixturesApi",),
    "testFixturesCompileOnly": ("testFixturesCompileOnlyApi",),
    "testFixturesApiElements": ("testFixturesApi", "testFixturesCompileOnlyApi"),
    "testFixturesRuntimeElements": ("testFixturesImplementation", "testFixturesRuntimeOnly"),
}
_PLATFORM_EXTENDS: Mapping[str, tuple[str, ...]] = {
    "runtime": (_API,), "apiElements": (_API,), "runtimeElements": ("runtime",), "classpath": ("runtime",),
    "enforcedApiElements": (_API,), "enforcedRuntimeElements": ("runtime",),
}  # fmt: skip
_WAR_EXTENDS: Mapping[str, tuple[str, ...]] = {
    IMPLEMENTATION: (_PROVIDED_COMPILE,), "runtimeClasspath": (_PROVIDED_RUNTIME,), "runtimeElements": (_PROVIDED_RUNTIME,),
    "testRuntimeClasspath": (_PROVIDED_RUNTIME,), _PROVIDED_RUNTIME: (_PROVIDED_COMPILE,),
}  # fmt: skip
_ANTLR_EXTENDS: Mapping[str, tuple[str, ...]] = {_API: (_ANTLR,)}
_COMPILING: Attributes = {USAGE: JAVA_API, ELEMENTS: "classes"}
_RUNNING: Attributes = {USAGE: JAVA_RUNTIME, ELEMENTS: "jar"}
# What those of each source set want besides what all of Java want; others want nothing.
_WANTED: Mapping[str, Attributes] = {
    ANNOTATION_PROCESSOR: _RUNNING,
    COMPILE_CLASSPATH: _COMPILING,
    RUNTIME_CLASSPATH: _RUNNING,
}
_CLASSPATHS: Mapping[str, tuple[str, ...]] = {
    COMPILE_CLASSPATH: (COMPILE_ONLY, IMPLEMENTATION),
    RUNTIME_CLASSPATH: (RUNTIME_ONLY, IMPLEMENTATION),
}
_EVERYWHERE: Attributes = {CATEGORY: LIBRARY, BUNDLING: "external", ENVIRONMENT: "standard-jvm"}


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
    names = resolvable_in(project)
    return sorted(names if project.locked is None else names & set(project.locked))


def has_rules(project: GradleProject) -> bool:
    """Return whether the rules of Java say which variants a project takes.

    Args:
        project: Of a build.
    """
    return not {*with_applied(project.plugins)}.isdisjoint(("java-base", _JAVA_PLATFORM))


def configurations(build: GradleBuild, project: GradleProject, java: int) -> list[Configuration]:
    """Return the configurations of a project that are locked, in the order of their names.

    Args:
        build: Whose project it is.
        project: It.
        java: The version of Java for which it is compiled where it does not say so.
    """
    return [
        Configuration(name, _attributes(project, name, java), _root(build, project, name))
        for name in locked_names(project)
    ]


def component(build: GradleBuild, project: GradleProject, java: int) -> Component:
    """Return what other projects of the build get of one; the parameters are those of `configurations`."""
    variants = []
    for name, attributes, feature in _offered(project, java):
        asked = asked_in(project, name)
        forced = attributes[CATEGORY] == ENFORCED_PLATFORM
        needs = tuple(need_of(build, one, is_forced=forced) for one in asked)
        capabilities = (_capability(project.group, project.name, feature),) if feature else ()
        variants.append(
            Variant(name=name, attributes=attributes, capabilities=capabilities, needs=needs, excluded=_excluded(project, name))
        )  # fmt: skip
    return Component(project=_identity(project), variants=tuple(variants), path=project.path)


def need_of(build: GradleBuild, one: Asked, *, is_forced: bool = False) -> Need:
    """Return what is asked for as a variant needs it.

    Args:
        build: That asks for it.
        one: What is asked for.
        is_forced: Whether it is a constraint of an enforced platform.
    """
    version = one.version
    if one.category == ENFORCED_PLATFORM and not one.project and not version.strictly:
        version = RichVersion(strictly=version.required, rejected=version.rejected)
    attributes: dict[str, Attribute] = {} if one.category == LIBRARY else {CATEGORY: one.category}
    of = build.projects.get(one.project, one)
    return Need(
        group=one.group, name=one.name, project=one.project, version=version, attributes=attributes, excluded=one.excluded,
        capabilities=(_capability(of.group, of.name, one.feature),) if one.feature else (),
        is_constraint=one.is_constraint, is_transitive=one.is_transitive and not one.is_constraint,
        is_forced=is_forced and one.is_constraint, endorses=one.category == PLATFORM,
    )  # fmt: skip


def _has(project: GradleProject, plugin: str) -> bool:
    return plugin in with_applied(project.plugins)


def _attributes(project: GradleProject, name: str, java: int) -> Attributes:
    if _has(project, _JAVA_PLATFORM) and name not in project.own:
        return _RUNNING
    for part in _parts(project):
        if name in part.wanted:
            return part.wanted[name]
        name = part.like.get(name, name)
    if name in QUALITY_TOOLS and _has(project, name):
        return {**_EVERYWHERE, **_RUNNING}
    for source_set, said in _source_sets(project).items():
        for configuration, own in _WANTED.items():
            if name == of_source_set(source_set, configuration):
                is_groovy = own is _COMPILING and _has(project, _GROOVY)
                elements: Attributes = {ELEMENTS: "classes+resources"} if is_groovy else {}
                version: Attributes = {} if configuration == ANNOTATION_PROCESSOR else {JAVA_VERSION: said or java}
                return {**_EVERYWHERE, **own, **elements, **version}
    return {}


def _source_sets(project: GradleProject) -> Mapping[str, int | None]:
    """Return the source sets of a project of Java, with the version that each is compiled for where the build says it."""
    return {MAIN: project.java, TEST: project.java_of_tests, **project.source_sets}


def _capability(group: str, name: str, feature: str) -> tuple[str, str]:
    return group, f"{name}-{feature}"


def _offered(project: GradleProject, java: int) -> Iterator[tuple[str, Attributes, str]]:
    """Yield what others can use, with what it is, and which feature."""
    if _has(project, _JAVA_PLATFORM):
        for category, prefix in ((PLATFORM, ""), (ENFORCED_PLATFORM, "enforced")):
            for usage, name in ((JAVA_API, "apiElements"), (JAVA_RUNTIME, "runtimeElements")):
                yield prefix + (name[0].upper() + name[1:] if prefix else name), {CATEGORY: category, USAGE: usage}, ""
    elif _has(project, _JAVA):
        said = _source_sets(project)
        fixtures = ((FIXTURES, TEST_FIXTURES),) if _has(project, _TEST_FIXTURES) else ()
        for source_set, feature in ((MAIN, ""), *fixtures):
            jar: Attributes = {
                CATEGORY: LIBRARY,
                BUNDLING: "external",
                JAVA_VERSION: said[source_set] or java,
                ELEMENTS: "jar",
            }
            for usage, name in ((JAVA_API, "apiElements"), (JAVA_RUNTIME, "runtimeElements")):
                yield of_source_set(source_set, name), {**jar, USAGE: usage}, feature


def _root(build: GradleBuild, project: GradleProject, name: str) -> Component:
    needs = [need_of(build, one) for one in asked_in(project, name)]
    if name in project.alone:
        needs = [msgspec.structs.replace(one, is_transitive=False) for one in needs]
    variant = Variant(name=name, needs=tuple(needs), excluded=_excluded(project, name))
    return Component(project=_identity(project), variants=(variant,), path=project.path)


def _identity(project: GradleProject) -> Project:
    return Project(project.group, project.name, project.version)


def asked_in(project: GradleProject, name: str) -> Iterator[Asked]:
    """Yield what a configuration asks for, with what it has from others.

    Args:
        project: Whose configuration.
        name: Of it.
    """
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
    tables = [_PLATFORM_EXTENDS] if _has(project, _JAVA_PLATFORM) else [_EXTENDS, _classpaths(project)]
    tables += [_ANTLR_EXTENDS] if _has(project, _ANTLR) else []
    tables += [_WAR_EXTENDS] if _has(project, _WAR) else []
    tables += [{**part.extends, **_in_source_sets(project, part)} for part in _parts(project)]
    tables.append(project.extended)
    return tables


def _parts(project: GradleProject) -> list[Part]:
    """Return what plugins add that others publish."""
    return [parts()[plugin] for plugin in project.plugins if plugin in parts()]


def _classpaths(project: GradleProject) -> Mapping[str, tuple[str, ...]]:
    """Return what the class paths of all source sets have from others."""
    return {
        of_source_set(one, name): tuple(of_source_set(one, other) for other in others)
        for one in _source_sets(project)
        for name, others in _CLASSPATHS.items()
    }


def _in_source_sets(project: GradleProject, part: Part) -> Mapping[str, tuple[str, ...]]:
    """Return what configurations of all source sets have from those that a plugin adds."""
    return {
        of_source_set(one, name): others
        for one in _source_sets(project)
        for name, others in part.of_source_sets.items()
    }


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
