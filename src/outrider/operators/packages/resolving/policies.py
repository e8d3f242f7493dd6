"""What a resolver asks a policy: which versions may not be chosen, before it begins to choose."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.versions.ecosystems import scheme_of
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


def of_licences(policy: Policy, name: str, versions: Sequence[str], licences: Sequence[str]) -> list[Refusal]:
    """Return which versions of a package may not be chosen for their licence.

    Args:
        policy: That is asked.
        name: As its ecosystem compares names.
        versions: Oldest first.
        licences: Of each; empty where the registry tells none.
    """
    if not policy.asks_for_licences:
        return []
    found: dict[str, int] = {}
    for bit, (version, licence) in enumerate(zip(versions, licences or [""] * len(versions), strict=True)):
        if why := policy.refuses_licence(name, version, licence):
            found[why] = found.get(why, 0) | 1 << bit
    return [Refusal(mask, why) for why, mask in found.items()]


def by_version(refusals: Sequence[Refusal], table: VersionTable) -> dict[str, str]:
    """Return why versions of a package may not be chosen; of several reasons the first."""
    whys: dict[str, str] = {}
    for one in refusals:
        for version in table.named(one.versions):
            whys.setdefault(version, one.why)
    return whys


def of_others(
    policy: Policy, ecosystem: str, name: str, published: Mapping[str, float], *, licences: bool = False
) -> dict[str, str]:
    """Return why versions may not be had that are in no table, such as those that their ecosystem cannot sort.

    What cannot be decided of one is refused.

    Args:
        policy: That is asked.
        ecosystem: Of the package.
        name: As its ecosystem compares names.
        published: When each was, in seconds since the epoch; 0 where nobody says.
        licences: Whether they are judged by their licences, which nobody tells.
    """
    whys: dict[str, str] = {}
    for version, time in published.items():
        table = VersionTable(scheme_of(ecosystem), [version])
        if table.unsorted:
            # One alone has no order: it is only read where a range is compared with it.
            table = VersionTable.of_sorted(scheme_of(ecosystem), [version], 0)
        try:
            found = [*policy.refusals(name, table, [time])]
        except InvalidConfigError:
            found = [Refusal(1, f"are none that {ecosystem} can compare with the ranges of a policy")]
        if licences:
            found += of_licences(policy, name, [version], ())
        whys |= by_version(found, table)
    return whys


def refused(refusals: Sequence[Refusal]) -> int:
    """Return the mask of all versions that may not be chosen."""
    mask = 0
    for one in refusals:
        mask |= one.versions
    return mask
