"""Leaves out versions that differ in nothing but their number from a better one, as Composer does before it begins to choose.

https://github.com/composer/composer/blob/2.5.5/src/Composer/DependencyResolver/PoolOptimizer.php.
"""

from collections.abc import Iterable, Sequence

from outrider.operators.packages.composer.candidates import Candidate
from outrider.operators.packages.composer.constraints import Constraint, Spans, within
from outrider.operators.packages.composer.pool import Wish
from outrider.operators.packages.composer.preferences import Preferences

# What wishes and conflicts are about, in parts that hang together; a dictionary for its order.
_Parts = dict[str, dict[Spans, None]]
_Sign = tuple[str, Spans]


class PoolOptimizer:
    """Leaves out versions.

    Args:
        candidates: All of them; they have numbers, by which they are preferred.
        fixed: Those among them that stay in any case.
        preferences: Which of several is better.
    """

    def __init__(self, candidates: Sequence[Candidate], fixed: Iterable[Candidate], preferences: Preferences) -> None:
        self._candidates, self._preferences = candidates, preferences
        keys = {(one.name, one.key) for one in fixed}
        self._fixed = {one for one in candidates if (one.name, one.key) in keys}
        self._aliases: dict[Candidate, list[Candidate]] = {}
        self._wished: _Parts = {}
        self._conflicting: _Parts = {}
        self._kept: set[Candidate] = set(self._fixed)

    def optimized(self, wishes: Iterable[Wish]) -> list[Candidate]:
        """Return the versions that are left.

        Args:
            wishes: What is asked for.
        """
        for wish in wishes:
            _add_parts(self._wished, wish.name, wish.constraint)
        for one in self._candidates:
            for link in one.links.requires:
                _add_parts(self._wished, link.target, link.constraint)
            for link in one.links.conflicts:
                _add_parts(self._conflicting, link.target, link.constraint)
            if one.alias_of is not None:
                self._aliases.setdefault(one.alias_of, []).append(one)
        for alike in self._alike():
            for one in self._preferences.best(alike):
                self._keep(one)
        return [one for one in self._candidates if one in self._kept]

    def _alike(self) -> Iterable[list[Candidate]]:
        """Return groups of versions, each of which would do as well as any other of its group."""
        groups: dict[tuple[str, tuple[_Sign, ...], tuple[object, ...]], dict[Candidate, None]] = {}
        for one in self._candidates:
            if one in self._fixed:
                continue
            said = _said(one)
            for name in one.own_names:
                for sign in self._signs(one, name):
                    groups.setdefault((name, sign, said), {})[one] = None
        return [list(group) for group in groups.values()]

    def _signs(self, one: Candidate, name: str) -> Iterable[tuple[_Sign, ...]]:
        """Yield, for each wish for a name, what speaks for and against a version; it goes by its own number for all of its names."""
        replaced = [("wish", link.constraint.spans) for link in one.links.replaces if link.constraint.allows(one.key)]
        conflicts = [("conflict", part) for part in self._conflicting.get(name, ()) if within(part, one.key)]
        for part in self._wished.get(name, ()):
            sign = (*([("wish", part)] if within(part, one.key) else []), *replaced, *conflicts)
            if sign:
                yield sign

    def _keep(self, one: Candidate) -> None:
        """Keep a version, with all that it is called."""
        self._kept |= {one.base, *self._aliases.get(one.base, ())}


def _add_parts(parts: _Parts, name: str, constraint: Constraint) -> None:
    parts.setdefault(name, {}).update(dict.fromkeys(constraint.parts()))


def _said(one: Candidate) -> tuple[object, ...]:
    """Return what a version says of others, in the same way for all that say the same."""
    return tuple(
        tuple(sorted({link.target: link.constraint.spans for link in links}.items(), key=lambda said: said[0]))
        for links in one.links
    )
