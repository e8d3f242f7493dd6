"""Evaluates a project as MSBuild does before it runs anything: first all properties, with what is imported, then items.

https://learn.microsoft.com/visualstudio/msbuild/build-process-overview#evaluation-phase. Nothing is run, and no package or SDK is read. What a
property comes to may not be known here; then whatever hangs on it is not known either, and it is an error only where that counts.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from outrider.core.errors import NotFoundError, UnsupportedError
from outrider.operators.packages.locks.documents import read_xml
from outrider.operators.packages.locks.lock import unreadable
from outrider.operators.packages.locks.nuget_lock import REMEDY
from outrider.operators.packages.manifests.msbuild.conditions import Condition
from outrider.operators.packages.manifests.msbuild.expansion import Expander, NotKnownError, unescaped
from outrider.operators.packages.manifests.msbuild.functions import functions, is_there, methods, slashes
from outrider.operators.packages.manifests.msbuild.items import Item, Items, Place

# What comes with MSBuild itself, whose folder is not set here.
_OF_MSBUILD = "/microsoft."
_MOST_FILES = 200
# MSBuild takes them for properties that nobody sets. A lock is to be the same everywhere, and no stranger's project is to learn them.
_VARIABLES = frozenset(name.lower() for name in os.environ)
_DEEPEST = 30
_WILD = frozenset("*?")


class Evaluation:
    """Evaluates a project.

    Args:
        project: Its file.
        given: Properties that are set from outside, which a project cannot change, by name.
        preset: Properties that are set before the project.
        read: Returns the text of a file.
        kinds: Of items that count.

    Attributes:
        texts: Of all files that were read.
    """

    def __init__(
        self,
        project: Path,
        *,
        given: Mapping[str, str],
        preset: Mapping[str, str],
        read: Callable[[Path], str],
        kinds: Sequence[str],
    ) -> None:  # fmt: skip
        self._project, self._read = project, read
        self._given = {name.lower() for name in given}
        self._values = {name.lower(): value for name, value in (*preset.items(), *given.items())}
        self._unknown: dict[str, str] = {}
        self._file = project
        self._expander = Expander(self._value, functions(lambda: self._file.parent), methods())
        self._items = Items(self, kinds)
        self._depth = 0
        self.texts: dict[Path, str] = {}

    def include(self, file: Path) -> None:
        """Read a file: its properties at once, its items when they are asked for.

        One that was read before is not read again, whoever imports it: of that MSBuild warns (MSB4011, MSB4210).

        Raises:
            InvalidConfigError: It is no project.
            UnsupportedError: It imports what is not known here.
            OutriderError: It cannot be read.
        """
        if file in self.texts:
            return
        if self._depth > _DEEPEST or len(self.texts) > _MOST_FILES:
            raise unreadable(str(file), "too many imports within one another", "fewer")
        text = self.texts[file] = self._read(file)
        root = read_xml(str(file), text)
        if root.tag != "Project":
            raise unreadable(str(file), f"<{root.tag}> at the top", "<Project> at the top")
        before, self._file = self._file, file
        self._depth += 1
        self._children(root, ())
        self._file = before
        self._depth -= 1

    def set(self, name: str, value: str) -> None:
        """Set a property, unless it is set from outside."""
        if name.lower() not in self._given:
            self._values[name.lower()] = value
            self._unknown.pop(name.lower(), None)

    def property(self, name: str) -> str:
        """Return a property; empty where it is not set.

        Raises:
            UnsupportedError: It is not known here.
        """
        try:
            return self._value(name)
        except NotKnownError as error:
            raise self.unsupported(f"the property {name}", str(error)) from error

    def begin(self, kind: str, names: Sequence[str]) -> None:
        """Add items that stand before all others."""
        self._items.begin(kind, names, self._project)

    def items(self, kind: str) -> list[Item]:
        """Return the items of a kind, once all properties are there.

        Raises:
            UnsupportedError: What they are is not known here.
        """
        return self._items.of(kind)

    def enter(self, file: Path) -> None:
        """Have a file be the one that is being read."""
        self._file = file

    def expand(self, text: str) -> str:
        """Return a text with all values in it; it may raise `NotKnownError`."""
        return self._expander.expand(text)

    def exists(self, path: str) -> bool:
        """Return whether a file or folder is there, seen from the project."""
        return bool(path) and is_there(self._project.parent / slashes(path))

    def _value(self, name: str) -> str:
        lower = name.lower()
        if lower in self._unknown:
            raise NotKnownError(self._unknown[lower])
        reserved = _RESERVED.get(lower)
        if reserved is not None:
            return reserved(self._project if "thisfile" not in lower else self._file)
        if lower not in self._values and lower in _VARIABLES:
            raise NotKnownError(f"{name} is a variable of this machine, and what hangs on it is another one on each")
        return self._values.get(lower, "")

    def holds(self, element: Element) -> bool:
        """Return whether the condition of an element does; it may raise `NotKnownError`."""
        return Condition(element.get("Condition", ""), self.expand, self.exists).holds()

    def surely_holds(self, element: Element, what: str) -> bool:
        """Return the same of an element without which it cannot go on.

        Args:
            element: Of which.
            what: It is, for the error.

        Raises:
            UnsupportedError: It is not known here.
        """
        try:
            return self.holds(element)
        except NotKnownError as error:
            raise self.unsupported(what, str(error)) from error

    def _children(self, parent: Element, steps: tuple[int, ...]) -> None:
        for number, element in enumerate(parent):
            here = (*steps, number)
            if element.tag == "PropertyGroup":
                self._properties(element)
            elif element.tag in ("Import", "ImportGroup"):
                self._import(element, here)
            elif element.tag == "Choose":
                self._choose(element, here)
            elif element.tag in ("ItemGroup", "ItemDefinitionGroup", "Target"):
                self._items.note(element, Place(self._file, here))

    def _properties(self, group: Element) -> None:
        holds, why = self._known(group)
        for element in group if holds else ():
            name = element.tag.lower()
            is_set, reason = self._known(element)
            if name in self._given or not is_set:
                continue
            try:
                value = unescaped(self.expand((element.text or "").strip()))
            except NotKnownError as error:
                reason = str(error)
            if why or reason:
                self._unknown[name] = why or reason
            else:
                self._values[name] = value
                self._unknown.pop(name, None)

    def _known(self, element: Element) -> tuple[bool, str]:
        """Return whether an element may count, and why it is not known whether it does; empty where it is."""
        try:
            return self.holds(element), ""
        except NotKnownError as error:
            return True, str(error)

    def _import(self, element: Element, here: tuple[int, ...]) -> None:
        if element.tag == "ImportGroup":
            if self.surely_holds(element, "an ImportGroup"):
                self._children(element, here)
            return
        written = element.get("Project", "")
        # What comes with an SDK sets nothing that counts here; the usual one is imported by itself.
        if element.get("Sdk") or not self.surely_holds(element, f"the import of {written}"):
            return
        try:
            path = self.expand(written)
        except NotKnownError as error:
            raise self.unsupported(f"the import of {written}", str(error)) from error
        path = slashes(path)
        file = Path(os.path.normpath(self._file.parent / path))
        if _WILD & {*path.rpartition("/")[0]}:
            raise self.unsupported(f"the import of {written}", "it names files of any folder")
        if _WILD & {*file.name}:
            for one in sorted(file.parent.glob(file.name)):
                self.include(one)
        elif path and not path.lower().startswith(_OF_MSBUILD):
            self._require(file, written)
            self.include(file)

    def _require(self, file: Path, written: str) -> None:
        if not is_there(file):
            raise NotFoundError(
                f"{self._file}: it imports {written}, which is not there", path=str(self._file), found=f"no {file}", expected="the file",
                suggestions=["get it, or import it on condition that it Exists"],
            )  # fmt: skip

    def _choose(self, element: Element, here: tuple[int, ...]) -> None:
        for number, case in enumerate(element):
            if case.tag == "Otherwise" or (case.tag == "When" and self.surely_holds(case, "a When")):
                self._children(case, (*here, number))
                return

    def unsupported(self, what: str, found: str) -> UnsupportedError:
        """Return the error for what is not known without building."""
        return UnsupportedError(
            f"{self._file}: {what} cannot be told without building: {found}", path=str(self._file), found=found,
            expected="what can be told from the files alone", suggestions=["write it out", REMEDY],
        )  # fmt: skip


_RESERVED: Mapping[str, Callable[[Path], str]] = {
    f"msbuild{whose}{suffix}": found
    for whose in ("project", "thisfile")
    for suffix, found in (
        ("fullpath", str),
        ("directory", lambda file: str(file.parent)),
        ("extension", lambda file: file.suffix),
        ("name", lambda file: file.stem),
        ("file", lambda file: file.name),
    )
} | {
    "msbuildthisfile": lambda file: file.name,
    # With a slash at its end, unlike that of the project.
    "msbuildthisfiledirectory": lambda file: f"{file.parent}/",
}
