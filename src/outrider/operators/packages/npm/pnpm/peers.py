"""Finds the peers of all packages, and what each is called by them: `resolvePeers.js` of pnpm 10.34.

A package with other peers is another entry of a lock file. Where two are peers of each other, neither has a name before the other: they
are called by their versions alone there.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from outrider.operators.packages.npm.pnpm.cycles import cycles
from outrider.operators.packages.npm.pnpm.graph import Entry, suffix
from outrider.operators.packages.npm.pnpm.levels import Address, NodeId
from outrider.operators.packages.npm.pnpm.links import LinkedPackage
from outrider.operators.packages.npm.pnpm.nodes import Node, Nodes
from outrider.operators.packages.npm.pnpm.parents import Parents, Seen, alike, below, parents_of, seen
from outrider.operators.packages.npm.pnpm.turns import Name, Turns, when_all_told

Found = dict[str, NodeId]
# Begins to name a package, once it is known which names are in cycles.
_Naming = Callable[[Sequence[Sequence[str]]], None]


class Outcome(NamedTuple):
    """What is known of the peers of a package, and of those below it.

    Attributes:
        found: Places of those that stand above it.
        missing: Names of those that do not.
        naming: Names the package, where that has to wait; else None.
    """

    found: Found
    missing: dict[str, None]
    naming: _Naming | None = None


class _Kept(NamedTuple):
    """What was found for a package: elsewhere it is the same, where the same stands above it."""

    found: Found
    missing: dict[str, None]
    name: Name


class _Way(NamedTuple):
    """What leads to a place: places, and ids without repetition."""

    places: tuple[NodeId, ...] = ()
    ids: tuple[str, ...] = ()


class PeerSearch:
    """Finds peers.

    Args:
        nodes: All places.
        names: Names that anything has as peers.

    Attributes:
        entries: What was found, by path.
        paths: Of places.
        variants: The paths of each version, by its id.
        done: Whether all of them are known.
    """

    def __init__(self, nodes: Nodes, names: set[str]) -> None:
        self._nodes, self._names = nodes, names
        self.entries: dict[str, Entry] = {}
        self.paths: dict[NodeId, str] = {}
        self.variants: dict[str, dict[str, None]] = {}
        self.done = False
        self._named: dict[NodeId, Name] = {}
        self._kept: dict[str, list[_Kept]] = {}
        self._pure: set[str] = set()
        self._seen: dict[NodeId, dict[str, Seen]] = {}
        self._turns = Turns()

    def search(self, projects: Sequence[Mapping[str, Address]]) -> None:
        """Find the peers of all that stands below some projects.

        Args:
            projects: What is directly below each of them, by name. What is below the first one counts as above all of the others.
        """
        places = [{alias: one.node for alias, one in direct.items()} for direct in projects]
        self.paths |= {one.node: one.package.called for direct in projects for one in direct.values() if one.is_link}
        first = parents_of(self._nodes, places[0].items())
        for direct, nodes in zip(projects, places, strict=True):
            above = {**first, **parents_of(self._nodes, nodes.items())}
            above = {name: one for name, one in above.items() if name in self._names}
            for one in above.values():
                self._named.setdefault(one.node, Name(self._turns))
            self._seen = {}
            self._children({alias: nodes[alias] for alias, one in direct.items() if not one.is_link}, above, _Way())
            self._turns.turn()
        self._turns.finish()
        self.done = self._named.keys() <= self.paths.keys()
        for entry in self.entries.values() if self.done else ():
            entry.children = {alias: self.paths[place] for alias, place in entry.places.items()}

    def _children(self, children: Mapping[str, NodeId], above: Parents, way: _Way) -> Outcome:
        """Find the peers of what a package needs; those that are among it are none that stand above it."""
        order = [one for one in children.items() if one[0] in above]
        order += [one for one in children.items() if one[0] not in above]
        aliases = {place: alias for alias, place in children.items()}
        places = list(dict.fromkeys(place for _, place in order))
        shown = seen(self._nodes, above, self._names)
        for place in places:
            self._named.setdefault(place, Name(self._turns))
            self._seen[place] = shown
        found: Found = {}
        missing: dict[str, None] = {}
        graph: dict[str, list[str]] = {}
        namings: list[_Naming] = []
        for place in places:
            outcome = self._node(aliases[place], place, above, way)
            self._turns.turn()
            namings += [outcome.naming] if outcome.naming is not None else []
            found |= outcome.found
            missing |= outcome.missing
            for name in dict.fromkeys((aliases[place], self._nodes[place].package.name)):
                graph.setdefault(name, []).extend(outcome.found)
        known = cycles(graph) if namings else []
        for naming in namings:
            naming(known)
        return Outcome({name: place for name, place in found.items() if name not in children}, missing)

    def _node(self, alias: str, place: NodeId, above: Parents, way: _Way) -> Outcome:
        node = self._nodes[place]
        package = node.package
        if isinstance(package, LinkedPackage):
            self.paths[place] = package.called
            return Outcome({}, {})
        pure = package.called in self._pure and not package.peers and self.entries[package.called].depth <= node.depth
        if pure:
            self.paths[place] = package.called
            self._named[place].tell(package.called)
            return Outcome({}, {})
        children = self._nodes.children(place)
        inside = [one for one in children.items() if one[0] in self._names]
        here = below(self._nodes, above, inside) if children else above
        kept = self._hit(package.called, here)
        if kept is not None:
            kept.name.when_told(partial(self._same, place, node))
            return Outcome(kept.found, kept.missing)
        ids = way.ids if package.called in way.ids else (*way.ids, package.called)
        lower = self._children(children, here, _Way((*way.places, place), ids))
        self._turns.turn()
        own = {name: here[name].node for name in package.peers if name in here}
        found = {name: one for name, one in {**lower.found, **own}.items() if name != package.name}
        missing = {**lower.missing, **dict.fromkeys(name for name in package.peers if name not in here)}
        name = Name(self._turns)
        if not found and not missing:
            self._pure.add(package.called)
        else:
            self._kept.setdefault(package.called, []).append(_Kept(found, missing, name))
        entry = Entry(
            package, package.called, node.depth, places={**self._earlier(package.called, way), **children, **own},
            found=set(found), passed={one for one in (*found, *lower.missing) if one not in package.peers},
        )  # fmt: skip
        return Outcome(found, missing, self._name(alias, place, entry, found, name))

    def _same(self, place: NodeId, node: Node, path: str) -> None:
        """Have a place be called as another one, where the same stands above."""
        self.paths[place] = path
        self.entries[path].depth = min(self.entries[path].depth, node.depth)
        self._named[place].tell(path)

    def _earlier(self, package: str, way: _Way) -> Found:
        """Return what a package needs where it stands above itself: what is left out there for a cycle."""
        found: Found = {}
        if package in way.ids:
            for one in reversed(way.places):
                if self._nodes[one].package.called == package:
                    found |= self._nodes.children(one)
        return found

    def _name(self, alias: str, place: NodeId, entry: Entry, found: Found, name: Name) -> _Naming | None:
        """Name a package by its peers; return what does so later where not all of these have a name yet."""
        known = [path for peer, one in found.items() if (path := self._known(peer, one))]
        pending = {peer: one for peer, one in found.items() if not self._known(peer, one)}
        enter = partial(self._enter, place, entry, name, known)
        if not pending:
            enter([])
            return None
        return partial(self._name_later, alias, pending, enter)

    def _known(self, alias: str, place: NodeId) -> str:
        """Return what a peer is called; empty where that is not known yet."""
        package = self._nodes[place].package
        return package.as_peer(alias) if isinstance(package, LinkedPackage) else self.paths.get(place, "")

    def _name_later(
        self, alias: str, pending: Found, enter: Callable[[list[str]], None], known_cycles: Sequence[Sequence[str]]
    ) -> None:
        cyclic = {one for cycle in known_cycles if alias in cycle for one in cycle}
        versions = {peer: self._nodes[one].package.id if peer in cyclic else "" for peer, one in pending.items()}
        when_all_told(self._turns, [(self._named[one], versions[peer]) for peer, one in pending.items()], enter)

    def _enter(self, place: NodeId, entry: Entry, name: Name, known: list[str], others: list[str]) -> None:
        package, peers = entry.package, [*known, *others]
        entry.path = path = package.called + (suffix(peers) if peers else "")
        name.tell(path)
        self.paths[place] = path
        self._named[place].tell(path)
        self.variants.setdefault(package.called, {})[path] = None
        if path not in self.entries or self.entries[path].depth > entry.depth:
            self.entries[path] = entry

    def _hit(self, package: str, here: Parents) -> _Kept | None:
        """Return what was found for a package where the same stands above it."""
        return next((kept for kept in self._kept.get(package, ()) if self._fits(kept, here)), None)

    def _fits(self, kept: _Kept, here: Parents) -> bool:
        if any(name in here for name in kept.missing):
            return False
        for name, place in kept.found.items():
            parent = here.get(name)
            if parent is None:
                return False
            if parent.node == place or (place in self.paths and self.paths[place] == self.paths.get(parent.node)):
                continue
            package = self._nodes[place].package.called
            if package != self._nodes[parent.node].package.called:
                return False
            if package not in self._pure and not alike(self._seen.get(place), self._seen.get(parent.node), self._pure):
                return False
        return True
