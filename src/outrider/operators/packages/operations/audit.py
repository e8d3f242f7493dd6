"""Tells which packages of a project have known vulnerabilities."""

import asyncio
from collections.abc import Iterable, Sequence

import msgspec

from outrider.core.package_policies import Severity
from outrider.operators.packages.advisories.auditing import Audited, AuditTerms, Found, audited
from outrider.operators.packages.advisories.matching import Vulnerability, urgency
from outrider.operators.packages.advisories.severity import ORDER
from outrider.operators.packages.advisories.store import Source
from outrider.operators.packages.distributions.releases import updates_of
from outrider.operators.packages.locks.lock import LockedPackage
from outrider.operators.packages.texts import number_of
from outrider.operators.packages.vex.stated import Stated
from outrider.operators.packages.vex.statements import SUPPRESSING
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_LEAST_SHOWN = 0.01


class AuditParams(AuditTerms, kw_only=True, forbid_unknown_fields=True):
    """What to look at.

    Attributes:
        least: Findings below this severity are counted, and not listed; those of unknown severity are always listed.
    """

    least: Severity = "none"


class Finding(msgspec.Struct, kw_only=True):
    """A package with its vulnerabilities, the worst first.

    Attributes:
        file: The lock file that has it; of what is installed in a root or an image, the file that tells of it.
        needed_by: Packages of the same file that need it.
        source: Of what a distribution has packed: the package that its advisories name, whose versions they mean, where that is not the same.
            Of a crate from git its repository and commit: advisories are about the crate of its name and version.
        update: Of that: the command that updates it. Nothing here does.
    """

    ecosystem: str
    name: str
    version: str
    file: str
    needed_by: list[str]
    vulnerabilities: list[Vulnerability]
    source: str = ""
    update: str = ""


class Suppressed(msgspec.Struct, kw_only=True):
    """A vulnerability of a package that is no finding, as somebody states.

    Attributes:
        file: The lock file that has the package.
        id: Of the vulnerability.
        status: What is stated, in the words of the file that states it.
        justification: Why; may be empty.
        notes: The same, or more, in a sentence; may be empty.
        stated_in: The file that states it.
    """

    ecosystem: str
    name: str
    version: str
    file: str
    id: str
    severity: Severity
    status: str
    justification: str
    notes: str
    stated_in: str


class AuditResult(msgspec.Struct, kw_only=True):
    """What was found.

    Attributes:
        packages: How many were looked at.
        vulnerable: How many of them have vulnerabilities that are not suppressed.
        findings: Those, the worst first; of the same severity those that are exploited, then those that are likely to be.
        unknown: Of how many nothing is known: no advisories of their ecosystem are imported, their version cannot be compared, or others need them
            and a lock has no entry for them.
        below: How many vulnerabilities are less severe than what was asked for.
        suppressed: Those that are no findings, as `vex` states.
        files: That were looked at.
        unread: Why other lock files of the folder could not be read: the command ends with 2 then, as with one that is malformed.
        unjudged: Those of the files that have packages, and none that could be read: nothing is known of what they install.
        advisories: What they were compared with.
        warnings: Why this may not be all: advisories that are old or missing, files that name only what somebody asks for, entries that
            could not be read. And statements that fit
            nothing.
    """

    packages: int
    vulnerable: int
    unknown: int
    findings: list[Finding]
    below: int
    suppressed: list[Suppressed]
    files: list[str]
    unread: list[str]
    unjudged: list[str]
    advisories: list[Source]
    warnings: list[str]


async def run(params: AuditParams, context: Context) -> AuditResult:
    """Compare packages with advisories.

    Raises:
        NotFoundError: There is no lock file, or no file with statements.
        UnsupportedError: A file is of no known format.
        InvalidConfigError: The only one cannot be read.
        LimitedError: A root has too much in it.
        MissingRequirementError: No advisories are imported, or an image is packed with zstd, and the library that unpacks it is missing.
        PreconditionFailedError: They are older than allowed, or there are none of an ecosystem, a file leaves open what is installed, or
            whether something is affected cannot be told, and that is to fail.
    """
    # All of it in one thread, which opens and closes the store: where nobody waits any more it comes to its own end.
    return _result(await asyncio.to_thread(audited, params, context.clock.now()), params.least)


