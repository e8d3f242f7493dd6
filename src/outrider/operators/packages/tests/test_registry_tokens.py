"""Tokens of a registry are listed, and taken back by their label or id alone."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError
from outrider.core.quantities import Duration
from outrider.operators.packages.operations import (
    registry_clean,
    registry_remove_user,
    registry_revoke,
    registry_token,
    registry_tokens,
    registry_user,
    registry_users,
)
from outrider.operators.packages.operations.registry_clean import RegistryCleanParams
from outrider.operators.packages.operations.registry_remove_user import RegistryRemoveUserParams
from outrider.operators.packages.operations.registry_revoke import RegistryRevokeParams
from outrider.operators.packages.operations.registry_token import RegistryTokenParams
from outrider.operators.packages.operations.registry_tokens import RegistryTokensParams, Token
from outrider.operators.packages.operations.registry_user import RegistryUserParams
from outrider.operators.packages.operations.registry_users import RegistryUsersParams
from outrider.operators.packages.serving.accounts import new_token
from outrider.operators.packages.serving.folders import default_folder, registry_notes
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.serving.tables import KeptFile, PackageState, Tables
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


async def test_those_that_have_ended_are_told_as_such(registry: Path) -> None:
    params = RegistryTokenParams(label="ci", lasts=Duration(0.001), folder=str(registry))
    await registry_token.run(params, context(registry))
    await asyncio.sleep(0.005)
    result = await registry_tokens.run(RegistryTokensParams(folder=str(registry)), context(registry))
    text = registry_tokens.OPERATION.text
    assert text is not None
    assert [*text(result)][1].endswith(f"  ended {result.tokens[0].until[:10]}")


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


OBJECT = "apiVersion: outrider.dev/v1alpha1\nkind: PackageRegistry\nmetadata: {name: hub}\nspec: {folder: packages}\n"


async def test_the_registry_of_a_user_is_not_taken_for_that_of_a_file_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    for folder in (default_folder(), tmp_path / "packages"):
        await Store(folder).close()
    made = await registry_token.run(RegistryTokenParams(label="a"), context(tmp_path))
    assert registry_notes(made) == [f"registry in {default_folder()}"]
    (tmp_path / "other.yaml").write_text("kind: [PackageRegistry")
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "hub.yaml").write_text(OBJECT)
    with pytest.raises(ConflictError, match=r"the registry in hub\.yaml here keeps its packages in") as caught:
        await registry_token.plan(RegistryTokenParams(label="a"), context(tmp_path))
    assert caught.value.suggestions[0] == f"--folder {tmp_path / 'packages'}"
    made = await registry_token.run(RegistryTokenParams(label="a", folder="packages"), context(tmp_path))
    assert made.registry == str(tmp_path / "packages")
    (tmp_path / "hub.yaml").write_text(OBJECT.replace("folder: packages", f"folder: {default_folder()}"))
    await registry_token.run(RegistryTokenParams(label="a"), context(tmp_path))


async def users(registry: Path) -> list[str]:
    return [
        one.name
        for one in (await registry_users.run(RegistryUsersParams(folder=str(registry)), context(registry))).users
    ]


@pytest.mark.parametrize("name", ["", " ", "a:b", "a\n", "ana ", "a" * 101])
async def test_nobody_is_made_who_could_not_log_in(registry: Path, name: str) -> None:
    params = RegistryUserParams(name=name, folder=str(registry))
    for ask in (registry_user.plan, registry_user.run):
        with pytest.raises(InvalidConfigError, match="nobody could log in"):
            await ask(params, context(registry))
    assert await users(registry) == []


async def test_users_are_listed_and_removed_with_the_tokens_of_their_sessions(registry: Path) -> None:
    for name in ("bo", "ana"):
        await registry_user.run(RegistryUserParams(name=name, folder=str(registry)), context(registry))
    await made(registry, "ana")
    store = Store(registry)
    _, session = new_token("ana", ["read"], [])
    await store.write(lambda tables: tables.put_token(session, "npm login", 0.0))
    await store.close()
    assert await users(registry) == ["ana", "bo"]
    gone = RegistryRemoveUserParams(name="ana", folder=str(registry))
    assert (await registry_remove_user.plan(gone, context(registry))).difference[0].before == "read all packages"
    assert (await registry_remove_user.run(gone, context(registry))).tokens == 1
    assert (await users(registry), [one.label for one in await listed(registry)]) == (["bo"], ["ana"])
    for ask in (registry_remove_user.plan, registry_remove_user.run):
        with pytest.raises(NotFoundError, match="there is no user 'ana'"):
            await ask(gone, context(registry))


async def test_what_is_cleaned_is_told_by_name_and_what_is_spared_too(registry: Path) -> None:
    params = RegistryCleanParams(unused=Duration(1.0), folder=str(registry))
    plan = await registry_clean.plan(params, context(registry))
    assert (plan.will_also_remove, plan.warnings) == ([], ["there is nothing to remove"])
    store = Store(registry)
    old, new = store.blobs.put(b"old" * 1000), store.blobs.put(b"new" * 2000)
    os.utime(store.blobs.path(old), (0, 0))
    kept = KeptFile(new, 6000, "1.0")

    def work(tables: Tables) -> None:
        tables.put_state("npm", "web", PackageState(fetched=1.0))
        tables.put_kept("npm", "web", "web-1.0.tgz", kept, 1.0)

    await store.write(work)
    plan = await registry_clean.plan(params, context(registry))
    assert plan.will_also_remove == ["npm:web", "npm:web web-1.0.tgz"]
    assert [one.before for one in plan.difference] == [1, 1, 3000]
    assert plan.warnings == ["6.0 kB that came within the last hour stay on disk for now: run it again after an hour"]
    result = await registry_clean.run(params, context(registry))
    assert (result.freed, result.spared) == (3000, 6000)
    text = registry_clean.OPERATION.text
    assert text is not None
    assert [*text(result)] == ["1 package and 1 file removed, 3.0 kB freed", *plan.warnings]
    os.utime(store.blobs.path(new), (0, 0))
    assert (await registry_clean.run(params, context(registry))).freed == 6000
    await store.close()
