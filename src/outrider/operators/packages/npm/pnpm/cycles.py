"""Cycles among names: `analyzeGraph` of graph-cycles 1.2.1, which does not find all of them, but always the same."""

from collections.abc import Mapping, Sequence


def cycles(graph: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return the cycles of a graph, each once."""
    edges = {name: list(dict.fromkeys(others)) for name, others in graph.items()}
    search = _Search(edges)
    for name in edges:
        search.walk(name)
    return search.found


class _Search:
    def __init__(self, edges: Mapping[str, Sequence[str]]) -> None:
        self._edges = edges
        self.found: list[list[str]] = []
        self._known: set[tuple[str, ...]] = set()
        self._members: set[str] = set()

    def walk(self, start: str) -> None:
        """Look for cycles from a name on; those that are known are not entered until one was found on this walk."""
        path, nexts = [start], [0]
        on_path: set[str] = set()
        is_new = False
        while path:
            name = path[-1]
            if nexts[-1] == 0:
                ended = not is_new and name in self._members
                if not ended and name in on_path:
                    self._record(path[path.index(name) : -1])
                    is_new = ended = True
                if ended:
                    self._step_back(path, nexts, on_path)
                    continue
            others = self._edges.get(name, ())
            if nexts[-1] < len(others):
                on_path.add(name)
                path.append(others[nexts[-1]])
                nexts[-1] += 1
                nexts.append(0)
            else:
                self._step_back(path, nexts, on_path)

    def _step_back(self, path: list[str], nexts: list[int], on_path: set[str]) -> None:
        path.pop()
        nexts.pop()
        if path:
            on_path.discard(path[-1])

    def _record(self, cycle: list[str]) -> None:
        first = cycle.index(min(cycle))
        turned = (*cycle[first:], *cycle[:first])
        if turned not in self._known:
            self._known.add(turned)
            self.found.append(cycle)
            self._members.update(cycle)
