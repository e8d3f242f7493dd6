"""Which candidates count, as with Bundler 2.4 and newer: which prereleases, and what older ones than those that are locked.

Prereleases are passed over unless what is asked for names one; where that leaves nothing of what is asked for, or makes that there is no
solution, they count where no release will do:
https://github.com/rubygems/rubygems/blob/master/bundler/lib/bundler/resolver.rb, `consider_prereleases!`.

A version that is locked is tried before all others, and older ones count where nothing else will do; both not of what is asked for in
other versions than that: `additional_base_requirements_to_prevent_downgrades` in `definition.rb`, and `gem_version_promoter.rb`, of 2.6.7.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.gem.gems import Gem
from outrider.operators.packages.gem.lines import GemNeed
from outrider.operators.packages.gem.targets import is_here
from outrider.operators.packages.versions.ecosystems import scheme_of


class Modes:
    """Which candidates of gems count in one search.

    Args:
        gems: By name; those that are asked for are among them.
        asked: What is asked for.
        locked: By name, the versions that are locked.
        last: Names of gems whose prereleases count where no release will do.
    """

    def __init__(
        self,
        gems: Mapping[str, Gem],
        asked: Sequence[GemNeed],
        locked: Mapping[str, Collection[str]] | None = None,
        last: Iterable[str] = (),
    ) -> None:
        self._gems = gems
        self._locked = {name: versions for name, versions in (locked or {}).items() if versions and not is_here(name)}
        for name in [need.name for need in asked if not self._is_locked(need)]:
            self._locked.pop(name, None)
        self._not_older = {name: f">= {_oldest(versions)}" for name, versions in self._locked.items()}
        self._first = {need.name for need in asked if names_prerelease(need.range)}
        self._first |= {name for name, versions in self._locked.items() if any(map(names_prerelease, versions))}
        self._last = set(last)
        for need in asked:
            if not is_here(need.name) and not self.usable(need.name) & gems[need.name].mask(need.range):
                self._last.add(need.name)

    def _is_locked(self, need: GemNeed) -> bool:
        """Return whether a version is locked that what is asked for allows, and that may be chosen."""
        if need.name not in self._locked:
            return False
        gem = self._gems[need.name]
        return bool(self.preferred(need.name) & gem.usable & gem.mask(need.range))

    def usable(self, name: str) -> int:
        """Return the mask of candidates that count."""
        gem = self._gems[name]
        usable = gem.usable & gem.mask(self._not_older[name]) if name in self._not_older else gem.usable
        return usable & ~gem.prereleases if self.passes_over(name) else usable

    def preferred(self, name: str) -> int:
        """Return the mask of the candidates of locked versions, which are tried before all others."""
        wanted = self._locked.get(name, ())
        versions = self._gems[name].table.versions if wanted else ()
        return sum(1 << bit for bit, version in enumerate(versions) if version in wanted)

    def passes_over(self, name: str) -> bool:
        """Return whether prereleases of a gem are passed over; where it has nothing but one variant of one, that counts."""
        gem = self._gems[name]
        return name not in self._first and name not in self._last and gem.variants > 1 and bool(gem.prereleases)

    def best(self, name: str, candidates: Sequence[int]) -> int:
        """Return which of some candidates is taken first; there must be one."""
        releases = self._gems[name].table.releases
        known = [] if name in self._first else [bit for bit in candidates if releases >> bit & 1]
        locked = [bit for bit in candidates if self.preferred(name) >> bit & 1]
        return max(locked or known or candidates)

    def relax(self, names: Iterable[str]) -> bool:
        """Have older versions of gems count than those that are locked, else prereleases; return whether that is another search."""
        gems = {name for name in names if not is_here(name)}
        older = gems & self._not_older.keys()
        more = {name for name in gems - older if self.passes_over(name)}
        self._not_older = {name: text for name, text in self._not_older.items() if name not in older}
        self._last |= more
        return bool(older or more)


def _oldest(versions: Iterable[str]) -> str:
    return min(versions, key=lambda version: scheme_of("gem").parse(version).key)


def names_prerelease(text: str) -> bool:
    """Return whether a requirement names a prerelease."""
    try:
        return any(scheme_of("gem").parse(word.lstrip("=!<>~ ")).prerelease for word in text.split(","))
    except InvalidConfigError:
        return False  # it allows nothing
