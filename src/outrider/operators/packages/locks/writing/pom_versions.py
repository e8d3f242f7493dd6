"""Where the POMs of a project or a build say versions, and these files with others in these places: all else is left to the byte."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.writing.pom import managed_entry
from outrider.operators.packages.manifests.pom import FORM, project_places, with_lines
from outrider.operators.packages.manifests.xml_places import Element
from outrider.operators.packages.maven.poms import Dependency

DEPENDENCIES = ("dependencies",)
MANAGED = ("dependencyManagement", "dependencies")
_PROPERTY = re.compile(r"\$\{([^{}$]+)\}")
_MOST_PROPERTIES = 20


class Place(NamedTuple):
    """Where a version is said, or would be.

    Attributes:
        file: In which file.
        shown: Of what: a package, or a property such as `${core.version}`.
        before: The version as it is written; empty where nothing is said yet.
        start: Where that begins, in bytes; -1 for an entry that would be made.
        end: Behind it.
        entry: What would be made; None where the place is there.
        users: Of a property, what has its version from it, in words.
    """

    file: Path
    shown: str
    before: str
    start: int = -1
    end: int = -1
    entry: Dependency | None = None
    users: tuple[str, ...] = ()

    @property
    def is_shared(self) -> bool:
        """Whether more than one thing has its version from here."""
        return len(self.users) > 1


def new_entry(file: Path, entry: Dependency) -> Place:
    """Return the place of an entry that would be managed."""
    return Place(file, f"{entry.group}:{entry.artifact}", "", entry=entry)


class PomVersions:
    """Finds places.

    Args:
        texts: Of POMs, by their paths, without the profiles of locks.

    Raises:
        InvalidConfigError: One is none.
    """

    def __init__(self, texts: Mapping[Path, str]) -> None:
        self._texts = texts
        self._files = {path: _File(path, text) for path, text in texts.items()}

    def place(
        self, file: Path, written: Dependency, where: tuple[str, ...], line: Sequence[Path], *, alone: bool = False
    ) -> Place | None:
        """Return where the version of a dependency is said; None where the file does not say it.

        Args:
            file: That has the dependency.
            written: As the file has it, before properties are put in.
            where: `DEPENDENCIES` or `MANAGED`.
            line: The files of a project and its parents: a property is set by the first of them that has it.
            alone: Whether other versions may not change with it, so that a property which others have too is left as it is.

        Raises:
            UnsupportedError: It is written in a way that cannot be changed here.
        """
        one = self._files[file]
        version = one.version(written, where)
        if version is None:
            return None
        of_property = self._of_property(version, line)
        is_usable = of_property is not None and not (alone and of_property.is_shared)
        return of_property if is_usable else one.placed(f"{written.group}:{written.artifact}", version)

    def edited(self, versions: Mapping[Place, str]) -> dict[Path, str]:
        """Return the files that have other versions in some places, with these."""
        files = dict.fromkeys(place.file for place in versions)
        return {
            file: _edited(self._texts[file], {p: v for p, v in versions.items() if p.file == file}) for file in files
        }

    def _of_property(self, version: Element, line: Sequence[Path]) -> Place | None:
        """Return the place of the property that a version comes from; None where no file of a line sets it."""
        found, text = None, version.text.strip()
        for _ in range(_MOST_PROPERTIES):
            match = _PROPERTY.fullmatch(text)
            if match is None:
                break
            values = ((self._files[one], value) for one in line if (value := self._files[one].property(match[1])))
            file, value = next(values, (None, None))
            if file is None or value is None:
                break
            found = file.placed(text, value, tuple(self._users(match[1])))
            text = value.text.strip()
        return found

    def _users(self, name: str) -> Iterator[str]:
        """Yield what has its version from a property, or from others that have theirs from it."""
        references = {f"${{{name}}}"}
        values = [value for file in self._files.values() for value in file.properties]
        for _ in range(_MOST_PROPERTIES):
            more = {f"${{{one.name}}}" for one in values if any(each in one.text for each in references)}
            if more <= references:
                break
            references |= more
        found = [file.uses(references) for file in self._files.values()]
        yield from dict.fromkeys(name for names, _ in found for name in names)
        rest = sum(count for _, count in found)
        if rest > 0:
            yield f"{rest} other {'place' if rest == 1 else 'places'}"


class _File:
    """One POM."""

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._content = path, text.encode()
        self._project = project_places(text)
        self._properties = self._project.child("properties")

    @property
    def properties(self) -> Sequence[Element]:
        return self._properties.children if self._properties is not None else ()

    def property(self, name: str) -> Element | None:
        return self._properties.child(name) if self._properties is not None else None

    def version(self, written: Dependency, where: tuple[str, ...]) -> Element | None:
        """Return the element that says a version; of twins the last one that says what counts."""
        entries = [one for one in self._project.all(*where, "dependency") if _key(one) == written.key]
        found = [version for one in entries if (version := one.child("version")) is not None]
        same = [one for one in found if one.text.strip() == written.version]
        return next(iter([*reversed(same), *reversed(found)]), None)

    def uses(self, references: set[str]) -> tuple[list[str], int]:
        """Return the dependencies that have their versions from properties, and how many other places have something from them."""
        dependencies = [one for where in (DEPENDENCIES, MANAGED) for one in self._project.all(*where, "dependency")]
        users = [one for one in dependencies if any(each in (one.said("version") or "") for each in references)]
        known = users if self._properties is None else [self._properties, *users]
        rest = self._count(references, 0, len(self._content)) - sum(
            self._count(references, one.start, one.end) for one in known
        )
        return [f"{one.said('groupId')}:{one.said('artifactId')}" for one in users], rest

    def _count(self, references: set[str], start: int, end: int) -> int:
        return sum(self._content.count(one.encode(), start, end) for one in references)

    def placed(self, shown: str, element: Element, users: tuple[str, ...] = ()) -> Place:
        """Return the place of what an element says.

        Raises:
            UnsupportedError: It has more than that.
        """
        inner = self._content[element.opened : element.inner]
        text = element.text.strip()
        if inner.strip() != text.encode() or not text:
            raise UnsupportedError(
                f"{FORM}: the version of {shown} is written with more than its text", path=element.name,
                found=inner.decode()[:200], expected="a version, with nothing else beside it", suggestions=["write it as a plain text"],
            )  # fmt: skip
        start = element.opened + len(inner) - len(inner.lstrip())
        return Place(self._path, shown, text, start, start + len(inner.strip()), users=users)


def _edited(text: str, versions: Mapping[Place, str]) -> str:
    content = text.encode()
    for place, version in sorted(versions.items(), key=lambda item: -item[0].start):
        if place.entry is None:
            content = content[: place.start] + escape(version).encode() + content[place.end :]
    text = content.decode()
    entries = [
        msgspec.structs.replace(place.entry, version=version)
        for place, version in versions.items()
        if place.entry is not None
    ]
    entries.sort(key=lambda one: (one.group or "", one.artifact or "", one.type, one.classifier or ""))
    lines = [line for entry in entries for line in managed_entry(entry)]
    return with_lines(text, MANAGED, lines) if lines else text


def _key(one: Element) -> tuple[str | None, str | None, str, str | None]:
    kind = one.said("type")
    return one.said("groupId"), one.said("artifactId"), "jar" if kind is None else kind, one.said("classifier")
