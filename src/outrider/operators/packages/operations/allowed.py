"""Answers whether policy admits a package, before anybody installs it."""

from collections.abc import Iterable

import msgspec

from outrider.operators.packages.resolving.facts import PackageFacts, newest, position
from outrider.operators.packages.resolving.naming import counted
from outrider.operators.packages.resolving.policies import refused
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.sessions import Session, Terms, policies_of, question_of, session_of
from outrider.operators.packages.versions.ecosystems import Ecosystem, scheme_of
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

    ecosystem: Ecosystem
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
        policies: Files of the policies that it was judged by; where there is none, all is allowed.
        licence: Of that version, else of the last one that was looked at, as its author has written it; where a policy must know it.
    """

    name: str
    allowed: bool
    version: str = ""
    refused: list[RefusedVersions] = []
    policies: list[str] = []
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
        result = await _judged(facts, params.version, question, session)
    result.policies = policies_of(params)
    return result


async def _judged(facts: PackageFacts, version: str, question: Question, session: Session) -> AllowedResult:
    table = VersionTable(scheme_of(facts.ecosystem), facts.versions)
    refusals = list(question.policy.refusals(facts.name, table, facts.times(table.versions)))
    asked = table.everything
    if version:
        # One that its ecosystem cannot read stands in no table, and nobody can judge it.
        asked = 1 << position(facts.ecosystem, facts.name, table.versions, version)
    left = asked & ~refused(refusals)
    masks: dict[str, int] = {}
    for one in refusals:
        masks[one.why] = masks.get(one.why, 0) | one.versions & asked
    result = AllowedResult(name=facts.name, allowed=False)
    taken_back = set(facts.taken_back)
    fine = sum(1 << bit for bit, one in enumerate(table.versions) if one not in taken_back)
    while left and not result.allowed:
        best = newest(left, fine, table.releases)
        left ^= 1 << best
        result.licence, why = await _licence(facts.name, table.versions[best], question, session)
        if why:
            masks[why] = masks.get(why, 0) | 1 << best
        else:
            result.allowed, result.version = True, table.versions[best]
    result.refused = [
        RefusedVersions(versions=mask.bit_count(), newest=table.versions[mask.bit_length() - 1], why=why)
        for why, mask in masks.items()
        if mask
    ]
    return result


async def _licence(name: str, version: str, question: Question, session: Session) -> tuple[str, str]:
    """Return the licence of a version where a policy must know it, and why it is refused; nothing where it is not."""
    if not question.policy.asks_for_licences:
        return "", ""
    question.check()
    licence = (await session.facts(question, name, version)).licence
    return licence, question.policy.refuses_licence(name, version, licence)


def _text(result: AllowedResult) -> Iterable[str]:
    why = "" if result.policies else ": there is no policy"
    yield f"{result.name} {result.version} is allowed{why}" if result.allowed else f"{result.name} is not allowed"
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
