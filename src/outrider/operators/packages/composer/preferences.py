"""Which of several versions Composer takes: https://github.com/composer/composer/blob/2.5.5/src/Composer/DependencyResolver/DefaultPolicy.php.

Versions that are locked come before all others, as they do in the same class of Composer 2.7 for `--minimal-changes`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.composer.candidates import Candidate
from outrider.operators.packages.composer.php_order import php_sorted
from outrider.operators.packages.versions.composer import key_of, normal_form
from outrider.operators.packages.versions.ranges import Key

_BRANCH = 0


class Preferences:
    """Prefers newer versions, and what is called as it was asked for.

    Args:
        stable_first: Whether stable versions come before newer ones.
        locked: Versions that come before all others, by name.
    """

    def __init__(self, *, stable_first: bool, locked: Mapping[str, Collection[str]] | None = None) -> None:
        self._stable_first = stable_first
        self._locked = {name: set(_keys(versions)) for name, versions in (locked or {}).items()}

    def is_locked(self, one: Candidate) -> bool:
        """Return whether a version, or what it is an alias of, comes before all others."""
        return one.base.key in self._locked.get(one.name, ())

    def rank(self, called: Sequence[Candidate]) -> tuple[bool, int, Key, int]:
        """Return what sorts the versions of a package, each with all that it is called, the best one last."""
        stability = min(one.stability for one in called) if self._stable_first else 0
        base = called[0].base
        return self.is_locked(base), -stability, max(one.key for one in called), -base.number

    def best(self, candidates: Iterable[Candidate], required: str = "") -> list[Candidate]:
        """Return the best versions of each package, what is to be tried first at the beginning.

        Args:
            candidates: To choose from, none of them twice.
            required: The name that is asked for.
        """
        by_name: dict[str, list[Candidate]] = {}
        for one in sorted(candidates, key=lambda one: one.number):
            by_name.setdefault(one.name, []).append(one)
        found = [one for same in by_name.values() for one in self._best_of(same)]
        return _ordered(found, required) if len(by_name) > 1 else found

    def _best_of(self, same: Sequence[Candidate]) -> list[Candidate]:
        """Return the best of the versions of a package: aliases first, those that were asked for alone if there are any."""
        best: list[Candidate] = []
        locked = [one for one in same if self.is_locked(one)]
        for one in sorted(locked or same, key=_alias_first):
            if not best or self._is_better(one, best[0]):
                best = [one]
            elif self._is_equal(one, best[0]):
                best.append(one)
        asked = [one for one in best if one.is_root_alias]
        return asked or best

    def _is_better(self, one: Candidate, two: Candidate) -> bool:
        if self._stable_first and one.stability != two.stability:
            return one.stability < two.stability
        return not _are_branches(one.key, two.key) and bool(one.key > two.key)

    def _is_equal(self, one: Candidate, two: Candidate) -> bool:
        return one.key == two.key and not (self._stable_first and one.stability != two.stability)


def _keys(versions: Iterable[str]) -> Iterator[Key]:
    """Yield the keys of versions; what is none is no version of any package either."""
    for version in versions:
        with suppress(InvalidConfigError):
            yield key_of(normal_form(version))


def _alias_first(one: Candidate) -> bool:
    return one.alias_of is None


def _are_branches(one: Key, two: Key) -> bool:
    """Return whether both are branches with no number: none of these is newer than another."""
    return bool(one[0] == two[0] == _BRANCH)


def _ordered(found: list[Candidate], required: str) -> list[Candidate]:
    """Return versions of several packages in order: what is replaced before what replaces it, then the vendor that is asked for.

    Composer compares them two by two, and as not all such comparisons agree, the way that PHP sorts counts.
    """
    vendor = required.partition("/")[0] if "/" in required else ""

    def compared(one: Candidate, two: Candidate) -> int:
        if one.name == two.name and (one.alias_of is None) != (two.alias_of is None):
            return 1 if one.alias_of is None else -1
        if any(link.target == two.name for link in one.links.replaces):
            return 1
        if any(link.target == one.name for link in two.links.replaces):
            return -1
        if vendor and one.name.startswith(vendor) != two.name.startswith(vendor):
            return -1 if one.name.startswith(vendor) else 1
        return one.number - two.number

    return php_sorted(found, compared)
