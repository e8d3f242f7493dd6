"""Where a pom.xml says versions, and the file with others in these places: all else is left to the byte."""

import re
from collections.abc import Iterator, Mapping
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
        shown: Of what: a package, or a property such as `${core.version}`.
        before: The version as it is written; empty where nothing is said yet.
        start: Where that begins, in bytes; -1 for an entry that would be made.
        end: Behind it.
        entry: What would be made; None where the place is there.
        users: Of a property, what has its version from it, in words.
    """

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


def new_entry(entry: Dependency) -> Place:
    """Return the place of an entry that would be managed."""
    return Place(f"{entry.group}:{entry.artifact}", "", entry=entry)


class PomVersions:
    """Finds places.

    Args:
        text: Of a pom.xml, without the profile of a lock.

    Raises:
        InvalidConfigError: It is none.
    """

    def __init__(self, text: str) -> None:
        self._content = text.encode()
        self._project = project_places(text)

    def place(self, written: Dependency, where: tuple[str, ...], *, alone: bool = False) -> Place | None:
        """Return where the version of a dependency is said; None where the file does not say it.

        Args:
            written: As the file has it, before properties are put in.
            where: `DEPENDENCIES` or `MANAGED`.
            alone: Whether other versions may not change with it, so that a property which others have too is left as it is.

        Raises:
            UnsupportedError: It is written in a way that cannot be changed here.
        """
        # Of twins the last one counts.
        for one in reversed(self._project.all(*where, "dependency")):
            version = one.child("version")
            if version is not None and _key(one) == written.key:
                name = f"{written.group}:{written.artifact}"
                of_property = self._of_property(version)
                is_usable = of_property is not None and not (alone and of_property.is_shared)
                return of_property if is_usable else self._placed(name, version)
        return None

    def edited(self, versions: Mapping[Place, str]) -> str:
        """Return the file with other versions in some places."""
        content = self._content
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

    def _of_property(self, version: Element) -> Place | None:
        """Return the place of the property that a version comes from; None where the file does not set it."""
        properties = self._project.child("properties")
        if properties is None:
            return None
        found, text = None, version.text.strip()
        for _ in range(_MOST_PROPERTIES):
            match = _PROPERTY.fullmatch(text)
            value = properties.child(match[1]) if match is not None else None
            if value is None:
                break
            found = self._placed(text, value, tuple(self._users(value, properties)))
            text = value.text.strip()
        return found

    def _users(self, value: Element, properties: Element) -> Iterator[str]:
        """Yield what has its version from a property, or from others that have theirs from it."""
        references = {f"${{{value.name}}}"}
        for _ in range(_MOST_PROPERTIES):
            more = {f"${{{one.name}}}" for one in properties.children if any(each in one.text for each in references)}
            if more <= references:
                break
            references |= more
        dependencies = [one for where in (DEPENDENCIES, MANAGED) for one in self._project.all(*where, "dependency")]
        users = [one for one in dependencies if any(each in (one.said("version") or "") for each in references)]
        yield from dict.fromkeys(f"{one.said('groupId')}:{one.said('artifactId')}" for one in users)
        known = [properties, *users]
        rest = self._count(references, 0, len(self._content)) - sum(
            self._count(references, one.start, one.end) for one in known
        )
        if rest > 0:
            yield f"{rest} other {'place' if rest == 1 else 'places'}"

    def _count(self, references: set[str], start: int, end: int) -> int:
        return sum(self._content.count(one.encode(), start, end) for one in references)

    def _placed(self, shown: str, element: Element, users: tuple[str, ...] = ()) -> Place:
        inner = self._content[element.opened : element.inner]
        text = element.text.strip()
        if inner.strip() != text.encode() or not text:
            raise UnsupportedError(
                f"{FORM}: the version of {shown} is written with more than its text", path=element.name,
                found=inner.decode()[:200], expected="a version, with nothing else beside it", suggestions=["write it as a plain text"],
            )  # fmt: skip
        start = element.opened + len(inner) - len(inner.lstrip())
        return Place(shown, text, start, start + len(inner.strip()), users=users)


def _key(one: Element) -> tuple[str | None, str | None, str, str | None]:
    kind = one.said("type")
    return one.said("groupId"), one.said("artifactId"), "jar" if kind is None else kind, one.said("classifier")
