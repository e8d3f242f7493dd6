"""What has to be said in a POM so that Maven chooses just what it has chosen: https://maven.apache.org/guides/introduction/introduction-to-dependency-mechanism.html#dependency-management.

What is managed decides for all that artifacts need in turn, and takes the place of ranges there. It does not decide for a dependency of
the project that says its version itself: where that is a range, or loses to a range further down, the dependency is said anew.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from outrider.operators.packages.maven.coordinates import ArtifactKey
from outrider.operators.packages.maven.descriptors import need_of
from outrider.operators.packages.maven.models import OwnModel
from outrider.operators.packages.maven.own_projects import OwnChoice
from outrider.operators.packages.maven.poms import Dependency, DependencyKey


class Pins(NamedTuple):
    """What has to be said.

    Attributes:
        managed: Versions of all that was chosen.
        dependencies: Of the project, in their order.
    """

    managed: list[Dependency]
    dependencies: list[Dependency]


def pins_of(project: OwnChoice, chosen: OwnChoice) -> Pins:
    """Return what has to be said.

    Args:
        project: Without a lock.
        chosen: What is to be chosen for it.
    """
    # What a range led to and was moved is still searched for by its former name.
    versions = project.moved | chosen.moved | chosen.versions
    return Pins(_managed(project.own, versions), _dependencies(project.own, versions, project.inherited))


def _managed(own: OwnModel, versions: Mapping[ArtifactKey, str]) -> list[Dependency]:
    """Return the pins: what is managed already keeps all else that is said of it there."""
    said: dict[ArtifactKey, dict[DependencyKey, Dependency]] = {}
    for one in own.model.managed:
        written = own.managed.get(one.key, one)
        said.setdefault(need_of(one).artifact.key, {}).setdefault(one.key, written)
    found = []
    for key, version in versions.items():
        group, artifact, extension, classifier = key
        plain = Dependency(group, artifact, type=extension, classifier=classifier or None)
        ways = said[key].values() if key in said else [plain]
        found += [msgspec.structs.replace(one, version=version) for one in ways]
    return found


def _dependencies(
    own: OwnModel, versions: Mapping[ArtifactKey, str], inherited: Sequence[Dependency]
) -> list[Dependency]:
    """Return the dependencies of the project whose own version is not the one that was chosen."""
    found: dict[DependencyKey, Dependency] = {}
    for one, written in zip(own.model.dependencies, own.dependencies, strict=True):
        version = versions.get(need_of(one).artifact.key, one.version)
        if written.version is not None and version != one.version:
            found[written.key] = msgspec.structs.replace(written, version=version)
    if found.keys().isdisjoint(one.key for one in inherited):
        return [*found.values()]
    # One that is inherited would come before the others of its parent, and of equally near artifacts the first counts.
    own_ones = [one for one in found.values() if one.key not in {each.key for each in inherited}]
    return [*own_ones, *(found.get(one.key, one) for one in inherited)]
