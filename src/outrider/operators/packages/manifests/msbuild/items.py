"""Items of projects: names with metadata, which are added, changed and taken away in the order in which that is written.

https://learn.microsoft.com/visualstudio/msbuild/msbuild-items.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol
from xml.etree.ElementTree import Element

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.manifests.msbuild.expansion import NotKnownError, unescaped

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


class Evaluating(Protocol):
    """What evaluates a project."""

    def enter(self, file: Path) -> None:
        """Have a file be the one that is being read."""

    def expand(self, text: str) -> str:
        """Return a text with all values in it."""

    def holds(self, element: Element) -> bool:
        """Return whether the condition of an element does."""

    def surely_holds(self, element: Element, what: str) -> bool:
        """Return the same of an element without which it cannot go on."""

    def unsupported(self, what: str, found: str) -> UnsupportedError:
        """Return the error for what is not known without building."""


class Items:
    """The items of a project.

    Args:
        evaluating: Knows its properties.
        kinds: Of items that count.
    """

    def __init__(self, evaluating: Evaluating, kinds: Sequence[str]) -> None:
        self._evaluating, self._kinds = evaluating, {one.lower() for one in kinds}
        # What is still to be read, once all properties are there.
        self._groups: list[tuple[Element, Place]] = []
        self._items: dict[str, list[Item]] = {}

    def begin(self, kind: str, names: Sequence[str], file: Path) -> None:
        """Add items that stand before all others."""
        self._items[kind.lower()] = [Item(name, {}, {}, file) for name in names]

    def note(self, element: Element, place: Place) -> None:
        """Keep what has items that count for later.

        Raises:
            UnsupportedError: They are made by a target, or changed for all, and so cannot be known.
        """
        counts = [one.tag for one in element.iter() if one.tag.lower() in self._kinds]
        if counts and element.tag != "ItemGroup":
            what = f"<{element.tag}> with {counts[0]}"
            raise self._evaluating.unsupported(what, "what it makes is not known before it runs")
        self._groups += [(element, place)] if counts else []

    def of(self, kind: str) -> list[Item]:
        """Return the items of a kind.

        Raises:
            UnsupportedError: What they are is not known here.
        """
        groups, self._groups = self._groups, []
        for element, place in groups:
            self._evaluating.enter(place.file)
            self._take_group(element, place)
        return self._items.get(kind.lower(), [])

    def _take_group(self, group: Element, place: Place) -> None:
        if not self._evaluating.surely_holds(group, "an ItemGroup"):
            return
        for number, element in enumerate(group):
            kind = element.tag.lower()
            if kind in self._kinds and self._evaluating.surely_holds(element, element.tag):
                try:
                    self._take_item(kind, element, Place(place.file, (*place.steps, number)))
                except NotKnownError as error:
                    raise self._evaluating.unsupported(
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
        text = self._evaluating.expand(element.get(attribute, ""))
        if "@(" in text or "%(" in text:
            raise NotKnownError(f"{attribute} is {text}")
        names = [unescaped(one.strip()) for one in text.split(";") if one.strip()]
        return [one.lower() for one in names] if lower else names

    def _metadata(self, element: Element, place: Place) -> Iterator[tuple[str, tuple[str, Place]]]:
        for name, value in element.items():
            if name not in _ATTRIBUTES:
                yield name.lower(), (unescaped(self._evaluating.expand(value).strip()), place)
        for number, child in enumerate(element):
            if self._evaluating.holds(child):
                text = unescaped(self._evaluating.expand((child.text or "").strip()))
                yield child.tag.lower(), (text, Place(place.file, (*place.steps, number)))
