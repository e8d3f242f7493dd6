"""What policies come to for one ecosystem: which versions of a package may not be chosen, and why."""

from collections.abc import Sequence
from datetime import date
from importlib import import_module
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.core.package_policies import PackagePolicySpec, PolicyField
from outrider.core.timestamps import timestamp
from outrider.operators.packages.advisories.matching import Matcher, Vulnerability
from outrider.operators.packages.advisories.severity import ORDER
from outrider.operators.packages.policies.patterns import Pattern, read_pattern
from outrider.operators.packages.resolving.policies import Refusal
from outrider.operators.packages.versions.tables import VersionTable

_SHOWN, _SHOWN_LETTERS = 3, 40


class _Exception(NamedTuple):
    package: Pattern
    rules: Sequence[PolicyField]
    vulnerabilities: frozenset[str]


class ObjectPolicy:
    """What one PackagePolicy says of the packages of an ecosystem.

    Args:
        ecosystem: Of the packages.
        name: Of the object, for reasons.
        said: Its specification.
        matcher: Knows vulnerabilities; it is there where the object has a rule about these.
        now: Seconds since the epoch.
        path: Of the specification, for errors.

    Raises:
        InvalidConfigError: A package or a licence is not named as it should be, or a waiver ends on no day.
    """

    def __init__(
        self,
        ecosystem: str,
        name: str,
        said: PackagePolicySpec,
        matcher: Matcher | None,
        now: float,
        *,
        path: str = "spec",
    ) -> None:
        self._ecosystem, self._name, self._said, self._now = ecosystem, name, said, now
        self._matcher = matcher if said.advisories is not None else None
        self._allow = _patterns(ecosystem, said.allow, f"{path}.allow")
        self._deny = _patterns(ecosystem, said.deny, f"{path}.deny")
        today = timestamp(now)[: len("2027-01-31")]
        for at, waiver in enumerate(said.waivers):
            _check_day(waiver.until, f"{path}.waivers[{at}].until")
        self._exceptions = [
            _Exception(pattern, one.rules, frozenset(one.vulnerabilities))
            for at, one in enumerate(said.waivers)
            for pattern in _patterns(ecosystem, [one.package], f"{path}.waivers[{at}].package")
            if today <= one.until
        ]
        self.asks_for_times = said.minimum_age is not None
        self.asks_for_licences = said.licences is not None
        if self.asks_for_licences:
            # Few policies have it, and the list of all licences comes with it.
            judging = import_module("outrider.operators.packages.licences.judging")
            self._licences = judging.LicenceRules(name, said, today, path)

    def refusals(self, name: str, table: VersionTable, published: Sequence[float]) -> list[Refusal]:
        found = [
            *self._denied(name, table),
            *self._not_allowed(name, table),
            *self._young(name, table, published),
            *self._vulnerable(name, table),
            *self._uncompared(name, table),
        ]
        return [one for one in found if one.versions]

    def refuses_licence(self, name: str, version: str, licence: str) -> str:
        if not self.asks_for_licences:
            return ""
        why: str = self._licences.refuses(self._ecosystem, name, version, licence)
        return why

    def _denied(self, name: str, table: VersionTable) -> list[Refusal]:
        waived = self._waived("deny", name, table)
        return [
            Refusal(
                one.versions(self._ecosystem, name, table) & ~waived, f"are denied: deny {one.text} of {self._name}"
            )
            for one in self._deny
        ]

    def _not_allowed(self, name: str, table: VersionTable) -> list[Refusal]:
        if not self._allow:
            return []
        mask = self._waived("allow", name, table)
        for one in self._allow:
            mask |= one.versions(self._ecosystem, name, table)
        return [Refusal(table.everything & ~mask, f"are not among those that are allowed: allow of {self._name}")]

    def _young(self, name: str, table: VersionTable, published: Sequence[float]) -> list[Refusal]:
        least = self._said.minimum_age
        if least is None:
            return []
        considered = table.everything & ~self._waived("minimumAge", name, table)
        unknown = young = 0
        for bit, time in enumerate(published or [0.0] * len(table.versions)):
            if not time:
                unknown |= 1 << bit
            elif self._now - time < least:
                young |= 1 << bit
        rule = f"minimumAge {least} of {self._name}"
        return [
            Refusal(young & considered, f"are too young: {rule}"),
            Refusal(unknown & considered, f"have no time of publication, and may be too young: {rule}"),
        ]

    def _vulnerable(self, name: str, table: VersionTable) -> list[Refusal]:
        rule = self._said.advisories
        if rule is None or self._matcher is None:
            return []
        mask, ids = 0, dict[str, None]()
        spared = self._spared(name, table)
        for bit, version in enumerate(table.versions):
            for one in self._matcher.vulnerabilities(self._ecosystem, name, version):
                if self._counts(one) and not any(
                    waived >> bit & 1 and (not of or of & {one.id, *one.aliases}) for waived, of in spared
                ):
                    mask |= 1 << bit
                    ids[one.id] = None
        shown = ", ".join([*ids][-_SHOWN:]) + (f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else "")
        return [Refusal(mask, f"are vulnerable ({shown}): advisories of least {rule.least} of {self._name}")]

    def _uncompared(self, name: str, table: VersionTable) -> list[Refusal]:
        """Refuse what nobody can compare with what is known of the package."""
        if self._matcher is None:
            return []
        mask = sum(
            1 << bit
            for bit, version in enumerate(table.versions)
            if self._matcher.is_unread(self._ecosystem, name, version)
        )
        for waived, of in self._spared(name, table) if mask else ():
            mask &= ~waived if not of else ~0
        return [Refusal(mask, f"are none that can be compared with advisories: advisories of {self._name}")]

    def _counts(self, one: Vulnerability) -> bool:
        assert self._said.advisories is not None
        return one.severity == "unknown" or ORDER.index(one.severity) <= ORDER.index(self._said.advisories.least)

    def _spared(self, name: str, table: VersionTable) -> list[tuple[int, frozenset[str]]]:
        return [
            (one.package.versions(self._ecosystem, name, table), one.vulnerabilities)
            for one in self._exceptions
            if "advisories" in one.rules
        ]

    def _waived(self, rule: PolicyField, name: str, table: VersionTable) -> int:
        mask = 0
        for one in self._exceptions:
            if rule in one.rules:
                mask |= one.package.versions(self._ecosystem, name, table)
        return mask


