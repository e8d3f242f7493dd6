"""Chooses a version of each package that is needed."""

from collections.abc import Iterable
from typing import Annotated

import msgspec

from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.sessions import Terms, question_of, session_of
from outrider.operators.packages.versions.ecosystems import Ecosystem
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class ResolveParams(Terms, kw_only=True, forbid_unknown_fields=True):
    """What is asked for.

    Attributes:
        ecosystem: Of the packages.
        packages: Each as its ecosystem writes it: `requests[socks]>=2.31,<3`, `react@^18`, `serde[derive]@1`,
            `org.slf4j:slf4j-api:2.0.9`, `rails@~> 7.0`, `Serilog@[2.0,3.0)`.
        python: For which version of Python, such as `3.12`; that which runs Outrider if none is given.
        framework: For which target framework of .NET, such as `net48`; `net8.0` if none is given.
    """

    ecosystem: Ecosystem
    packages: Annotated[list[str], msgspec.Meta(min_length=1)]
    python: str = ""
    framework: str = ""


class ChosenPackage(msgspec.Struct, kw_only=True):
    """A package with the version that was chosen.

    Attributes:
        name: As its ecosystem compares names.
        version: The one that was chosen.
        extras: That are asked of it; features where its ecosystem calls them so.
        direct: Whether it was asked for itself.
        needed_by: Which other packages need it.
        place: Where it stands in the tree, where its ecosystem may have several versions of one name.
        aliases: Other versions that it is called by, of Composer.
        file: What would be installed.
        url: Where that is.
        hashes: Of it, by algorithm.
    """

    name: str
    version: str
    extras: list[str]
    direct: bool
    needed_by: list[str]
    place: str
    aliases: list[str]
    file: str
    url: str
    hashes: dict[str, str]


class Resolution(msgspec.Struct, kw_only=True):
    """What was chosen.

    Attributes:
        target: What it is for.
        packages: By name and place.
        notes: What should be known of it, such as warnings that the native client would print.
    """

    target: str
    packages: list[ChosenPackage]
    notes: list[str]


async def run(params: ResolveParams, context: Context) -> Resolution:
    """Choose versions.

    Raises:
        InvalidConfigError: A package is not written as its ecosystem writes it.
        ConflictError: What is asked for cannot be had at once; it says why.
        NotFoundError: No registry has a package.
        MissingRequirementError: No registry is known here.
        DeniedError: A policy admits nothing of what is needed.
        DeadlineExceededError: No answer in time, which does not mean that there is none.
        OutriderError: What a registry says.
    """
    target = params.framework if params.ecosystem == "nuget" else params.python
    with question_of(context, params.ecosystem, params.packages, params, target=target) as question:
        answer: Resolved | Impossible = await session_of(params.ecosystem).resolve(question)
    if isinstance(answer, Impossible):
        raise answer.error()
    return told(answer)


def told(answer: Resolved) -> Resolution:
    """Return what is told of an answer: not what only locks are made of."""
    return msgspec.convert(answer, Resolution, from_attributes=True)


def _text(result: Resolution) -> Iterable[str]:
    joint = "==" if result.target.startswith("python") else "@"
    for one in result.packages:
        extras = f"[{','.join(one.extras)}]" if one.extras else ""
        by = f"  # {', '.join(one.needed_by)}" if one.needed_by else ""
        yield f"{one.place or one.name}{extras}{joint}{one.version}{by}"
    for note in result.notes:
        yield f"# {note}"


OPERATION = Implementation(
    params=ResolveParams, result=Resolution, run=run, target=lambda params: f"ecosystem/{params.ecosystem}", text=_text
)
