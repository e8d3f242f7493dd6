"""Which prereleases count, as with Bundler 2.4 and newer.

They are passed over unless what is asked for names one; where that leaves nothing of what is asked for, or makes that there is no
solution, they count where no release will do:
https://github.com/rubygems/rubygems/blob/master/bundler/lib/bundler/resolver.rb, `consider_prereleases!`.
"""

from collections.abc import Iterable, Mapping, Sequence

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
    """

    def __init__(self, gems: Mapping[str, Gem], asked: Iterable[GemNeed]) -> None:
        self._gems = gems
        self._first = {need.name for need in asked if names_prerelease(need.range)}
        self._last: set[str] = set()
        for need in asked:
            if not is_here(need.name) and not self.usable(need.name) & gems[need.name].mask(need.range):
                self._last.add(need.name)

    def usable(self, name: str) -> int:
        """Return the mask of candidates that count."""
        gem = self._gems[name]
        if self.passes_over(name):
            return gem.usable & ~gem.prereleases
        return gem.usable

    def passes_over(self, name: str) -> bool:
        """Return whether prereleases of a gem are passed over; where it has nothing but one variant of one, that counts."""
        gem = self._gems[name]
        return name not in self._first and name not in self._last and gem.variants > 1 and bool(gem.prereleases)

    def best(self, name: str, candidates: Sequence[int]) -> int:
        """Return which of some candidates is taken first; there must be one."""
        releases = self._gems[name].table.releases
        known = [] if name in self._first else [bit for bit in candidates if releases >> bit & 1]
        return max(known or candidates)

    def relax(self, names: Iterable[str]) -> bool:
        """Have prereleases of gems count where no release will do; return whether that is another search."""
        more = {name for name in names if not is_here(name) and self.passes_over(name)}
        self._last |= more
        return bool(more)


def names_prerelease(text: str) -> bool:
    """Return whether a requirement names a prerelease."""
    try:
        return any(scheme_of("gem").parse(word.lstrip("=!<>~ ")).prerelease for word in text.split(","))
    except InvalidConfigError:
        return False  # it allows nothing
