"""What needs what, and where: the graph of a lock for all machines, as uv makes it out of what was chosen.

`flatten_requirements`, `marker_reachability` and `Lock::from_resolution` of uv 0.13.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.pypi.core_metadata import Need, read_need
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.pythons import PythonRange
from outrider.operators.packages.pypi.universal.trees import (
    Tree,
    conjunction,
    disjoint,
    disjunction,
    possible,
    restricted,
    with_extras,
)
from outrider.operators.packages.resolving.outcomes import Resolved


class Part(NamedTuple):
    """What is needed.

    Attributes:
        name: Of the package.
        extra: Whose needs these are; empty for those without any.
        group: Whose needs these are, of the project alone.
    """

    name: str
    extra: str = ""
    group: str = ""


class Edge(NamedTuple):
    """A package that is needed.

    Attributes:
        name: Of the package.
        extras: That are asked of it.
        where: On which machines.
    """

    name: str
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
    """

    def __init__(self, root: Root, answer: Resolved, pythons: PythonRange) -> None:
        self._pythons = pythons
        self._needs = {one.name: _read(one.needs) for one in answer.packages} | {root.name: root.needs}
        self._edges: dict[Part, dict[Part, Tree]] = {}
        starts = [Part(root.name), *(Part(root.name, extra) for extra in root.extras)]
        for name, needs in root.groups.items():
            starts.append(Part(root.name, group=name))
            self._edges[starts[-1]] = self._joined(self._applicable(needs, ""))
        self.reached = self._reach(starts)

    def edges(self, part: Part) -> list[Edge]:
        """Return what a part needs, by name: extras that are asked for on the same machines as the package itself stand with it."""
        here = self._pythons.simplified(self.reached.get(part, False))
        found: dict[tuple[str, Tree], list[str]] = {}
        for other, tree in self._edges.get(part, {}).items():
            if other in self.reached:
                where = restricted(self._pythons.simplified(tree), here)
                found.setdefault((other.name, where), []).append(other.extra)
        edges = []
        for (name, where), extras in found.items():
            kept = sorted({one for one in extras if one and self._edges.get(Part(name, one))})
            edges.append(Edge(name, tuple(kept), where))
        return sorted(edges, key=lambda one: one[:2])

    def extras(self, name: str) -> list[str]:
        """Return the extras of a package that are asked for somewhere and need something."""
        return sorted(one.extra for one in self.reached if one.name == name and one.extra and self._edges.get(one))

    def _reach(self, starts: Iterable[Part]) -> dict[Part, Tree]:
        reached: dict[Part, Tree] = dict.fromkeys(starts, True)
        waiting = [*reached]
        while waiting:
            part = waiting.pop()
            for other, tree in self._of(part).items():
                where = conjunction(tree, reached[part])
                before = reached.get(other)
                after = where if before is None else disjunction((where, before))
                if after != before:
                    reached[other] = after
                    waiting.append(other)
        return {part: where for part, where in reached.items() if where is not False}

    def _of(self, part: Part) -> dict[Part, Tree]:
        if part not in self._edges:
            self._edges[part] = self._joined(self._flat(part))
        return self._edges[part]

    def _joined(self, needs: Iterable[tuple[Need, Tree]]) -> dict[Part, Tree]:
        found: dict[Part, Tree] = {}
        for need, tree in needs:
            for extra in ("", *need.extras):
                part = Part(need.name, extra)
                found[part] = disjunction((found[part], tree)) if part in found else tree
        return found

    def _flat(self, part: Part) -> Iterator[tuple[Need, Tree]]:
        """Yield what a part needs; extras of the package itself stand for what they need."""
        needs = self._needs.get(part.name, ())
        waiting: list[tuple[str, Tree]] = [(part.extra, True)]
        seen: set[tuple[str, Tree]] = set()
        while waiting:
            extra, above = waiting.pop(0)
            if (extra, above) in seen:
                continue
            seen.add((extra, above))
            for need, tree in self._applicable(needs, extra):
                where = conjunction(tree, above)
                if need.name == part.name:
                    waiting += [(one, where) for one in need.extras]
                else:
                    yield need, where

    def _applicable(self, needs: Iterable[Need], extra: str) -> Iterator[tuple[Need, Tree]]:
        """Yield what is needed with an extra and not without any, or without any, on any machine."""
        for need in needs:
            try:
                tree = marker_tree(need.marker)
            except InvalidConfigError:
                continue  # what makes no sense is not so, as for whoever chooses
            is_usual = possible(tree)
            counts = not is_usual and possible(tree, (extra,)) if extra else is_usual
            if counts and not disjoint(tree, self._pythons.tree):
                yield need, with_extras(tree, (extra,)) if extra else tree


def _read(texts: Iterable[str]) -> list[Need]:
    return [need for text in texts for need in read_need(text)]
