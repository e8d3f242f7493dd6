"""Variants of what was published with a POM alone: as a library, and as a platform of what it manages.

Of Gradle 8.11: GradlePomModuleDescriptorBuilder, JavaEcosystemVariantDerivationStrategy.
"""

from collections.abc import Iterable, Iterator

import msgspec

from outrider.operators.packages.manifests.gradle.builds import Exclusion, RichVersion
from outrider.operators.packages.maven.coordinates import Project
from outrider.operators.packages.maven.gradle.components import (
    CATEGORY,
    ENFORCED_PLATFORM,
    JAVA_API,
    JAVA_RUNTIME,
    LIBRARY,
    PLATFORM,
    STATUS,
    USAGE,
    Component,
    Need,
    Variant,
)
from outrider.operators.packages.maven.gradle.selectors import selector_of_pom
from outrider.operators.packages.maven.models import Model
from outrider.operators.packages.maven.poms import Dependency

_COMPILE, _RUNTIME = "compile", "runtime"
_SCOPES = (_COMPILE, _RUNTIME, "provided", "test", "system")
_USAGES = ((JAVA_API, (_COMPILE,)), (JAVA_RUNTIME, (_COMPILE, _RUNTIME)))


def component_of(project: Project, model: Model) -> Component:
    """Return what a POM comes to.

    Args:
        project: Whose it is.
        model: What it says with its parents and BOMs.
    """
    if fault := _fault(model):
        return Component(project=project, fault=fault)
    status = "integration" if project.version.endswith("SNAPSHOT") else "release"
    needs, constraints = [*_needs(project, model)], [*_constraints(project, model)]
    variants = []
    for usage, scopes in _USAGES:
        wanted = tuple(need for scope, need in needs if scope in scopes)
        variants.append(
            Variant(name=scopes[-1], attributes={STATUS: status, CATEGORY: LIBRARY, USAGE: usage}, needs=wanted)
        )
    for category in (PLATFORM, ENFORCED_PLATFORM):
        forced = category == ENFORCED_PLATFORM
        managed = tuple(msgspec.structs.replace(need, is_forced=forced) for need in constraints)
        for usage, scopes in _USAGES:
            attributes = {STATUS: status, CATEGORY: category, USAGE: usage}
            variants.append(Variant(name=f"{category}-{scopes[-1]}", attributes=attributes, needs=managed))
    return Component(project=project, variants=tuple(variants))


def _fault(model: Model) -> str:
    """Return why a POM cannot be used; empty where it can. Gradle is not as strict as Maven is."""
    return next((one.text for one in model.faults if one.is_absence or not model.fields), "")


def _needs(project: Project, model: Model) -> Iterator[tuple[str, Need]]:
    """Yield what a library needs, with the scope of it."""
    if model.moved is not None:
        moved = Project(*(new or old for new, old in zip(model.moved, project, strict=True)))
        if moved.name != project.name:
            yield _COMPILE, Need(group=moved.group, name=moved.artifact, version=_version(moved.version))
        return
    # Of what is there twice the last one counts, in the place of the first one.
    for one in {dependency.key: dependency for dependency in model.dependencies}.values():
        if (one.optional or "").lower() != "true" and not _is_itself(one, project):
            yield _scope(one), Need(
                group=one.group or "", name=one.artifact or "", version=_version(one.version or ""),
                excluded=_excluded(one.exclusions),
            )  # fmt: skip


def _constraints(project: Project, model: Model) -> Iterator[Need]:
    """Yield what a platform manages, whatever its scope."""
    for one in model.managed if model.moved is None else ():
        if one.scope != "import" and not _is_itself(one, project):
            yield Need(
                group=one.group or "", name=one.artifact or "", version=_version(one.version or ""),
                excluded=_excluded(one.exclusions), is_constraint=True, is_transitive=False,
            )  # fmt: skip


def _is_itself(one: Dependency, project: Project) -> bool:
    return (one.group, one.artifact) == (project.group, project.artifact)


def _scope(one: Dependency) -> str:
    return one.scope if one.scope in _SCOPES else _COMPILE


def _excluded(said: Iterable[tuple[str, str]]) -> tuple[Exclusion, ...]:
    return tuple(Exclusion(group, artifact) for group, artifact in said)


def _version(text: str) -> RichVersion:
    """Return a version as Gradle takes one of a POM."""
    return RichVersion(required=selector_of_pom(text).text)
