"""How far an update may lead: which numbers of a version may change."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence

from outrider.core.errors import InvalidConfigError
from outrider.core.package_updates import Step
from outrider.operators.packages.resolving.policies import Policy, Refusal
from outrider.operators.packages.versions.tables import VersionTable

# An epoch of PyPI stands before all numbers.
_NUMBERS = re.compile(r"v?(?:(\d+)!)?(\d+)(?:\.(\d+))?(?:\.(\d+))?")
_KEPT: Mapping[Step, int] = {"patch": 3, "minor": 2, "major": 0}


def is_within(step: Step, before: str, after: str) -> bool:
    """Return whether one version follows another in a step; versions without numbers follow in the widest only."""
    kept = _KEPT[step]
    one, other = _NUMBERS.match(before), _NUMBERS.match(after)
    if not kept:
        return True
    # The epoch counts with the numbers that stay.
    return one is not None and other is not None and _numbers(one)[:kept] == _numbers(other)[:kept]


def _numbers(found: "re.Match[str]") -> list[int]:
    return [int(number or 0) for number in found.groups()]


class StepPolicy:
    """What may be chosen in an update: of its packages nothing older than what is locked, nor what leads too far.

    Args:
        others: The policies that count anyway.
        locked: Versions by name.
        is_chosen: Whether a package is updated.
        step: How far it may lead.
    """

    def __init__(
        self,
        others: Policy,
        locked: Mapping[str, Collection[str]],
        is_chosen: Callable[[str], bool],
        step: Step,
    ) -> None:
        self._others, self._locked = others, locked
        self._is_chosen, self._step = is_chosen, step
        self.asks_for_times = others.asks_for_times
        self.asks_for_licences = others.asks_for_licences

    def refusals(self, name: str, table: VersionTable, published: Sequence[float]) -> list[Refusal]:
        others = list(self._others.refusals(name, table, published))
        before = self._locked.get(name, ()) if self._is_chosen(name) else ()
        if not before:
            return others
        allowed = 0
        for version in before:
            allowed |= self._followers(table, version)
        why = f"are no {self._step} update of {' or '.join(sorted(before))}"
        refused = table.everything & ~allowed
        return [*others, Refusal(refused, why)] if refused else others

    def refuses_licence(self, name: str, version: str, licence: str) -> str:
        return self._others.refuses_licence(name, version, licence)

    def _followers(self, table: VersionTable, before: str) -> int:
        try:
            later = table.from_on(before)
        except InvalidConfigError:
            return table.everything
        return sum(
            1 << bit
            for bit, version in enumerate(table.versions)
            if later >> bit & 1 and is_within(self._step, before, version)
        )
