"""What npm search asks: https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md#get-v1search."""

from collections.abc import Iterable
from typing import Any

import msgspec

from outrider.core.errors import NotFoundError
from outrider.operators.packages.npm.program import npm_program
from outrider.operators.packages.npm.settings import NpmSettings
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


class _Package(msgspec.Struct):
    name: Any = None
    version: Any = None
    description: Any = None


class _Object(msgspec.Struct):
    package: _Package


class _Answer(msgspec.Struct):
    objects: list[_Object]


async def search(question: Question, text: str, limit: int) -> Found:
    """Ask the registry that has packages in general, then those of scopes.

    Raises:
        InvalidConfigError: A setting cannot be used.
        MissingRequirementError: No registry is known here.
        UnsupportedError: None of them can be searched.
        OutriderError: What a registry says.
    """
    program = await npm_program(question.environment, question.cache)
    registries = NpmSettings(question.environment, question.folder, program).registries()

    async def ask(registry: Registry) -> Iterable[FoundPackage | None]:
        async with opened_downloads(registry, question.clock) as downloads:
            return await _ask(downloads, text, limit)

    return await asked_in_order(registries, ask, limit)


async def _ask(downloads: Downloads, text: str, limit: int) -> list[FoundPackage | None]:
    url = f"{downloads.registry.url}/-/v1/search"
    try:
        document = await downloads.get(f"{url}?{query(text=text, size=limit)}")
    except NotFoundError as error:
        raise no_search(downloads.registry.url, "-/v1/search") from error
    found = [one.package for one in read_found(url, document.content, _Answer).objects]
    return [found_package(one.name, one.version, one.description) for one in found]
