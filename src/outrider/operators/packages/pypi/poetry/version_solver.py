"""Chooses versions as Poetry does, with PubGrub: `poetry/mixology/version_solver.py` of Poetry 2.5.

How that works: https://github.com/dart-lang/pub/blob/master/doc/solver.md. What stands for a package is its name with its extras.
"""

from collections.abc import Callable
from itertools import combinations

from poetry.core.packages.dependency import Dependency
from poetry.core.packages.package import Package
from poetry.core.packages.project_package import ProjectPackage
from poetry.core.version.markers import BaseMarker

from outrider.operators.packages.pypi.poetry.candidates import Candidates
from outrider.operators.packages.pypi.poetry.incompatibilities import Cause, Incompatibility
from outrider.operators.packages.pypi.poetry.partial_solutions import Assignment, PartialSolution
from outrider.operators.packages.pypi.poetry.provider import OverridesNeededError, Provider
from outrider.operators.packages.pypi.poetry.terms import Relation, Term

_CONFLICT = ""
# What is decided first.
_NO_CHOICE, _LOCKED, _USUAL = range(3)
_Key = tuple[int, int, bool, int]


class NoSolutionError(Exception):
    """What is asked for cannot be had.

    Attributes:
        incompatibility: From which that follows.
    """

    def __init__(self, incompatibility: Incompatibility) -> None:
        super().__init__()
        self.incompatibility = incompatibility


