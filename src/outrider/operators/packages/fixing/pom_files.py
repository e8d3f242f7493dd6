"""The files that what a pom.xml comes to stands in: its own, those of its parents on the machine, and those of the build that it is of."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from outrider.operators.packages.fixing.projects import refuse_outside
from outrider.operators.packages.locks.writing.files import digest_of, read_text
from outrider.operators.packages.manifests.pom import without_lock
from outrider.operators.packages.maven.poms import Pom
from outrider.operators.packages.maven.project import modules_of, pom_of, poms_beside
from outrider.operators.packages.maven.reactor import paths_around, paths_of


class PomFiles:
    """Files.

    Args:
        path: Of a pom.xml, as it is called.
        changed: Texts that others of the same call have given files already, by their paths.

    Raises:
        NotFoundError: It is not there.
        InvalidConfigError: One cannot be read.

    Attributes:
        build: The projects of the build that it is of; none where it is one by itself.
        asked: The projects that it stands for: with modules all of these too.
        lines: By project, its file and those of its parents, as far as they are on the machine.
        followed: By project, the same and those of what it needs or imports of the build, and of what that does.
        written: What is in all of these files.
        texts: The same without locks.
        locked: Those that have locks.
    """

    def __init__(self, path: Path, changed: Mapping[Path, str]) -> None:
        self._called, self._folder = path, path.resolve().parent
        first = path.resolve()
        has_modules = any(modules_of(read_text(path).encode()))
        self.asked = paths_of(path) if has_modules else [first]
        self.build = paths_around(path) or (self.asked if has_modules else [])
        self.lines = {one: [place for place, _ in poms_beside(one)] for one in (first, *self.build)}
        known = {place.resolve(): text for place, text in changed.items()}
        places = dict.fromkeys(place for line in self.lines.values() for place in line)
        self.written = {
            place: known[place.resolve()] if place.resolve() in known else read_text(place) for place in places
        }
        self.texts = {place: without_lock(text) for place, text in self.written.items()}
        self.followed = {one: self._followed(one) for one in self.lines}
        self.locked = {place for place, text in self.written.items() if text != self.texts[place]}

    def _followed(self, project: Path) -> set[Path]:
        found, waiting = set[Path](), [project]
        while waiting:
            new = {*self.lines[waiting.pop()]} - found
            found |= new
            waiting += [each for place in new for one in _asked(self._pom(place)) for each in self._called_so(one)]
        return found

    def _called_so(self, artifact: str) -> list[Path]:
        """Return the projects of the build that a text may be the name of."""
        return (
            self.build
            if "${" in artifact
            else [one for one in self.build if self._pom(one).fields.get("artifactId") in (artifact, None)]
        )

    def _pom(self, place: Path) -> Pom:
        return pom_of(self.written[place].encode())

    def is_changed(self, place: Path, project: Path) -> bool:
        """Return whether a file is one of those in which a version of a project may be raised: of other parents nobody knows whose they are."""
        return place == project or place in self.build

    def shown(self, place: Path) -> Path:
        """Return how a file is called by whoever calls the first one as they do."""
        near = Path(os.path.normpath(self._called.parent / os.path.relpath(place, self._folder)))
        return near if near.resolve() == place.resolve() else place

    def name(self, place: Path, project: Path) -> str:
        """Return what a file is called in a sentence about a project."""
        return place.name if place == project else str(self.shown(place))

    def leave_out(self, done: Iterable[Path]) -> None:
        """Ask no more for projects that are done with, by whatever paths."""
        places = {one.resolve() for one in done}
        self.asked = [one for one in self.asked if one not in places]

    def digests(self) -> dict[str, str]:
        """Return digests of the files that what is asked for follows from, as they are on the machine, by what they are called."""
        places = dict.fromkeys(place for project in self.asked for place in self.lines[project])
        return {str(self.shown(place)): digest_of(read_text(place)) for place in places}

    def refuse_outside(self, folder: Path | None) -> None:
        """Refuse files that are outside of a folder, if one is given.

        Raises:
            UnsupportedError: One is.
        """
        if folder is not None:
            refuse_outside([self._called, *self.written], folder)

    def with_changes(self, changed: Mapping[Path, str]) -> dict[Path, bytes]:
        """Return what is in the files without locks but for those that have another text."""
        return {place: changed.get(place, text).encode() for place, text in self.texts.items()}


def _asked(pom: Pom) -> Iterator[str]:
    """Yield the names of what a POM or its profiles need, or import."""
    for parts in (pom.parts, *(one.parts for one in pom.profiles)):
        yield from (one.artifact or "" for one in parts.dependencies)
        yield from (one.artifact or "" for one in parts.managed if one.scope == "import")
