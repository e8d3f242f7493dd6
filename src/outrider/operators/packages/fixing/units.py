"""Which versions of a lock are vulnerable, from a severity on."""

from collections.abc import Iterable

from outrider.core.package_policies import Severity
from outrider.operators.packages.advisories.matching import Matcher, Vulnerability
from outrider.operators.packages.advisories.severity import ORDER
from outrider.operators.packages.fixing.wishes import Unit
from outrider.operators.packages.locks.entries import reached
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.resolving.facts import PackageFacts
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.ranges import Span, VersionRange
from outrider.operators.packages.versions.reading import read_version
from outrider.operators.packages.versions.tables import VersionTable


class Auditor:
    """Looks at locks.

    Args:
        matcher: Knows vulnerabilities.
        least: From which severity on they count; those that nobody has rated always do.
    """

    def __init__(self, matcher: Matcher, least: Severity) -> None:
        self._matcher, self._least = matcher, ORDER.index(least)
        self._known: dict[tuple[str, str, str], list[Vulnerability]] = {}

    def units(self, lock: Lock) -> list[Unit]:
        """Return what of a lock is vulnerable, the worst first; what comes from no registry is left out."""
        found = []
        needers: dict[str, list[str]] = {}
        for one in lock.packages:
            for name in one.needs:
                needers.setdefault(name, []).append(one.name)
        for one in lock.packages:
            counted = [] if one.source else self._counted(one.ecosystem, one.name, one.version)
            if counted:
                fix = self._least_fix(one.ecosystem, one.name, counted)
                found.append(Unit(one.name, one.version, tuple(counted), fix, frozenset(reached([one.name], needers))))
        return sorted(found, key=lambda one: (ORDER.index(one.vulnerabilities[0].severity), one.name, one.version))

    def left(self, lock: Lock) -> list[str]:
        """Return what is vulnerable by its name and version, and is not changed since it comes from a repository, each in a sentence."""
        found = []
        for one in lock.packages:
            if one.source == "git" and one.address and (counted := self._counted(one.ecosystem, one.name, one.version)):
                ids = ", ".join(each.id for each in counted)
                found.append(
                    f"{one.name} {one.version} of {one.address} stays ({ids}): what comes from git is not changed"
                )
        return found

    def with_real_fix(self, ecosystem: str, unit: Unit, facts: PackageFacts) -> Unit:
        """Return what is vulnerable with a fix that can be had: advisories write versions otherwise, or name some that never came out.

        Args:
            ecosystem: Of the package.
            unit: As advisories have it.
            facts: What its registry has.
        """
        read = read_version(ecosystem, unit.least_fix)
        if not unit.least_fix or read is None:
            return unit
        table = VersionTable(scheme_of(ecosystem), [one for one in facts.versions if one not in facts.taken_back])
        later = table.mask_of(VersionRange((Span.at_least(read.key),)))
        for some in (later & table.releases, later):
            for version in table.named(some):
                if not self._counted(ecosystem, unit.name, version):
                    return unit._replace(least_fix=version)
        return unit

    def _counted(self, ecosystem: str, name: str, version: str) -> list[Vulnerability]:
        key = (ecosystem, name, version)
        if key not in self._known:
            known = self._matcher.vulnerabilities(ecosystem, name, version)
            self._known[key] = [
                one for one in known if one.severity == "unknown" or ORDER.index(one.severity) <= self._least
            ]
        return self._known[key]

    def _least_fix(self, ecosystem: str, name: str, counted: Iterable[Vulnerability]) -> str:
        fixes = {fix for one in counted for fix in one.fixed}
        ordered = sorted((read.key, fix) for fix in fixes if (read := read_version(ecosystem, fix)) is not None)
        return next((fix for _, fix in ordered if not self._counted(ecosystem, name, fix)), "")