class VersionSolver:
    """Solves once.

    Args:
        root: The project.
        provider: Knows packages.
        check: Called now and then; it may raise to end the search.
    """

    def __init__(self, root: ProjectPackage, provider: Provider, check: Callable[[], None]) -> None:
        self._root, self._provider, self._check = root, provider, check
        self._incompatibilities: dict[str, list[Incompatibility]] = {}
        self._contradicted: dict[Incompatibility, int] = {}
        self._solution = PartialSolution()
        self._candidates = Candidates(provider.search)
        self._keys: dict[Dependency, _Key] = {}

    def solve(self) -> list[Package]:
        """Return packages that go together, in the order in which they were chosen.

        Raises:
            NoSolutionError: There are none.
            OverridesNeededError: Several kinds of machines have to be told apart.
        """
        root = Dependency(self._root.name, self._root.version)
        root.is_root = True
        self._add(Incompatibility([Term(root, False)], Cause()))
        following: str | None = self._root.name
        while following is not None:
            self._check()
            self._propagate(following)
            following = self._choose()
        return [one for one in self._solution.decided.values() if not one.is_root()]

    def _propagate(self, name: str) -> None:
        # Poetry takes them in no order; here it is always the same one.
        changed = {name: None}
        while changed:
            name, _ = changed.popitem()
            for one in reversed(self._incompatibilities[name]):
                if one in self._contradicted:
                    continue
                result = self._derived(one)
                if result == _CONFLICT:
                    cause = self._resolve(one)
                    result = self._derived(cause)
                    assert result
                    changed = {result: None}
                    break
                if result is not None:
                    changed[result] = None

    def _derived(self, incompatibility: Incompatibility) -> str | None:
        """Assume what follows, and return of which package; an empty name where nothing can be so, None where nothing follows."""
        left: Term | None = None
        for term in incompatibility.terms:
            relation = self._solution.relation(term)
            if relation is Relation.DISJOINT:
                self._contradicted[incompatibility] = self._solution.level
                return None
            if relation is Relation.OVERLAPPING:
                if left is not None:
                    return None
                left = term
        if left is None:
            return _CONFLICT
        self._contradicted[incompatibility] = self._solution.level
        self._solution.derive(left.dependency, not left.positive, incompatibility)
        return left.name

    def _resolve(self, incompatibility: Incompatibility) -> Incompatibility:
        """Return what a conflict comes from, once all is taken back that led to it."""
        is_new = False
        while not incompatibility.is_failure:
            self._check()
            term, satisfier, difference, level = self._latest(incompatibility)
            if level < satisfier.level or satisfier.cause is None:
                self._candidates.forget(range(self._solution.level, level, -1))
                self._contradicted = {one: at for one, at in self._contradicted.items() if at <= level}
                self._solution.backtrack(level)
                if is_new:
                    self._add(incompatibility)
                return incompatibility
            terms = [one for one in incompatibility.terms if one is not term]
            terms += [one for one in satisfier.cause.terms if one.dependency != satisfier.dependency]
            if difference is not None and difference.dependency != satisfier.dependency:
                terms.append(difference.inverse)
            incompatibility = Incompatibility(terms, (incompatibility, satisfier.cause))
            is_new = True
        self._tell_apart(incompatibility)
        raise NoSolutionError(incompatibility)

    def _latest(self, incompatibility: Incompatibility) -> tuple[Term, Assignment, Term | None, int]:
        """Return what came true last, with which assignment, what that says beyond it, and the level before."""
        latest: Term | None = None
        satisfier: Assignment | None = None
        difference: Term | None = None
        level = 1
        for term in incompatibility.terms:
            one = self._solution.satisfier(term)
            if satisfier is None:
                latest, satisfier = term, one
            elif satisfier.index < one.index:
                level = max(level, satisfier.level)
                latest, satisfier, difference = term, one, None
            else:
                level = max(level, one.level)
            if latest is term:
                difference = satisfier.difference(term)
                if difference is not None:
                    level = max(level, self._solution.satisfier(difference.inverse).level)
        assert latest is not None
        assert satisfier is not None
        return latest, satisfier, difference, level

    def _tell_apart(self, incompatibility: Incompatibility) -> None:
        """Have two kinds of machines where two packages need what clashes, but never on the same machine."""
        needs: dict[str, list[Dependency]] = {}
        for one in incompatibility.reasons():
            if isinstance(one.cause, Cause) and one.cause.needed:
                for term in one.terms:
                    if not term.positive:
                        needs.setdefault(term.dependency.name, []).append(term.dependency)
        for same in needs.values():
            for first, second in combinations(same, 2):
                if not first.constraint.intersect(second.constraint).is_empty():
                    continue
                here = _where(first).intersect(self._provider.where)
                there = _where(second).intersect(self._provider.where)
                if not here.is_empty() and not there.is_empty() and here.intersect(there).is_empty():
                    raise OverridesNeededError(self._provider.split(here))

    def _choose(self) -> str | None:
        """Choose a version of one package, and return its name; None where all are chosen."""
        waiting = self._solution.open
        if not waiting:
            return None
        self._provider.prepare(waiting)
        dependency = min(waiting, key=self._key)
        found = self._provider.locked(dependency)
        if found is None or not self._provider.may_have(found):
            found = next(iter(self._candidates.of(dependency, self._solution.level)), None)
            if found is None:
                self._add(Incompatibility([Term(dependency, True)], Cause(_none(dependency))))
                return dependency.complete_name
            found.dependency.transitive_marker = dependency.transitive_marker
        completed = self._provider.completed(found)
        conflict = False
        for one in self._provider.incompatibilities(completed):
            self._add(one)
            conflict = conflict or all(
                term.name == dependency.complete_name or self._solution.satisfies(term) for term in one.terms
            )
        if not conflict:
            self._solution.decide(completed.package)
        return dependency.complete_name

    def _key(self, dependency: Dependency) -> _Key:
        known = self._keys.get(dependency)
        return known if known is not None else self._new_key(dependency)

    def _new_key(self, dependency: Dependency) -> _Key:
        locked = self._provider.locked(dependency)
        found = [locked] if locked is not None else self._candidates.of(dependency, self._solution.level)
        needs = self._provider.usual_needs(dependency, found[0]) if found else []
        bounded = sum(1 for one in needs if one.constraint.has_upper_bound())
        first = _LOCKED if locked is not None else _NO_CHOICE if len(found) < 2 else _USUAL
        key = self._keys[dependency] = (first, -bounded, not needs, -len(found))
        return key

    def _add(self, incompatibility: Incompatibility) -> None:
        for term in incompatibility.terms:
            known = self._incompatibilities.setdefault(term.name, [])
            if incompatibility not in known:
                known.append(incompatibility)


def _where(dependency: Dependency) -> BaseMarker:
    """Return on which machines something is needed."""
    return dependency.transitive_marker.without_extras().intersect(dependency.marker.without_extras())


def _none(dependency: Dependency) -> str:
    where = f" in {dependency.source_name}" if dependency.source_name else ""
    return f"No version of {dependency.name} is {dependency.constraint}{where}."
