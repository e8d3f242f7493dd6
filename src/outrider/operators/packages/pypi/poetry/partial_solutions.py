"""What is assumed of each package so far; `poetry/mixology/partial_solution.py` of Poetry 2.5."""

from poetry.core.packages.dependency import Dependency
from poetry.core.packages.package import Package

from outrider.operators.packages.pypi.poetry.incompatibilities import Incompatibility
from outrider.operators.packages.pypi.poetry.terms import Relation, Term


class Assignment(Term):
    """A term that is assumed.

    Args:
        dependency: Of it.
        positive: Likewise.
        level: How many packages were decided then.
        index: How many assignments there were before.
        cause: What it follows from; None where it was decided.
    """

    def __init__(
        self, dependency: Dependency, positive: bool, level: int, index: int, cause: Incompatibility | None = None
    ) -> None:
        super().__init__(dependency, positive)
        self.level, self.index, self.cause = level, index, cause


class PartialSolution:
    """Assignments, in their order.

    Attributes:
        decided: Packages that are chosen, by name with extras.
    """

    def __init__(self) -> None:
        self._assignments: list[Assignment] = []
        self.decided: dict[str, Package] = {}
        self._positive: dict[str, Term] = {}
        self._negative: dict[str, Term] = {}

    @property
    def level(self) -> int:
        """How many packages are decided."""
        return len(self.decided)

    @property
    def open(self) -> list[Dependency]:
        """What is needed, and not decided."""
        return [one.dependency for one in self._positive.values() if one.name not in self.decided]

    def decide(self, package: Package) -> None:
        """Choose a version."""
        self.decided[package.complete_name] = package
        self._assign(Assignment(package.to_dependency(), True, self.level, len(self._assignments)))

    def derive(self, dependency: Dependency, positive: bool, cause: Incompatibility) -> None:
        """Assume what follows."""
        self._assign(Assignment(dependency, positive, self.level, len(self._assignments), cause))

    def backtrack(self, level: int) -> None:
        """Take back all that was assumed above a level."""
        names = set()
        while self._assignments[-1].level > level:
            removed = self._assignments.pop()
            names.add(removed.name)
            if removed.cause is None:
                del self.decided[removed.name]
        for name in names:
            self._positive.pop(name, None)
            self._negative.pop(name, None)
        for one in self._assignments:
            if one.name in names:
                self._register(one)

    def satisfier(self, term: Term) -> Assignment:
        """Return the first assignment with which a term is true."""
        found: Term | None = None
        for one in self._assignments:
            if one.name == term.name:
                found = one if found is None else found.intersection(one)
                assert found is not None
                if found.satisfies(term):
                    return one
        raise AssertionError(f"{term.dependency} is not satisfied")

    def satisfies(self, term: Term) -> bool:
        """Return whether a term is true."""
        return self.relation(term) is Relation.WITHIN

    def relation(self, term: Term) -> Relation:
        """Return what is known of a term."""
        known = self._positive.get(term.name) or self._negative.get(term.name)
        return Relation.OVERLAPPING if known is None else known.relation(term)

    def _assign(self, one: Assignment) -> None:
        self._assignments.append(one)
        self._register(one)

    def _register(self, one: Assignment) -> None:
        name = one.name
        before = self._positive.get(name)
        if before is not None:
            both = before.intersection(one)
            assert both is not None
            self._positive[name] = both
            return
        denied = self._negative.get(name)
        term = one if denied is None else one.intersection(denied)
        assert term is not None
        if term.positive:
            self._negative.pop(name, None)
            self._positive[name] = term
        else:
            self._negative[name] = term
