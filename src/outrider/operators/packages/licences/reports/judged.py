"""Puts together what sources tell and what a policy says."""

from collections import Counter
from collections.abc import Iterable, Sequence

from outrider.core.licence_policies import LicenceWaiver
from outrider.operators.packages.licences.gathering import Gathered
from outrider.operators.packages.licences.judging import LicenceRules, Verdict
from outrider.operators.packages.licences.reports.rows import LicenceFinding, LicenceReport, LicensedPackage
from outrider.operators.packages.licences.sources import Told

_ORDER = ("denied", "unknown", "review", "waiver")


def judged(
    gathered: Gathered, told: Sequence[Told], rules: LicenceRules, *, created: str, notes: Sequence[str]
) -> LicenceReport:
    """Return the report on packages.

    Args:
        gathered: The packages and where they are.
        told: Their licences, completed by what others have told.
        rules: The policy.
        created: The time, as RFC 3339 has it.
        notes: Why this may not be all.
    """
    verdicts = [rules.judge(one.package.ecosystem, one.package.name, one.package.version, one.licence) for one in told]
    packages = [_package(one, verdict, gathered) for one, verdict in zip(told, verdicts, strict=True)]
    counted = Counter(one.expression for one in packages)
    findings = [finding for one in packages if (finding := _finding(one)) is not None]
    findings += [_ended(waiver) for waiver in rules.ended()]
    findings.sort(key=lambda one: (_ORDER.index(one.kind), one.package, one.version))
    return LicenceReport(
        title=gathered.title, created=created, packages=packages, findings=findings,
        counts=dict(sorted(counted.items(), key=lambda item: (-item[1], item[0]))),
        warnings=[*notes, *_needless(rules, verdicts)],
    )  # fmt: skip


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


def _ended(waiver: LicenceWaiver) -> LicenceFinding:
    return LicenceFinding(
        kind="waiver",
        package=waiver.package,
        version=waiver.versions,
        licence=waiver.reason,
        why=f"the waiver ended on {waiver.until}",
    )


def _needless(rules: LicenceRules, verdicts: Iterable[Verdict]) -> list[str]:
    used = {verdict.waiver for verdict in verdicts} | {verdict.ended for verdict in verdicts}
    return [
        f"the waiver for {one.package}{' ' + one.versions if one.versions else ''} is not needed: no package of this kind would be refused"
        for one in rules.running() if one not in used
    ]  # fmt: skip