def _result(told: Audited, least: Severity) -> AuditResult:
    findings, below, vulnerable = [], 0, 0
    suppressed: list[Suppressed] = []
    shown = ORDER.index(least)
    for found in told.found:
        suppressed += [_suppressed(found, one) for one in found.stated if one.status in SUPPRESSING]
        left = [one.vulnerability for one in found.stated if one.status not in SUPPRESSING]
        listed = [one for one in left if one.severity == "unknown" or ORDER.index(one.severity) <= shown]
        vulnerable += bool(left)
        below += len(left) - len(listed)
        if listed:
            findings.append(_finding(found, listed))
    findings.sort(key=lambda one: (urgency(one.vulnerabilities[0]), one.name, one.version))
    return AuditResult(
        packages=sum(len(lock.packages) for _, lock in told.locks), vulnerable=vulnerable,
        unknown=told.unknown + sum(lock.lacking for _, lock in told.locks), findings=findings, below=below,
        suppressed=suppressed, files=[file for file, _ in told.locks],
        unread=told.unread, unjudged=[file for file, lock in told.locks if lock.is_unknown], advisories=told.sources, warnings=told.warnings,
    )  # fmt: skip


def _finding(found: Found, listed: list[Vulnerability]) -> Finding:
    one = found.package
    needed_by = [each.name for each in found.lock.packages if each.needs_this(one)]
    return Finding(
        ecosystem=one.ecosystem, name=one.name, version=one.version, file=found.file, needed_by=needed_by, vulnerabilities=listed,
        source=_source(one), update=_update(one),
    )  # fmt: skip


def _source(one: LockedPackage) -> str:
    """Return the source package where it is another one than the package, or in another version; or the repository."""
    if one.address:
        return one.address
    name, version = one.advised_as[0]
    same = one.packed is None or (name, version) == (one.name.rpartition("/")[2], one.version)
    return "" if same else f"{name} {version}"


def _update(one: LockedPackage) -> str:
    command = updates_of(one.ecosystem, one.packed.distro) if one.packed is not None else ""
    return f"{command} {one.name.rpartition('/')[2]}" if command else ""


def _suppressed(found: Found, stated: Stated) -> Suppressed:
    one, statement = found.package, stated.statement
    assert statement is not None
    return Suppressed(
        ecosystem=one.ecosystem, name=one.name, version=one.version, file=found.file, id=stated.vulnerability.id,
        severity=stated.vulnerability.severity, status=statement.said, justification=statement.justification, notes=statement.notes,
        stated_in=statement.file,
    )  # fmt: skip


def _text(result: AuditResult) -> Iterable[str]:
    yield from (f"warning: not looked at: {one}" for one in result.unread)
    for warning in result.warnings:
        yield f"warning: {warning}"
    unknown = f"; of {result.unknown} nothing is known" if result.unknown else ""
    unjudged = f"; of {number_of(len(result.unjudged), 'file')} nothing could be looked at" if result.unjudged else ""
    yield f"{result.vulnerable} of {result.packages} packages have known vulnerabilities{unknown}{unjudged}"
    is_one_file = len(result.files) == 1
    for one in result.findings:
        for each in one.vulnerabilities:
            fixed = f"fixed in {each.fixed[0]}" if each.fixed else "no fix is known"
            parts = [
                f"{each.severity.upper():<9} {one.name} {one.version}{f' (of {one.source})' if one.source else ''}",
                each.id,
                fixed,
                each.summary,
                *_exploits(each),
                "" if is_one_file else f"in {one.file}",
            ]
            yield f"  {'  '.join(filter(None, parts))}"
    commands = sorted({one.update.rpartition(" ")[0] for one in result.findings if one.update})
    if commands:
        yield f"what a distribution has packed it updates itself: {' or '.join(f'{one} NAME' for one in commands)}"
    if result.below:
        yield f"{result.below} less severe ones are not listed"
    yield from _suppressions(result.suppressed)


def _exploits(one: Vulnerability) -> Iterable[str]:
    if one.exploited:
        yield f"exploited since {one.exploited}{', by ransomware' if one.ransomware else ''}"
    if one.epss is not None:
        yield f"EPSS {one.epss:.2f}" if one.epss >= _LEAST_SHOWN else f"EPSS below {_LEAST_SHOWN}"


def _suppressions(suppressed: Sequence[Suppressed]) -> Iterable[str]:
    if suppressed:
        yield f"{len(suppressed)} suppressed, as is stated"
    for one in suppressed:
        why = ", ".join(filter(None, (one.justification, one.notes)))
        yield f"  {one.name} {one.version}  {one.id}  {one.status}{f' ({why})' if why else ''}  {one.stated_in}"


OPERATION = Implementation(
    params=AuditParams,
    result=AuditResult,
    run=run,
    target=lambda params: f"file/{params.path}",
    text=_text,
    findings=lambda result: result.vulnerable > 0 or result.unknown > 0 or bool(result.unjudged),
    malformed=lambda result: bool(result.unread),
)
