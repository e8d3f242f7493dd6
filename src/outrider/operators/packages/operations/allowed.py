"""Answers whether policy admits a package, before anybody installs it."""

from collections.abc import Iterable

import msgspec

from outrider.operators.packages.resolving.facts import PackageFacts, newest, position
from outrider.operators.packages.resolving.naming import counted
from outrider.operators.packages.resolving.policies import Refusal, refused
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.sessions import Asked, Session, Terms, question_of, session_of
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class AllowedParams(Terms, kw_only=True, forbid_unknown_fields=True):
    """Which package.

    Attributes:
        ecosystem: Of the package.
        name: As its ecosystem writes it.
        version: Of the package; if none is given, any version will do.
    """

    ecosystem: Asked
    name: str
    version: str = ""


class RefusedVersions(msgspec.Struct, kw_only=True):
    """Versions that a policy refuses.

    Attributes:
        versions: How many.
        newest: The newest of them.
        why: The rule, and the policy that has it.
    """

    versions: int
    newest: str
    why: str


class AllowedResult(msgspec.Struct, kw_only=True):
    """What policy says.

    Attributes:
        allowed: Whether the version is admitted, or any version where none was named.
        version: The one to install: that which was named, else the newest release that is admitted and was not taken back.
        refused: What is refused of what was asked about, and why.
        licence: Of that version, as its author has written it, where the registry tells it.
    """

    name: str
    allowed: bool
    version: str = ""
    refused: list[RefusedVersions] = []
    licence: str = ""


async def run(params: AllowedParams, context: Context) -> AllowedResult:
    """Ask.

    Raises:
        NotFoundError: No registry has the package or the version.
        MissingRequirementError: No registry is known here, or a policy needs advisories and there are none.
        OutriderError: What is wrong with a policy, or what a registry says.
    """
    session = session_of(params.ecosystem)
    with question_of(context, params.ecosystem, [params.name], params) as question:
        facts = await session.facts(question, params.name, params.version)
        return await _judged(facts, params.version, question, session)


async def _judged(facts: PackageFacts, version: str, question: Question, session: Session) -> AllowedResult:
    table = VersionTable(scheme_of(facts.ecosystem), facts.versions)
    refusals = list(question.policy.refusals(facts.name, table, facts.times(table.versions)))
    asked = table.everything
    if version:
        # One that its ecosystem cannot read stands in no table, and nobody can judge it.
        asked = 1 << position(facts.ecosystem, facts.name, table.versions, version)
    left = asked & ~refused(refusals)
    result = AllowedResult(name=facts.name, allowed=bool(left))
    if left:
        taken_back = set(facts.taken_back)
        fine = sum(1 << bit for bit, one in enumerate(table.versions) if one not in taken_back)
        best = newest(left, fine, table.releases)
        result.version = table.versions[best]
        if question.policy.asks_for_licences:
            result.licence = (await session.facts(question, facts.name, result.version)).licence
            if why := question.policy.refuses_licence(facts.name, result.version, result.licence):
                refusals.append(Refusal(1 << best, why))
                result.allowed = False
    masks = [(one.versions & asked, one.why) for one in refusals]
    result.refused = [
        RefusedVersions(versions=mask.bit_count(), newest=table.versions[mask.bit_length() - 1], why=why)
        for mask, why in masks
        if mask
    ]
    return result


def _text(result: AllowedResult) -> Iterable[str]:
    yield f"{result.name} {result.version} is allowed" if result.allowed else f"{result.name} is not allowed"
    for one in result.refused:
        yield f"  {counted(one.versions, one.why)}; the newest is {one.newest}"


OPERATION = Implementation(
    params=AllowedParams,
    result=AllowedResult,
    run=run,
    target=lambda params: f"package/{params.ecosystem}/{params.name}",
    text=_text,
    findings=lambda result: not result.allowed,
)
