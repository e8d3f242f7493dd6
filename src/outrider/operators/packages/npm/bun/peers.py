"""Which versions peers are met by, in bun 1.4.

A version that is there and fits does. Where none does, what some package above it needs by that name does, whatever its version. Where
nobody above needs it, the best version is brought; but not one that another peer of that name could not do with: then that which does for
others has to do, and where there is none, the version that is best for the first of them.

Of a workspace the peers of the project and of its members come first, one after the other: each has what there is, or what is best for it.
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


class OwnPeers:
    """The peers of a project and of the members of its workspace.

    Args:
        graph: What was chosen.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph, self._parents = graph, _parents(graph)

    def needs(self) -> Iterator[tuple[BunPackage, int]]:
        """Yield those that are not met, in the order of bun."""
        for package in self._graph.own() if self._graph.members else ():
            for at, need in sorted(enumerate(package.needs), key=lambda one: one[1].order):
                if need.kind == PEER and package.targets[at] is None:
                    yield package, at

    def there(self, package: BunPackage, need: BunNeed, wanted: Wanted) -> BunPackage | None:
        """Return what does without another version."""
        return (
            _fitting(self._graph, wanted)
            or package.target_of(need.name)
            or _given(package, need.name, wanted.package, self._parents, self._graph)
        )


class BunPeers:
    """The peers of all that was chosen.

    Args:
        graph: What was chosen.
        wanted: What a package asks for with a need.
    """

    def __init__(self, graph: Graph, wanted: Callable[[BunPackage, BunNeed], Wanted]) -> None:
        self._graph = graph
        parents, own = _parents_by_peers(graph, wanted), set(graph.own() if graph.members else ())
        self._groups: dict[str, list[Peer]] = {}
        for package in sorted(graph.every(), key=_order):
            for at, need in sorted(enumerate(package.needs), key=lambda one: one[1].order):
                asked = wanted(package, need)
                is_settled = at in package.held or package in own or package.targets[at] in own
                if need.kind == PEER and not asked.is_tag and not is_settled:
                    given = _given(package, need.name, asked.package, parents, graph)
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
        for name, group in self._groups.items():
            others = [found for one in group if one.given is None and (found := self._fitting(one)) is not None]
            newest = max(others or self._graph.versions(name), key=lambda one: one.bit, default=None)
            for one in group:
                one.package.targets[one.at] = self._fitting(one) or one.given or newest

    def _free(self, name: str) -> Iterator[Peer]:
        return (one for one in self._groups[name] if one.given is None)

    def _fitting(self, peer: Peer) -> BunPackage | None:
        return _fitting(self._graph, peer.wanted)


def _fitting(graph: Graph, wanted: Wanted) -> BunPackage | None:
    return next((one for one in graph.versions(wanted.package) if one.meets(wanted)), None)


def _order(package: BunPackage) -> tuple[bytes, int]:
    return package.name.encode(), package.bit


def _parents(graph: Graph) -> dict[BunPackage, list[BunPackage]]:
    found: dict[BunPackage, list[BunPackage]] = {}
    for package in graph.every():
        for target in package.targets:
            if target is not None:
                found.setdefault(target, []).append(package)
    return found


def _parents_by_peers(
    graph: Graph, wanted: Callable[[BunPackage, BunNeed], Wanted]
) -> dict[BunPackage, list[BunPackage]]:
    """Return who needs each package, with those for whose peers it does and nothing else is chosen yet."""
    found = _parents(graph)
    for package in graph.every():
        for need, target in zip(package.needs, package.targets, strict=True):
            if need.kind == PEER and target is None and not (asked := wanted(package, need)).is_tag:
                there = _fitting(graph, asked)
                if there is not None:
                    found.setdefault(there, []).append(package)
    return found


def _given(
    package: BunPackage, name: str, wanted: str, parents: dict[BunPackage, list[BunPackage]], graph: Graph
) -> BunPackage | None:
    """Return what the nearest package above needs by a name, and is what is wanted; of a workspace the peers of those in it count, too."""
    seen: Iterable[BunPackage] = parents.get(package, ())
    found = dict.fromkeys(seen)
    waiting = list(found)
    for one in waiting:
        for need, target in zip(one.needs, one.targets, strict=True):
            counts = not need.is_peer or (one.npm is None and bool(graph.members))
            if need.name == name and counts and target is not None and target.name == wanted:
                return target
        for above in parents.get(one, ()):
            if above not in found:
                found[above] = None
                waiting.append(above)
    return None
