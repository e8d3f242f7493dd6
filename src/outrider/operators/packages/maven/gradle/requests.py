"""What is asked for of a module, and what was chosen of it so far.

Of Gradle 8.11: SelectorState, ModuleSelectors, ModuleResolveState and PendingDependencies.
"""

from collections.abc import Iterator

from outrider.operators.packages.maven.gradle.choosing import Listing, Wanted, chosen, position
from outrider.operators.packages.maven.gradle.components import Attribute, Need
from outrider.operators.packages.maven.gradle.nodes import Edge, Node

_MOST_CHANGES = 1000


class Request:
    """A version that edges ask for.

    Args:
        module: Of which.
        wanted: The version.
        need: Of the first of these edges.

    Attributes:
        edges: How many ask for it.
        is_resolved: Whether it was looked at when the version was chosen that is there.
        is_back: Whether it was given up, and would have to be looked at again.
    """

    def __init__(self, module: "Module", wanted: Wanted, need: Need) -> None:
        self.module, self.wanted, self.need = module, wanted, need
        self.edges = 0
        self.is_resolved = False
        self.is_back = False
        self._was_given_up = False

    @property
    def matters(self) -> bool:
        """Whether another version may have to be chosen because of it."""
        return self.is_back or not self.is_resolved

    def settle(self) -> None:
        """Have been looked at."""
        self.is_resolved, self.is_back = True, False

    def give_up(self) -> bool:
        """Be asked for no more; return whether a version is to be chosen without it, which is so once."""
        if not self.is_resolved:
            return False
        self.is_back, self.is_resolved = True, False
        again, self._was_given_up = self._was_given_up, True
        return not again


class Module:
    """A module in a graph.

    Args:
        name: Group and name, or the path of a project.

    Attributes:
        version: That is chosen; None where none is yet.
        nodes: Of all versions that were looked at: by version and the name of the variant.
        unattached: Edges that lead to no node so far.
        hard: How many edges are more than constraints.
        providers: Nodes that have constraints on it, which wait until something needs it.
        is_changing: Whether its version is being changed.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.version: str | None = None
        self.nodes: dict[tuple[str, str], Node] = {}
        self.unattached: dict[Edge, None] = {}
        self.hard = 0
        self.providers: dict[Node, None] = {}
        self.is_changing = False
        self._requests: list[Request] = []
        self._is_deferred = False
        self._changes = 0

    @property
    def is_asked_for(self) -> bool:
        """Whether there is a request."""
        return bool(self._requests)

    @property
    def attributes(self) -> dict[str, Attribute]:
        """What constraints want of its variants."""
        found: dict[str, Attribute] = {}
        for request in self._requests:
            if request.need.is_constraint:
                found |= request.need.attributes
        return found

    def chosen_nodes(self) -> Iterator[Node]:
        """Yield the nodes of the version that is chosen."""
        return (node for (version, _), node in [*self.nodes.items()] if version == self.version)

    def add(self, request: Request, *, defer: bool) -> None:
        """Have another request.

        Args:
            request: Of it.
            defer: Whether others follow at once, before which no version is to be chosen.
        """
        self._requests.insert(position([one.wanted for one in self._requests], request.wanted), request)
        self._is_deferred = self._is_deferred or defer

    def remove(self, request: Request) -> bool:
        """Have a request no more; return whether a version is to be chosen anew."""
        self._requests.remove(request)
        return request.give_up() and self.is_asked_for and self.version is not None

    def choice(self, listing: Listing) -> str | None:
        """Return the version that is asked for; None where that is the one that is there, or others are to ask first.

        Raises:
            NoVersionError: None is selected.
        """
        if self._is_deferred:
            self._is_deferred = False
            return None
        for one in self._requests:
            one.settle()
        version = chosen([one.wanted for one in self._requests], listing)
        if version == self.version:
            return None
        self._changes += self.version is not None
        return version if self._changes <= _MOST_CHANGES else None

    def settle(self) -> None:
        """Have a version that all requests lead to."""
        for one in self._requests:
            one.settle()
