"""Where a user of Maven would raise the version of an artifact in the pom.xml of a project."""

from collections.abc import Collection, Sequence

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.writing.pom_versions import (
    DEPENDENCIES,
    MANAGED,
    Place,
    PomVersions,
    new_entry,
)
from outrider.operators.packages.maven.coordinates import ArtifactKey
from outrider.operators.packages.maven.descriptors import need_of
from outrider.operators.packages.maven.own_projects import OwnChoice
from outrider.operators.packages.maven.poms import Dependency, Parts, Pom, read_pom


class NoPlaceError(Exception):
    """There is no place; the text is a sentence that says why."""


class PomPlaces:
    """Finds places.

    Args:
        name: Of the file, for sentences.
        text: Of it, without a lock.

    Attributes:
        versions: Where it says versions.
    """

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._pom = read_pom(text.encode())
        self.versions = PomVersions(text)

    def of(self, key: ArtifactKey, choice: OwnChoice, *, alone: bool) -> list[tuple[Place, str]]:
        """Return where the version of an artifact is to be said, each with what is said there now.

        What a dependency of the project says itself counts before all that is managed; then what the POM manages, before its parents
        and before BOMs, whoever imports these.

        Args:
            key: Of the artifact.
            choice: What was chosen for the file.
            alone: Whether properties that others have too are left as they are.

        Raises:
            NoPlaceError: It stands where nothing is changed.
        """
        own = choice.own
        said = [
            (one, written)
            for one, written in zip(own.model.dependencies, own.dependencies, strict=True)
            if need_of(one).artifact.key == key and written.version is not None
        ]
        if said:
            return [
                (self._said(written, DEPENDENCIES, choice.line, alone=alone), one.version or "")
                for one, written in said
            ]
        managed = [one for one in own.model.managed if need_of(one).artifact.key == key]
        if managed:
            return [(self._managed(one, choice, alone=alone), one.version or "") for one in managed]
        group, artifact, extension, classifier = key
        return [(new_entry(Dependency(group, artifact, type=extension, classifier=classifier or None)), "")]

    def _managed(self, one: Dependency, choice: OwnChoice, *, alone: bool) -> Place:
        written = choice.own.managed.get(one.key)
        here = [each for pom in choice.line for each in pom.parts.managed]
        if written is None or (written not in here and written not in self._pom.parts.managed):
            # A BOM or a parent that is elsewhere says it; the entry of the project itself counts in place of all of theirs.
            return new_entry(msgspec.structs.replace(one, version=None))
        return self._said(written, MANAGED, choice.line, alone=alone)

    def _said(self, written: Dependency, where: tuple[str, ...], line: Sequence[Pom], *, alone: bool) -> Place:
        """Return the place of a version that is said somewhere on the machine, or further up."""
        name = f"{written.group}:{written.artifact}"
        if written not in _of(self._pom.parts, where):
            self._refuse_profile(name, [one.id for one in self._pom.profiles if _has(_of(one.parts, where), written)])
            verb = "asks for" if where == DEPENDENCIES else "manages"
            above = next((one for one in line[1:] if written in _of(one.parts, where)), None)
            raise NoPlaceError(
                f"{_parent(line, above)} {verb} {name} with a version of its own, and is not changed here: change it there."
            )
        try:
            place = self.versions.place(written, where, alone=alone)
        except UnsupportedError as error:
            raise NoPlaceError(f"{error.message}.") from error
        if place is None:
            raise NoPlaceError(f"What {self._name} says of {name} has no version.")
        self._refuse_profile(place.shown, [*self._setting(place, line)])
        return place

    def _setting(self, place: Place, line: Sequence[Pom]) -> list[str]:
        """Return the profiles that say otherwise what a property is."""
        name = place.shown.removeprefix("${").removesuffix("}")
        if name == place.shown or line[0].parts.properties.get(name) == self._pom.parts.properties.get(name):
            return []
        return [one.id for one in self._pom.profiles if name in one.parts.properties]

    def _refuse_profile(self, what: str, profiles: Collection[str]) -> None:
        if profiles:
            shown = " and ".join(profiles)
            raise NoPlaceError(f"The profile {shown} of {self._name} says {what}, and profiles are not changed.")


def _parent(line: Sequence[Pom], above: Pom | None) -> str:
    """Return what a parent is called: one on the machine, or else one of those that only repositories have."""
    if above is not None:
        return f"The parent {above.fields.get('artifactId')}, which is here too,"
    parent = line[-1].parent
    return "A parent" if parent is None else f"The parent {parent.group}:{parent.artifact}, or one above that,"


def _of(parts: Parts, where: tuple[str, ...]) -> list[Dependency]:
    return parts.dependencies if where == DEPENDENCIES else parts.managed


def _has(some: Sequence[Dependency], written: Dependency) -> bool:
    return any(one.key == written.key for one in some)
