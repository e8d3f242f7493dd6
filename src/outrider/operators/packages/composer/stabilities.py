"""How stable versions are, and how stable they have to be.

https://getcomposer.org/doc/04-schema.md#minimum-stability and package-links, "stability constraints".
"""

import re
from collections.abc import Iterable, Mapping

from outrider.operators.packages.versions.composer import alternatives_of

STABILITIES = {"stable": 0, "RC": 5, "beta": 10, "alpha": 15, "dev": 20}
STABLE, DEV = 0, 20
NAMES = {rank: name for name, rank in STABILITIES.items()}
_BY_LETTERS = {name.lower(): rank for name, rank in STABILITIES.items()}
_WORDS = {"beta": 10, "b": 10, "alpha": 15, "a": 15, "rc": 5}
_MODIFIER = re.compile(
    r"[._-]?(?:(?P<word>stable|beta|b|rc|alpha|a|patch|pl|p)(?:[.-]?\d+)*+)?(?P<dev>[.-]?dev)?(?:\+.*)?\Z",
    re.ASCII | re.DOTALL,
)
_REFERENCE = re.compile(r"#.+", re.DOTALL)
_FLAG = re.compile(r"[^@]*@(stable|RC|beta|alpha|dev)", re.IGNORECASE)
_ALIASED = re.compile(r"([^,\s@]+) as .+", re.DOTALL)
_SINGLE = re.compile(r"[^,\s@]+")


def rank_of(word: str) -> int | None:
    """Return how unstable a word says that something is, in any letters; None where it says nothing of that."""
    return _BY_LETTERS.get(word.lower())


def stability_of(version: str) -> int:
    """Return how unstable a version is, as it is written or in its normal form; 0 is stable."""
    version = _REFERENCE.sub("", version)
    if version.startswith("dev-") or version.endswith("-dev"):
        return DEV
    match = _MODIFIER.search(version.lower())
    assert match is not None  # at least the end matches
    return DEV if match["dev"] else _WORDS.get(match["word"] or "", STABLE)


def flags_of(name: str, constraint: str, minimum: int) -> dict[str, int]:
    """Return how unstable versions of a package may be by what is asked of it: a flag such as `@dev`, or the name of an unstable version.

    Args:
        name: Of the package.
        constraint: As it is written.
        minimum: What is allowed of all packages.
    """
    words = [word for words in alternatives_of(constraint) for word in words]
    flags = [rank for word in words if (match := _FLAG.fullmatch(word)) and (rank := rank_of(match[1])) is not None]
    if flags:
        return {name: max(flags)}
    named = [match[1] if (match := _ALIASED.fullmatch(word)) else word for word in words]
    ranks = [stability_of(word) for word in named if _SINGLE.fullmatch(word)]
    least = [rank for rank in ranks if rank != STABLE and rank >= minimum]
    return {name: max(least)} if least else {}


class Stabilities:
    """How unstable versions may be.

    Args:
        minimum: Of all packages.
        flags: Of those for which something else is said, by name.
    """

    def __init__(self, minimum: int, flags: Mapping[str, int]) -> None:
        self.minimum, self._flags = minimum, flags

    def accept(self, names: Iterable[str], stability: int) -> bool:
        """Return whether a version may be that unstable, if it is called by any of some names."""
        return any(stability <= self._flags.get(name, self.minimum) for name in names)

    def least(self, name: str) -> int:
        """Return how unstable a package may be at most."""
        return self._flags.get(name, self.minimum)
