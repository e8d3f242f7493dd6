"""POMs as they are written: https://maven.apache.org/ref/3.8.7/maven-model/maven.html.

Only what dependencies follow from is kept. As Maven does with POMs of repositories, what is not known is passed over, and an element that
must be there once makes the POM unreadable where it is there twice.
"""

import html
import re
from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.locks.documents import read_xml
from outrider.operators.packages.locks.lock import unreadable
from outrider.operators.packages.maven.coordinates import Project
from outrider.operators.packages.maven.profiles import Activation

FORM = "POM"
_LARGEST = 8 << 20
_MOST = 20_000
_BLANK = " \t\r\n"
_ENCODING = re.compile(rb"""^<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9_.-]{1,40})["']""")
_DECODERS = {
    "iso-8859-1": "latin-1",
    "latin1": "latin-1",
    "windows-1252": "cp1252",
    "us-ascii": "ascii",
    "iso-8859-15": "iso-8859-15",
}
# Maven knows those of HTML without a declaration; the five of XML are left to the reader of XML.
_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)([A-Za-z][A-Za-z0-9]{1,9});")


DependencyKey = tuple[str | None, str | None, str, str | None]


class Dependency(msgspec.Struct, array_like=True, frozen=True):
    """A dependency, or what is managed of one; None is what is not said.

    Attributes:
        group: Of the artifact.
        artifact: Likewise.
        version: Or a range.
        type: Stands for an extension and a classifier.
        classifier: Of the file.
        scope: Where it is needed.
        optional: Whether those who need the POM's project do not need it too: `true` for yes.
        system_path: Where the file is on the machine itself.
        exclusions: What is not needed because of it, as groups and artifacts; `*` is any.
    """

    group: str | None = None
    artifact: str | None = None
    version: str | None = None
    type: str = "jar"
    classifier: str | None = None
    scope: str | None = None
    optional: str | None = None
    system_path: str | None = None
    exclusions: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> DependencyKey:
        """Return what must be the same for what is managed to count."""
        return self.group, self.artifact, self.type, self.classifier


class PomRepository(msgspec.Struct, array_like=True, frozen=True):
    """A repository as a POM or the settings name it."""

    id: str
    url: str
    releases: bool = True
    snapshots: bool = True


class Parts(msgspec.Struct, array_like=True):
    """What a POM and a profile have in common."""

    properties: dict[str, str] = {}
    dependencies: list[Dependency] = []
    managed: list[Dependency] = []
    repositories: list[PomRepository] = []


class Profile(msgspec.Struct, array_like=True):
    """A part of a POM that counts where its conditions hold."""

    id: str
    activation: Activation | None
    parts: Parts


class Parent(msgspec.Struct, array_like=True, frozen=True):
    """Of which POM one is a part; its version may be a range."""

    group: str
    artifact: str
    version: str
    relative_path: str = "../pom.xml"


class Pom(msgspec.Struct, array_like=True):
    """A POM.

    Attributes:
        fields: What it says of itself, by the names that properties have for it, such as `groupId`.
        parent: What it inherits from.
        parts: What it consists of.
        profiles: Further parts.
        licences: Their names, or their addresses where they have none.
        moved: Group, artifact and version that it is to be replaced by, each empty where it stays; None where it is not.
        has_modules: Whether it is of several projects.
    """

    fields: dict[str, str]
    parent: Parent | None
    parts: Parts
    profiles: list[Profile]
    licences: list[str]
    moved: Project | None
    has_modules: bool


# What may stand there once.
_FIELDS = (
    "modelVersion",
    "groupId",
    "artifactId",
    "version",
    "packaging",
    "name",
    "description",
    "url",
    "inceptionYear",
)
_ONCE = {*_FIELDS, "parent", "licenses", "modules", "distributionManagement", "properties", "dependencyManagement", "dependencies",
         "repositories", "profiles", "prerequisites"}  # fmt: skip
_ONCE_OF_DEPENDENCY = {
    "groupId", "artifactId", "version", "type", "classifier", "scope", "systemPath", "exclusions", "optional"
}  # fmt: skip


def read_pom(content: bytes) -> Pom:
    """Read a POM.

    Raises:
        InvalidConfigError: It is none.
    """
    root = read_markup(FORM, content)
    _once(root, _ONCE)
    fields = {name: value for name in _FIELDS if (value := _text(root, name)) is not None}
    if (wanted := root.find("prerequisites")) is not None:
        fields["prerequisites.maven"] = _text(wanted, "maven") or "2.0"
    moved = root.find("distributionManagement/relocation")
    licences = [_text(one, "name") or _text(one, "url") or "" for one in _several(root, "licenses/license")]
    return Pom(
        fields=fields, parent=_parent(root.find("parent")), parts=_parts(root),
        profiles=[_profile(one) for one in _several(root, "profiles/profile")], licences=[one for one in licences if one],
        moved=None if moved is None else Project(*(_text(moved, name) or "" for name in ("groupId", "artifactId", "version"))),
        has_modules=root.find("modules/module") is not None,
    )  # fmt: skip


