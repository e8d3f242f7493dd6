"""Which packages of a list are vulnerable; the same vulnerability under several ids is told once."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from outrider.core.package_policies import Severity
from outrider.operators.packages.advisories.affected_spans import AffectedVersions, affected_versions
from outrider.operators.packages.advisories.exploits import ExploitScore, KnownExploit
from outrider.operators.packages.advisories.fixed_versions import fixed_above, named_versions
from outrider.operators.packages.advisories.listed import ListedVersions, numbers_of
from outrider.operators.packages.advisories.osv import Advisory, Affected
from outrider.operators.packages.advisories.severity import ORDER, rating
from outrider.operators.packages.advisories.store import AdvisoryStore, Row
from outrider.operators.packages.locks.lock import LockedPackage
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.reading import read_version
from outrider.operators.packages.versions.scheme import Scheme, Version

_CVE = "CVE-"


class Vulnerability(msgspec.Struct, kw_only=True):
    """A vulnerability of a package.

    Attributes:
        id: Of the CVE where it has one, else of the record.
        aliases: Its other ids.
        severity: The highest that anybody has rated it; `unknown` where nobody has.
        score: What that follows from; null where it is told in words, or not at all.
        rated_by: The record that rates it so.
        summary: One line.
        fixed: Versions from which on it is gone, as far as the records say.
        epss: The probability that it is exploited within 30 days, as EPSS has it; null where that is not known.
        percentile: The share of all vulnerabilities whose probability is at most that.
        exploited: The day since when CISA's catalogue has it as exploited; empty where it has it not.
        due: The day until which CISA has agencies mend it; empty likewise.
        ransomware: Whether ransomware is known to use it.
    """

    id: str
    aliases: list[str]
    severity: Severity
    score: float | None
    rated_by: str
    summary: str
    fixed: list[str]
    epss: float | None = None
    percentile: float | None = None
    exploited: str = ""
    due: str = ""
    ransomware: bool = False


def urgency(one: Vulnerability) -> tuple[int, bool, float]:
    """Return by what vulnerabilities are sorted: the severe ones first, of these the exploited ones, then the likely ones."""
    return ORDER.index(one.severity), not one.exploited, -(one.epss or 0.0)


class Concern(NamedTuple):
    """A vulnerability of some versions of a package.

    Attributes:
        vulnerability: What it is.
        said: What records say is affected.
        modified: When the newest record was changed, as RFC 3339 has it.
    """

    vulnerability: Vulnerability
    said: list[Affected]
    modified: str


class _Record(NamedTuple):
    """What a record says of a package.

    Attributes:
        id: Of the record.
        listed: The versions that it lists.
        is_spanned: Whether its ranges have a version.
        affected: Both.
        named: Versions that it names beside them, which may be those in which it is gone.
    """

    id: str
    listed: frozenset[str]
    is_spanned: Callable[[Version], bool]
    affected: AffectedVersions
    named: list[str]


class _About(NamedTuple):
    """What is known of a package: by record, and the versions that any of them lists."""

    records: list[_Record]
    listed: ListedVersions


class Matcher:
    """Matches packages.

    Args:
        store: The advisories.
    """

    def __init__(self, store: AdvisoryStore) -> None:
        self._store = store
        self._known: dict[tuple[str, str], _About] = {}
        self._alike: dict[tuple[str, str], dict[str, list[_Record]]] = {}
        self._advisories: dict[str, Advisory] = {}
        self._exploits: dict[str, tuple[ExploitScore | None, KnownExploit | None]] = {}

    def matches(self, ecosystem: str, name: str, version: str) -> list[str]:
        """Return the ids of the records that affect a version of a package, by its compared name."""
        about = self._known.get((ecosystem, name)) or self._about(ecosystem, name)
        records, listed = about
        read = read_version(ecosystem, version) if records else None
        if read is None:
            return [one.id for one in records if version in one.listed]
        # Of a hundred thousand packages each asks this, and few have to be looked for by what they are called otherwise.
        if numbers_of(version) in listed.first and version not in listed.alone:
            others = listed.spelled_otherwise(version, read)
            return [one.id for one in records if one.affected.holds(version, read, others)]
        return [identity for identity, texts, is_spanned, _, _ in records if version in texts or is_spanned(read)]

    def unclear(self, ecosystem: str, name: str) -> list[str]:
        """Return the ids of the records about a package of which a range could not be read."""
        return [one.id for one in self._about(ecosystem, name).records if one.affected.unclear]

    def concerns(self, ecosystem: str, name: str) -> list[Concern]:
        """Return what is known of a package, whichever of its versions is meant, the worst first."""
        said = {row.id: row.said for row in self._store.about(ecosystem, name)}
        found = [
            Concern(
                one, [each for record in group for each in said[record.id]], max(record.modified for record in group)
            )
            for one, group in self._groups(ecosystem, name)
        ]
        return sorted(found, key=lambda one: (urgency(one.vulnerability), one.vulnerability.id))

    def is_uncompared(self, package: LockedPackage) -> bool:
        """Return whether there is something about a package of a lock whose version cannot be compared with it."""
        return any(self.is_unread(package.advised_by, name, version) for name, version in package.advised_as)

    def is_unread(self, ecosystem: str, name: str, version: str) -> bool:
        """Return whether there is something about a package with which a version of it cannot be compared."""
        return bool(self._about(ecosystem, name).records) and read_version(ecosystem, version) is None

    def vulnerabilities(self, ecosystem: str, name: str, version: str) -> list[Vulnerability]:
        """Return what is known of a version of a package, the worst first."""
        found = [self._advisory(identity) for identity in self.matches(ecosystem, name, version)]
        merged = [self._merged(ecosystem, name, version, group) for group in _same(found)]
        return sorted(merged, key=lambda one: (urgency(one), one.id))

    def about(self, ecosystem: str, name: str) -> list[tuple[Vulnerability, list[AffectedVersions]]]:
        """Return all that is known of a package, each vulnerability with the versions that the records of it affect."""
        affected = {one.id: one.affected for one in self._about(ecosystem, name).records}
        return [(one, [affected[record.id] for record in group]) for one, group in self._groups(ecosystem, name)]

    def of_package(self, package: LockedPackage) -> list[Vulnerability]:
        """Return what is known of a package of a lock, by any of the names that advisories may have for it, the worst first."""
        found: dict[str, Vulnerability] = {}
        for name, version in package.advised_as:
            for one in self.vulnerabilities(package.advised_by, name, version):
                found.setdefault(one.id, one)
        return sorted(found.values(), key=lambda one: (urgency(one), one.id))

    def _groups(self, ecosystem: str, name: str) -> list[tuple[Vulnerability, list[Advisory]]]:
        """Return what is known of a package, whichever of its versions is meant, with the records of each."""
        groups = _same([self._advisory(one.id) for one in self._about(ecosystem, name).records])
        return [(self._merged(ecosystem, name, "", group), group) for group in groups]

    def _about(self, ecosystem: str, name: str) -> _About:
        found = self._known.get((ecosystem, name))
        if found is None:
            # The rules are asked for where there is something to compare: of some distributions nothing is known.
            records = [_record(row, scheme_of(ecosystem)) for row in self._store.about(ecosystem, name)]
            listed = ListedVersions(ecosystem, frozenset().union(*(one.listed for one in records)))
            found = self._known[ecosystem, name] = _About(records, listed)
        return found

    def _by_id(self, ecosystem: str, name: str) -> dict[str, list[_Record]]:
        """Return the records about a package by each id that they have."""
        found = self._alike.get((ecosystem, name))
        if found is None:
            found = self._alike[ecosystem, name] = {}
            for one in self._about(ecosystem, name).records:
                for identity in {one.id, *self._advisory(one.id).aliases}:
                    found.setdefault(identity, []).append(one)
        return found

    def _fixed(self, ecosystem: str, name: str, version: str, ids: Iterable[str]) -> list[str]:
        """Return the versions above one in which a vulnerability is gone, by all records about it, whether or not they affect that one."""
        by_id = self._by_id(ecosystem, name)
        records = list({one.id: one for identity in ids for one in by_id.get(identity, ())}.values())
        listed = self._about(ecosystem, name).listed

        def is_affected(text: str, read: Version) -> bool:
            others = listed.spelled_otherwise(text, read)
            return any(one.affected.holds(text, read, others) for one in records)

        named = (text for one in records for text in one.named)
        return fixed_above(ecosystem, version, named, is_affected)

    def _advisory(self, identity: str) -> Advisory:
        if identity not in self._advisories:
            self._advisories[identity] = self._store.advisory(identity)
        return self._advisories[identity]

    def _merged(self, ecosystem: str, name: str, version: str, group: list[Advisory]) -> Vulnerability:
        ids = sorted({one.called for one in group} | {alias for one in group for alias in one.aliases})
        shown = next((one for one in ids if one.startswith(_CVE)), min(one.called for one in group))
        rated = [(rating(one.scores, one.label), one.called) for one in group]
        worst, by = min(rated, key=lambda one: (ORDER.index(one[0].severity), -(one[0].score or 0.0), one[1]))
        found = Vulnerability(
            id=shown, aliases=[one for one in ids if one != shown], severity=worst.severity, score=worst.score,
            rated_by=by if worst.severity != "unknown" else "", summary=next((one.summary for one in group if one.summary), ""),
            fixed=self._fixed(ecosystem, name, version, [*ids, *(one.id for one in group)]),
        )  # fmt: skip
        upstream = {cve for one in group for cve in one.upstream}
        self._add_exploits(found, [one for one in sorted({*ids, *upstream}) if one.startswith(_CVE)])
        return found

    def _add_exploits(self, one: Vulnerability, cves: list[str]) -> None:
        """Say what is known of exploits; of several ids of one vulnerability the worst counts."""
        for cve in cves:
            if cve not in self._exploits:
                self._exploits[cve] = (self._store.score(cve), self._store.exploited(cve))
            score, listed = self._exploits[cve]
            if score is not None and (one.epss is None or score.epss > one.epss):
                one.epss, one.percentile = score.epss, score.percentile
            if listed is not None and (not one.exploited or listed.since < one.exploited):
                one.exploited, one.due = listed.since, listed.due
            one.ransomware |= listed is not None and listed.ransomware


def _record(row: Row, scheme: Scheme) -> _Record:
    affected = affected_versions(scheme, row.said)
    return _Record(row.id, affected.listed, affected.quick, affected, named_versions(row.said))


def _same(advisories: Iterable[Advisory]) -> list[list[Advisory]]:
    """Group records of the same vulnerability: those that share an id or an alias."""
    groups: list[tuple[set[str], list[Advisory]]] = []
    for advisory in advisories:
        ids = {advisory.id, *advisory.aliases}
        joined = [group for group in groups if group[0] & ids]
        members = [one for _, ones in joined for one in ones]
        groups = [group for group in groups if not group[0] & ids]
        groups.append((ids.union(*(known for known, _ in joined)), [*members, advisory]))
    return [sorted(members, key=lambda one: one.id) for ids, members in groups if not _is_told(members, ids, groups)]


def _is_told(members: list[Advisory], own: set[str], groups: list[tuple[set[str], list[Advisory]]]) -> bool:
    """Return whether records are but notices of several vulnerabilities, each of which is told by another record."""
    others = {one for ids, _ in groups if ids is not own for one in ids}
    return all(one.upstream and others.issuperset(one.upstream) for one in members)
