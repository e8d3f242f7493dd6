"""How NuGet chooses, written down once more from its documentation, with nothing of what it is compared with: slow, and for small feeds.

https://learn.microsoft.com/nuget/concepts/dependency-resolution and https://learn.microsoft.com/nuget/concepts/package-versioning. A node
is the path of names that leads to it, and whatever is told of nodes is a set of paths.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

Needs = Mapping[str, str]
# By the name of a package and by its version, what that needs.
Feed = Mapping[str, Mapping[str, Needs]]
Path = tuple[str, ...]
Order = tuple[tuple[int, ...], int, tuple[tuple[int, int, str], ...]]
_INTERVAL = re.compile(r"([\[(])([^,]*)(?:(,)([^,]*))?([\])])")
_TOP = 2**31 - 1


class Chosen(NamedTuple):
    """What is chosen.

    Attributes:
        versions: By the name of the package; empty where there is none that fits.
        faults: `missing`, `cycle`, `conflict`, `lowered` or `undecided`, where it does not go together.
    """

    versions: dict[str, str]
    faults: frozenset[str]


class Wanted(NamedTuple):
    """A range: its bounds, whether these are allowed, and what floats in it."""

    low: str
    takes_low: bool
    high: str
    takes_high: bool
    floating: str

    def allows(self, version: str) -> bool:
        above = (
            not self.low or order(version) > order(self.low) or (self.takes_low and order(version) == order(self.low))
        )
        below = (
            not self.high
            or order(version) < order(self.high)
            or (self.takes_high and order(version) == order(self.high))
        )
        return above and below

    def covers(self, version: str) -> bool:
        """Return whether a version is what the star stands for."""
        numbers, _, labels = self.floating.partition("-")
        found, _, found_labels = version.partition("-")
        if found_labels and ("-" not in self.floating or not found_labels.startswith(labels.rstrip("*"))):
            return False
        return found.startswith(numbers.rstrip("*")) if numbers.endswith("*") else found == numbers


@cache
def order(version: str) -> Order:
    numbers, _, labels = version.partition("-")
    parts = [*map(int, numbers.split(".")), 0, 0, 0][:4]
    said = tuple((0, int(one), "") if one.isdigit() else (1, 0, one) for one in labels.split(".")) if labels else ()
    return tuple(parts), 0 if labels else 1, said


@cache
def wanted(text: str) -> Wanted:
    match = _INTERVAL.fullmatch(text)
    opening, low, comma, high, closing = match.groups() if match else ("[", text, ",", "", ")")
    low, high = (low or "").strip(), (high or "").strip() if comma else (low or "").strip()
    floating = low if "*" in low else ""
    if floating:
        numbers, dash, labels = floating.partition("-")
        low = numbers.replace("*", "0") + (
            dash and "-" + (labels.rstrip("*") + ("0" if labels == "*" or labels.endswith(".*") else ""))
        )
    return Wanted(low, opening == "[", high, closing == "]", floating)


def pick(versions: list[str], text: str) -> str:
    """Return the version that is taken; empty where there is none."""
    one = wanted(text)
    with_prereleases = "-" in one.low or "-" in one.high
    left = sorted((v for v in versions if one.allows(v) and (with_prereleases or "-" not in v)), key=order)
    covered = [version for version in left if one.floating and one.covers(version)]
    return covered[-1] if covered else left[0] if left else ""


def begins_as_high(near: str, far: str) -> bool:
    """Return whether a range that stands nearer begins no lower than another one."""
    one, other = wanted(near), wanted(far)
    if not one.low or not other.low:
        return not one.low
    if not one.floating and not other.floating:
        return order(one.low) >= order(other.low)
    if one.floating == "*" or other.floating == "*":
        return one.floating == "*"
    ours, theirs = _ceiling(one), _ceiling(other)
    if ours[0] != theirs[0]:
        return ours[0] > theirs[0]
    if not ours[1] or not theirs[1]:
        return not ours[1]
    shared = min(len(ours[1]), len(theirs[1]))
    return ours[1][:shared] >= theirs[1][:shared]


def _ceiling(one: Wanted) -> tuple[list[int], str]:
    text = one.floating or one.low
    numbers, dash, labels = text.partition("-")
    fill = 0 if dash or not one.floating else _TOP
    parts = [fill if part == "*" else int(part) for part in numbers.replace("*", "0" if dash else "*").split(".")]
    return ([*parts, fill, fill, fill])[:4], labels.rstrip("*")


def chosen(feed: Feed, asked: Needs, *, older: bool = False) -> Chosen:
    """Choose versions.

    Args:
        feed: All packages.
        asked: Ranges by the names of packages.
        older: By the rules of nuget.exe 5.8, which tells of a lower version even where what asks for more is not taken itself.
    """
    tree = _Tree(feed, asked)
    tree.grow((), asked)
    accepted = tree.settled()
    taken = {path[-1]: path for path in sorted(accepted, key=lambda path: (len(path), tree.place[path]))}
    versions = {name: tree.version[path] for name, path in taken.items()}
    faults = set()
    if tree.cycles:
        faults.add("cycle")
    if any(not version for version in versions.values()) or any(not tree.version[path] for path in accepted):
        faults.add("missing")
    if tree.undecided:
        faults.add("undecided")
    for path in tree.version:
        if path[:-1] in accepted or len(path) == 1:
            found = versions.get(path[-1], "")
            if found and not wanted(tree.text[path]).allows(found):
                faults.add("conflict")
    if any(tree.is_lowered(path, accepted, older=older) for path in tree.lower):
        faults.add("lowered")
    return Chosen(versions, frozenset(faults))


class _Tree:
    def __init__(self, feed: Feed, asked: Needs) -> None:
        self._feed, self._asked = feed, asked
        self.text: dict[Path, str] = {}
        self.version: dict[Path, str] = {}
        self.place: dict[Path, tuple[int, ...]] = {}
        self.lower: set[Path] = set()
        self.cycles: set[Path] = set()
        self.undecided: set[Path] = set()

    def needs(self, path: Path) -> Needs:
        return self._feed[path[-1]][self.version[path]] if path and self.version[path] else {} if path else self._asked

    def grow(self, path: Path, needs: Needs) -> None:
        for number, (name, text) in enumerate(needs.items()):
            below = (*path, name)
            self.text[below], self.place[below] = text, (*self.place.get(path, ()), number)
            # What stands beside any of those above, or is one of them, comes before it; the nearest decides.
            nearer = next(
                (
                    above
                    for above in range(len(path) - 1, -1, -1)
                    if name == path[above] or name in self.needs(path[:above])
                ),
                None,
            )
            if (
                name in path[-1:]
                or (nearer is not None and name == path[nearer])
                or (nearer is not None and name in path[:nearer] and name == path[nearer - 1])
            ):
                self.cycles.add(below)
            elif nearer is not None:
                if not begins_as_high(self.needs(path[:nearer])[name], text):
                    self.lower.add(below)
            else:
                self.version[below] = pick(list(self._feed.get(name, ())), text)
                self.grow(below, self.needs(below))

    def settled(self) -> set[Path]:
        accepted: set[Path] = set()
        rejected: set[Path] = set()
        while True:
            alive = [path for path in self.version if not any(path[: end + 1] in rejected for end in range(len(path)))]
            # What there is not is another one than what there is, even where it would have the same version.
            known: dict[str, set[tuple[Order | tuple[()], bool]]] = {}
            for path in alive:
                known.setdefault(path[-1], set()).add((self._order(path), bool(self.version[path])))
            several = {name for name, found in known.items() if len(found) > 1}
            unclear = {path[-1] for path in alive if several & set(path[:-1])}
            before = len(accepted) + len(rejected)
            for path in sorted(alive, key=len):
                if unclear & set(path) or (len(path) > 1 and path[:-1] not in accepted) or path in accepted:
                    continue
                (accepted if self._order(path) == max(known[path[-1]])[0] else rejected).add(path)
            if len(accepted) + len(rejected) == before:
                self.undecided = set(alive) - accepted
                return accepted

    def _order(self, path: Path) -> "Order | tuple[()]":
        low = self.version[path] or wanted(self.text[path]).low
        return order(low) if low else ()

    def is_lowered(self, path: Path, accepted: set[Path], *, older: bool) -> bool:
        """Return whether something that counts stands nearer than what a path asks for, and is lower."""
        found: Path | None = None
        for above in range(len(path) - 1, -1, -1):
            beside = (*path[:above], path[-1])
            if beside == path or beside not in self.version:
                continue
            if begins_as_high(self.text[beside], self.text[path]):
                found = None
            elif not (self.version[beside] and wanted(self.text[path]).allows(self.version[beside])):
                found = beside
        if found is None or found not in accepted:
            return False
        return older or all(path[:end] in accepted for end in range(1, len(path)))
