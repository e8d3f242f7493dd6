"""Finds packages by words, as the registries rank them."""

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from outrider.operators.packages.registries.searching import Found
from outrider.operators.packages.sessions import Terms, question_of, searching_of
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_WIDEST = 40


class SearchParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to look for.

    Attributes:
        ecosystem: Of the packages. Indexes of Python and repositories of Maven have no search.
        text: Words, as the registry takes them.
        limit: How many packages to tell at most.
    """

    ecosystem: Literal["cargo", "composer", "gem", "npm", "nuget"]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20


async def run(params: SearchParams, context: Context) -> Found:
    """Ask.

    Raises:
        MissingRequirementError: No registry is known here.
        UnsupportedError: None of them can be searched.
        OutriderError: What a registry says.
    """
    with question_of(context, params.ecosystem, [], Terms()) as question:
        return await searching_of(params.ecosystem).search(question, params.text, params.limit)


def _text(result: Found) -> Iterable[str]:
    heads = [f"{one.name} {one.version}".strip() for one in result.packages]
    width = min(max(map(len, heads), default=0), _WIDEST)
    for head, one in zip(heads, result.packages, strict=True):
        yield f"{head:{width}}  {one.description}".rstrip()
    if not result.packages:
        yield "nothing was found"
    yield from (f"not asked: {note}" for note in result.notes)


OPERATION = Implementation(
    params=SearchParams,
    result=Found,
    run=run,
    target=lambda params: f"packages/{params.ecosystem}",
    text=_text,
)
