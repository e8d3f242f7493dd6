"""What policies say of versions that are not read here, or in no order: nothing is served that nobody has judged."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.http.messages import Response
from outrider.core.package_policies import AdvisoryRule, LicencePolicy, PackagePolicySpec, Waiver
from outrider.core.quantities import Duration
from outrider.operators.packages.cargo.serving.documents import KeptLines, build
from outrider.operators.packages.npm.serving import documents as npm
from outrider.operators.packages.policies.policy import ObjectPolicy
from outrider.operators.packages.pypi.pages import Page, PypiFile
from outrider.operators.packages.pypi.serving import documents as pypi
from outrider.operators.packages.serving.upstreams import Builder, Contents
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.asking import Asking
from outrider.operators.packages.tests.clients.table import ALONE
from outrider.operators.packages.tests.npm_registry import NpmAsking, NpmRegistry
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.operators.packages.tests.test_audit import HIGH, folder, imported
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable
from outrider.ports.clock import SystemClock
from outrider.ports.http.client import Client

__all__ = ["folder"]
OLD = "2020-01-01T00:00:00Z"
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
    denied = PackagePolicySpec(deny=["cargo:acme-core", "cargo:acme-five", "cargo:acme-six"])
    private = ["cargo:acme-*"]
    async with RunningRegistry(tmp_path, ALONE, ecosystems=["cargo"], private=private, policy=denied) as registry:
        ours = Crates(registry, Client(registry.url), await registry.token("read", "publish"))
        for name, version, needs in (
            ("acme-five", "0.1.0", []), ("acme-core", "0.1.0", [ELSEWHERE]), ("Acme-Six", "0.2.0", []), ("acme-fine", "0.1.0", [ELSEWHERE]),
        ):  # fmt: skip
            assert (await ours.publish(name, version, deps=needs)).status == 200
        assert await ours.lines("acme-five") == {"0.1.0": True}
        assert await ours.lines("acme-core") == {"0.1.0": True}
        assert await ours.lines("acme-six") == {"0.2.0": True}
        assert await ours.lines("acme-fine") == {"0.1.0": False}
        for name, version, status in (
            ("acme-five", "0.1.0", 403),
            ("acme-core", "0.1.0", 403),
            ("acme-six", "0.2.0", 403),
            ("acme-fine", "0.1.0", 200),
        ):
            found = await ours.client.request("GET", f"/cargo/api/v1/crates/{name}/{version}/download")
            assert found.status == status, (name, version)
        await ours.client.close()


async def test_a_crate_is_not_published_under_other_capitals(tmp_path: Path) -> None:
    async with RunningRegistry(tmp_path, ALONE, ecosystems=["cargo"], private=["cargo:acme-*"]) as registry:
        ours = Crates(registry, Client(registry.url), await registry.token("read", "publish"))
        assert (await ours.publish("Acme-Case", "0.1.0")).status == 200
        refused = await ours.publish("acme-case", "0.2.0")
        assert (refused.status, b"called Acme-Case here" in refused.content) == (409, True)
        assert (await ours.publish("Acme-Case", "0.2.0")).status == 200
        await ours.client.close()


async def test_own_crates_tell_of_themselves_what_no_index_says(tmp_path: Path) -> None:
    denied = PackagePolicySpec(licences=LicencePolicy(deny=["GPL-*"], unknown="deny"), deny=["cargo:acme-none"])
    private = ["cargo:acme-*"]
    async with RunningRegistry(tmp_path, ALONE, ecosystems=["cargo"], private=private, policy=denied) as registry:
        ours = Crates(registry, Client(registry.url), await registry.token("read", "publish"))
        said = {"deps": [ELSEWHERE], "description": "The core.", "license": "MIT OR Apache-2.0"}
        await ours.publish("acme-core", "0.1.0", **said)
        await ours.publish("acme-core", "0.2.0", **{**said, "license": "GPL-3.0-only"})
        await ours.publish("acme-none", "0.1.0", **said)
        await ours.publish("acme-mute", "0.1.0")
        assert await ours.lines("acme-core") == {"0.1.0": False, "0.2.0": True}
        assert await ours.lines("acme-mute") == {"0.1.0": True}
        index = await ours.client.request("GET", "/cargo/index/ac/me/acme-core")
        assert b"The core" not in index.content
        found = await ours.client.request("GET", "/cargo/api/v1/crates?q=acme")
        assert json.loads(found.content)["crates"] == [
            {"name": "acme-core", "max_version": "0.1.0", "description": "The core."}
        ]
        page = await ours.client.request("GET", "/packages/cargo/acme-core", headers={"accept": "text/html"})
        assert all(text in page.content.decode() for text in ("The core.", "Licence: MIT OR Apache-2.0", "itoa"))
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


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ({"deny": ["pypi:web"]}, {"1.0", "2004d"}),
        ({"deny": ["pypi:web@<1"]}, {"2004d"}),
        ({"deny": ["pypi:web@<1", "pypi:web"]}, {"1.0", "2004d"}),
        ({"deny": ["pypi:other@<1"]}, set()),
        ({"allow": ["pypi:web@>=1"]}, {"2004d"}),
        ({"allow": ["pypi:web"]}, set()),
        ({"minimum_age": Duration.parse("7d")}, {"2004d"}),
    ],
)
async def test_files_of_versions_that_pep_440_does_not_know(
    said: dict[str, Any], refused: set[str], tmp_path: Path
) -> None:
    async with PythonIndex() as index:
        index.add("web", "1.0", uploaded=OLD)
        index.add_source("web", "2004d")
        environment = Asking(tmp_path, index.url).environment
        async with RunningRegistry(
            tmp_path, environment, ecosystems=["pypi"], policy=PackagePolicySpec(**said)
        ) as registry:
            client = Client(registry.url)
            accept = {"accept": "application/vnd.pypi.simple.v1+json"}
            page = json.loads((await client.request("GET", "/pypi/simple/web/", headers=accept)).content)
            assert {
                one["filename"].split("-")[1].removesuffix(".tar.gz") for one in page["files"] if one["yanked"]
            } == refused
            for version, file in (("1.0", "web-1.0-py3-none-any.whl"), ("2004d", "web-2004d.tar.gz")):
                found = await client.request("GET", f"/pypi/files/web/{file}")
                assert found.status == (403 if version in refused else 200), file
            await client.close()


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ({"deny": ["npm:web"]}, set()),
        ({"deny": ["npm:web@<1"]}, {"1.0.0", "2.0.0"}),
        ({"deny": ["npm:other@<1"]}, {"1.0.0", "2.0.0", "1.0.0beta", "2.0.0beta"}),
        ({"allow": ["npm:web@>=1"]}, {"1.0.0", "2.0.0"}),
        ({"minimum_age": Duration.parse("7d")}, {"1.0.0", "1.0.0beta"}),
        ({"licences": LicencePolicy(deny=["GPL-3.0-only"], unknown="deny")}, {"1.0.0", "2.0.0"}),
    ],
)
async def test_versions_that_npm_does_not_know(said: dict[str, Any], left: set[str], tmp_path: Path) -> None:
    versions = ("1.0.0", "2.0.0", "1.0.0beta", "2.0.0beta")
    async with NpmRegistry() as upstream:
        for version in versions:
            upstream.add(f"web@{version}", license="MIT")
        upstream.documents["web"]["time"] = {"1.0.0": OLD, "1.0.0beta": OLD}
        environment = NpmAsking(tmp_path, upstream.url).environment
        async with RunningRegistry(
            tmp_path, environment, ecosystems=["npm"], policy=PackagePolicySpec(**said)
        ) as registry:
            client = Client(registry.url)
            document = json.loads((await client.request("GET", "/npm/web")).content)
            assert set(document.get("versions", ())) == left
            for version in versions:
                found = await client.request("GET", f"/npm/web/-/web-{version}.tgz")
                assert found.status == (200 if version in left else 403), version
            await client.close()


async def test_what_nobody_can_compare_with_advisories_is_refused(folder: Path) -> None:
    await imported(folder, record("X-1", affected(ecosystem_range(("introduced", "3.0"))), severity=[HIGH]))
    waived = Waiver(package="pypi:web", rules=["advisories"], until="2999-01-01", reason="looked at")
    for waivers, status in (([], 403), ([waived], 200)):
        policy = PackagePolicySpec(advisories=AdvisoryRule(least="high"), waivers=waivers)
        async with PythonIndex() as index:
            index.add_source("web", "2004d")
            index.add_source("core", "2004d")
            environment = Asking(folder, index.url).environment
            async with RunningRegistry(folder, environment, ecosystems=["pypi"], policy=policy) as registry:
                client = Client(registry.url)
                found = await client.request("GET", "/pypi/files/web/web-2004d.tar.gz")
                assert (found.status, b"compared with advisories" in found.content) == (status, status == 403)
                # A page does not say that nothing is known of it, either.
                if waivers:
                    page = await client.request("GET", "/packages/pypi/web", headers={"accept": "text/html"})
                    assert (b"not known" in page.content, b"none known" in page.content) == (True, False)
                # Nothing is known of that one.
                assert (await client.request("GET", "/pypi/files/core/core-2004d.tar.gz")).status == 200
                await client.close()


def served(ecosystem: str, versions: Sequence[str], policy: ObjectPolicy) -> set[str]:
    """Return which versions an ecosystem's documents offer, of those that another registry has."""
    raw, build = _RAW[ecosystem](versions), _BUILDERS[ecosystem]
    documents = build("web", Contents(raw, (), {}), policy).documents
    content = documents[0].content if documents else b"{}"
    if ecosystem == "cargo":
        return {one["vers"] for one in map(json.loads, content.splitlines()) if not one["yanked"]}
    document = json.loads(content)
    if ecosystem == "npm":
        return set(document.get("versions", ()))
    return {one["filename"][len("web-") : -len(".tar.gz")] for one in document["files"] if not one["yanked"]}


