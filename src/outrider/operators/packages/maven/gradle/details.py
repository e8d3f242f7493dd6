"""What a build of Gradle is asked besides packages: which project of it is locked, and what its lock has."""

from collections.abc import Mapping

import msgspec

from outrider.operators.packages.manifests.gradle.builds import GradleBuild, GradleProject, RichVersion
from outrider.operators.packages.resolving.questions import Details

CLIENT = "gradle"
_BETWEEN = "="


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


def asked_for(configuration: str, index: int, version: str) -> str:
    """Return how the version of something that a project declares is asked for.

    Args:
        configuration: In which it is declared.
        index: Which of those in it.
        version: Of it; empty for any.
    """
    return _BETWEEN.join((configuration, str(index), version))


def with_asked(project: GradleProject, packages: list[str]) -> GradleProject:
    """Return a project that declares other versions.

    Args:
        project: As its build has it.
        packages: What `asked_for` has returned.
    """
    declared = dict(project.declared)
    for text in packages:
        configuration, index, version = text.split(_BETWEEN, 2)
        several = [*declared[configuration]]
        one = several[int(index)]
        several[int(index)] = msgspec.structs.replace(one, version=changed(one.version, version))
        declared[configuration] = tuple(several)
    return msgspec.structs.replace(project, declared=declared)


def changed(version: RichVersion, text: str) -> RichVersion:
    """Return a version that is asked for in the same way, with another text; any one where that is empty."""
    if text and version.strictly:
        return msgspec.structs.replace(version, strictly=text)
    return msgspec.structs.replace(version, strictly="", required=text)
