"""Tells what a registry says of a package."""

from collections.abc import Iterable

from outrider.operators.packages.resolving.facts import PackageFacts
from outrider.operators.packages.sessions import Terms, question_of, session_of
from outrider.operators.packages.versions.ecosystems import Ecosystem
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_SHOWN = 10


class InfoParams(Terms, kw_only=True, forbid_unknown_fields=True):
    """Which package.

    Attributes:
        ecosystem: Of the package.
        name: As its ecosystem writes it.
        version: Of which to show what it needs; the latest if none is given.
    """

    ecosystem: Ecosystem
    name: str
    version: str = ""


async def run(params: InfoParams, context: Context) -> PackageFacts:
    """Ask.

    Raises:
        NotFoundError: No registry has it.
        MissingRequirementError: No registry is known here.
        OutriderError: What a registry says.
    """
    with question_of(context, params.ecosystem, [params.name], params) as question:
        return await session_of(params.ecosystem).facts(question, params.name, params.version)


def _text(result: PackageFacts) -> Iterable[str]:
    shown = result.version if result.version == result.latest else f"{result.version}, latest {result.latest}"
    yield f"{result.name} {shown}{'  ' + result.licence if result.licence else ''}"
    if result.status not in ("", "active"):
        yield f"  status    {result.status}"
    if result.tags:
        yield f"  tags      {', '.join(f'{tag} {version}' for tag, version in sorted(result.tags.items()))}"
    yield f"  needs     {', '.join(result.needs) or 'nothing'}"
    if result.extras:
        yield f"  extras    {', '.join(result.extras)}"
    more = len(result.versions) - _SHOWN
    yield f"  versions  {', '.join(result.versions[:_SHOWN])}{f' and {more} more' if more > 0 else ''}"


OPERATION = Implementation(
    params=InfoParams,
    result=PackageFacts,
    run=run,
    target=lambda params: f"package/{params.ecosystem}/{params.name}",
    text=_text,
)
