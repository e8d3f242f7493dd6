"""What needs what, and where: the graph of a lock for all machines, as uv makes it out of what was chosen.

`flatten_requirements`, `marker_reachability` and `Lock::from_resolution` of uv 0.13.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from outrider.operators.packages.pypi.core_metadata import Need, read_need
from outrider.operators.packages.pypi.universal.amendments import Amendments
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.needs import applicable, flat
from outrider.operators.packages.pypi.universal.pythons import PythonRange
from outrider.operators.packages.pypi.universal.trees import (
    PYTHON,
    Tree,
    conjunction,
    disjoint,
    disjunction,
    highest_python,
    lowest_python,
    negation,
    order_of,
    restricted,
    within,
)
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedFork, ResolvedPackage
from outrider.operators.packages.versions.ecosystems import scheme_of

# Sorts behind all addresses.
LAST = "\U0010ffff"


class Part(NamedTuple):
    """What is needed.

    Attributes:
        name: Of the package.
        version: Of it; empty of the project.
        extra: Whose needs these are; empty for those without any.
        group: Whose needs these are, of the project alone.
        registry: The address of what has it; empty of the project.
    """

    name: str
    version: str = ""
    extra: str = ""
    group: str = ""
    registry: str = ""

    @classmethod
    def of(cls, package: ResolvedPackage, extra: str = "") -> "Part":
        """Return what is needed of a package."""
        return cls(package.name, package.version, extra, registry=package.registry)


class Edge(NamedTuple):
    """A package that is needed.

    Attributes:
        name: Of the package.
        version: Of it.
        registry: The address of what has it.
        extras: That are asked of it.
        where: On which machines.
    """

    name: str
    version: str
    registry: str
    extras: tuple[str, ...]
    where: Tree


class Root(NamedTuple):
    """A project that lies here.

    Attributes:
        name: Of the project; empty where there are groups alone.
        needs: What it and its extras need, as core metadata have it.
        extras: That it has.
        groups: What its groups need, by name.
        is_start: Whether it is locked by itself with all of these, and not just where something needs it.
        version: Of it; empty where that is not told.
    """

    name: str
    needs: Sequence[Need]
    extras: Collection[str]
    groups: Mapping[str, Sequence[Need]]
    is_start: bool = True
    version: str = ""


class LockGraph:
    """The graph of a lock.

    Args:
        roots: What lies here.
        answer: What was chosen of all else, for all machines.
        pythons: Of the project.
        amendments: What is said of needs.

    Attributes:
        reached: Where each part is needed; those that are needed nowhere are left out.
        kinds: The machines that are told apart; none where they are not.
    """

    def __init__(self, roots: Sequence[Root], answer: Resolved, pythons: PythonRange, amendments: Amendments) -> None:
        self._roots, self._pythons, self._amendments = {one.name: one for one in roots}, pythons, amendments
        said = {Part.of(one): _read(one.needs) for one in answer.packages}
        said |= {Part(one.name): list(one.needs) for one in roots}
        self._needs = {key: amendments.overridden(needs) for key, needs in said.items()}
        starts = [part for one in roots if one.is_start for part in _parts(one)]
        self.kinds = [marker_tree(one.marker) for one in answer.forks]
        self._edges: dict[Part, dict[Part, Tree]] = {}
        for one in answer.forks or [ResolvedFork.of("", answer.packages)]:
            self._join(starts, marker_tree(one.marker), one)
        self.reached = self._reach(starts, disjunction(self.kinds) if self.kinds else True)

    def edges(self, part: Part) -> list[Edge]:
        """Return what a part needs, by name: extras that are asked for on the same machines as the package itself stand with it."""
        here = self._pythons.simplified(self.reached.get(part, False))
        found: dict[tuple[Part, Tree], list[str]] = {}
        for other, tree in self._edges.get(part, {}).items():
            if other in self.reached:
                where = restricted(self._pythons.simplified(tree), here)
                found.setdefault((other._replace(extra=""), where), []).append(other.extra)
        edges = []
        for (other, where), extras in found.items():
            kept = sorted({one for one in extras if one and self._edges.get(other._replace(extra=one))})
            edges.append(Edge(other.name, other.version, other.registry, tuple(kept), where))
        return sorted(edges, key=self._order)

    def _order(self, one: Edge) -> tuple[Any, ...]:
        version = one.version or (self._roots[one.name].version if one.name in self._roots else "")
        return one.name, version_key(version), one.registry or LAST, one.extras, order_of(one.where)

    def extras(self, part: Part) -> list[str]:
        """Return the extras of a package that are asked for somewhere and need something."""
        return sorted(
            one.extra for one in self.reached if one.extra and one._replace(extra="") == part and self._edges.get(one)
        )

    def _join(self, starts: Iterable[Part], where: Tree, chosen: ResolvedFork) -> None:
        """Take in what is needed on one kind of machines."""
        both = conjunction(where, self._pythons.tree)
        pythons = within(PYTHON, lowest_python(both), highest_python(both))
        waiting, seen = [*starts], {*starts}
        while waiting:
            part = waiting.pop()
            known = self._edges.setdefault(part, {})
            for need, tree in self._of(part, where, pythons):
                here = conjunction(tree, where)
                needed = Part(
                    need.name, chosen.versions.get(need.name, ""), registry=chosen.registries.get(need.name, "")
                )
                for extra in ("", *need.extras):
                    other = needed._replace(extra=extra)
                    known[other] = _either(known[other], here) if other in known else here
                    if other not in seen:
                        seen.add(other)
                        waiting.append(other)

    def _of(self, part: Part, where: Tree, pythons: Tree) -> Iterator[tuple[Need, Tree]]:
        """Yield what a part needs; as with uv, machines and Pythons are looked at by themselves, and what has none of both may stay."""
        if part.group:
            group = self._amendments.overridden(self._roots[part.name].groups[part.group])
            return applicable(group, "", where, pythons)
        return flat(self._needs.get(part._replace(extra=""), ()), part.name, part.extra, where, pythons)

    def _reach(self, starts: Iterable[Part], where: Tree) -> dict[Part, Tree]:
        reached: dict[Part, Tree] = dict.fromkeys(starts, where)
        waiting = [*reached]
        while waiting:
            part = waiting.pop()
            for other, tree in self._edges.get(part, {}).items():
                here = conjunction(tree, reached[part])
                before = reached.get(other)
                after = here if before is None else _either(here, before)
                if after != before:
                    reached[other] = after
                    waiting.append(other)
        return {part: here for part, here in reached.items() if here is not False}


def _either(one: Tree, other: Tree) -> Tree:
    """Return the tree that is true where one of two is; one of them where that says all, on the machines that there may be."""
    for few, many in ((one, other), (other, one)):
        if disjoint(few, negation(many)):
            return many
    return disjunction((one, other))


def _parts(root: Root) -> Iterator[Part]:
    yield Part(root.name)
    yield from (Part(root.name, extra=extra) for extra in root.extras)
    yield from (Part(root.name, group=group) for group in root.groups)


def version_key(version: str) -> Any:
    """Return what a version of a package is sorted by; that of a project comes first."""
    return (0, scheme_of("pypi").parse(version).key) if version else (-1,)


def _read(texts: Iterable[str]) -> list[Need]:
    return [need for text in texts for need in read_need(text)]
