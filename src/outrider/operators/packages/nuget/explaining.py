"""Why packages of NuGet do not go together, and what is remarkable where they do, in sentences.

The codes are those of https://learn.microsoft.com/nuget/reference/errors-and-warnings.
"""

import re
from collections.abc import Iterator, Mapping

from outrider.operators.packages.nuget.deciding import Clash, Decision, Place
from outrider.operators.packages.nuget.graph import Fate, Node
from outrider.operators.packages.nuget.packages import Item, Need, NugetPackage
from outrider.operators.packages.nuget.ranges import allows

_AT_LEAST = re.compile(r"\[\s*([^,\s]+)\s*,\s*\)")
_MOST_TOLD = 3
_MOST_NAMED = 8


class Telling:
    """Tells of a graph.

    Args:
        packages: By name.
        asked: What the user has written, by the name of the package.
    """

    def __init__(self, packages: Mapping[str, NugetPackage], asked: Mapping[str, str]) -> None:
        self._packages, self._asked = packages, asked

    def reasons(self, decision: Decision) -> list[str]:
        """Return why it cannot be done: what is missing, or else the worst of what clashes, as NuGet does; of that the first few."""
        told: list[str] = []
        for place in decision.cycles[:_MOST_TOLD]:
            told += [*self._chain(place.node), f"{self._needs(place)}, which needs it in turn (NU1108)."]
        for place in decision.missing[:_MOST_TOLD]:
            told += [*self._chain(place.node), self._missing(place)]
        if not told and decision.undecided:
            names = sorted({node.item.shown for node in decision.undecided})[:_MOST_NAMED]
            told = [f"Which versions of {', '.join(names)} count hangs on one another, and so cannot be told (NU1106)."]
        if not told:
            why = "and the two are cousins, of which neither overrides the other (NU1107)"
            told = [line for clash in decision.conflicts[:_MOST_TOLD] for line in self._clash(clash, why)]
        if not told:
            why = "and what stands nearer to you counts, although it is older (NU1605)"
            told = [line for clash in decision.lowered[:_MOST_TOLD] for line in self._clash(clash, why)]
        return [*dict.fromkeys(told), "These cannot all hold at once."]

    def remarks(self, decision: Decision) -> list[str]:
        """Return what NuGet warns of."""
        told = {
            f"{self._needs(Place(node, edge.need))}, which cannot be had: {_said(edge.node.item)} is taken (NU1603)"
            for node, edge in decision.edges()
            if edge.node is not None and edge.node.fate is Fate.ACCEPTED and _is_bumped(edge.need, edge.node.item)
        }
        for node in decision.accepted.values():
            told.update(self._remarks_on(node.item, decision.accepted))
        return sorted(told)

    def _remarks_on(self, item: Item, accepted: Mapping[str, Node]) -> Iterator[str]:
        if item.fallback:
            yield f"{_said(item)}: what it needs is written for {item.fallback} alone, and taken from there (NU1701)"
        for need in item.needs:
            taken = accepted.get(need.name)
            if taken is not None and not allows(need.range, taken.item.key):
                code = " (NU1608)" if need.range.low is None or taken.item.key > need.range.low else ""
                yield f"{_said(item)} needs {self._wish(need)}, and {_said(taken.item)} stands nearer to you{code}"

    def _chain(self, node: Node) -> list[str]:
        """Return how it comes that a node is there, beginning with what the user asks for."""
        steps = [(Place(one.outer, one.need), one.item) for one in node.path() if one.outer is not None]
        return [f"{self._needs(place)}, for which {_said(item)} is taken." for place, item in steps]

    def _needs(self, place: Place) -> str:
        if place.node.outer is None:
            return f"You ask for {self._asked.get(place.need.name) or self._wish(place.need)}"
        return f"{_said(place.node.item)} needs {self._wish(place.need)}"

    def _missing(self, place: Place) -> str:
        has_versions = bool(self._packages[place.need.name].table.versions)
        return f"{self._needs(place)}, {'of which there is no version that fits and may be used' if has_versions else 'which no source has'}."

    def _clash(self, clash: Clash, why: str) -> list[str]:
        other = clash.other
        return [*self._chain(clash.taken), *self._chain(other.node), f"{self._needs(other)}, {why}."]

    def _wish(self, need: Need) -> str:
        text = need.range.text
        at_least = _AT_LEAST.fullmatch(text)
        shown = f">= {at_least[1]}" if at_least else f">= {text}" if text[0].isdigit() and "*" not in text else text
        name = self._packages[need.name].shown if need.name in self._packages else need.name
        return f"{name} {shown}" if need.range.low is not None or need.range.allowed.spans[0].high is not None else name


def _is_bumped(need: Need, item: Item) -> bool:
    """Return whether a version is taken because there is not the lowest one that is asked for."""
    wanted = need.range
    return wanted.floating is None and wanted.low is not None and allows(wanted, wanted.low) and item.key > wanted.low


def _said(item: Item) -> str:
    return f"{item.shown} {item.version}"
