"""What packages sources find for some words: https://learn.microsoft.com/nuget/api/search-query-service-resource."""

from collections.abc import Iterable
from typing import Any

import msgspec

from outrider.operators.packages.nuget.services import service_at
from outrider.operators.packages.nuget.settings import NugetSettings
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

_SERVICES = (
    "SearchQueryService/Versioned", "SearchQueryService/3.5.0", "SearchQueryService/3.0.0-rc", "SearchQueryService/3.0.0-beta",
    "SearchQueryService",
)  # fmt: skip


class _Package(msgspec.Struct):
    id: Any = None
    version: Any = None
    description: Any = None


class _Answer(msgspec.Struct):
    data: list[_Package]


async def search(question: Question, text: str, limit: int) -> Found:
    """Ask the sources, one after the other; what is no release is not looked for.

    Raises:
        InvalidConfigError: A setting cannot be used.
        MissingRequirementError: No source is known here.
        UnsupportedError: None of them can be searched.
        OutriderError: What a source says.
    """

    async def ask(registry: Registry) -> Iterable[FoundPackage | None]:
        async with opened_downloads(registry, question.clock) as downloads:
            return await _ask(downloads, text, limit)

    settings = NugetSettings(question.environment, question.folder)
    found = await asked_in_order([source.registry for source in settings.sources], ask, limit, str.lower)
    found.notes = [*settings.notes, *found.notes]
    return found


async def _ask(downloads: Downloads, text: str, limit: int) -> list[FoundPackage | None]:
    index = downloads.registry.url
    url = service_at(index, (await downloads.get(index)).content or b"", _SERVICES)
    if not url:
        raise no_search(index, "SearchQueryService in its service index")
    asked = query(q=text, take=limit, prerelease="false", semVerLevel="2.0.0")
    document = await downloads.get(f"{url}{'&' if '?' in url else '?'}{asked}")
    return [
        found_package(one.id, one.version, one.description) for one in read_found(url, document.content, _Answer).data
    ]
