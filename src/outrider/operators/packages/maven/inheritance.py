"""How POMs are put together: with their profiles, and with their parents.

https://maven.apache.org/ref/3.8.7/maven-model-builder/#inheritance-assembly. Lists are put together before properties are put in: two
dependencies are the same where they are written the same.
"""

from collections.abc import Iterable

import msgspec

from outrider.operators.packages.maven.poms import Dependency, Parts, Pom, PomRepository
from outrider.operators.packages.maven.profiles import Machine, active

# What a child does not have from its parent.
_OWN = ("modelVersion", "artifactId", "packaging", "name", "prerequisites.maven")


def prepared(pom: Pom, machine: Machine, named: tuple[str, ...] = ()) -> Pom:
    """Return a POM with its active profiles.

    Args:
        pom: As it is written.
        machine: What profiles depend on.
        named: Profiles that are active in any case.
    """
    parts = msgspec.structs.replace(pom.parts, dependencies=without_twins(pom.parts.dependencies))
    for profile in active(pom.profiles, machine, named):
        own = profile.parts
        parts = Parts(
            parts.properties | own.properties, _merged(parts.dependencies, own.dependencies, is_dominant=True),
            _merged(parts.managed, own.managed, is_dominant=True), _repositories(own.repositories, parts.repositories),
        )  # fmt: skip
    return msgspec.structs.replace(pom, parts=parts)


def heirs(line: list[Pom]) -> Pom:
    """Return what the first POM of a line comes to with what it has of the others, its ancestors."""
    whole = line[-1]
    for child in reversed(line[:-1]):
        inherited = {name: value for name, value in whole.fields.items() if name not in _OWN}
        own, others = child.parts, whole.parts
        properties = {name: value for name, value in others.properties.items() if name != "project.directory"}
        parts = Parts(
            properties | own.properties, _merged(own.dependencies, others.dependencies, is_dominant=False),
            _merged(own.managed, others.managed, is_dominant=False), _repositories(own.repositories, others.repositories),
        )  # fmt: skip
        whole = msgspec.structs.replace(
            child, fields=inherited | child.fields, parts=parts, licences=child.licences or whole.licences
        )
    return whole


def without_twins(dependencies: Iterable[Dependency]) -> list[Dependency]:
    """Return dependencies of which no two are the same: the last one, in the place of the first one."""
    return [*{one.key: one for one in dependencies}.values()]


def _merged(target: list[Dependency], source: list[Dependency], *, is_dominant: bool) -> list[Dependency]:
    """Return what two POMs have; where either has nothing, the other is left as it is, twins and all."""
    if not source:
        return target
    found = {one.key: one for one in target}
    for one in source:
        if is_dominant or one.key not in found:
            found[one.key] = one
    return [*found.values()]


def _repositories(first: Iterable[PomRepository], then: Iterable[PomRepository]) -> list[PomRepository]:
    found: dict[str, PomRepository] = {}
    for one in (*first, *then):
        found.setdefault(one.id, one)
    return [*found.values()]
