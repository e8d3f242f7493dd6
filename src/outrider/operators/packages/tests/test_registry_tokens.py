"""Tokens of a registry are listed, and taken back by their label or id alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outrider.core.errors import NotFoundError
from outrider.operators.packages.operations import registry_revoke, registry_token, registry_tokens
from outrider.operators.packages.operations.registry_revoke import RegistryRevokeParams
from outrider.operators.packages.operations.registry_token import RegistryTokenParams
from outrider.operators.packages.operations.registry_tokens import RegistryTokensParams, Token
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.tests.test_audit import context


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Path]:
    store = Store(tmp_path / "registry")
    yield tmp_path / "registry"
    await store.close()


async def made(registry: Path, label: str) -> None:
    await registry_token.run(RegistryTokenParams(label=label, folder=str(registry)), context(registry))


async def listed(registry: Path) -> list[Token]:
    return (await registry_tokens.run(RegistryTokensParams(folder=str(registry)), context(registry))).tokens


async def revoke(registry: Path, token: str) -> int:
    return (
        await registry_revoke.run(RegistryRevokeParams(token=token, folder=str(registry)), context(registry))
    ).revoked


async def test_they_are_listed_for_people(registry: Path) -> None:
    text = registry_tokens.OPERATION.text
    assert text is not None
    asked = RegistryTokensParams(folder=str(registry))
    assert list(text(await registry_tokens.run(asked, context(registry)))) == ["no tokens"]
    params = RegistryTokenParams(
        label="ci of shop", scopes=["read", "publish"], packages=["npm:@acme/*"], folder=str(registry)
    )
    await registry_token.run(params, context(registry))
    [one] = await listed(registry)
    assert list(text(await registry_tokens.run(asked, context(registry)))) == [
        "ID            LABEL       MAY           PACKAGES     UNTIL",
        f"{one.id}  ci of shop  read publish  npm:@acme/*  for ever",
    ]


async def test_a_part_of_an_id_takes_none_back(registry: Path) -> None:
    for label in ("a", "b", "b"):
        await made(registry, label)
    first, *_ = await listed(registry)
    for part in ("", first.id[:1], first.id[:-1], f"{first.id}0"):
        if part not in ("a", "b"):
            with pytest.raises(NotFoundError, match="there is no token"):
                await revoke(registry, part)
    assert await revoke(registry, first.id) == 1
    assert await revoke(registry, "b") == 2
    assert await listed(registry) == []


async def test_a_plan_says_too_that_there_is_no_registry(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no registry"):
        await registry_token.plan(RegistryTokenParams(label="a", folder=str(tmp_path)), context(tmp_path))
