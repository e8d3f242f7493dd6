"""Evaluates a project as MSBuild does before it runs anything: first all properties, with what is imported, then items.

https://learn.microsoft.com/visualstudio/msbuild/build-process-overview#evaluation-phase. Nothing is run, and no package or SDK is read. What a
property comes to may not be known here; then whatever hangs on it is not known either, and it is an error only where that counts.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element

import msgspec

from outrider.core.errors import NotFoundError, UnsupportedError
from outrider.operators.packages.locks.documents import read_xml
from outrider.operators.packages.locks.lock import unreadable
from outrider.operators.packages.manifests.msbuild.conditions import Condition
from outrider.operators.packages.manifests.msbuild.expansion import Expander, NotKnownError, unescaped
from outrider.operators.packages.manifests.msbuild.functions import functions, is_there, methods, slashes

_ATTRIBUTES = (
    "Include",
    "Exclude",
    "Remove",
    "Update",
    "Condition",
    "Label",
    "KeepMetadata",
    "RemoveMetadata",
    "KeepDuplicates",
)
# What comes with MSBuild itself, whose folder is not set here.
_OF_MSBUILD = "/microsoft."
_MOST_FILES = 200
# MSBuild takes them for properties that nobody sets. A lock is to be the same everywhere, and no stranger's project is to learn them.
_VARIABLES = frozenset(name.lower() for name in os.environ)
_DEEPEST = 30
_WILD = frozenset("*?")


class Place(NamedTuple):
    """Where an element stands.

    Attributes:
        file: In which file.
        steps: The number of each child, from the root down.
    """

    file: Path
    steps: tuple[int, ...]


class Item(msgspec.Struct):
    """An item.

    Attributes:
        name: As it is written: of a package, or a path.
        metadata: By name, in small letters.
        places: Where each of them is written last, for this one alone.
        file: In which it stands; paths are those of the project, whatever it is.
    """

    name: str
    metadata: dict[str, str]
    places: dict[str, Place]
    file: Path


class _Group(NamedTuple):
    """Items that are still to be evaluated."""

    file: Path
    steps: tuple[int, ...]
    element: Element


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
        self._kinds = {one.lower(): one for one in kinds}
        self._given = {name.lower() for name in given}
        self._values = {name.lower(): value for name, value in (*preset.items(), *given.items())}
        self._unknown: dict[str, str] = {}
        self._file = project
        self._expander = Expander(self._value, functions(lambda: self._file.parent), methods())
        self._groups: list[_Group] = []
        self._items: dict[str, list[Item]] = {}
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
            raise self._unsupported(f"the property {name}", str(error)) from error

    def begin(self, kind: str, names: Sequence[str]) -> None:
        """Add items that stand before all others."""
        self._items[kind.lower()] = [Item(name, {}, {}, self._project) for name in names]

    def items(self, kind: str) -> list[Item]:
        """Return the items of a kind, once all properties are there.

        Raises:
            UnsupportedError: What they are is not known here.
        """
        groups, self._groups = self._groups, []
        for group in groups:
            self._file = group.file
            self._take_group(group)
        return self._items.get(kind.lower(), [])

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

    def _holds(self, element: Element) -> bool:
        return Condition(element.get("Condition", ""), self._expander.expand, self.exists).holds()

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
                self._note(element, here)

    def _properties(self, group: Element) -> None:
        holds, why = self._known(group)
        for element in group if holds else ():
            name = element.tag.lower()
            is_set, reason = self._known(element)
            if name in self._given or not is_set:
                continue
            try:
                value = unescaped(self._expander.expand((element.text or "").strip()))
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
            return self._holds(element), ""
        except NotKnownError as error:
            return True, str(error)

    def _sure(self, element: Element, what: str) -> bool:
        try:
            return self._holds(element)
        except NotKnownError as error:
            raise self._unsupported(what, str(error)) from error

    def _import(self, element: Element, here: tuple[int, ...]) -> None:
        if element.tag == "ImportGroup":
            if self._sure(element, "an ImportGroup"):
                self._children(element, here)
            return
        written = element.get("Project", "")
        # What comes with an SDK sets nothing that counts here; the usual one is imported by itself.
        if element.get("Sdk") or not self._sure(element, f"the import of {written}"):
            return
        try:
            path = self._expander.expand(written)
        except NotKnownError as error:
            raise self._unsupported(f"the import of {written}", str(error)) from error
        path = slashes(path)
        file = Path(os.path.normpath(self._file.parent / path))
        if _WILD & {*path.rpartition("/")[0]}:
            raise self._unsupported(f"the import of {written}", "it names files of any folder")
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
            if case.tag == "Otherwise" or (case.tag == "When" and self._sure(case, "a When")):
                self._children(case, (*here, number))
                return

    def _note(self, element: Element, here: tuple[int, ...]) -> None:
        """Keep what has items that count for later; where they are made by a target, or changed for all, they cannot be known."""
        counts = [one.tag for one in element.iter() if one.tag.lower() in self._kinds]
        if not counts:
            return
        if element.tag != "ItemGroup":
            raise self._unsupported(f"<{element.tag}> with {counts[0]}", "what it makes is not known before it runs")
        self._groups.append(_Group(self._file, here, element))

    def _take_group(self, group: _Group) -> None:
        if not self._sure(group.element, "an ItemGroup"):
            return
        for number, element in enumerate(group.element):
            kind = element.tag.lower()
            if kind in self._kinds and self._sure(element, element.tag):
                try:
                    self._take_item(kind, element, Place(group.file, (*group.steps, number)))
                except NotKnownError as error:
                    raise self._unsupported(
                        f"{element.tag} {element.get('Include') or ''}".strip(), str(error)
                    ) from error

    def _take_item(self, kind: str, element: Element, place: Place) -> None:
        there = self._items.setdefault(kind, [])
        removed, updated = (
            set(self._names(element, "Remove", lower=True)),
            set(self._names(element, "Update", lower=True)),
        )
        if removed:
            there[:] = [one for one in there if one.name.lower() not in removed]
        written = dict(self._metadata(element, place))
        values = {name: value for name, (value, _) in written.items()}
        names = self._names(element, "Include")
        # What is written for several has no place of its own for each.
        is_shared = max(len(names), len(updated)) > 1
        places = {} if is_shared else {name: where for name, (_, where) in written.items()}
        for one in there if updated else ():
            if one.name.lower() in updated:
                one.metadata |= values
                one.places = {name: where for name, where in one.places.items() if name not in values} | places
        left_out = set(self._names(element, "Exclude", lower=True))
        there += [Item(name, dict(values), dict(places), place.file) for name in names if name.lower() not in left_out]

    def _names(self, element: Element, attribute: str, *, lower: bool = False) -> list[str]:
        text = self._expander.expand(element.get(attribute, ""))
        if "@(" in text or "%(" in text:
            raise NotKnownError(f"{attribute} is {text}")
        names = [unescaped(one.strip()) for one in text.split(";") if one.strip()]
        return [one.lower() for one in names] if lower else names

    def _metadata(self, element: Element, place: Place) -> Iterator[tuple[str, tuple[str, Place]]]:
        for name, value in element.items():
            if name not in _ATTRIBUTES:
                yield name.lower(), (unescaped(self._expander.expand(value).strip()), place)
        for number, child in enumerate(element):
            if self._holds(child):
                text = unescaped(self._expander.expand((child.text or "").strip()))
                yield child.tag.lower(), (text, Place(place.file, (*place.steps, number)))

    def _unsupported(self, what: str, found: str) -> UnsupportedError:
        return UnsupportedError(
            f"{self._file}: {what} cannot be told without building: {found}", path=str(self._file), found=found,
            expected="what can be told from the files alone", suggestions=["write it out", "use NuGet itself: dotnet restore --use-lock-file"],
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
