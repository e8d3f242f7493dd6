"""Gems as a universe for the solver; Ruby, RubyGems and Bundler are packages of two versions: what is here, and any other."""

from collections.abc import Mapping, Sequence

from outrider.operators.packages.gem.gems import Gem
from outrider.operators.packages.gem.lines import ANY, GemNeed
from outrider.operators.packages.gem.modes import Modes
from outrider.operators.packages.gem.targets import BUNDLER, RUBY_ITSELF, RUBYGEMS, GemTarget, called, is_here
from outrider.operators.packages.resolving.searching import bits
from outrider.operators.packages.resolving.universe import Needs

_HERE, _OTHER = 1, 2


class GemUniverse:
    """The explored candidates of gems that count.

    Args:
        gems: By name; whatever an explored candidate needs is among them.
        modes: Which candidates count.
        target: For what.
    """

    def __init__(self, gems: Mapping[str, Gem], modes: Modes, target: GemTarget) -> None:
        self._gems, self._modes, self._target = gems, modes, target
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._wished: dict[int, list[str]] = {}

    def number(self, name: str) -> int:
        """Return the number of a package."""
        if name not in self._numbers:
            self._numbers[name] = len(self._names)
            self._names.append(name)
        return self._numbers[name]

    def key(self, package: int) -> str:
        """Return the name of a package."""
        return self._names[package]

    def roots(self, asked: Sequence[GemNeed]) -> list[tuple[int, int]]:
        """Return what is asked for as the solver takes it, with what is here."""
        for need in asked:
            self._wished.setdefault(self.number(need.name), []).append(written(need))
        found = [(self.number(need.name), self.mask(need)) for need in asked]
        for name in (RUBY_ITSELF, RUBYGEMS, BUNDLER):
            if self._target.here(name):
                found.append((self.number(name), _HERE))
                this = f"what goes with {called(name)} {self._target.here(name)}"
                self._wished.setdefault(self.number(name), []).append(this)
        return found

    def mask(self, need: GemNeed) -> int:
        """Return what would do for a dependency."""
        if is_here(need.name):
            return _HERE | _OTHER if self._target.allows(need.name, need.range) else _OTHER
        return self._gems[need.name].mask(need.range)

    def versions(self, package: int) -> tuple[int, int]:
        name = self._names[package]
        if is_here(name):
            return 2, _HERE | _OTHER
        gem = self._gems[name]
        return len(gem.table.versions), gem.explored & self._modes.usable(name)

    def needs(self, package: int) -> Sequence[Needs]:
        name = self._names[package]
        if is_here(name):
            return ()
        masks: dict[int, dict[int, int]] = {}
        for bit in bits(self.versions(package)[1]):
            for need in self._gems[name].needs(bit):
                groups = masks.setdefault(self.number(need.name), {})
                needed = self.mask(need)
                groups[needed] = groups.get(needed, 0) | 1 << bit
        return [
            (other, sum(groups.values()), tuple(value for pair in groups.items() for value in pair))
            for other, groups in masks.items()
        ]

    def preferred(self, package: int) -> int:
        """Return the mask of the versions of a package that are tried before all others."""
        name = self._names[package]
        return 0 if is_here(name) else self._modes.preferred(name)

    def full(self, package: int) -> int:
        count, allowed = self.versions(package)
        return allowed | 1 << count

    def name(self, package: int) -> str:
        return called(self._names[package])

    def described(self, package: int, mask: int) -> str:
        name = self._names[package]
        if is_here(name):
            here = f"{called(name)} {self._target.here(name)}"
            return here if mask & _HERE else f"another {called(name)} than {self._target.here(name)}"
        return self._gems[name].described(mask, self.versions(package)[1])

    def wished(self, package: int) -> str:
        return " and ".join(self._wished.get(package, ()))

    def demanded(self, package: int, versions: int, other: int) -> str:
        gem, wanted = self._gems[self._names[package]], self._names[other]
        said = {
            written(need)
            for bit in bits(versions & self.versions(package)[1])
            for need in gem.needs(bit)
            if need.name == wanted
        }
        return said.pop() if len(said) == 1 else ""


def written(need: GemNeed) -> str:
    """Return a dependency as people write it."""
    return called(need.name) if need.range == ANY else f"{called(need.name)} {need.range}"
