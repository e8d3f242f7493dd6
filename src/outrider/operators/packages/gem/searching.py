"""What gems are found for some words: https://guides.rubygems.org/rubygems-org-api/#gem-methods, `search.json`."""

from collections.abc import Iterable
from typing import Any

import msgspec

from outrider.core.errors import NotFoundError
from outrider.operators.packages.gem.program import ruby_program
from outrider.operators.packages.gem.settings import GemSettings
from outrider.operators.packages.registries.downloads import Downloads, opened_downloads
from outrider.operators.packages.registries.registry import Registry
from outrider.operators.packages.registries.searching import (
    Found,
    FoundPackage,
    asked_in_order,
    found_package,
    no_search,
    query,
    read_found,
)
from outrider.operators.packages.resolving.questions import Question

# A page has 30 at the public registry, and nobody can ask for more.
_MOST_PAGES = 10


class _Gem(msgspec.Struct):
    name: Any = None
    version: Any = None
    info: Any = None


async def search(question: Question, text: str, limit: int) -> Found:
    """Ask the sources, one after the other.

    Raises:
        InvalidConfigError: A setting cannot be used.
        MissingRequirementError: No source is known here.
        UnsupportedError: None of them can be searched.
        OutriderError: What a source says.
    """
    program = await ruby_program(question.environment, question.cache)
    registries = GemSettings(question.environment, question.folder).registries(program.sources)

    async def ask(registry: Registry) -> Iterable[FoundPackage | None]:
        async with opened_downloads(registry, question.clock) as downloads:
            return await _ask(downloads, text, limit)

    return await asked_in_order(registries, ask, limit)


async def _ask(downloads: Downloads, text: str, limit: int) -> list[FoundPackage | None]:
    url = f"{downloads.registry.url}/api/v1/search.json"
    found: dict[str, FoundPackage | None] = {}
    for page in range(1, _MOST_PAGES + 1):
        try:
            document = await downloads.get(f"{url}?{query(query=text, page=page)}")
        except NotFoundError as error:
            raise no_search(downloads.registry.url, "api/v1/search.json") from error
        before = len(found)
        for one in read_found(url, document.content, list[_Gem]):
            if isinstance(one.name, str):
                found.setdefault(one.name, found_package(one.name, one.version, one.info))
        # Sources that know no pages send the same one again.
        if len(found) >= limit or len(found) == before:
            break
    return list(found.values())
