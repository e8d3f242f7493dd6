"""The policy of a fix: no version that is vulnerable may be chosen, but for those that are locked and are left as they are."""

from collections.abc import Collection, Mapping, Sequence

from outrider.operators.packages.resolving.policies import Policy, Refusal
from outrider.operators.packages.versions.tables import VersionTable


class FixPolicy:
    """What may be chosen.

    Args:
        others: The policies that count anyway.
        vulnerable: Refuses what is vulnerable.
        excused: By name, versions that the latter does not count for.
    """

    def __init__(self, others: Policy, vulnerable: Policy, excused: Mapping[str, Collection[str]]) -> None:
        self._others, self._vulnerable, self._excused = others, vulnerable, excused
        self.asks_for_times = others.asks_for_times
        self.asks_for_licences = others.asks_for_licences

    def refusals(self, name: str, table: VersionTable, published: Sequence[float]) -> list[Refusal]:
        wanted = self._excused.get(name, ())
        spared = sum(1 << bit for bit, version in enumerate(table.versions) if version in wanted) if wanted else 0
        masked = [
            one._replace(versions=one.versions & ~spared) for one in self._vulnerable.refusals(name, table, published)
        ]
        return [*self._others.refusals(name, table, published), *(one for one in masked if one.versions)]

    def refuses_licence(self, name: str, version: str, licence: str) -> str:
        return self._others.refuses_licence(name, version, licence)
