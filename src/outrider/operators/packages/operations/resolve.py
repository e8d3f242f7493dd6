"""Chooses a version of each package that is needed."""

import os
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.runtime.context import Context
from outrider.runtime.contexts import cache_folder
from outrider.runtime.implementation import Implementation


class ResolveParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is asked for.

    Attributes:
        ecosystem: Of the packages.
        packages: Each as its ecosystem writes it: `requests[socks]>=2.31,<3`, `react@^18`, `serde[derive]@1`.
        python: For which version of Python, such as `3.12`; that which runs Outrider if none is given.
        offline: Ask no registry: do with what is kept of earlier questions.
    """

    ecosystem: Literal["cargo", "npm", "pypi"]
    packages: Annotated[list[str], msgspec.Meta(min_length=1)]
    python: str = ""
    offline: bool = False


async def run(params: ResolveParams, context: Context) -> Resolved:
    """Choose versions.

    Raises:
        InvalidConfigError: A package is not written as its ecosystem writes it.
        ConflictError: What is asked for cannot be had at once; it says why.
        NotFoundError: No registry has a package.
        MissingRequirementError: No registry is known here.
        DeadlineExceededError: No answer in time, which does not mean that there is none.
        OutriderError: What a registry says.
    """
    question = Question(
        packages=params.packages, python=params.python, offline=params.offline, cache=cache_folder() / "packages", folder=Path.cwd(),
        environment=os.environ, clock=context.clock, deadline=context.deadline,
    )  # fmt: skip
    session = import_module(f"outrider.operators.packages.{params.ecosystem}.session")
    answer: Resolved | Impossible = await session.resolve(question)
    if isinstance(answer, Impossible):
        raise answer.error()
    return answer


def _text(result: Resolved) -> Iterable[str]:
    joint = "==" if result.target.startswith("python") else "@"
    for one in result.packages:
        extras = f"[{','.join(one.extras)}]" if one.extras else ""
        by = f"  # {', '.join(one.needed_by)}" if one.needed_by else ""
        yield f"{one.place or one.name}{extras}{joint}{one.version}{by}"


OPERATION = Implementation(
    params=ResolveParams, result=Resolved, run=run, target=lambda params: f"ecosystem/{params.ecosystem}", text=_text
)
