"""What has to be said in a POM so that Maven chooses just what it has chosen: https://maven.apache.org/guides/introduction/introduction-to-dependency-mechanism.html#dependency-management.

What is managed decides for all that artifacts need in turn, and takes the place of ranges there. It does not decide for a dependency of
the project that says its version itself: where that is a range, or loses to a range further down, the dependency is said anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from outrider.operators.packages.maven.collecting import Node
from outrider.operators.packages.maven.descriptors import need_of
from outrider.operators.packages.maven.models import OwnModel
from outrider.operators.packages.maven.poms import Dependency, DependencyKey

_Key = tuple[str, str, str, str]


class Pins(NamedTuple):
    """What has to be said.

    Attributes:
        managed: Versions of all that was chosen.
        dependencies: Of the project, in their order.
    """

    managed: list[Dependency]
    dependencies: list[Dependency]


def pins_of(own: OwnModel, nodes: Iterable[Node], inherited: Sequence[Dependency]) -> Pins:
    """Return what has to be said.

    Args:
        own: The project.
        nodes: What was chosen for it.
        inherited: Those of its dependencies that its own POM does not say, as they are written.
    """
    versions = _versions(nodes)
    return Pins(_managed(own, versions), _dependencies(own, versions, inherited))


def _versions(nodes: Iterable[Node]) -> dict[_Key, str]:
    """Return the version of each artifact, and of what a range led to and was moved: that is searched for by its former name."""
    found: dict[_Key, str] = {}
    former: dict[_Key, str] = {}
    for node in nodes:
        if node.artifact is None or node.is_local:
            continue
        found[node.artifact.key] = node.artifact.version
        for one in node.moves if node.is_found_by_range else ():
            former[one.group, one.artifact, node.artifact.extension, node.artifact.classifier] = one.version
    return former | found


def _managed(own: OwnModel, versions: Mapping[_Key, str]) -> list[Dependency]:
    """Return the pins: what is managed already keeps all else that is said of it there."""
    said: dict[_Key, dict[DependencyKey, Dependency]] = {}
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


def _dependencies(own: OwnModel, versions: Mapping[_Key, str], inherited: Sequence[Dependency]) -> list[Dependency]:
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
