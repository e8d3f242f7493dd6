"""Patterns for paths below a folder, matched one name after another on the way down."""

from __future__ import annotations

from fnmatch import fnmatchcase

States = frozenset[int]


class Glob:
    """A pattern such as `*.log` or `logs/**/*.tmp`: `*` and `?` stay within a name, `**` stands for any number of names.

    A state is the number of parts that are matched; what a path may still match is a set of states.

    Args:
        pattern: Relative, with `/` between its parts.

    Raises:
        ValueError: No path can match it, or it leads out of the folder.
    """

    def __init__(self, pattern: str) -> None:
        self._parts = pattern.split("/")
        if any(part in {"", ".", ".."} for part in self._parts):
            raise ValueError(f"{pattern!r} has an empty part, . or ..")
        self.start = self._with_empty({0})

    def step(self, states: States, name: str) -> States:
        """Go on by one name of the path."""
        following = set()
        for state in states - {len(self._parts)}:
            if self._parts[state] == "**":
                following.add(state)
            elif fnmatchcase(name, self._parts[state]):
                following.add(state + 1)
        return self._with_empty(following)

    def matches(self, states: States) -> bool:
        """Return whether the path matches as it is."""
        return len(self._parts) in states

    def goes_on(self, states: States) -> bool:
        """Return whether something below the path may match."""
        return any(state < len(self._parts) for state in states)

    def _with_empty(self, states: set[int]) -> States:
        """Add the states behind each `**`, which may stand for nothing."""
        for state in range(len(self._parts)):
            if state in states and self._parts[state] == "**":
                states.add(state + 1)
        return frozenset(states)


class Wanted:
    """What several patterns, which must all match, still want at one place on the way down.

    Args:
        globs: The patterns.
        states: Their states at this place; those at the top where absent.
    """

    def __init__(self, globs: list[Glob], states: list[States] | None = None) -> None:
        self._globs = globs
        self._states = [glob.start for glob in globs] if states is None else states

    def below(self, name: str) -> Wanted:
        """Return what they want of a name at this place."""
        states = [glob.step(now, name) for glob, now in zip(self._globs, self._states, strict=True)]
        return Wanted(self._globs, states)

    def matches(self) -> bool:
        """Return whether the path matches as it is."""
        return all(glob.matches(now) for glob, now in zip(self._globs, self._states, strict=True))

    def goes_on(self) -> bool:
        """Return whether something below the path may match."""
        return all(glob.goes_on(now) for glob, now in zip(self._globs, self._states, strict=True))
