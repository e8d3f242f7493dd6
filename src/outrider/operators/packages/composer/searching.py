"""What repositories find for some words: https://getcomposer.org/doc/05-repositories.md, and `ComposerRepository::search` of Composer 2.

Their answer has no versions, so these are looked up, as for the facts of each package.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec

from outrider.core.errors import NotFoundError
from outrider.operators.packages.composer.client import ComposerClient
from outrider.operators.packages.composer.facts import facts_of
from outrider.operators.packages.composer.session import opened
from outrider.operators.packages.composer.sources import ComposerSource
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

_AT_A_TIME = 16


class _Package(msgspec.Struct):
    name: Any = None
    description: Any = None


class _Answer(msgspec.Struct):
    results: list[_Package]


async def search(question: Question, text: str, limit: int) -> Found:
    """Ask the repositories, one after the other.

    Raises:
        InvalidConfigError: A setting cannot be used.
        MissingRequirementError: No repository is known here.
        UnsupportedError: None of them can be searched.
        OutriderError: What a repository says.
    """

    async def ask(client: ComposerClient) -> Iterable[FoundPackage | None]:
        template = await client.search_template()
        if not template:
            raise no_search(client.url, "search in its packages.json")
        address = template.replace("%query%", query(q=text)[2:]).replace("%type%", "")
        found = read_found(client.url, await client.found(address), _Answer).results
        return [found_package(one.name, "", one.description) for one in found]

    async with opened(question) as (source, _):
        found = await asked_in_order(source.clients, ask, limit, str.lower)
        at_a_time = asyncio.Semaphore(_AT_A_TIME)
        await asyncio.gather(*(_complete(source, one, at_a_time) for one in found.packages))
    return found


async def _complete(source: ComposerSource, package: FoundPackage, at_a_time: asyncio.Semaphore) -> None:
    """Have the latest version of a package; none where its repository does not have the package that it has found."""
    async with at_a_time:
        try:
            package.version = (await facts_of(source, package.name)).latest
        except NotFoundError:
            return
