"""For which platforms a Gemfile.lock is made where one is there: `definition.rb` of Bundler 2.6.7.

`add_current_platform`, `remove_invalid_platforms!` and `start_resolution`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from outrider.operators.packages.gem.generic_platforms import generic
from outrider.operators.packages.gem.lock_entries import LockEntry
from outrider.operators.packages.gem.lock_specs import LockSpecs
from outrider.operators.packages.gem.platforms import RUBY, distance, fits
from outrider.operators.packages.gem.targets import GemTarget


class LockPlatforms(msgspec.Struct, frozen=True):
    """Platforms.

    Attributes:
        chosen_for: For which versions are chosen.
        stand_in: That which stands for the platform of this machine, where the latter is not in the lock; empty for none.
        doubtful: Those of the lock for which it lacks something; they stay where there is a variant of each gem for them.
    """

    chosen_for: list[str]
    stand_in: str = ""
    doubtful: list[str] = []

    def settled(
        self, specs: LockSpecs, asked: Collection[str], known: Mapping[str, LockEntry], target: GemTarget
    ) -> list[str]:
        """Return those that are locked, and have variants for them be among the gems.

        Args:
            specs: What was chosen.
            asked: Names of what is asked for here.
            known: By name, all variants of the versions.
            target: For which Ruby.
        """
        found = self.chosen_for
        if self.stand_in:
            left_out = target.platform if specs.is_complete(asked, self.stand_in) else self.stand_in
            found = [one for one in found if one != left_out]
        return [*found, *(one for one in self.doubtful if specs.completed(one, known, target))]


def platforms_anew(
    locked: Sequence[str], local: str, *, is_complete: Callable[[str], bool], changed: bool
) -> LockPlatforms:
    """Return the platforms of a lock that is made anew.

    Args:
        locked: Those that are in it.
        local: That of this machine.
        is_complete: Whether the lock has all that is asked for here for a platform.
        changed: Whether other gems are asked for than those of the lock.
    """
    platforms, stand_in = [*locked], ""
    if local not in locked:
        platforms.append(local)
        if any(generic(local) == one or fits(local, one) for one in locked):
            stand_in = min(locked, key=lambda one: distance(one, local))
    doubtful = [one for one in platforms if one != local and not (changed and one != RUBY) and not is_complete(one)]
    return LockPlatforms([one for one in platforms if one not in doubtful], stand_in, doubtful)