_BUILDERS: dict[str, Builder] = {"cargo": build, "npm": partial(npm.build, "https://hub.test"), "pypi": pypi.build}
_RAW: dict[str, Callable[[Sequence[str]], bytes]] = {
    "cargo": lambda versions: msgspec.msgpack.encode(KeptLines("", False, b"\n".join(map(line, versions)))),
    "npm": lambda versions: json.dumps({"versions": {one: {"dist": {"tarball": one}} for one in versions}}).encode(),
    "pypi": lambda versions: pypi.kept_page(Page([PypiFile(f"web-{one}.tar.gz", "", {}) for one in versions])),
}


@given(
    st.sampled_from(sorted(_BUILDERS)),
    st.lists(st.from_regex(r"v?[0-9]{1,2}(\.[0-9]{1,2}){0,3}([a-d]|-?beta|\+x)?[0-9]?", fullmatch=True), min_size=1, max_size=6, unique=True),
)  # fmt: skip
def test_of_whatever_versions_a_range_leaves_only_those_that_it_can_be_compared_with(
    ecosystem: str, versions: list[str]
) -> None:
    table = VersionTable(scheme_of(ecosystem), versions)
    left = set(table.named(table.everything & ~table.mask("<5")))
    assert served(ecosystem, versions, policy(ecosystem, deny=[f"{ecosystem}:web@<5"])) == left
    assert served(ecosystem, versions, policy(ecosystem, deny=[f"{ecosystem}:web"])) == set()
    assert served(ecosystem, versions, policy(ecosystem, deny=[f"{ecosystem}:other@<5"])) == set(versions)
