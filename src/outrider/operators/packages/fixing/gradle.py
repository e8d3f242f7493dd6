"""gradle.lockfile, with the build that it is the lock of."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from outrider.operators.packages.fixing.wishes import Project, Widening, Wish
from outrider.operators.packages.locks.gradle import by_configuration
from outrider.operators.packages.locks.making.gradle import project_of, root_of
from outrider.operators.packages.locks.writing.gradle_lock import written
from outrider.operators.packages.manifests.gradle.builds import Asked
from outrider.operators.packages.manifests.gradle.reading import read_build
from outrider.operators.packages.maven.gradle.configurations import locked_names
from outrider.operators.packages.maven.gradle.details import CLIENT, GradleDetails, asked_for
from outrider.operators.packages.maven.gradle.session import CONFIGURATIONS
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question

_NEWEST = "+"


class GradleFix(Project):
    """A lock and the build that it is of.

    Args:
        path: Of the lock.
        text: Of it.

    Raises:
        NotFoundError: There is no build.
        InvalidConfigError: A file of it cannot be read.
        UnsupportedError: It is more than is read here.
    """

    ecosystem = "maven"

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._build = read_build(root_of(path.resolve().parent))
        self._project = project_of(self._build, path)
        self.texts = {path: text, **self._build.texts}
        self.paths = list(self.texts)
        self._declared = dict(self._editable())
        self.wishes = [self._wish(where, one) for where, one in self._declared.items()]
        self._locked = by_configuration(text)
        self.locked: dict[str, set[str]] = {}
        for modules in self._locked.values():
            for name, version in modules.items():
                self.locked.setdefault(name, set()).add(version)
        self.warnings: list[str] = []

    def asked(self, question: Question) -> Question:
        """Return a question for all configurations that are locked."""
        details = GradleDetails(build=self._build, path=self._project.path, locked=self._locked)
        return msgspec.structs.replace(question, client=CLIENT, details=details)

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish for that version."""
        return msgspec.structs.replace(wish, range=version, text=asked_for(self._beside(wish.where), version))

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the lock as Gradle would write it, and the files of the build that change."""
        del before
        modules = {f"{one.name}:{one.version}": one.entry[CONFIGURATIONS] for one in answer.packages}
        found = self._rewritten(widenings)
        self.warnings = list(self._remarks(answer, found))
        return {self._path: written(modules, locked_names(self._project)), **found}

    def _rewritten(self, widenings: Sequence[Widening]) -> dict[Path, str]:
        places = {}
        for one in widenings:
            place = self._declared[one.before.where].place
            assert place is not None
            # Several may have their version from one place.
            places[place] = one.after.range
        found: dict[Path, str] = {}
        for place, version in sorted(places.items(), reverse=True):
            text = found.get(place.path, self.texts[place.path])
            found[place.path] = text[: place.start] + version + text[place.end :]
        return found

    def _editable(self) -> Iterator[tuple[tuple[str | int, ...], Asked]]:
        """Yield what is declared with a version that stands in a file of the build, with where it is declared."""
        for configuration, several in self._project.declared.items():
            for index, one in enumerate(several):
                if one.group and one.place is not None and one.version.text:
                    yield (configuration, index), one

    def _beside(self, where: tuple[str | int, ...]) -> list[tuple[str, int]]:
        """Return where all is declared that has its version from the same place as something."""
        place = self._declared[where].place
        return [(str(one[0]), int(one[1])) for one, asked in self._declared.items() if asked.place == place]

    def _wish(self, where: tuple[str | int, ...], one: Asked) -> Wish:
        assert one.place is not None
        together = self._beside(where)
        return Wish(
            name=f"{one.group}:{one.name}", range=one.version.text, where=where, text=asked_for(together, one.version.text),
            # The newest: where a version is known to be the lowest fix, that one is tried first.
            anyhow=asked_for(together, _NEWEST), file=one.place.path,
        )  # fmt: skip

    def _remarks(self, answer: Resolved, found: Mapping[Path, str]) -> Iterator[str]:
        """Yield what whoever reads the lock should know."""
        if found:
            yield f"{', '.join(sorted(path.name for path in found))}: other projects of the build may have versions from there too, and are to be locked anew"
        raised = {one.name for one in answer.packages if one.version not in self.locked.get(one.name, ())}
        if raised and not found:
            yield (
                f"{', '.join(sorted(raised))}: the lock alone says so; where Gradle writes it anew (--write-locks) it takes what the build asks"
                " for, and a constraint in the build keeps it"
            )
