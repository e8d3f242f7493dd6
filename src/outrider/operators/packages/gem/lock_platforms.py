"""For which platforms a Gemfile.lock that is there is made anew: `add_current_platform` in `definition.rb` of Bundler 2.6.7."""

from collections.abc import Iterable, Sequence

import msgspec

from outrider.operators.packages.gem.generic_platforms import generic
from outrider.operators.packages.gem.lock_specs import LockSpecs
from outrider.operators.packages.gem.platforms import distance, fits


class LockPlatforms(msgspec.Struct, frozen=True):
    """Platforms.

    Attributes:
        chosen_for: For which versions are chosen.
        stand_in: That which stands for the platform of this machine, where the latter is not in the lock; empty for none.
    """

    chosen_for: list[str]
    stand_in: str = ""

    def settled(self, specs: LockSpecs, asked: Iterable[str], local: str) -> list[str]:
        """Return those that are locked.

        Args:
            specs: What was chosen.
            asked: Names of what is asked for here.
            local: The platform of this machine.
        """
        if not self.stand_in:
            return self.chosen_for
        left_out = local if specs.is_complete(asked, self.stand_in) else self.stand_in
        return [one for one in self.chosen_for if one != left_out]


def platforms_anew(locked: Sequence[str], local: str) -> LockPlatforms:
    """Return the platforms of a lock that is made anew.

    Args:
        locked: Those that are in it.
        local: That of this machine.
    """
    if local in locked:
        return LockPlatforms([*locked])
    covered = any(generic(local) == one or fits(local, one) for one in locked)
    stand_in = min(locked, key=lambda one: distance(one, local)) if covered else ""
    return LockPlatforms([*locked, local], stand_in)
