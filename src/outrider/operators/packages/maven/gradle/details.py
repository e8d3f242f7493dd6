"""What a build of Gradle is asked besides packages: which project of it is locked, and what its lock has."""

from collections.abc import Iterable, Mapping

import msgspec

from outrider.operators.packages.manifests.gradle.builds import GradleBuild, GradleProject, RichVersion
from outrider.operators.packages.resolving.questions import Details

CLIENT = "gradle"
_AND, _AT, _IS = ",", ":", "="


class GradleDetails(Details, frozen=True, kw_only=True):
    """A project whose lock is to change.

    Attributes:
        build: That it is of.
        path: Of it in the build.
        locked: The versions of its lock: by configuration, then by module. No module becomes older than it is there.
    """

    build: GradleBuild = GradleBuild(projects={}, texts={})
    path: str = ""
    locked: Mapping[str, Mapping[str, str]] = {}


def asked_for(declared: Iterable[tuple[str, int]], version: str) -> str:
    """Return how a version is asked for that a project declares in one place.

    Args:
        declared: The configurations that have something with that version, each with the place of it among what they have.
        version: That is asked for.
    """
    return f"{_AND.join(f'{name}{_AT}{index}' for name, index in declared)}{_IS}{version}"


def with_asked(project: GradleProject, packages: list[str]) -> GradleProject:
    """Return a project that declares other versions.

    Args:
        project: As its build has it.
        packages: What `asked_for` has returned; where several are about the same, the last one that changes something counts.
    """
    declared = {name: [*several] for name, several in project.declared.items()}
    for text in packages:
        places, _, version = text.partition(_IS)
        for place in places.split(_AND):
            name, _, index = place.partition(_AT)
            one = project.declared[name][int(index)]
            if version != one.version.text:
                declared[name][int(index)] = msgspec.structs.replace(one, version=changed(one.version, version))
    return msgspec.structs.replace(project, declared={name: tuple(several) for name, several in declared.items()})


def changed(version: RichVersion, text: str) -> RichVersion:
    """Return a version that is asked for in the same way, with another text."""
    if version.strictly:
        return msgspec.structs.replace(version, strictly=text)
    return msgspec.structs.replace(version, required=text)
