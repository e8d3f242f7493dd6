"""Judges lock files by policy: which of their packages may not be installed."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from outrider.core.errors import NotFoundError
from outrider.operators.packages.locks.files import read_locks
from outrider.operators.packages.locks.lock import OTHER_REGISTRY, Lock, LockedPackage
from outrider.operators.packages.resolving.facts import PackageFacts
from outrider.operators.packages.resolving.naming import of_one
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.sessions import Terms, policies_of, question_of, session_of
from outrider.operators.packages.versions.ecosystems import PACKED, scheme_of
from outrider.operators.packages.versions.tables import VersionTable
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_AT_A_TIME = 16


class CheckParams(Terms, kw_only=True, forbid_unknown_fields=True):
    """What to judge.

    Attributes:
        path: A lock file, an SBOM, a list of package URLs, a folder whose lock files are looked at, or one that packages are installed in.
        ask: Ask the registries too: whether versions were taken back, and, where a policy wants to know, their times and licences. Without
            it what only they know counts as the policy has it of what is not known.
    """

    path: str = "."
    ask: bool = False


class RefusedPackage(msgspec.Struct, kw_only=True):
    """A package that may not be installed.

    Attributes:
        file: The lock file that has it.
        whys: Each rule that refuses it, and the policy that has it.
    """

    ecosystem: str
    name: str
    version: str
    file: str
    whys: list[str]


class CheckResult(msgspec.Struct, kw_only=True):
    """What was found.

    Attributes:
        packages: How many were judged.
        refused: Those that may not be installed, by file and name.
        files: That were looked at.
        policies: Files of the policies that they were judged by; where there is none, nothing is refused but what a registry has taken back.
        warnings: What could not be judged.
        unknown: Files of which no package could be judged, or not all: what others in it need may have no entry.
    """

    packages: int
    refused: list[RefusedPackage]
    files: list[str]
    policies: list[str]
    warnings: list[str]
    unknown: list[str]


async def run(params: CheckParams, context: Context) -> CheckResult:
    """Judge.

    Raises:
        NotFoundError: There is no lock file.
        InvalidConfigError: One, or a policy, cannot be read.
        MissingRequirementError: A policy needs advisories and there are none, or no registry is known here.
        OutriderError: What a registry says.
    """
    locks = await asyncio.to_thread(read_locks, Path(params.path))
    result = CheckResult(
        packages=0,
        refused=[],
        files=[file for file, _ in locks],
        policies=policies_of(params),
        warnings=[],
        unknown=[file for file, lock in locks if lock.is_unjudged],
    )
    found = Counter(one.ecosystem for _, lock in locks for one in lock.packages)
    for ecosystem in sorted(found.keys() & set(PACKED)):
        result.warnings.append(
            f"{found[ecosystem]} of the type {ecosystem}: policies are not about what distributions pack"
        )
    for ecosystem in sorted(found.keys() - set(PACKED)):
        with question_of(context, ecosystem, [], params) as question:
            await _Judge(ecosystem, question, ask=params.ask).judge(locks, result)
    result.warnings += [f"{file}: {text}" for file, lock in locks for text in lock.warnings]
    result.refused.sort(key=lambda one: (one.file, one.name, one.version))
    return result


class _Judge:
    """Judges the packages of one ecosystem.

    Args:
        ecosystem: Which.
        question: With the policy.
        ask: Whether to ask the registries.
    """

    def __init__(self, ecosystem: str, question: Question, *, ask: bool) -> None:
        self._ecosystem, self._question, self._ask = ecosystem, question, ask
        self._limit = asyncio.Semaphore(_AT_A_TIME)

    async def judge(self, locks: Sequence[tuple[str, Lock]], result: CheckResult) -> None:
        """Add what is to be said of all packages of the ecosystem."""
        found = [(file, one) for file, lock in locks for one in lock.packages if one.ecosystem == self._ecosystem]
        result.packages += len(found)
        policy = self._question.policy
        if found and not self._ask and (policy.asks_for_times or policy.asks_for_licences):
            result.warnings.append(
                f"the registries of {self._ecosystem} are not asked for times and licences, which a policy wants to know: --ask"
            )
        judged = await asyncio.gather(*(self._whys(one) for _, one in found))
        for (file, one), whys in zip(found, judged, strict=True):
            if whys:
                result.refused.append(
                    RefusedPackage(ecosystem=one.ecosystem, name=one.name, version=one.version, file=file, whys=whys)
                )

    async def _whys(self, one: LockedPackage) -> list[str]:
        facts, missing = None, ""
        if self._ask and not one.source:
            facts, missing = await self._facts(one)
        table = VersionTable(scheme_of(self._ecosystem), [one.version])
        if not table.versions:
            return [f"{one.version} is no version that {self._ecosystem} can read"]
        times = facts.times([one.version]) if facts is not None else []
        # Advisories are not about what is of a registry of somebody's own.
        name = one.called if one.source == OTHER_REGISTRY else one.name
        refusals = self._question.policy.refusals(name, table, times)
        whys = [missing, *(of_one(refusal.why) for refusal in refusals)]
        if facts is not None and one.version in facts.taken_back:
            whys.append("was taken back")
        if not missing:
            # What the registry does not tell, the lock may.
            licence = (facts.licence if facts is not None else "") or one.licence
            if why := self._question.policy.refuses_licence(one.name, one.version, licence):
                whys.append(of_one(why))
        return [why for why in whys if why]

    async def _facts(self, one: LockedPackage) -> tuple[PackageFacts | None, str]:
        """Return what the registry says of a version, or that it has none such."""
        async with self._limit:
            self._question.check()
            try:
                session = session_of(self._ecosystem)
                return await session.facts(self._question, one.name, one.version), ""
            except NotFoundError as error:
                return None, error.message


def _text(result: CheckResult) -> Iterable[str]:
    for warning in result.warnings:
        yield f"warning: {warning}"
    if not result.policies:
        yield "warning: there is no policy: write packages-policy.yaml, or name one: --policy FILE"
    yield from (f"not all of {file} could be judged" for file in result.unknown)
    if result.packages or not result.unknown:
        yield f"{len(result.refused)} of {result.packages} packages are refused"
    is_one_file = len({one.file for one in result.refused}) == 1
    for one in result.refused:
        for why in one.whys:
            yield f"  {one.name} {one.version} {why}{'' if is_one_file else f'  in {one.file}'}"


OPERATION = Implementation(
    params=CheckParams,
    result=CheckResult,
    run=run,
    target=lambda params: f"file/{params.path}",
    text=_text,
    findings=lambda result: bool(result.refused or result.unknown),
)
