"""In which groups and on which machines each package of a solution is needed: `poetry/puzzle/solver.py` of Poetry 2.5."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from poetry.core.packages.dependency import Dependency
from poetry.core.packages.package import Package
from poetry.core.packages.project_package import ProjectPackage
from poetry.core.version.markers import AnyMarker, BaseMarker, EmptyMarker, parse_marker

# The project stands above what it asks for.
_ABOVE = -2


class Place:
    """Where a package is needed.

    Attributes:
        depth: How many packages there are at most between it and the project.
        groups: Of the project.
        markers: On which machines, by group.
    """

    def __init__(self, depth: int, groups: set[str]) -> None:
        self.depth, self.groups = depth, groups
        self.markers: dict[str, BaseMarker] = {}


Places = dict[Package, Place]
# By package, by what needs it, and by the groups of the need.
_Edges = dict[Package, dict[Package, dict[frozenset[str], BaseMarker]]]


class _Node:
    """A package that is needed in some way.

    Args:
        package: Which.
        first: What the project asks for, at the beginning of this way; None for the project itself.
        marker: Of the need.
    """

    def __init__(self, package: Package, first: Dependency | None, marker: BaseMarker) -> None:
        self.package, self.first, self.marker = package, first, marker
        self.groups: frozenset[str] = first.groups if first is not None else frozenset()
        self.optional = first.is_optional() if first is not None else True
        self.depth = -1
        self.id = (repr(package), self.groups, self.optional)


class _Walk:
    """Goes through all ways, depth first."""

    def __init__(self, packages: Sequence[Package], check: Callable[[], None]) -> None:
        self._packages, self._check = packages, check
        self._seen: set[object] = set()
        self.back: dict[object, list[_Node]] = {}
        self.edges: _Edges = {}
        # What needs stands before what is needed.
        self.ordered: list[_Node] = []

    def visit(self, root: _Node) -> None:
        """Go on from a node; without recursion, for ways may be long."""
        self._seen.add(root.id)
        stack = [(root, self._below(root))]
        while stack:
            node, below = stack[-1]
            following = next(below, None)
            if following is None:
                stack.pop()
                self.ordered.insert(0, node)
                continue
            self._note(node, following)
            if following.id not in self._seen:
                self._seen.add(following.id)
                stack.append((following, self._below(following)))

    def _note(self, node: _Node, below: _Node) -> None:
        self._check()
        self.back.setdefault(below.id, []).append(node)
        known = self.edges.setdefault(below.package, {}).setdefault(node.package, {})
        marker = below.marker if node.package.is_root() else below.marker.without_extras()
        known[below.groups] = known.get(below.groups, EmptyMarker()).union(marker)

    def _below(self, node: _Node) -> Iterator[_Node]:
        found = []
        for need in node.package.all_requires:
            for one in self._packages:
                if one.complete_name == need.complete_name and one.satisfies(need):
                    marker = need.marker
                    if node.package.is_root() and need.in_extras:
                        either = " or ".join(f'extra == "{extra}"' for extra in need.in_extras)
                        marker = marker.intersect(parse_marker(either))
                    found.append(_Node(one, node.first or need, marker))
        return iter(found)


def placed(root: ProjectPackage, packages: Sequence[Package], check: Callable[[], None]) -> Places:
    """Return where packages are needed, without those that nobody needs; what is asked for with extras becomes one with its package.

    Args:
        root: The project, with what it needs.
        packages: That were chosen.
        check: Called now and then; it may raise to end the work: markers of many parts take long to join.
    """
    walk = _Walk(packages, check)
    walk.visit(_Node(root, None, AnyMarker()))
    for node in walk.ordered:
        above = (one.depth - (one.package.name == node.package.name) for one in walk.back.get(node.id, ()))
        node.depth = 1 + max([*above, _ABOVE])
    nodes: dict[Package, list[_Node]] = {}
    for node in walk.ordered:
        nodes.setdefault(node.package, []).append(node)
    places = {package: _place(package, same) for package, same in nodes.items()}
    _mark(places, walk.edges, check)
    return dict(_without_extras(places, packages))


def _place(package: Package, nodes: Sequence[_Node]) -> Place:
    package.optional = all(one.optional for one in nodes)
    return Place(max(one.depth for one in nodes), {group for one in nodes for group in one.groups})


def _mark(places: Mapping[Package, Place], edges: _Edges, check: Callable[[], None]) -> None:
    """Tell on which machines each package is needed, from the project on; where there are circles, more than once."""
    ordered = sorted((one for one in places if places[one].depth >= 0), key=lambda one: places[one].depth)
    is_complete = False
    while not is_complete:
        is_complete = True
        for package in ordered:
            place = places[package]
            found: dict[str, BaseMarker] = {group: EmptyMarker() for group in place.groups}
            for parent, by_groups in edges.get(package, {}).items():
                above = places[parent]
                if above.groups and above.groups != above.markers.keys():
                    is_complete = False
                    continue
                for group, marker in _through(above, place, by_groups):
                    check()
                    found[group] = found[group].union(marker)
            place.markers = found


def _through(
    above: Place, place: Place, by_groups: Mapping[frozenset[str], BaseMarker]
) -> Iterator[tuple[str, BaseMarker]]:
    if above.groups:
        for group in above.groups:
            for marker in by_groups.values():
                yield group, above.markers[group].intersect(marker)
    else:
        for groups, marker in by_groups.items():
            yield from ((group, marker) for group in place.groups if group in groups)


def _without_extras(places: Places, packages: Sequence[Package]) -> Iterator[tuple[Package, Place]]:
    for package in packages:
        if not package.features:
            if package in places:
                yield package, places[package]
            continue
        for other in packages:
            if not other.features and other.name == package.name and other.version == package.version:
                for need in package.requires:
                    known = any(one == need and one.marker == need.marker for one in other.requires)
                    if need.name != other.name and not known:
                        other.add_dependency(need)
