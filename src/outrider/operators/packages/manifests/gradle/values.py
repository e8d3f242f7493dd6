"""What expressions in scripts of Gradle come to."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from outrider.operators.packages.manifests.gradle.catalogs import Library, PluginAlias
from outrider.operators.packages.manifests.gradle.traced import Traced
from outrider.operators.packages.manifests.gradle.wanted import Wanted


class Constant(NamedTuple):
    """True, false, or nothing at all."""

    is_true: bool | None


class Digits(NamedTuple):
    """A whole number, or one that is shown as it is written."""

    text: str


class Several(NamedTuple):
    """A list."""

    items: "tuple[Value, ...]"


class Entries(NamedTuple):
    """Values by their names."""

    entries: "Mapping[str, Value]"


class Bundle(NamedTuple):
    """Libraries that have one alias."""

    libraries: tuple[Library, ...]


class Alias(NamedTuple):
    """The beginning of an alias of the catalog, or the whole of it."""

    names: tuple[str, ...]


class OfProject(NamedTuple):
    """A project of the build, by its path; its properties that scripts set where it is these alone."""

    path: str
    is_extra: bool = False


class Accessor(NamedTuple):
    """A project of the build, by its path, as it is named behind `projects`."""

    path: str


class Folder(NamedTuple):
    """A file or a folder."""

    path: Path


class Files(NamedTuple):
    """Files, which bring nothing to a lock."""


class Platform(NamedTuple):
    """A module or a project whose versions count."""

    of: "Value"
    is_enforced: bool


class Feature(NamedTuple):
    """Something that a module or a project offers beside itself, such as `test-fixtures`."""

    of: "Value"
    name: str


class Module(NamedTuple):
    """A module that is named by its parts, with what is said of it."""

    parts: "Mapping[str, Value]"


class Unknown(NamedTuple):
    """Something that is not known here, and why."""

    why: str


class Java(NamedTuple):
    """A version of Java."""

    version: int


class Contained(NamedTuple):
    """A configuration or a source set of the project.

    Attributes:
        container: `configurations` or `sourceSets`.
        name: Of it.
    """

    container: str
    name: str


Value = (
    Traced | Constant | Digits | Several | Entries | Bundle | Alias | OfProject | Accessor | Folder | Files | Platform | Unknown | Java | Library
    | PluginAlias | Module | Wanted | Contained | Feature
)  # fmt: skip


class Scope:
    """The variables of a script, block within block."""

    def __init__(self) -> None:
        self._frames: list[dict[str, Value]] = [{}]

    def enter(self) -> None:
        """Begin a block."""
        self._frames.append({})

    def leave(self) -> None:
        """End a block."""
        self._frames.pop()

    def find(self, name: str) -> Value | None:
        """Return a variable; None where there is none.

        Args:
            name: Of it.
        """
        return next((frame[name] for frame in reversed(self._frames) if name in frame), None)

    def declare(self, name: str, value: Value) -> None:
        """Add a variable to the block.

        Args:
            name: Of it.
            value: Of it.
        """
        self._frames[-1][name] = value

    def assign(self, name: str, value: Value) -> bool:
        """Set a variable, and return whether there is one.

        Args:
            name: Of it.
            value: Of it.
        """
        for frame in reversed(self._frames):
            if name in frame:
                frame[name] = value
                return True
        return False

    def kept(self) -> list[dict[str, Value]]:
        """Return the variables as they are seen here, to be used later."""
        return [*self._frames]

    def use(self, variables: list[dict[str, Value]]) -> list[dict[str, Value]]:
        """Go to where variables are seen, and return those that were seen before.

        Args:
            variables: They.
        """
        before, self._frames = self._frames, variables
        return before
