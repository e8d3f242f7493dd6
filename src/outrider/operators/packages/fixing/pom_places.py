"""Where a user of Maven would raise the version of an artifact: in the pom.xml of the project, of a parent, or of a BOM of the same build."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.fixing.pom_builds import Answer
from outrider.operators.packages.fixing.pom_files import PomFiles
from outrider.operators.packages.locks.writing.pom_versions import (
    DEPENDENCIES,
    MANAGED,
    Place,
    PomVersions,
    new_entry,
)
from outrider.operators.packages.maven.coordinates import ArtifactKey
from outrider.operators.packages.maven.descriptors import need_of
from outrider.operators.packages.maven.poms import Dependency, Parts, Pom
from outrider.operators.packages.maven.project import pom_of


class NoPlaceError(Exception):
    """There is no place; the text is a sentence that says why."""


class PomPlaces:
    """Finds places.

    Args:
        files: Of the projects.

    Attributes:
        versions: Where they say versions.
    """

    def __init__(self, files: PomFiles) -> None:
        self._files = files
        self.versions = PomVersions(files.texts)

    def of(self, project: Path, key: ArtifactKey, answer: Answer, *, alone: bool) -> list[tuple[Place, str]]:
        """Return where the version of an artifact is to be said, each with what is said there now.

        What a dependency of the project says itself counts before all that is managed; then what the POM manages, before its parents
        and before BOMs, whoever imports these.

        Args:
            project: That comes to it.
            key: Of the artifact.
            answer: What was chosen for the project, and for those of the same build that are BOMs, as far as that is known.
            alone: Whether what others have too, such as properties, is left as it is where that can be.

        Raises:
            NoPlaceError: It stands where nothing is changed.
        """
        own = answer.chosen[project].choice.own
        finder = _Finder(self._files, self.versions, project, answer)
        said = [
            (one, written)
            for one, written in zip(own.model.dependencies, own.dependencies, strict=True)
            if need_of(one).artifact.key == key and written.version is not None
        ]
        if said:
            return [(finder.said(written, DEPENDENCIES, alone=alone), one.version or "") for one, written in said]
        managed = [one for one in own.model.managed if need_of(one).artifact.key == key]
        if managed:
            return [(self._managed(finder, one, answer, alone=alone), one.version or "") for one in managed]
        group, artifact, extension, classifier = key
        entry = Dependency(group, artifact, type=extension, classifier=classifier or None)
        return [(finder.new(entry, alone=alone), "")]

    def _managed(self, finder: "_Finder", one: Dependency, answer: Answer, *, alone: bool) -> Place:
        written = finder.choice.own.managed.get(one.key)
        if written is None and not alone:
            finder, written = self._of_bom(finder, one, answer)
        if written is not None and finder.manages(written, own=alone):
            return finder.said(written, MANAGED, alone=alone)
        # The entry of a project counts in place of all that its parents manage, and theirs in place of all BOMs.
        return finder.new(msgspec.structs.replace(one, version=None), alone=alone)

    def _of_bom(self, finder: "_Finder", one: Dependency, answer: Answer) -> tuple["_Finder", Dependency | None]:
        """Return the BOM of the same build that manages something, and how; what was given where none does, or one of a repository."""
        for place in finder.choice.boms_beside:
            bom = answer.chosen.get(place)
            versions = {each.version for each in bom.choice.own.model.managed if each.key == one.key} if bom else set()
            if one.version in versions:
                further = _Finder(self._files, self.versions, place, answer)
                written = further.choice.own.managed.get(one.key)
                return (further, written) if written is not None else self._of_bom(further, one, answer)
        return finder, None


class _Finder:
    """Finds places in the files of a project and its parents on the machine."""

    def __init__(self, files: PomFiles, versions: PomVersions, project: Path, answer: Answer) -> None:
        self._files, self._versions, self._project = files, versions, project
        self.choice = answer.chosen[project].choice
        self._line = {
            place: pom_of(answer.texts.get(place, files.texts[place]).encode()) for place in files.lines[project]
        }

    def new(self, entry: Dependency, *, alone: bool) -> Place:
        """Return the place of an entry for what nobody here manages yet: in the nearest file of the build that manages something, else the uppermost."""
        files = [self._project] if alone else [one for one in self._line if self._files.is_changed(one, self._project)]
        managing = (one for one in files if self._line[one].parts.managed)
        return new_entry(next(managing, files[-1]), entry)

    def manages(self, written: Dependency, *, own: bool) -> bool:
        """Return whether a file of these manages something; `own`: whether that of the project itself does."""
        lines = zip(self._line.items(), self.choice.line, strict=True)
        return any(
            written in one.parts.managed
            for (place, pom), prepared in lines
            if place == self._project or (self._files.is_changed(place, self._project) and not own)
            for one in (pom, prepared)
        )

    def said(self, written: Dependency, where: tuple[str, ...], *, alone: bool) -> Place:
        """Return the place of a version that is said somewhere on the machine, or further up.

        Raises:
            NoPlaceError: It stands where nothing is changed.
        """
        name = f"{written.group}:{written.artifact}"
        file = next((place for place, pom in self._line.items() if written in _of(pom.parts, where)), None)
        if file is None or not self._files.is_changed(file, self._project):
            self._refuse_profiles(name, [_with(pom, where, written) for pom in self._line.values()])
            verb = "asks for" if where == DEPENDENCIES else "manages"
            who = (
                f"The parent {self._line[file].fields.get('artifactId')}, which is here too,"
                if file
                else _parent(self.choice.line)
            )
            raise NoPlaceError(
                f"{who} {verb} {name} with a version of its own, and is not changed here: change it there."
            )
        changed = [one for one in self._line if self._files.is_changed(one, self._project)]
        try:
            found = self._versions.place(file, written, where, changed, alone=alone)
        except UnsupportedError as error:
            raise NoPlaceError(f"{error.message}.") from error
        if found is None:
            raise NoPlaceError(f"What {self._files.name(file, self._project)} says of {name} has no version.")
        poms = zip(self._line.values(), self.choice.line, strict=True)
        self._refuse_profiles(found.shown, [_setting(found, pom, prepared) for pom, prepared in poms])
        return found

    def _refuse_profiles(self, what: str, profiles: Sequence[Sequence[str]]) -> None:
        """Refuse what profiles say.

        Args:
            what: That.
            profiles: Their names, by file.

        Raises:
            NoPlaceError: There are any.
        """
        for file, names in zip(self._line, profiles, strict=True):
            if names:
                name = self._files.name(file, self._project)
                raise NoPlaceError(
                    f"The profile {' and '.join(names)} of {name} says {what}, and profiles are not changed."
                )


def _with(pom: Pom, where: tuple[str, ...], written: Dependency) -> list[str]:
    """Return the profiles of a file that have a dependency."""
    return [profile.id for profile in pom.profiles if any(one.key == written.key for one in _of(profile.parts, where))]


def _setting(place: Place, pom: Pom, prepared: Pom) -> list[str]:
    """Return the profiles of a file that say otherwise what a property is."""
    name = place.shown.removeprefix("${").removesuffix("}")
    if name == place.shown or prepared.parts.properties.get(name) == pom.parts.properties.get(name):
        return []
    return [one.id for one in pom.profiles if name in one.parts.properties]


def _parent(line: Sequence[Pom]) -> str:
    """Return what those parents are called that only repositories have."""
    parent = line[-1].parent
    return "A parent" if parent is None else f"The parent {parent.group}:{parent.artifact}, or one above that,"


def _of(parts: Parts, where: tuple[str, ...]) -> list[Dependency]:
    return parts.dependencies if where == DEPENDENCIES else parts.managed
