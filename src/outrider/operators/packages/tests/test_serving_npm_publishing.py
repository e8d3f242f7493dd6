"""What npm sends to publish, to deprecate and to take back, and what of it is refused."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from outrider.core.package_policies import PackagePolicySpec
from outrider.operators.packages.serving.bundles import chosen, take_bundle, write_bundle
from outrider.operators.packages.serving.cleaning import clean
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.ports.clock import SystemClock
from outrider.ports.http.client import Client

NAME = "@acme/web"
PATH = f"/npm/{NAME}"


class Publisher:
    """Sends documents as npm does, with a token."""

    def __init__(self, registry: RunningRegistry, client: Client, token: str) -> None:
        self.registry, self._client, self._token = registry, client, token

    async def send(self, method: str, path: str, document: Any = None) -> tuple[int, str]:
        """Send a request and return status and text of the answer."""
        body = b"" if document is None else json.dumps(document).encode()
        answer = await self._client.request(method, path, headers={"authorization": f"Bearer {self._token}"}, body=body)
        return answer.status, answer.content.decode()

    async def publish(self, version: str, content: bytes = b"a tarball") -> tuple[int, str]:
        """Publish a version."""
        attachment = {"data": b64encode(content).decode()}
        versions = {version: {"name": NAME, "version": version}}
        document = {
            "name": NAME,
            "dist-tags": {"latest": version},
            "versions": versions,
            "_attachments": {"x": attachment},
        }
        return await self.send("PUT", PATH, document)

    async def versions(self) -> list[str]:
        """Return the versions that are shown."""
        return [*json.loads((await self.send("GET", PATH))[1])["versions"]]

    async def say(self, *versions: str) -> tuple[int, str]:
        """Send a document without a tarball that has some versions."""
        document = {"name": NAME, "versions": {one: {"name": NAME, "version": one} for one in versions}}
        return await self.send("PUT", f"{PATH}/-rev/1", document)


@pytest.fixture
async def npm(tmp_path: Path) -> AsyncIterator[Publisher]:
    policy = PackagePolicySpec(deny=[f"npm:{NAME}@0.9.0"])
    async with RunningRegistry(tmp_path, {}, ecosystems=["npm"], private=["npm:@acme/*"], policy=policy) as registry:
        client = Client(registry.url)
        yield Publisher(registry, client, await registry.token("read", "publish"))
        await client.close()


@pytest.mark.parametrize("whole", [False, True])
async def test_what_was_unpublished_is_never_published_again(npm: Publisher, *, whole: bool) -> None:
    for version in ("1.0.0", "1.1.0"):
        assert (await npm.publish(version))[0] == 201
    if whole:
        assert (await npm.send("DELETE", f"{PATH}/-rev/1"))[0] == 200
    else:
        assert (await npm.say("1.1.0"))[0] == 201
        assert await npm.versions() == ["1.1.0"]
    store = Store(npm.registry.folder / "registry")
    await clean(store, 0.0, SystemClock().now() + 1e6)
    await store.close()
    for content in (b"a tarball", b"another one"):
        status, text = await npm.publish("1.0.0", content)
        assert (status, "previously published versions" in text) == (409, True)
    assert (await npm.publish("1.2.0"))[0] == 201


async def test_a_bundle_remembers_it(npm: Publisher, tmp_path: Path) -> None:
    for version in ("1.0.0", "1.1.0"):
        await npm.publish(version)
    await npm.say("1.1.0")
    store, other = Store(tmp_path / "registry"), Store(tmp_path / "other")
    write_bundle(tmp_path / "b.tar", chosen(store.tables, ["npm"], []), store.blobs)
    await take_bundle(tmp_path / "b.tar", other)
    assert [*other.tables.withdrawn("npm", NAME)] == ["1.0.0"]
    await store.close()
    await other.close()


async def test_versions_that_policy_hides_stay(npm: Publisher) -> None:
    for version in ("0.9.0", "1.0.0"):
        await npm.publish(version)
    assert await npm.versions() == ["1.0.0"]
    assert (await npm.say("1.0.0"))[0] == 201
    assert (await npm.publish("0.9.0"))[0] == 409
    store = Store(npm.registry.folder / "registry")
    assert [one.version for one in store.tables.releases("npm", NAME)] == ["0.9.0", "1.0.0"]
    await store.close()


async def test_nothing_can_be_said_of_what_is_not_there(npm: Publisher) -> None:
    assert (await npm.say())[0] == 404
    assert (await npm.say("1.0.0"))[0] == 404
    await npm.publish("1.0.0")
    status, text = await npm.say("1.0.0", "2.0.0")
    assert (status, "a version without a tarball" in text) == (400, True)


async def test_the_versions_are_written_down(npm: Publisher) -> None:
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        await npm.publish(version)
    await npm.say("1.1.0", "1.2.0")
    await npm.say("1.1.0", "1.2.0")
    await npm.send("DELETE", f"{PATH}/-rev/1")
    lines = (npm.registry.folder / "registry" / "audit.jsonl").read_text().splitlines()
    told = [(one["action"].rpartition(".")[2], one["target"]) for one in (json.loads(line)["entry"] for line in lines)]
    package = f"package/npm/{NAME}"
    assert told == [
        ("publish", f"{package}/1.0.0"), ("publish", f"{package}/1.1.0"), ("publish", f"{package}/1.2.0"),
        ("unpublish", f"{package}/1.0.0"), ("amend", package), ("unpublish", f"{package}/1.1.0,1.2.0"),
    ]  # fmt: skip
