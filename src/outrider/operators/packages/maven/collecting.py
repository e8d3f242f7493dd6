"""The graph of all that may be needed, before any conflict is looked at: what maven-resolver 1.6.3 collects.

Each dependency is followed in the order of its POM, deeper ones first; what was followed with the same exclusions before is shared. So
the order in which nodes are met is that of Maven, by which it decides between what is equally near.

https://github.com/apache/maven-resolver/blob/maven-resolver-1.6.3/maven-resolver-impl/src/main/java/org/eclipse/aether/internal/impl/collect/DefaultDependencyCollector.java
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import NamedTuple

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.maven.coordinates import Artifact, Project
from outrider.operators.packages.maven.descriptors import Descriptor, Need
from outrider.operators.packages.maven.management import Management

_NOT_FOLLOWED = ("test", "provided")
_MOST_STEPS = 20
_MOST_NODES = 500_000
_DEEPEST = 500
Exclusions = tuple[tuple[str, str], ...]
_Walk = Iterator["_Walk"]


class Node:
    """A way in which an artifact is needed.

    Attributes:
        artifact: None for whoever asks.
        scope: Where it is needed; it changes as choices are made.
        optional: Whether whoever needs what needs it does not need it too; likewise.
        range: Which versions would do; empty where the version is only preferred.
        is_scope_managed: Whether a BOM says the scope.
        is_optional_managed: Whether a BOM says whether it is optional.
        is_local: Whether the file is on the machine, and no repository is asked for it.
        moves: What it was called before it was moved.
        is_found_by_range: Whether it is what a version was moved to that a range was searched for.
        children: What it needs; nodes may share the list.
        group: A number that is the same for all between which there is a choice; -1 for whoever asks.
    """

    __slots__ = (
        "artifact", "children", "group", "is_found_by_range", "is_local", "is_optional_managed", "is_scope_managed", "moves", "optional",
        "range", "scope"
    )  # fmt: skip

    def __init__(self, artifact: Artifact | None, scope: str = "") -> None:
        self.artifact, self.scope = artifact, scope
        self.range = ""
        self.optional = self.is_scope_managed = self.is_optional_managed = self.is_local = self.is_found_by_range = (
            False
        )
        self.moves: tuple[Project, ...] = ()
        self.children: list[Node] = []
        self.group = -1


class Problem(NamedTuple):
    """Why there is no answer.

    Attributes:
        way: Who needs it, whoever asks first.
        need: What is needed.
        text: What is wrong with it, as the end of a sentence that begins with what it is called.
    """

    way: tuple[Artifact, ...]
    need: Artifact
    text: str


class Candidates(NamedTuple):
    """The versions that would do for a need, oldest first.

    Attributes:
        versions: None may be among them.
        is_range: Whether any other would not do.
        why_none: Why there are none.
    """

    versions: Sequence[str]
    is_range: bool = False
    why_none: str = ""


class Lookup(NamedTuple):
    """What a collector asks.

    Attributes:
        candidates: Which versions would do; None where that is not known yet.
        descriptor: What is known of a project; None where that is not known yet.
        is_beside: Whether a project is built beside, so that no repository is asked for it.
    """

    candidates: Callable[[Artifact], Candidates | None]
    descriptor: Callable[[Project], Descriptor | None]
    is_beside: Callable[[Project], bool]


class _Place(NamedTuple):
    """Where a need is met.

    Attributes:
        is_direct: Whether it is asked for itself.
        exclusions: What is not needed there.
        moves: What the artifact was called before.
        by_range: Whether a range was searched for that.
        version_managed: Whether BOMs may still say its version.
        steps: How often BOMs and moves in turn made it another one; Maven does not end where these run in a circle.
    """

    is_direct: bool = True
    exclusions: Exclusions = ()
    moves: tuple[Project, ...] = ()
    by_range: bool = False
    version_managed: bool = True
    steps: int = 0


class Collector:
    """Collects.

    Args:
        lookup: What is known.
        management: What BOMs say.
        check: Called now and then; it may raise to end the work.

    Attributes:
        root: Whoever asks.
        problems: What cannot be had, in the order in which it was met.
    """

    def __init__(self, lookup: Lookup, management: Management, check: Callable[[], None]) -> None:
        self._lookup, self._management, self._check = lookup, management, check
        self._shared: dict[tuple[Artifact, Exclusions], list[Node]] = {}
        self._stack: list[Node] = []
        self._count = 0
        self.root = Node(None)
        self.problems: list[Problem] = []

    def collect(self, needs: Iterable[Need]) -> Node:
        """Return whoever asks, with all that may be needed behind it.

        Raises:
            ExecutionFailedError: It is more, or deeper, than there may be.
        """
        self._stack = [self.root]
        # Each yields what is to be followed first, before it goes on itself.
        waiting = [self._all(needs, _Place())]
        while waiting:
            deeper = next(waiting[-1], None)
            if deeper is not None:
                waiting.append(deeper)
            else:
                waiting.pop()
        return self.root

    def _all(self, needs: Iterable[Need], place: _Place) -> _Walk:
        for need in needs:
            yield from self._each(need, place)

    def _each(self, need: Need, place: _Place) -> _Walk:
        """Have all versions that would do for a need among what is needed."""
        if not _is_selected(need, place):
            return
        managed = self._management.applied(need, is_direct=place.is_direct, with_version=place.version_managed)
        candidates = self._lookup.candidates(managed.need.artifact)
        if candidates is None:
            return
        if not candidates.versions:
            self._fail(managed.need.artifact, candidates.why_none)
        for version in candidates.versions:
            node = Node(managed.need.artifact._replace(version=version), managed.need.scope)
            node.optional, node.is_local = bool(managed.need.optional), managed.need.is_local
            node.range = managed.need.artifact.version if candidates.is_range else ""
            node.is_scope_managed, node.is_optional_managed, node.moves = managed.scope, managed.optional, place.moves
            node.is_found_by_range = place.by_range
            moved = yield from self._one(node, managed.need, place)
            if moved:
                # Of a range Maven looks at the first version that was moved, and at no further one.
                return

    def _one(self, node: Node, need: Need, place: _Place) -> Generator["_Walk", None, bool]:
        """Have a version among what is needed; return whether it was moved."""
        assert node.artifact is not None
        original = node.artifact
        descriptor = Descriptor((), original.project) if node.is_local else self._lookup.descriptor(original.project)
        if descriptor is None:
            return False
        if descriptor.absence:
            self._fail(original, descriptor.absence)
            return False
        artifact = node.artifact = _moved(original, descriptor.project)
        node.is_local = node.is_local or self._lookup.is_beside(artifact.project)
        if (above := self._above(artifact)) is not None:
            node.children = above.children
            self._add(node)
            return False
        if descriptor.moves:
            if place.steps > _MOST_STEPS:
                self._fail(artifact, "is moved to itself")
                return True
            is_another = original.name != artifact.name
            by_range = place.by_range or bool(node.range)
            moved = place._replace(
                moves=descriptor.moves, by_range=by_range, version_managed=is_another, steps=place.steps + 1
            )
            yield from self._each(need._replace(artifact=artifact), moved)
            return True
        self._add(node)
        if descriptor.needs:
            exclusions = place.exclusions
            if need.exclusions:
                exclusions = tuple(sorted({*exclusions, *need.exclusions}))
            known = self._shared.setdefault((artifact, exclusions), node.children)
            if known is node.children:
                yield self._within(node, descriptor.needs, _Place(is_direct=False, exclusions=exclusions))
            node.children = known
        return False

    def _within(self, node: Node, needs: Iterable[Need], place: _Place) -> _Walk:
        self._stack.append(node)
        if len(self._stack) > _DEEPEST:
            raise _too_much(f"{len(self._stack)} artifacts that need one another in a row", f"at most {_DEEPEST}")
        yield from self._all(needs, place)
        self._stack.pop()

    def _above(self, artifact: Artifact) -> Node | None:
        """Return the node on the way from whoever asks that is the same artifact in any version."""
        for node in reversed(self._stack):
            if node.artifact is not None and node.artifact.key == artifact.key:
                return node
        return None

    def _add(self, node: Node) -> None:
        self._count += 1
        if not self._count % 256:
            self._check()
        if self._count > _MOST_NODES:
            raise _too_much(f"more than {_MOST_NODES} ways in which artifacts are needed", f"at most {_MOST_NODES}")
        self._stack[-1].children.append(node)

    def _fail(self, artifact: Artifact, text: str) -> None:
        way = tuple(node.artifact for node in self._stack if node.artifact is not None)
        self.problems.append(Problem(way, artifact, text))


def _is_selected(need: Need, place: _Place) -> bool:
    if not place.is_direct and (need.scope in _NOT_FOLLOWED or need.optional):
        return False
    artifact = need.artifact
    return not any(
        name in ("*", artifact.artifact) and group in ("*", artifact.group) for name, group in place.exclusions
    )


def _moved(artifact: Artifact, project: Project) -> Artifact:
    return artifact._replace(group=project.group, artifact=project.artifact, version=project.version)


def _too_much(found: str, expected: str) -> ExecutionFailedError:
    return ExecutionFailedError(
        f"maven: {found}", found=found, expected=expected, suggestions=["ask for fewer packages at a time"]
    )
