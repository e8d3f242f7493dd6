"""What a resolution says of a package: that one of some versions is chosen, or none of them; `poetry/mixology/term.py` of Poetry 2.5."""

from enum import Enum
from functools import cached_property

from poetry.core.constraints.version import VersionConstraint
from poetry.core.packages.dependency import Dependency


class Relation(Enum):
    """How two terms go together: the first implies the second, rules it out, or does neither."""

    WITHIN = 0
    DISJOINT = 1
    OVERLAPPING = 2


class Term:
    """A statement about a package.

    Args:
        dependency: The package, and versions of it.
        positive: Whether one of these is chosen, or none.
    """

    def __init__(self, dependency: Dependency, positive: bool) -> None:
        self.dependency, self.positive = dependency, positive

    @cached_property
    def _relations(self) -> dict["Term", Relation]:
        return {}

    @cached_property
    def _intersections(self) -> dict["Term", "Term | None"]:
        return {}

    @property
    def name(self) -> str:
        """Of the package, with its extras."""
        return self.dependency.complete_name

    @property
    def constraint(self) -> VersionConstraint:
        """The versions."""
        return self.dependency.constraint

    @property
    def inverse(self) -> "Term":
        """The opposite."""
        return Term(self.dependency, not self.positive)

    def satisfies(self, other: "Term") -> bool:
        """Return whether another term follows from this one."""
        return self.name == other.name and self.relation(other) is Relation.WITHIN

    def relation(self, other: "Term") -> Relation:
        """Return how this goes together with another term of the same package."""
        if other not in self._relations:
            self._relations[other] = self._relation(other)
        return self._relations[other]

    def intersection(self, other: "Term") -> "Term | None":
        """Return what says the same as both together; None where that cannot be."""
        if other not in self._intersections:
            self._intersections[other] = self._intersection(other)
        return self._intersections[other]

    def difference(self, other: "Term") -> "Term | None":
        """Return what this says and another one does not."""
        return self.intersection(other.inverse)

    def _relation(self, other: "Term") -> Relation:
        mine, theirs = self.constraint, other.constraint
        if other.positive and self.positive:
            if theirs.allows_all(mine):
                return Relation.WITHIN
            return Relation.OVERLAPPING if mine.allows_any(theirs) else Relation.DISJOINT
        if other.positive:
            return Relation.DISJOINT if mine.allows_all(theirs) else Relation.OVERLAPPING
        if self.positive:
            if not theirs.allows_any(mine):
                return Relation.WITHIN
            # Where it is needed on other machines too, these are to be told of.
            same = self.dependency.transitive_marker == other.dependency.transitive_marker
            return Relation.DISJOINT if theirs.allows_all(mine) and same else Relation.OVERLAPPING
        return Relation.WITHIN if mine.allows_all(theirs) else Relation.OVERLAPPING

    def _intersection(self, other: "Term") -> "Term | None":
        if self.positive != other.positive:
            yes, no = (self, other) if self.positive else (other, self)
            return self._with(yes.constraint.difference(no.constraint), other, positive=True)
        if self.positive:
            return self._with(self.constraint.intersect(other.constraint), other, positive=True)
        return self._with(self.constraint.union(other.constraint), other, positive=False)

    def _with(self, constraint: VersionConstraint, other: "Term", *, positive: bool) -> "Term | None":
        if constraint.is_empty():
            return None
        dependency = self.dependency.with_constraint(constraint)
        if positive and other.positive:
            both = self.dependency.transitive_marker.union(other.dependency.transitive_marker)
            dependency.transitive_marker = both
        return Term(dependency, positive)