def read_markup(form: str, content: bytes) -> Element:
    """Read XML as Maven does: in the encoding that it names, with the entities of HTML.

    Args:
        form: The name of the format, for errors.
        content: Of the file.

    Raises:
        InvalidConfigError: It is none.
    """
    if len(content) > _LARGEST:
        raise unreadable(form, f"{len(content)} bytes", f"at most {_LARGEST} bytes")
    text = _decoded(content)
    return read_xml(form, _ENTITY.sub(_character, text).lstrip("\ufeff"))


def _decoded(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    named = _ENCODING.match(content.removeprefix(b"\xef\xbb\xbf"))
    encoding = named[1].decode("ascii").lower() if named is not None else ""
    return content.decode(_DECODERS.get(encoding, "utf-8"), "replace")


def _character(match: re.Match[str]) -> str:
    return html.unescape(match[0])


def _parts(element: Element) -> Parts:
    return Parts(
        properties=_properties(element.find("properties")),
        dependencies=[_dependency(one) for one in _several(element, "dependencies/dependency")],
        managed=[_dependency(one) for one in _several(element, "dependencyManagement/dependencies/dependency")],
        repositories=[*read_repositories(element)],
    )  # fmt: skip


def _dependency(element: Element) -> Dependency:
    _once(element, _ONCE_OF_DEPENDENCY)
    kind = _text(element, "type")
    exclusions = _several(element, "exclusions/exclusion")
    return Dependency(
        _text(element, "groupId"), _text(element, "artifactId"), _text(element, "version"), "jar" if kind is None else kind,
        _text(element, "classifier"), _text(element, "scope"), _text(element, "optional"), _text(element, "systemPath"),
        tuple((_text(one, "groupId") or "", _text(one, "artifactId") or "") for one in exclusions),
    )  # fmt: skip


def _parent(element: Element | None) -> Parent | None:
    if element is None:
        return None
    _once(element, {"groupId", "artifactId", "version", "relativePath"})
    group, artifact, version = (_text(element, name) or "" for name in ("groupId", "artifactId", "version"))
    path = _text(element, "relativePath")
    return Parent(group, artifact, version, "../pom.xml" if path is None else path)


def _profile(element: Element) -> Profile:
    _once(element, {"id", "activation", "properties", "dependencies", "dependencyManagement", "repositories"})
    return Profile(_text(element, "id") or "default", read_activation(element), _parts(element))


def read_activation(profile: Element) -> Activation | None:
    """Return when a profile is active; None where it never is of itself."""
    element = profile.find("activation")
    if element is None:
        return None
    system, wanted, file = (element.find(name) for name in ("os", "property", "file"))
    exists, missing = (_text(file, name) or "" if file is not None else "" for name in ("exists", "missing"))
    return Activation(
        by_default=(_text(element, "activeByDefault") or "").lower() == "true", jdk=_text(element, "jdk"),
        os=None if system is None else (
            _text(system, "family"), _text(system, "name"), _text(system, "arch"), _text(system, "version")
        ),
        wanted=None if wanted is None else (_text(wanted, "name"), _text(wanted, "value")),
        exists=exists, missing="" if exists else missing, has_file=file is not None,
    )  # fmt: skip


def read_repositories(element: Element) -> Iterator[PomRepository]:
    """Yield the repositories that a POM, a profile or the settings name."""
    for one in _several(element, "repositories/repository"):
        enabled = [
            (one.findtext(f"{name}/enabled") or "true").strip(_BLANK).lower() == "true"
            for name in ("releases", "snapshots")
        ]
        if (_text(one, "layout") or "default") == "default":
            yield PomRepository(_text(one, "id") or "", _text(one, "url") or "", *enabled)


def _properties(element: Element | None) -> dict[str, str]:
    found = {}
    for one in element if element is not None else ():
        found[one.tag] = _content(one)
    return found


def _several(element: Element, path: str) -> list[Element]:
    found = element.findall(path)
    if len(found) > _MOST:
        raise unreadable(FORM, f"{len(found)} elements {path}", f"at most {_MOST}")
    return found


def _once(element: Element, names: Iterable[str]) -> None:
    seen = set()
    for one in element:
        if one.tag in seen:
            raise unreadable(FORM, f"<{one.tag}> twice in <{element.tag}>", "it once")
        if one.tag in names:
            seen.add(one.tag)


def _text(element: Element, name: str) -> str | None:
    """Return the text of a child; None where there is no such child."""
    child = element.find(name)
    return None if child is None else _content(child)


def _content(element: Element) -> str:
    if len(element):
        raise unreadable(FORM, f"elements in <{element.tag}>", "a text")
    return (element.text or "").strip(_BLANK)


def unread(error: InvalidConfigError) -> str:
    """Return in few words why a document cannot be read."""
    return f"it cannot be read: {error.found}"