class AllPolicies:
    """What several policies say: a version has to be admitted by each.

    Args:
        parts: One for each object.
    """

    def __init__(self, parts: Sequence[ObjectPolicy]) -> None:
        self._parts = parts
        self.asks_for_times = any(one.asks_for_times for one in parts)
        self.asks_for_licences = any(one.asks_for_licences for one in parts)

    def refusals(self, name: str, table: VersionTable, published: Sequence[float]) -> list[Refusal]:
        return [refusal for one in self._parts for refusal in one.refusals(name, table, published)]

    def refuses_licence(self, name: str, version: str, licence: str) -> str:
        return next(filter(None, (one.refuses_licence(name, version, licence) for one in self._parts)), "")


def _patterns(ecosystem: str, texts: Sequence[str], path: str) -> list[Pattern]:
    """Return the patterns of an ecosystem; those of others are looked at for faults too."""
    read = [read_pattern(text, f"{path}[{at}]" if len(texts) > 1 else path) for at, text in enumerate(texts)]
    return [one for one in read if one.ecosystem == ecosystem]


def _check_day(text: str, path: str) -> None:
    """Refuse what is no day: it would be compared as a text, and might never end."""
    try:
        is_day = date.fromisoformat(text).isoformat() == text
    except ValueError:
        is_day = False
    if not is_day:
        raise InvalidConfigError(
            f"{path}: {text[:_SHOWN_LETTERS]!r} is no day", path=path, found=text[:_SHOWN_LETTERS], expected="a day, such as 2027-01-31",
            suggestions=["write the year, the month and the day, with two digits each behind the year"],
        )  # fmt: skip
