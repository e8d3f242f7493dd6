"""What policies say of versions that are not read here, or in no order: nothing is served that nobody has judged."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.core.http.messages import Response
from outrider.core.package_policies import PackagePolicySpec
from outrider.core.quantities import Duration
from outrider.operators.packages.cargo.serving.documents import KeptLines, build
from outrider.operators.packages.policies.policy import ObjectPolicy
from outrider.operators.packages.serving.upstreams import Contents
from outrider.operators.packages.tests.clients.table import ALONE
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.ports.clock import SystemClock
from outrider.ports.http.client import Client

NOW = SystemClock().now()
ELSEWHERE = {"name": "itoa", "version_req": "^1", "registry": "sparse+https://index.crates.test/"}


def policy(ecosystem: str, **fields: Any) -> ObjectPolicy:
    return ObjectPolicy(ecosystem, "shop", PackagePolicySpec(**fields), None, NOW)


class Crates:
    """A registry of ours with crates of its own."""

    def __init__(self, registry: RunningRegistry, client: Client, token: str) -> None:
        self._registry, self.client, self._token = registry, client, token

    async def publish(self, name: str, version: str, **said: Any) -> Response:
        text = json.dumps({"name": name, "vers": version, **said}).encode()
        body = b"".join(len(part).to_bytes(4, "little") + part for part in (text, b"a crate"))
        return await self.client.request(
            "PUT", "/cargo/api/v1/crates/new", headers={"authorization": self._token}, body=body
        )

    async def lines(self, name: str) -> dict[str, bool]:
        """Return which versions are yanked."""
        found = await self.client.request("GET", f"/cargo/index/ac/me/{name}")
        return {one["vers"]: one["yanked"] for one in map(json.loads, found.content.splitlines())}


async def test_own_crates_are_judged_whatever_they_need_and_however_their_names_are_spelled(tmp_path: Path) -> None:
    denied = PackagePolicySpec(deny=["cargo:acme-core", "cargo:acme-five"])
    private = ["cargo:acme-*"]
    async with RunningRegistry(tmp_path, ALONE, ecosystems=["cargo"], private=private, policy=denied) as registry:
        ours = Crates(registry, Client(registry.url), await registry.token("read", "publish"))
        for name, version, needs in (
            ("acme-five", "0.1.0", []), ("acme-core", "0.1.0", [ELSEWHERE]), ("Acme-Core", "0.2.0", []), ("acme-fine", "0.1.0", [ELSEWHERE]),
        ):  # fmt: skip
            assert (await ours.publish(name, version, deps=needs)).status == 200
        assert await ours.lines("acme-five") == {"0.1.0": True}
        assert await ours.lines("acme-core") == {"0.1.0": True, "0.2.0": True}
        assert await ours.lines("acme-fine") == {"0.1.0": False}
        for name, version, status in (
            ("acme-five", "0.1.0", 403),
            ("acme-core", "0.1.0", 403),
            ("acme-core", "0.2.0", 403),
            ("acme-fine", "0.1.0", 200),
        ):
            found = await ours.client.request("GET", f"/cargo/api/v1/crates/{name}/{version}/download")
            assert found.status == status, (name, version)
        await ours.client.close()


def line(version: str, **more: Any) -> bytes:
    return json.dumps({"name": "web", "vers": version, "deps": [], "cksum": "0" * 64, "yanked": False, **more}).encode()


@pytest.mark.parametrize(
    ("said", "taken_back"),
    [
        ({"deny": ["cargo:web"]}, {"1.0.0", "2.0.0", "3"}),
        ({"deny": ["cargo:web@<2"]}, {"1.0.0", "3"}),
        ({"deny": ["cargo:other"]}, set()),
        ({"minimum_age": Duration.parse("7d")}, {"1.0.0", "2.0.0", "3"}),
        ({"allow": ["cargo:web@>=2"]}, {"1.0.0", "3"}),
    ],
)
def test_lines_of_a_newer_form_are_judged_too(said: dict[str, Any], taken_back: set[str]) -> None:
    content = b"\n".join([line("1.0.0"), line("2.0.0", v=3), line("3", v=3)])
    raw = msgspec.msgpack.encode(KeptLines("https://crates.test", False, content))
    [document] = build("web", Contents(raw, (), {}), policy("cargo", **said)).documents
    found = [json.loads(one) for one in document.content.splitlines()]
    assert {one["vers"] for one in found if one["yanked"]} == taken_back
