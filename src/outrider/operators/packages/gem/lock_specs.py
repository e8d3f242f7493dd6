"""The gems of a Gemfile.lock, each version with its variants: `spec_set.rb` and `definition.rb` of Bundler 2.6.7."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from outrider.operators.packages.gem.generic_platforms import generic
from outrider.operators.packages.gem.lines import Variant
from outrider.operators.packages.gem.lock_entries import LockEntry, read_entry
from outrider.operators.packages.gem.platforms import RUBY, fits
from outrider.operators.packages.gem.targets import RUBY_ITSELF, RUBYGEMS, GemTarget
from outrider.operators.packages.gem.variants import best_variants
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

_BUNDLER = "bundler"


class LockedVersion(NamedTuple):
    """A version of a gem.

    Attributes:
        version: As it is written.
        variants: Those that are locked.
    """

    version: str
    variants: list[Variant]


def locked_versions(
    answer: Resolved, before: Mapping[str, LockedVersion], platforms: Sequence[str], *, keep: bool
) -> dict[str, LockedVersion]:
    """Return what is locked of an answer.

    Args:
        answer: With all files.
        before: By name, what was locked: of a version that stays its variants stay.
        platforms: For which it is.
        keep: Whether these count before those that were chosen.
    """
    found = {}
    for one in answer.packages:
        entry, old = read_entry(one.entry), before.get(one.name)
        variants = [each for each in entry.variants if each.platform in entry.chosen]
        if old is not None and old.version == one.version:
            missing = [where for where in platforms if not any(fits(each.platform, where) for each in old.variants)]
            added = [each for where in missing for each in best_variants(variants, where)] if keep else variants
            there = {each.platform for each in old.variants}
            variants = [*old.variants, *(each for each in added if each.platform not in there)]
        found[one.name] = LockedVersion(one.version, variants)
    return found


class LockSpecs:
    """The gems of a lock.

    Args:
        gems: By name.

    Attributes:
        gems: By name; Bundler itself is never among them.
    """

    def __init__(self, gems: Mapping[str, LockedVersion]) -> None:
        self.gems = dict(gems)

    def reached(self, asked: Iterable[str], platforms: Sequence[str]) -> "LockSpecs":
        """Return those that are needed on some platforms.

        Args:
            asked: Names of what is asked for.
            platforms: Which; Bundler looks at `ruby` in any case.
        """
        found: dict[str, dict[str, Variant]] = {}
        for platform in dict.fromkeys([*platforms, RUBY]):
            for name, variants in self._needed(asked, platform):
                found.setdefault(name, {}).update((one.platform, one) for one in variants)
        kept = {name: [*variants.values()] for name, variants in found.items() if variants}
        return LockSpecs({name: LockedVersion(self.gems[name].version, variants) for name, variants in kept.items()})

    def is_complete(self, asked: Iterable[str], platform: str) -> bool:
        """Return whether there is a variant of all that is needed on a platform."""
        return all(variants for _, variants in self._needed(asked, platform))

    def _needed(self, asked: Iterable[str], platform: str) -> Iterator[tuple[str, list[Variant]]]:
        waiting, seen = [*asked], {_BUNDLER}
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            variants = best_variants(self.gems[name].variants, platform) if name in self.gems else []
            yield name, variants
            waiting += [need.name for one in variants[:1] for need in one.needs]

    def add_platforms(
        self, platforms: Sequence[str], known: Mapping[str, LockEntry], target: GemTarget, *, with_bundler: bool
    ) -> list[str]:
        """Lock variants for further platforms, for which there is one of each gem; return all platforms.

        That is what Bundler does where there is no lock yet, of platforms that are neither Java nor Windows (`add_extra_platforms!`).

        Args:
            platforms: For which the versions were chosen.
            known: By name, all variants of the versions.
            target: For which Ruby.
            with_bundler: Whether something needs Bundler, which is for any platform.
        """
        if not self.gems:
            return [*platforms, RUBY]
        offered = dict.fromkeys(one.platform for entry in known.values() for one in entry.variants)
        offered |= {RUBY: None} if with_bundler else {}
        further = [one for one in offered if one not in platforms and generic(one) == RUBY]
        new = [one for one in further if self.completed(one, known, target)]
        local = target.platform
        if any(one != RUBY and fits(local, one) and fits(one, local) for one in new):
            return [*(one for one in platforms if one != local), *new]
        return [*platforms, *new]

    def completed(self, platform: str, known: Mapping[str, LockEntry], target: GemTarget) -> bool:
        """Lock the variants for a platform, where there is one of each gem that goes with the rest; return whether it is so."""
        found: dict[str, Variant] = {}
        for name in self.gems:
            variants = best_variants(known[name].variants, platform)
            fitting = next((one for one in variants if self._goes(one, target)), None)
            if fitting is None:
                return False
            found[name] = fitting
        for name, variant in found.items():
            variants = self.gems[name].variants
            variants += [variant] if all(one.platform != variant.platform for one in variants) else []
        return True

    def _goes(self, variant: Variant, target: GemTarget) -> bool:
        if not target.allows(RUBY_ITSELF, variant.ruby) or not target.allows(RUBYGEMS, variant.rubygems):
            return False
        return all(need.name == _BUNDLER or self._has(need.name, need.range) for need in variant.needs)

    def _has(self, name: str, requirement: str) -> bool:
        if name not in self.gems:
            return False
        return bool(VersionTable(scheme_of("gem"), [self.gems[name].version]).mask(requirement))
