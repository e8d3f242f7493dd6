"""Tells which packages of a project have known vulnerabilities."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal

import msgspec

from outrider.core.errors import PreconditionFailedError
from outrider.core.package_policies import Severity
from outrider.core.quantities import Duration, duration
from outrider.core.timestamps import parse_timestamp
from outrider.operators.packages.advisories.matching import Matcher, Vulnerability
from outrider.operators.packages.advisories.places import store_path
from outrider.operators.packages.advisories.severity import ORDER
from outrider.operators.packages.advisories.store import AdvisoryStore, Source
from outrider.operators.packages.locks.files import read_locks
from outrider.operators.packages.locks.lock import Lock, LockedPackage
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class AuditParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to look at.

    Attributes:
        path: A lock file, an SBOM, a list of package URLs, or a folder whose lock files are looked at.
        max_age: How old advisories may be.
        stale: What to do where they are older: `warn` or `fail`.
        least: Findings below this severity are counted, and not listed; those of unknown severity are always listed.
    """

    path: str = "."
    max_age: Duration = duration("7d")
    stale: Literal["warn", "fail"] = "warn"
    least: Severity = "none"


class Finding(msgspec.Struct, kw_only=True):
    """A package with its vulnerabilities, the worst first.

    Attributes:
        file: The lock file that has it.
        needed_by: Packages of the same file that need it.
    """

    ecosystem: str
    name: str
    version: str
    file: str
    needed_by: list[str]
    vulnerabilities: list[Vulnerability]


class AuditResult(msgspec.Struct, kw_only=True):
    """What was found.

    Attributes:
        packages: How many were looked at.
        vulnerable: How many of them have vulnerabilities.
        findings: Those, the worst first.
        below: How many vulnerabilities are less severe than what was asked for.
        files: That were looked at.
        advisories: What they were compared with.
        warnings: Why this may not be all: advisories that are old or missing, entries that could not be read.
    """

    packages: int
    vulnerable: int
    findings: list[Finding]
    below: int
    files: list[str]
    advisories: list[Source]
    warnings: list[str]


async def run(params: AuditParams, context: Context) -> AuditResult:
    """Compare packages with advisories.

    Raises:
        NotFoundError: There is no lock file.
        InvalidConfigError: One cannot be read.
        MissingRequirementError: No advisories are imported.
        PreconditionFailedError: They are older than allowed, or there are none of an ecosystem, and that is to fail.
    """
    # All of it in one thread, which opens and closes the store: where nobody waits any more it comes to its own end.
    return await asyncio.to_thread(_audit, params, context.clock.now())


def _audit(params: AuditParams, now: float) -> AuditResult:
    locks = read_locks(Path(params.path))
    with closing(AdvisoryStore(store_path())) as store:
        sources = store.sources()
        warnings = [f"{path}: {text}" for path, lock in locks for text in lock.unreadable]
        doubts = _doubts({one.ecosystem for _, lock in locks for one in lock.packages}, sources, params, now)
        if doubts and params.stale == "fail":
            raise PreconditionFailedError(
                doubts[0], found=doubts[0], expected=f"advisories of at most {params.max_age}",
                suggestions=["outrider packages import_advisories SOURCE"],
            )  # fmt: skip
        return _audited(Matcher(store), locks, params, sources, [*doubts, *warnings])


def _doubts(ecosystems: set[str], sources: dict[str, Source], params: AuditParams, now: float) -> list[str]:
    """Return why what is found may not be all: nothing that is missing or old is taken for safe."""
    doubts = []
    for ecosystem in sorted(ecosystems):
        source = sources.get(ecosystem)
        if source is None or not source.records:
            doubts.append(f"no advisories of {ecosystem} are imported: nothing is known of its packages")
        elif (age := now - parse_timestamp(source.imported)) > params.max_age:
            doubts.append(f"the advisories of {ecosystem} were imported {Duration(age // 3600 * 3600)} ago")
    return doubts


def _audited(
    matcher: Matcher,
    locks: Sequence[tuple[str, Lock]],
    params: AuditParams,
    sources: dict[str, Source],
    warnings: list[str],
) -> AuditResult:
    findings, below, vulnerable, count = [], 0, 0, 0
    shown = ORDER.index(params.least)
    ecosystems: set[str] = set()
    unclear: set[str] = set()
    for file, lock in locks:
        for one in lock.packages:
            count += 1
            ecosystems.add(one.ecosystem)
            found = matcher.vulnerabilities(one.ecosystem, one.name, one.version)
            unclear.update(matcher.unclear(one.ecosystem, one.name))
            listed = [each for each in found if each.severity == "unknown" or ORDER.index(each.severity) <= shown]
            vulnerable += bool(found)
            below += len(found) - len(listed)
            if listed:
                findings.append(_finding(one, file, lock, listed))
    findings.sort(key=lambda one: (ORDER.index(one.vulnerabilities[0].severity), one.name, one.version))
    notes = [
        f"{identity}: a range of it cannot be read; it may affect more than is told" for identity in sorted(unclear)
    ]
    return AuditResult(
        packages=count, vulnerable=vulnerable, findings=findings, below=below, files=[file for file, _ in locks],
        advisories=[sources[one] for one in sorted(ecosystems) if one in sources], warnings=[*warnings, *notes],
    )  # fmt: skip


def _finding(one: LockedPackage, file: str, lock: Lock, found: list[Vulnerability]) -> Finding:
    needed_by = [each.name for each in lock.packages if each.ecosystem == one.ecosystem and one.name in each.needs]
    return Finding(
        ecosystem=one.ecosystem,
        name=one.name,
        version=one.version,
        file=file,
        needed_by=needed_by,
        vulnerabilities=found,
    )


def _text(result: AuditResult) -> Iterable[str]:
    for warning in result.warnings:
        yield f"warning: {warning}"
    yield f"{result.vulnerable} of {result.packages} packages have known vulnerabilities"
    for one in result.findings:
        for each in one.vulnerabilities:
            fixed = f"fixed in {each.fixed[0]}" if each.fixed else "no fix is known"
            yield f"  {each.severity.upper():<9} {one.name} {one.version}  {each.id}  {fixed}  {each.summary}".rstrip()
    if result.below:
        yield f"{result.below} less severe ones are not listed"


OPERATION = Implementation(
    params=AuditParams,
    result=AuditResult,
    run=run,
    target=lambda params: f"file/{params.path}",
    text=_text,
    findings=lambda result: result.vulnerable > 0,
)
