"""Which packages Yarn 4 takes to be needed in any case: of others that are for some machines alone it notes no checksum.

`applyVirtualResolutionMutations` in `Project.ts` of Yarn 4.18. It goes down once from each package, or once for each set of peers that
one has, and what it came to by way of something optional first stays so with all below it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.resolving.outcomes import ResolvedPackage

Entry = Mapping[str, Any]
# What an entry needs: the name, the key in the lock, and what was chosen.
Needs = Callable[[str, Entry], Iterable[tuple[str, str, ResolvedPackage]]]
# What tells a package with its peers from the same one with others.
Identity = tuple[Any, ...]


class Required(NamedTuple):
    """What a project needs in any case.

    Attributes:
        ids: Of packages that are needed without anything optional on the way; who has peers is not among them.
        own: What Yarn notes beside what is asked for: a package under its own name, which goes by another one, and is the peer of what it needs.
    """

    ids: set[int]
    own: dict[str, ResolvedPackage]


class _Visit(NamedTuple):
    package: ResolvedPackage
    key: str
    identity: Identity
    peers: Mapping[str, Identity]
    optional: bool


def required(root: Entry, needs: Needs) -> Required:
    """Go through a project.

    Args:
        root: The entry of the project.
        needs: Returns what the entry of a package needs, with the names by which it does.
    """
    found = Required(set(), {})
    done: set[Identity] = set()
    made: set[Identity] = set()
    waiting = [_Visit(ResolvedPackage(name="", version="", entry=dict(root)), "", (), {}, optional=False)]
    while waiting:
        visit = waiting.pop()
        if not visit.optional and not _peers(visit.package):
            found.ids.add(id(visit.package))
        if visit.identity not in done:
            done.add(visit.identity)
            below = _below(visit, needs, made)
            waiting += reversed(below)
            found.own.update(_own(visit, below))
    return found


def _own(visit: _Visit, below: Iterable[_Visit]) -> Iterator[tuple[str, ResolvedPackage]]:
    name, text = split_name(visit.key)
    met = {*visit.peers, *visit.package.entry.get("dependencies", {})}
    if name != visit.package.name not in met and any(visit.package.name in _peers(one.package) for one in below):
        yield f"{visit.package.name}@{text}", visit.package


def _below(visit: _Visit, needs: Needs, made: set[Identity]) -> list[_Visit]:
    """Return where to go from a package: first to what has no peers."""
    one = visit.package
    # Of what is needed twice by one name the last counts.
    asked = {name: (key, other) for name, key, other in needs(one.name, one.entry)}
    hard = {name: other for name, (_, other) in sorted(asked.items())}
    around = _Surroundings(hard, visit)
    plain, others = [], []
    for name, other in hard.items():
        if name in _peers(one):
            continue
        optional = visit.optional or _is_optional(one.entry, name)
        identity = around.identity(name)
        assert identity is not None
        if not _peers(other):
            plain.append(_Visit(other, asked[name][0], identity, {}, optional))
        elif identity not in made:
            made.add(identity)
            others.append(_Visit(other, asked[name][0], identity, around.peers(name), optional))
    return [*plain, *others]


class _Surroundings:
    """Says what the dependencies of a package find as their peers.

    Args:
        hard: The dependencies.
        visit: The package.
    """

    def __init__(self, hard: Mapping[str, ResolvedPackage], visit: _Visit) -> None:
        self._hard, self._visit = hard, visit

    def identity(self, name: str, trail: tuple[str, ...] = ()) -> Identity | None:
        """Return what is found by a name; None for nothing."""
        if name in self._visit.peers:
            return self._visit.peers[name]
        if name not in self._hard:
            return self._visit.identity if name and name == self._visit.package.name else None
        one = self._hard[name]
        wanted = () if name in trail else sorted(_peers(one))
        return id(one), *(self.identity(peer, (*trail, name)) for peer in wanted)

    def peers(self, name: str) -> dict[str, Identity]:
        """Return what a dependency finds."""
        known = {peer: self.identity(peer) for peer in _peers(self._hard[name])}
        return {peer: identity for peer, identity in known.items() if identity is not None}


def _peers(one: ResolvedPackage) -> Mapping[str, Any]:
    peers: Mapping[str, Any] = one.entry.get("peerDependencies", {})
    return peers


def _is_optional(entry: Entry, name: str) -> bool:
    return str(entry.get("dependenciesMeta", {}).get(name, {}).get("optional", "")).lower() == "true"
