"""What needs what, and where: the graph of a lock for all machines, as uv makes it out of what was chosen.

`flatten_requirements`, `marker_reachability` and `Lock::from_resolution` of uv 0.13.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from outrider.operators.packages.pypi.core_metadata import Need, read_need
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.needs import applicable, flat
from outrider.operators.packages.pypi.universal.pythons import PythonRange
from outrider.operators.packages.pypi.universal.trees import Tree, conjunction, disjunction, order_of, restricted
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.versions.ecosystems import scheme_of


class Part(NamedTuple):
    """What is needed.

    Attributes:
        name: Of the package.
        version: Of it; empty of the project.
        extra: Whose needs these are; empty for those without any.
        group: Whose needs these are, of the project alone.
    """

    name: str
    version: str = ""
    extra: str = ""
    group: str = ""


class Edge(NamedTuple):
    """A package that is needed.

    Attributes:
        name: Of the package.
        version: Of it.
        extras: That are asked of it.
        where: On which machines.
    """

    name: str
    version: str
    extras: tuple[str, ...]
    where: Tree


class Root(NamedTuple):
    """What a lock is the lock of.

    Attributes:
        name: Of the project.
        needs: What it and its extras need, as core metadata have it.
        extras: That it has.
        groups: What its groups need, by name.
    """

    name: str
    needs: Sequence[Need]
    extras: Collection[str]
    groups: Mapping[str, Sequence[Need]]


class LockGraph:
    """The graph of a lock.

    Args:
        root: What it is of.
        answer: What was chosen, for all machines.
        pythons: Of the project.

    Attributes:
        reached: Where each part is needed; those that are needed nowhere are left out.
        kinds: The machines that are told apart; none where they are not.
    """

    def __init__(self, root: Root, answer: Resolved, pythons: PythonRange) -> None:
        self._root, self._pythons = root, pythons
        self._needs = {(one.name, one.version): _read(one.needs) for one in answer.packages} | {
            (root.name, ""): root.needs
        }
        starts = [Part(root.name), *(Part(root.name, extra=extra) for extra in root.extras)]
        starts += [Part(root.name, group=group) for group in root.groups]
        self.kinds = [marker_tree(one.marker) for one in answer.forks]
        self._edges: dict[Part, dict[Part, Tree]] = {}
        versions = {one.name: one.version for one in answer.packages}
        for where, chosen in [(marker_tree(one.marker), one.versions) for one in answer.forks] or [(True, versions)]:
            self._join(starts, where, chosen)
        self.reached = self._reach(starts, disjunction(self.kinds) if self.kinds else True)

    def edges(self, part: Part) -> list[Edge]:
        """Return what a part needs, by name: extras that are asked for on the same machines as the package itself stand with it."""
        here = self._pythons.simplified(self.reached.get(part, False))
        found: dict[tuple[str, str, Tree], list[str]] = {}
        for other, tree in self._edges.get(part, {}).items():
            if other in self.reached:
                where = restricted(self._pythons.simplified(tree), here)
                found.setdefault((other.name, other.version, where), []).append(other.extra)
        edges = []
        for (name, version, where), extras in found.items():
            kept = sorted({one for one in extras if one and self._edges.get(Part(name, version, one))})
            edges.append(Edge(name, version, tuple(kept), where))
        return sorted(edges, key=lambda one: (one.name, version_key(one.version), one.extras, order_of(one.where)))

    def extras(self, name: str, version: str) -> list[str]:
        """Return the extras of a package that are asked for somewhere and need something."""
        return sorted(
            one.extra for one in self.reached if one[:2] == (name, version) and one.extra and self._edges.get(one)
        )

    def _join(self, starts: Iterable[Part], where: Tree, versions: Mapping[str, str]) -> None:
        """Take in what is needed on one kind of machines."""
        waiting, seen = [*starts], {*starts}
        while waiting:
            part = waiting.pop()
            known = self._edges.setdefault(part, {})
            for need, tree in self._of(part, conjunction(where, self._pythons.tree)):
                here = conjunction(tree, where)
                for extra in ("", *need.extras):
                    other = Part(need.name, versions.get(need.name, ""), extra)
                    known[other] = disjunction((known[other], here)) if other in known else here
                    if other not in seen:
                        seen.add(other)
                        waiting.append(other)

    def _of(self, part: Part, where: Tree) -> Iterator[tuple[Need, Tree]]:
        if part.group:
            return applicable(self._root.groups[part.group], "", where)
        return flat(self._needs.get((part.name, part.version), ()), part.name, part.extra, where)

    def _reach(self, starts: Iterable[Part], where: Tree) -> dict[Part, Tree]:
        reached: dict[Part, Tree] = dict.fromkeys(starts, where)
        waiting = [*reached]
        while waiting:
            part = waiting.pop()
            for other, tree in self._edges.get(part, {}).items():
                here = conjunction(tree, reached[part])
                before = reached.get(other)
                after = here if before is None else disjunction((here, before))
                if after != before:
                    reached[other] = after
                    waiting.append(other)
        return {part: here for part, here in reached.items() if here is not False}


def version_key(version: str) -> Any:
    """Return what a version of a package is sorted by; that of a project comes first."""
    return (0, scheme_of("pypi").parse(version).key) if version else (-1,)


def _read(texts: Iterable[str]) -> list[Need]:
    return [need for text in texts for need in read_need(text)]
