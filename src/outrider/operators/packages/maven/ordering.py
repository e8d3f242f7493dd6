"""Between which nodes of a graph there is a choice, and in which order the choices are made, as maven-resolver 1.6.3 does.

What is needed comes after what needs it. Where artifacts need one another in a circle, the nearest one comes first.

https://github.com/apache/maven-resolver/tree/maven-resolver-1.6.3/maven-resolver-util/src/main/java/org/eclipse/aether/util/graph/transformer:
ConflictMarker and ConflictIdSorter.
"""

from bisect import insort
from collections.abc import Iterator

from outrider.operators.packages.maven.collecting import Node

_Key = tuple[str, str, str, str]


class Choice:
    """What there is one version of.

    Attributes:
        number: Of the choice.
        depth: Of the nearest node, whoever asks being at 0.
        waiting: How many others come before it, and have not yet been made.
    """

    __slots__ = ("children", "depth", "number", "waiting")

    def __init__(self, number: int, depth: int) -> None:
        self.number, self.depth, self.waiting = number, depth, 0
        self.children: dict[int, Choice] = {}

    def add(self, child: "Choice") -> None:
        """Have another one come later."""
        if child.number not in self.children:
            self.children[child.number] = child
            child.waiting += 1

    def pull_up(self, depth: int) -> None:
        """Note that it is nearer than was known."""
        waiting = [(self, depth)]
        while waiting:
            one, depth = waiting.pop()
            if depth < one.depth:
                one.depth = depth
                waiting += [(child, depth + 1) for child in one.children.values()]

    def in_order(self) -> "list[Choice]":
        """Return those that come later as a HashSet of Java yields them: two that are equally near are made in that order."""
        size = 16
        while len(self.children) > size * 3 // 4:
            size *= 2
        return sorted(self.children.values(), key=lambda child: child.number & (size - 1))


def mark(root: Node) -> None:
    """Give nodes between which there is a choice the same number; those of an artifact that was moved are among those of its new name."""
    groups: dict[_Key, tuple[frozenset[_Key], int]] = {}
    count = 0
    nodes = [*_first_visits(root)]
    for node in nodes:
        keys = _keys(node)
        known = list(dict.fromkeys(groups[key] for key in sorted(keys) if key in groups))
        if len(known) == 1 and known[0][0] >= keys:
            continue
        whole = frozenset(keys.union(*(names for names, _ in known)))
        # Of several groups that meet here Maven keeps the one that has them all.
        whole_already = [one for one in known if one[0] == whole]
        group = whole_already[0] if whole_already else (whole, count)
        count += not whole_already
        groups.update(dict.fromkeys(whole, group))
    for node in nodes:
        if node.artifact is not None:
            node.group = groups[node.artifact.key][1]


def _keys(node: Node) -> frozenset[_Key]:
    if node.artifact is None:
        return frozenset()
    own = node.artifact.key
    return frozenset([own, *((one.group, one.artifact, own[2], own[3]) for one in node.moves)])


def _first_visits(root: Node) -> Iterator[Node]:
    """Yield each node once, deeper ones first."""
    seen: set[int] = set()
    waiting = [iter([root])]
    while waiting:
        node = next(waiting[-1], None)
        if node is None:
            waiting.pop()
        elif id(node) not in seen:
            seen.add(id(node))
            if node.artifact is not None:
                yield node
            waiting.append(iter(node.children))


def choices(root: Node) -> tuple[list[int], dict[int, set[int]]]:
    """Return the numbers of the choices in their order, and by number those that a choice is in a circle with."""
    found: dict[int, Choice] = {}
    _connect(root, found)
    ordered = _sorted(found)
    return ordered, _circles(found) if _has_circle(found, ordered) else {}


def _connect(root: Node, found: dict[int, Choice]) -> None:
    """Have a choice for each number, and behind each those that come later."""
    seen = {id(root)}
    waiting: list[tuple[Choice | None, Iterator[Node]]] = [(None, iter(root.children))]
    while waiting:
        parent, children = waiting[-1]
        node = next(children, None)
        if node is None:
            waiting.pop()
            continue
        choice = found.get(node.group)
        if choice is None:
            choice = found[node.group] = Choice(node.group, len(waiting))
        else:
            choice.pull_up(len(waiting))
        if parent is not None:
            parent.add(choice)
        if id(node) not in seen:
            seen.add(id(node))
            waiting.append((choice, iter(node.children)))


def _sorted(found: dict[int, Choice]) -> list[int]:
    ordered: list[int] = []
    queue: list[Choice] = []
    for one in found.values():
        if not one.waiting:
            _queue(queue, one)
    left = dict(found)
    while True:
        while queue:
            one = queue.pop(0)
            ordered.append(one.number)
            del left[one.number]
            for child in one.in_order():
                child.waiting -= 1
                if not child.waiting:
                    _queue(queue, child)
        if not left:
            return ordered
        nearest = min((one for one in left.values() if one.waiting > 0), key=lambda one: (one.depth, one.waiting))
        nearest.waiting = 0
        queue.append(nearest)


def _queue(queue: list[Choice], one: Choice) -> None:
    insort(queue, one, key=lambda each: each.depth)


def _has_circle(found: dict[int, Choice], ordered: list[int]) -> bool:
    position = {number: place for place, number in enumerate(ordered)}
    return any(position[child] <= position[one.number] for one in found.values() for child in one.children)


def _circles(found: dict[int, Choice]) -> dict[int, set[int]]:
    """Return by number all choices of the circles that a choice was found to be in; each choice is looked behind once."""
    together: dict[int, set[int]] = {}
    visited: set[int] = set()
    for start in found.values():
        way: dict[int, None] = {}
        waiting = [iter([start])]
        while waiting:
            one = next(waiting[-1], None)
            if one is None:
                waiting.pop()
                if way:
                    way.popitem()
            elif one.number in way:
                numbers = [*way]
                circle = set(numbers[numbers.index(one.number) :])
                for number in circle:
                    together.setdefault(number, set()).update(circle)
            elif one.number not in visited:
                visited.add(one.number)
                way[one.number] = None
                waiting.append(iter(one.in_order()))
    return together
