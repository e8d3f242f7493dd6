"""What is written down of those who change something in a registry, or try, and how guessing is slowed down."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import NotFoundError
from outrider.operators.packages.operations import registry_token, registry_user, registry_yank
from outrider.operators.packages.operations.registry_token import RegistryTokenParams
from outrider.operators.packages.operations.registry_user import RegistryUserParams
from outrider.operators.packages.operations.registry_yank import RegistryYankParams
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.test_serving_faults import form, login
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock
from outrider.ports.http.client import Client

UPLOAD = "/pypi/legacy/"


class Audited:
    """A registry, what is sent to it, and what it has written down."""

    def __init__(self, registry: RunningRegistry, client: Client, clock: ManualClock) -> None:
        self.registry, self.client, self.clock = registry, client, clock
        self.folder = registry.folder / "registry"

    def entries(self) -> list[dict[str, Any]]:
        """Return what is written down."""
        lines = (self.folder / "audit.jsonl").read_text().splitlines() if self.folder.is_dir() else []
        return [json.loads(line)["entry"] for line in lines]

    def told(self) -> list[tuple[str, str, str, str]]:
        """Return of all that is written down who, what, of what and how it ended."""
        return [(one["principal"], one["action"], one.get("target", ""), one["outcome"]) for one in self.entries()]

    async def upload(self, token: str, version: str = "1.0") -> int:
        """Upload a wheel."""
        return (await self.client.request("POST", UPLOAD, headers=login(token), body=form(version))).status

    async def show(self, name: str, password: str) -> int:
        """Read a page with a name and a password."""
        shown = b64encode(f"{name}:{password}".encode()).decode()
        return (await self.client.request("GET", "/pypi/simple/", headers={"authorization": f"Basic {shown}"})).status

    async def made(self, name: str) -> tuple[str, str]:
        """Make a user and a token of one name; return the password and the token."""
        user = RegistryUserParams(name=name, scopes=["read", "publish"], folder=str(self.folder))
        token = RegistryTokenParams(label=name, scopes=["read", "publish"], folder=str(self.folder))
        password = (await registry_user.run(user, context(self.folder))).password
        return password, (await registry_token.run(token, context(self.folder))).token


@pytest.fixture
async def audited(tmp_path: Path) -> AsyncIterator[Audited]:
    clock = ManualClock(SystemClock().now())
    settings: dict[str, Any] = {"ecosystems": ["pypi", "npm"], "private": ["pypi:acme-*", "npm:@acme/*"]}
    async with RunningRegistry(tmp_path, {}, clock=clock, **settings) as registry:
        client = Client(registry.url)
        yield Audited(registry, client, clock)
        await client.close()


async def test_a_user_and_a_token_of_one_name_are_told_apart(audited: Audited) -> None:
    password, token = await audited.made("ana")
    assert await audited.upload(token) == 200
    assert (await audited.client.request("PUT", "/npm/-/user/org.couchdb.user:ana", body=json.dumps({"name": "ana", "password": password}).encode())).status == 201  # fmt: skip
    package = "package/pypi/acme-web/1.0"
    assert [one[1:] for one in audited.told()[:2]] == [("packages.registry.user", "user/ana", "ok"), ("packages.registry.token", "token/ana", "ok")]  # fmt: skip
    assert audited.told()[2:] == [
        ("token:ana", "packages.registry.publish", package, "ok"), ("user:nobody", "packages.registry.login", "user/ana", "ok"),
    ]  # fmt: skip
    assert len(audited.entries()[2]["details"]["token"]) == 12
    session = await audited.client.request("PUT", "/npm/-/user/org.couchdb.user:ana", body=json.dumps({"name": "ana", "password": password}).encode())  # fmt: skip
    assert await audited.upload(json.loads(session.content)["token"], "2.0") == 200
    assert audited.told()[-1] == ("user:ana", "packages.registry.publish", "package/pypi/acme-web/2.0", "ok")


async def test_what_commands_change_is_written_down_too(audited: Audited) -> None:
    _, token = await audited.made("ana")
    await audited.upload(token)
    asked = RegistryYankParams(ecosystem="pypi", name="acme-web", version="1.0", folder=str(audited.folder))
    await registry_yank.run(asked, context(audited.folder))
    missing = RegistryYankParams(ecosystem="pypi", name="acme-web", version="3.0", folder=str(audited.folder))
    with pytest.raises(NotFoundError) as caught:
        await registry_yank.run(missing, context(audited.folder))
    assert (caught.value.expected, caught.value.suggestions) == ("1.0", ["name one of these"])
    assert [one[1:] for one in audited.told()[-2:]] == [
        ("packages.registry.yank", "package/pypi/acme-web/1.0", "ok"),
        ("packages.registry.yank", "package/pypi/acme-web/3.0", "NOT_FOUND"),
    ]


async def test_wrong_tokens_are_written_down_and_do_not_flood(audited: Audited) -> None:
    for _ in range(15):
        assert await audited.upload("outrider_wrong") == 401
    told = [one for one in audited.told() if one[1] == "packages.registry.login"]
    assert len(told) == 10
    assert {(one[0], one[2].partition("/")[0], one[3]) for one in told} == {("user:nobody", "token", "UNAUTHENTICATED")}
    assert audited.entries()[0]["details"]["asked"] == "POST /pypi"
    audited.clock.advance(61.0)
    await audited.upload("outrider_wrong")
    assert len(audited.told()) == 11


async def test_who_guesses_passwords_is_slowed_down(audited: Audited) -> None:
    password, token = await audited.made("ana")
    assert [await audited.show("ana", f"wrong {number}") for number in range(12)] == [401] * 10 + [429] * 2
    assert await audited.show("ana", password) == 429
    assert await audited.upload(token) == 200
    login = json.dumps({"name": "ana", "password": password}).encode()
    assert (await audited.client.request("PUT", "/npm/-/user/org.couchdb.user:ana", body=login)).status == 429
    audited.clock.advance(61.0)
    assert await audited.show("ana", password) == 200
    told = [one for one in audited.told() if one[1:3] == ("packages.registry.login", "user/ana")]
    assert [one[3] for one in told] == ["UNAUTHENTICATED"] * 10 + ["LIMITED"]
