"""What cargo search asks: https://doc.rust-lang.org/cargo/reference/registry-web-api.html#search."""

from collections.abc import Iterable
from typing import Any

import msgspec

from outrider.core.errors import NotFoundError
from outrider.operators.packages.cargo.client import CargoClient
from outrider.operators.packages.cargo.session import registry_of
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


class _Crate(msgspec.Struct):
    name: Any = None
    max_version: Any = None
    description: Any = None


class _Answer(msgspec.Struct):
    crates: list[_Crate]


async def search(question: Question, text: str, limit: int) -> Found:
    """Ask the registry.

    Raises:
        InvalidConfigError: A setting cannot be used.
        MissingRequirementError: No registry is known here.
        UnsupportedError: It cannot be searched.
        OutriderError: What it says.
    """

    async def ask(registry: Registry) -> Iterable[FoundPackage | None]:
        client = CargoClient(registry, question.clock)
        try:
            return await _ask(client, text, limit)
        finally:
            await client.close()

    registry = await registry_of(question.environment, question.folder, question.cache)
    return await asked_in_order([registry], ask, limit)


async def _ask(client: CargoClient, text: str, limit: int) -> list[FoundPackage | None]:
    config = await client.config()
    if not config.api:
        raise no_search(client.registry.url, "api in its config.json")
    url = f"{config.api.rstrip('/')}/api/v1/crates"
    try:
        document = await client.of_api(config, f"{url}?{query(q=text, per_page=limit)}")
    except NotFoundError as error:
        raise no_search(client.registry.url, "api/v1/crates, below api of its config.json") from error
    return [
        found_package(one.name, one.max_version, one.description)
        for one in read_found(url, document.content, _Answer).crates
    ]
