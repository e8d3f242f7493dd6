"""Tells under which licences the packages of a project are, and which of them a policy allows."""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from outrider.core.package_policies import PackagePolicySpec
from outrider.core.timestamps import timestamp_of_second
from outrider.operators.packages.licences.asking import Answers
from outrider.operators.packages.licences.detection import Detector
from outrider.operators.packages.licences.gathering import gathered
from outrider.operators.packages.licences.judging import LicenceRules
from outrider.operators.packages.licences.reports.comma_separated import comma_separated
from outrider.operators.packages.licences.reports.judged import judged
from outrider.operators.packages.licences.reports.lines import lines
from outrider.operators.packages.licences.reports.page import page
from outrider.operators.packages.licences.reports.rows import LicenceFinding, LicenceReport, LicensedPackage
from outrider.operators.packages.licences.sources import Told
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.policies.opening import read_all_policies
from outrider.operators.packages.policies.places import policy_paths
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.sboms.bill import bill_of
from outrider.operators.packages.sboms.spdx import spdx
from outrider.operators.packages.sessions import Terms
from outrider.operators.packages.texts import document_lines
from outrider.runtime.context import Context
from outrider.runtime.contexts import cache_folder
from outrider.runtime.implementation import Implementation


class LicencesParams(Terms, kw_only=True, forbid_unknown_fields=True):
    """What to look at, and by which policy; where none speaks of licences, all are allowed that are known.

    Attributes:
        path: A lock file, an SBOM, a list of package URLs, a folder whose lock files are looked at, or one that packages are installed in.
        format: How people read it: a table of what is found, or all packages as HTML, CSV or SPDX 2.3.
        installed: A folder of installed packages that is not in the project, such as a site-packages.
        ask: Ask the registries for licences that neither the installed packages nor the lock tell.
        detect: Have ScanCode read the licence files of installed packages whose licence is not known.
    """

    path: str = "."
    format: Literal["table", "html", "csv", "spdx"] = "table"
    installed: str = ""
    ask: bool = False
    detect: bool = False


class LicencesResult(msgspec.Struct, kw_only=True):
    """What was found.

    Attributes:
        packages: All of them.
        counts: How many packages have which licence; under the empty one those of which none is known.
        findings: What is denied, what is not known, what is to be reviewed, and waivers that have ended.
        files: That were looked at.
        unknown: Those of which no package could be read, or not all: what others in it need may have no entry.
        warnings: Why this may not be all.
        document: The report as HTML, CSV or SPDX; empty for a table.
    """

    packages: list[LicensedPackage]
    counts: dict[str, int]
    findings: list[LicenceFinding]
    files: list[str]
    unknown: list[str]
    warnings: list[str]
    document: str = ""


async def run(params: LicencesParams, context: Context) -> LicencesResult:
    """Look at licences.

    Raises:
        NotFoundError: There is no lock file, no such policy file, or no such folder of installed packages.
        InvalidConfigError: One cannot be read.
        MissingRequirementError: Texts are to be read, and ScanCode is not installed.
        ExecutionFailedError: ScanCode failed.
        OutriderError: What a registry says is a warning; that none is known too.
    """
    created = timestamp_of_second(context.clock.now())
    rules = await asyncio.to_thread(_rules, params.policy, created[: len("2027-01-31")])
    detector = None
    if params.detect:
        detector = Detector(
            os.environ, cache_folder() / "packages", max(context.deadline - context.clock.monotonic(), 1.0)
        )
    found = await asyncio.to_thread(gathered, Path(params.path), params.installed, os.environ)
    told, notes = found.told, found.unreadable
    if params.ask:
        answers = Answers(_question(context, offline=params.offline))
        told = await answers.completed(told)
        notes = [*notes, *answers.notes]
    if detector is not None:
        told = await detector.completed(told)
        notes = [*notes, *detector.notes]
    untold = sum(not one.licence.raw for one in told)
    if untold and not params.ask:
        notes = [
            *notes,
            f"{untold} without a licence: neither installed packages nor locks tell it; their registries may: --ask",
        ]
    report = judged(found, told, rules, created=created, notes=notes)
    return LicencesResult(
        packages=report.packages, counts=report.counts, findings=report.findings, files=found.files, unknown=found.unknown, warnings=report.warnings,
        document=_document(params.format, report, told),
    )  # fmt: skip


def _rules(named: str, today: str) -> list[LicenceRules]:
    said = read_all_policies(policy_paths(os.environ, Path.cwd(), named))
    found = [LicenceRules(name, spec, today) for name, spec in said.items() if spec.licences is not None]
    return found or [LicenceRules("", PackagePolicySpec(), today)]


def _question(context: Context, *, offline: bool) -> Question:
    # No policy: a version is there already, and only its licence is asked for.
    return Question(
        packages=[], offline=offline, cache=cache_folder() / "packages", folder=Path.cwd(), environment=os.environ, clock=context.clock,
        deadline=context.deadline,
    )  # fmt: skip


def _document(form: str, report: LicenceReport, told: list[Told]) -> str:
    if form == "html":
        return page(report)
    if form == "csv":
        return comma_separated(report.packages)
    if form == "spdx":
        packages = tuple(one.as_locked() for one in told)
        bill = bill_of([Lock(form=form, packages=packages)], name=report.title, version="", created=report.created)
        return "\n".join(document_lines(spdx(bill)))
    return ""


def _text(result: LicencesResult) -> Iterable[str]:
    if result.document:
        return result.document.removesuffix("\n").split("\n")
    unknown = [f"not all of {file} could be judged" for file in result.unknown]
    return lines(len(result.packages), result.counts, result.findings, [*result.warnings, *unknown])


def _notes(result: LicencesResult) -> Iterable[str]:
    # A table has them within.
    return [
        f"warning: {one}"
        for one in (*result.warnings, *(f"not all of {file} could be judged" for file in result.unknown)) if result.document
    ]  # fmt: skip


OPERATION = Implementation(
    params=LicencesParams, result=LicencesResult, run=run, target=lambda params: f"file/{params.path}", text=_text,
    notes=_notes, findings=lambda result: bool(result.findings or result.unknown),
)  # fmt: skip
