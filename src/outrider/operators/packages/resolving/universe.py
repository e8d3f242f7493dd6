"""What a solver is asked about: packages by number, their versions as bits, and what these need."""

from collections.abc import Sequence
from typing import Protocol

# What the versions of a package need of another one: its number, the mask of all versions that need it, and then, in turn, the mask of
# what is needed (0: none would do) and the mask of the versions that need just that. A version is in one of these masks at most. What is
# needed may have the bit above all versions too: then it would be as good if there were none, and whatever is not in the mask is forbidden.
Needs = tuple[int, int, tuple[int, ...]]


class Universe(Protocol):
    """Packages by dense numbers. Bit k of a mask is the k-th oldest version; the bit above all versions means that there is none."""

    def versions(self, package: int) -> tuple[int, int]:
        """Return how many versions a package has, and the mask of those that may be chosen."""

    def needs(self, package: int) -> Sequence[Needs]:
        """Return what the versions of a package need of others, never of itself; each of these once."""
