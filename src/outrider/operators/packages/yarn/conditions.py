"""Which packages Yarn 4 takes to be needed in any case: of others that are for some machines alone it notes no checksum.

`applyVirtualResolutionMutations` in `Project.ts` of Yarn 4.18. It goes down once from each package, or once for each set of peers that
one has, and what it came to by way of something optional first stays so with all below it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.resolving.outcomes import ResolvedPackage

Entry = Mapping[str, Any]
# What a package needs: the name, the key in the lock, and what was chosen.
Needs = Callable[[ResolvedPackage], Iterable[tuple[str, str, ResolvedPackage]]]
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
    # The package of the project from which it goes down.
    top: ResolvedPackage

    @property
    def is_top(self) -> bool:
        """Whether it is that one, and not the same one with peers of others."""
        return self.identity == (id(self.top),)

    def found(self, one: ResolvedPackage) -> Identity:
        """Return what tells a package without peers, or the top itself, from others."""
        return ("top", id(one)) if one is self.top else (id(one),)


def required(projects: Iterable[ResolvedPackage], needs: Needs) -> Required:
    """Go through the packages of a project.

    Args:
        projects: These, in the order of Yarn.
        needs: Returns what a package needs, with the names by which it does.
    """
    return _Walk(needs).done(projects)


class _Walk:
    def __init__(self, needs: Needs) -> None:
        self._needs = needs
        self._found = Required(set(), {})
        self._done: set[Identity] = set()
        self._made: set[Identity] = set()

    def done(self, projects: Iterable[ResolvedPackage]) -> Required:
        for one in projects:
            top = _Visit(one, str(one.entry.get("resolution", "")), (id(one),), {}, optional=False, top=one)
            waiting = [iter([top])]
            while waiting:
                visit = next(waiting[-1], None)
                if visit is None:
                    waiting.pop()
                else:
                    self._take(visit, waiting)
        return self._found

    def _take(self, visit: _Visit, waiting: list[Iterator[_Visit]]) -> None:
        one = visit.package
        if not visit.optional and not _peers(one):
            self._found.ids.add(id(one))
        if visit.identity not in self._done:
            self._done.add(visit.identity)
            waiting.append(self._below(visit))

    def _below(self, visit: _Visit) -> Iterator[_Visit]:
        """Yield where to go from a package: first to what has no peers."""
        one = visit.package
        # Of what is needed twice by one name the last counts.
        asked = {name: (key, other) for name, key, other in self._needs(one)}
        hard = {name: other for name, (_, other) in sorted(asked.items())}
        around = _Surroundings(hard, visit)
        others = []
        for name, other in hard.items():
            if name in _peers(one) and not visit.is_top:
                continue
            optional = visit.optional or _is_optional(one.entry, name)
            if _peers(other):
                others.append((name, optional))
            else:
                yield _Visit(other, asked[name][0], (id(other),), {}, optional, visit.top)
        below = [
            _Visit(hard[name], asked[name][0], around.with_peers(name), around.peers(name), optional, visit.top)
            for name, optional in others
        ]
        self._found.own.update(_own(visit, below))
        new = []
        for each in below:
            if each.identity not in self._made:
                self._made.add(each.identity)
                new.append(each)
        yield from new


def _own(visit: _Visit, below: Iterable[_Visit]) -> Iterator[tuple[str, ResolvedPackage]]:
    name, text = split_name(visit.key)
    met = {*visit.peers, *visit.package.entry.get("dependencies", {})}
    own = _name(visit.package)
    if name != own not in met and any(own in _peers(one.package) for one in below):
        yield f"{own}@{text}", visit.package


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
        visit = self._visit
        if name in visit.peers:
            return visit.peers[name]
        if name not in self._hard:
            own = visit.found(visit.package) if visit.is_top else visit.identity
            return own if name == _name(visit.package) else None
        one = self._hard[name]
        if not _peers(one):
            return visit.found(one)
        return self.with_peers(name, trail)

    def with_peers(self, name: str, trail: tuple[str, ...] = ()) -> Identity:
        """Return a dependency together with what it finds."""
        wanted = () if name in trail else sorted(_peers(self._hard[name]))
        return id(self._hard[name]), *(self.identity(peer, (*trail, name)) for peer in wanted)

    def peers(self, name: str) -> dict[str, Identity]:
        """Return what a dependency finds."""
        known = {peer: self.identity(peer) for peer in _peers(self._hard[name])}
        return {peer: identity for peer, identity in known.items() if identity is not None}


def _name(one: ResolvedPackage) -> str:
    """Return the name of a package in the lock; what is patched may have that of another one."""
    return split_name(str(one.entry.get("resolution", "")))[0]


def _peers(one: ResolvedPackage) -> Mapping[str, Any]:
    peers: Mapping[str, Any] = one.entry.get("peerDependencies", {})
    return peers


def _is_optional(entry: Entry, name: str) -> bool:
    return str(entry.get("dependenciesMeta", {}).get(name, {}).get("optional", "")).lower() == "true"
