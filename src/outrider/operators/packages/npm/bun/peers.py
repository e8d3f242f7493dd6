"""Which versions peers are met by, in bun 1.4.

A version that is there and fits does. Where none does, what some package above it needs by that name does, whatever its version. Where
nobody above needs it, the best version is brought; but not one that another peer of that name could not do with: then that which does for
others has to do, and where there is none, the version that is best for the first of them.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from outrider.operators.packages.npm.bun.graph import BunPackage, Graph
from outrider.operators.packages.npm.bun.needs import PEER, BunNeed, Wanted
from outrider.operators.packages.npm.packages import NpmPackage


class Peer(NamedTuple):
    """A need for a peer.

    Attributes:
        package: Whoever needs it.
        at: The number of the need.
        wanted: What is asked of it.
        given: What some package above needs by its name; None where none does.
    """

    package: BunPackage
    at: int
    wanted: Wanted
    given: BunPackage | None

    @property
    def need(self) -> BunNeed:
        """The need."""
        return self.package.needs[self.at]


class BunPeers:
    """The peers of all that was chosen.

    Args:
        graph: What was chosen.
        wanted: What is asked of a package for a need.
    """

    def __init__(self, graph: Graph, wanted: Callable[[BunNeed], Wanted]) -> None:
        self._graph = graph
        parents = _parents(graph)
        self._groups: dict[str, list[Peer]] = {}
        for package in sorted(graph.every(), key=_order):
            for at, need in sorted(enumerate(package.needs), key=lambda one: one[1].order):
                asked = wanted(need)
                if need.kind == PEER and not asked.is_tag and at not in package.held:
                    given = _given(package, need.name, parents)
                    self._groups.setdefault(asked.package, []).append(Peer(package, at, asked, given))

    def missing(self) -> list[Peer]:
        """Return the peers for which nothing does that is there."""
        return [
            one for group in self._groups.values() for one in group if one.given is None and self._fitting(one) is None
        ]

    def agree(self, peer: Peer, npm: NpmPackage, bit: int) -> bool:
        """Return whether all other peers of a name could do with a version."""
        return all(npm.table.mask(one.wanted.text) >> bit & 1 for one in self._free(peer.wanted.package))

    def has_none(self, peer: Peer) -> bool:
        """Return whether there is no version that does for any peer of a name."""
        return not any(self._fitting(one) for one in self._free(peer.wanted.package))

    def bind(self) -> None:
        """Have all peers met by what is there."""
        for group in self._groups.values():
            others = [found for one in group if one.given is None and (found := self._fitting(one)) is not None]
            newest = max(others, key=lambda one: one.bit, default=None)
            for one in group:
                one.package.targets[one.at] = self._fitting(one) or one.given or newest

    def _free(self, name: str) -> Iterator[Peer]:
        return (one for one in self._groups[name] if one.given is None)

    def _fitting(self, peer: Peer) -> BunPackage | None:
        versions = self._graph.versions(peer.wanted.package)
        return next((one for one in versions if one.meets(peer.wanted)), None)


def _order(package: BunPackage) -> tuple[bytes, int]:
    return package.name.encode(), package.bit


def _parents(graph: Graph) -> dict[BunPackage, list[BunPackage]]:
    found: dict[BunPackage, list[BunPackage]] = {}
    for package in graph.every():
        for target in package.targets:
            if target is not None:
                found.setdefault(target, []).append(package)
    return found


def _given(package: BunPackage, name: str, parents: dict[BunPackage, list[BunPackage]]) -> BunPackage | None:
    """Return what the nearest package above needs by a name."""
    seen: Iterable[BunPackage] = parents.get(package, ())
    found = dict.fromkeys(seen)
    waiting = list(found)
    for one in waiting:
        for need, target in zip(one.needs, one.targets, strict=True):
            if need.name == name and not need.is_peer and target is not None:
                return target
        for above in parents.get(one, ()):
            if above not in found:
                found[above] = None
                waiting.append(above)
    return None
