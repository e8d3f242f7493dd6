"""Patterns of paths as clients of npm have them, for folders and for the way to a package: https://github.com/isaacs/minimatch."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from outrider.core.errors import InvalidConfigError, UnsupportedError

_MOST_ALTERNATIVES = 1000
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")
# `+(a|b)` and `{1..3}`.
_MORE = re.compile(r"[@!?*+]\(|\{[^{},]*\.\.")


def matches(place: str, patterns: Iterable[str]) -> bool:
    """Return whether any of some patterns finds a path."""
    return any(_match(place.split("/"), one.split("/")) for pattern in patterns for one in _alternatives(pattern))


def refuse_unread(file: str, field: str, patterns: Iterable[str]) -> None:
    """Refuse patterns that are not read here.

    Args:
        file: In which they stand.
        field: Of that.
        patterns: As they are written.

    Raises:
        InvalidConfigError: One stands for too many.
        UnsupportedError: One has a list in parentheses, or a row of numbers.
    """
    for pattern in patterns:
        if _MORE.search(pattern):
            raise UnsupportedError(
                f"{file}: {field} has a pattern that is not read", path=field, found=pattern[:80],
                expected="*, **, ?, [...] and {a,b} alone", suggestions=["write it with these"],
            )  # fmt: skip
        if _count(pattern) > _MOST_ALTERNATIVES:
            raise InvalidConfigError(
                f"{file}: {field} has a pattern that stands for too many", path=field, found=pattern[:80],
                expected=f"at most {_MOST_ALTERNATIVES}", suggestions=["write them one by one"],
            )  # fmt: skip


def _match(parts: list[str], pattern: list[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[:2] == ["**", "**"]:
        return _match(parts, pattern[1:])
    if pattern[0] == "**":
        deeper = bool(parts) and not parts[0].startswith(".") and _match(parts[1:], pattern)
        return _match(parts, pattern[1:]) or deeper
    return bool(parts) and _is_named(parts[0], pattern[0]) and _match(parts[1:], pattern[1:])


def _is_named(name: str, pattern: str) -> bool:
    if name.startswith(".") and not pattern.startswith("."):
        return False
    return fnmatchcase(name, pattern.replace("[^", "[!"))


def _alternatives(pattern: str) -> list[str]:
    """Return the patterns that one with braces stands for."""
    found = [pattern]
    for one in found:
        match = _BRACES.search(one)
        if match is not None:
            found += [f"{one[: match.start()]}{part}{one[match.end() :]}" for part in match[1].split(",")]
    return [one for one in found if _BRACES.search(one) is None]


def _count(pattern: str) -> int:
    """Return for how many patterns one stands at most."""
    count = 1
    while match := _BRACES.search(pattern):
        count *= match[1].count(",") + 1
        pattern = f"{pattern[: match.start()]}{pattern[match.end() :]}"
    return count
