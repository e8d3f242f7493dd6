"""Puts together what sources tell and what a policy says."""

from collections import Counter
from collections.abc import Sequence

from outrider.core.package_policies import Waiver
from outrider.operators.packages.licences.gathering import Gathered
from outrider.operators.packages.licences.judging import LicenceRules, Verdict
from outrider.operators.packages.licences.reports.rows import LicenceFinding, LicenceReport, LicensedPackage
from outrider.operators.packages.licences.sources import Told

_ORDER = ("denied", "unknown", "review", "allowed", "waiver")


def judged(
    gathered: Gathered, told: Sequence[Told], rules: Sequence[LicenceRules], *, created: str, notes: Sequence[str]
) -> LicenceReport:
    """Return the report on packages; where policies differ, the worst that one of them says of a package counts.

    Args:
        gathered: The packages and where they are.
        told: Their licences, completed by what others have told.
        rules: The policies, at least one.
        created: The time, as RFC 3339 has it.
        notes: Why this may not be all.
    """
    packages = [_package(one, _verdict(one, rules), gathered) for one in told]
    counted = Counter(one.expression for one in packages)
    findings = [finding for one in packages if (finding := _finding(one)) is not None]
    findings += [_ended(one.name, waiver) for one in rules for waiver in one.ended()]
    findings.sort(key=lambda one: (_ORDER.index(one.kind), one.package, one.version))
    needless = [
        f"the waiver for {waiver.package} of {one.name} is not needed: its licence is allowed, or there is no such package"
        for one in rules for waiver in one.needless()
    ]  # fmt: skip
    return LicenceReport(
        title=gathered.title, created=created, packages=packages, findings=findings,
        counts=dict(sorted(counted.items(), key=lambda item: (-item[1], item[0]))), warnings=[*notes, *needless],
    )  # fmt: skip


def _verdict(one: Told, rules: Sequence[LicenceRules]) -> Verdict:
    package = one.package
    verdicts = [rule.judge(package.ecosystem, package.name, package.version, one.licence) for rule in rules]
    return min(verdicts, key=lambda verdict: _ORDER.index(verdict.word))


def _package(one: Told, verdict: Verdict, gathered: Gathered) -> LicensedPackage:
    package = one.package
    key = (package.ecosystem, package.name, package.version)
    return LicensedPackage(
        ecosystem=package.ecosystem, name=package.name, version=package.version, files=gathered.found_in[key],
        expression=one.licence.expression, raw=one.licence.raw, guessed=one.licence.guessed, origin=one.origin,
        verdict=verdict.word, why=verdict.why, needed_by=gathered.needed_by.get(key, []),
    )  # fmt: skip


def _finding(one: LicensedPackage) -> LicenceFinding | None:
    if one.verdict == "allowed":
        return None
    return LicenceFinding(
        kind=one.verdict,
        package=f"{one.ecosystem}:{one.name}",
        version=one.version,
        licence=one.expression or one.raw,
        why=one.why,
    )


def _ended(policy: str, waiver: Waiver) -> LicenceFinding:
    why = f"the waiver of {policy} ended on {waiver.until}"
    return LicenceFinding(kind="waiver", package=waiver.package, version="", licence=waiver.reason, why=why)
