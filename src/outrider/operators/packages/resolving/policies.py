"""What a resolver asks a policy: which versions may not be chosen, before it begins to choose."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from outrider.operators.packages.versions.tables import VersionTable


class Refusal(NamedTuple):
    """Versions of a package that may not be chosen.

    Attributes:
        versions: The mask of them.
        why: The end of a sentence that begins with "3 versions": `are ...` or `have ...`.
    """

    versions: int
    why: str


class Policy(Protocol):
    """What a policy says of packages.

    Attributes:
        asks_for_times: Whether it must know when versions were published.
        asks_for_licences: Whether it must know their licences.
    """

    asks_for_times: bool
    asks_for_licences: bool

    def refusals(self, name: str, table: VersionTable, published: Sequence[float]) -> Sequence[Refusal]:
        """Return which versions of a package may not be chosen.

        Args:
            name: As its ecosystem compares names.
            table: Its versions.
            published: When each was, in seconds since the epoch, 0 where the registry does not say; empty where it says it of none.
        """

    def refuses_licence(self, name: str, version: str, licence: str) -> str:
        """Return why a version may not be chosen for its licence, as `Refusal` has it; empty where it may.

        Args:
            name: As its ecosystem compares names.
            version: Of the package.
            licence: As its author has written it; empty where it is not told.
        """


class AdmitAll:
    """The policy where nobody has set one."""

    asks_for_times = False
    asks_for_licences = False

    def refusals(self, name: str, table: VersionTable, published: Sequence[float]) -> Sequence[Refusal]:
        del name, table, published
        return ()

    def refuses_licence(self, name: str, version: str, licence: str) -> str:
        del name, version, licence
        return ""


ADMIT_ALL = AdmitAll()


def refused(refusals: Sequence[Refusal]) -> int:
    """Return the mask of all versions that may not be chosen."""
    mask = 0
    for one in refusals:
        mask |= one.versions
    return mask
