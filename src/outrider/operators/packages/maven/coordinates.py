"""How Maven names a file: group, artifact, version, extension and classifier, and where a repository has it.

https://maven.apache.org/pom.html#dependencies, https://maven.apache.org/ref/3.8.7/maven-core/artifact-handlers.html and
https://maven.apache.org/repositories/layout.html.
"""

import re
from typing import NamedTuple
from urllib.parse import quote

from outrider.core.errors import InvalidConfigError

SNAPSHOT = "SNAPSHOT"
METAVERSIONS = ("LATEST", "RELEASE")
_TIMESTAMPED = re.compile(r"(.*-)?[0-9]{8}\.[0-9]{6}-[0-9]+")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
_VERSION = re.compile(r"[^\\/:\"<>|?*\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,200}")
# What a type means where it is not just the extension: extension and classifier.
_TYPES = {
    "maven-plugin": ("jar", ""), "ejb": ("jar", ""), "ejb-client": ("jar", "client"), "test-jar": ("jar", "tests"),
    "javadoc": ("jar", "javadoc"), "java-source": ("jar", "sources"),
}  # fmt: skip
_SHOWN = 80
_EXPECTED = "GROUP:ARTIFACT, GROUP:ARTIFACT:VERSION or GROUP:ARTIFACT:TYPE[:CLASSIFIER]:VERSION"


# Group, artifact, extension and classifier.
ArtifactKey = tuple[str, str, str, str]


class Project(NamedTuple):
    """What a POM describes."""

    group: str
    artifact: str
    version: str

    def __str__(self) -> str:
        return f"{self.group}:{self.artifact} {self.version}"

    @property
    def name(self) -> str:
        """Return what it is called in any version."""
        return f"{self.group}:{self.artifact}"


class Artifact(NamedTuple):
    """A file of a project."""

    group: str
    artifact: str
    version: str
    extension: str = "jar"
    classifier: str = ""

    @property
    def name(self) -> str:
        """Return what its project is called in any version."""
        return f"{self.group}:{self.artifact}"

    @property
    def project(self) -> Project:
        """Return whose file it is."""
        return Project(self.group, self.artifact, self.version)

    @property
    def key(self) -> ArtifactKey:
        """Return what there is one version of on a class path."""
        return self.group, self.artifact, self.extension, self.classifier

    @property
    def shown(self) -> str:
        """Return how people call it: with its version, and with what is not usual about it."""
        unusual = [] if self.extension == "jar" and not self.classifier else [self.extension]
        return ":".join([self.name, *unusual, *([self.classifier] if self.classifier else [])]) + f" {self.version}"


class Want(NamedTuple):
    """What is asked for.

    Attributes:
        artifact: With a version or a range, or none for the newest, or for what an imported BOM says.
        imported: Whether it is a BOM, of which only what it manages counts.
    """

    artifact: Artifact
    imported: bool = False

    def __str__(self) -> str:
        return self.artifact.shown.rstrip() + ("@import" if self.imported else "")


def file_of(kind: str, classifier: str | None) -> tuple[str, str]:
    """Return the extension and the classifier that a type stands for."""
    extension, usual = _TYPES.get(kind, (kind, ""))
    return extension, usual if classifier is None else classifier


def is_snapshot(version: str) -> bool:
    """Return whether a version may come to be another file."""
    return version.endswith(SNAPSHOT) or _TIMESTAMPED.fullmatch(version) is not None


def base_version(version: str) -> str:
    """Return the version of which the folder is named: of a snapshot with its time, the one without."""
    match = _TIMESTAMPED.fullmatch(version)
    return f"{match[1] or ''}{SNAPSHOT}" if match is not None else version


def is_usable(project: Project) -> bool:
    """Return whether an address can be made of it, and none that leads elsewhere."""
    parts = project.group.split(".")
    return (
        all(_NAME.fullmatch(part) for part in (project.group, project.artifact, *parts))
        and project.artifact != ".."
        and _VERSION.fullmatch(project.version) is not None
        and set(project.version) - {"."} != set()
    )


def folder_of(group: str, artifact: str, version: str = "") -> str:
    """Return the folder that a repository has for an artifact, or for a version of it."""
    folder = f"{group.replace('.', '/')}/{artifact}"
    return f"{folder}/{quoted(base_version(version))}" if version else folder


def quoted(text: str) -> str:
    """Return a part of a path as it stands in an address."""
    return quote(text, safe="+~!$@,;=()")


def file_name(artifact: Artifact) -> str:
    """Return the name of a file in a repository."""
    classifier = f"-{artifact.classifier}" if artifact.classifier else ""
    return f"{artifact.artifact}-{artifact.version}{classifier}.{artifact.extension}"


def read_want(index: int, text: str) -> Want:
    """Read what is asked for.

    Args:
        index: Which of all that is asked for it is, for errors.
        text: `group:artifact[:type[:classifier]][:version]`; with `@import` behind it for a BOM.

    Raises:
        InvalidConfigError: It is not written so.
    """
    coordinates, marker, imported = text.strip().partition("@")
    parts = coordinates.split(":")
    version = parts.pop().strip() if len(parts) > 2 else ""
    group, artifact, kind, classifier = (*parts, *[""] * 4)[:4]
    is_named = all(_NAME.fullmatch(part) for part in (group, artifact)) and is_usable(Project(group, artifact, "0"))
    is_plain = all(not part or _NAME.fullmatch(part) for part in (kind, classifier))
    is_complete = bool(version) if marker or ":" in coordinates.removeprefix(f"{group}:{artifact}") else True
    if (
        not (is_named and is_plain and is_complete and len(parts) <= 4)
        or imported not in ("", "import")
        or text.endswith("@")
    ):
        raise wrong_want(index, text)
    extension, classifier = file_of("pom" if marker else kind or "jar", classifier or None)
    return Want(Artifact(group, artifact, version, extension, classifier), bool(marker))


def wrong_want(index: int, text: str) -> InvalidConfigError:
    """Return the error for what is not written as Maven writes it; the parameters are those of `read_want`."""
    return InvalidConfigError(
        f"packages[{index}]: {text[:_SHOWN]!r} is not a package of Maven", path=f"packages[{index}]", found=text[:_SHOWN],
        expected=_EXPECTED, suggestions=["quote it for your shell, to which [ and ( mean something"],
    )  # fmt: skip
