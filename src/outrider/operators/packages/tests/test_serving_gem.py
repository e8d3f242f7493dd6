"""The compact index and the files of gems that a registry of ours serves, without clients."""

import asyncio
import gzip
import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.core.http.messages import Response
from outrider.core.package_policies import AdvisoryRule, LicencePolicy, PackagePolicySpec
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.clients.table import ALONE
from outrider.operators.packages.tests.gem_files import GemFile
from outrider.operators.packages.tests.gem_registry import GemAsking, GemRegistry
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.operators.packages.tests.test_audit import HIGH, imported
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock
from outrider.ports.http.client import Client

PRIVATE = ["gem:acme-*"]
WEB = GemFile(name="web")


class Asked:
    """A registry of ours, one behind it, and a client."""

    def __init__(self, upstream: GemRegistry, registry: RunningRegistry, client: Client) -> None:
        self.upstream, self.registry, self.client = upstream, registry, client

    async def get(self, path: str, method: str = "GET", **headers: str) -> Response:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, f"/gem/{path}", headers=fields)

    async def lines(self, path: str = "versions", **headers: str) -> list[str]:
        """Return the lines of a document behind its head, without their checksums."""
        answer = await self.get(path, **headers)
        assert answer.status == 200, answer
        return [line.rpartition(" ")[0] or line for line in answer.content.decode().partition("---\n")[2].splitlines()]

    async def push(self, gem: GemFile) -> None:
        token = await self.registry.token("read", "publish")
        fields = {"authorization": token, "content-type": "application/octet-stream"}
        answer = await self.client.request("POST", "/gem/api/v1/gems", headers=fields, body=gem.packed())
        assert answer.status == 200, answer.content


@asynccontextmanager
async def asked(folder: Path, **settings: Any) -> AsyncIterator[Asked]:
    async with GemRegistry() as upstream:
        upstream.put(WEB)
        environment = GemAsking(folder, upstream.url).environment
        async with RunningRegistry(folder, environment, ecosystems=["gem"], private=PRIVATE, **settings) as registry:
            client = Client(registry.url)
            yield Asked(upstream, registry, client)
            await client.close()


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("path", ["info/web", "versions", "names", "specs.4.8.gz"])
async def test_documents_have_what_clients_compare_them_by(tmp_path: Path, path: str) -> None:
    async with asked(tmp_path) as it:
        whole = await it.get(path)
        content = whole.content
        assert whole.headers.get("etag") == f'"{md5(content)}"'
        digest = b64encode(hashlib.sha256(content).digest()).decode()
        assert whole.headers.get("repr-digest") == f"sha-256=:{digest}:"
        same = await it.get(path, if_none_match=f'"{md5(content)}"', range=f"bytes={len(content) - 1}-")
        assert (same.status, same.content) == (304, b"")
        part = await it.get(path, if_none_match='"other"', range="bytes=5-")
        assert (part.status, part.content) == (206, content[5:])
        assert part.headers.get("content-range") == f"bytes 5-{len(content) - 1}/{len(content)}"
        assert part.headers.get("etag") == whole.headers.get("etag")
        assert (await it.get(path, range=f"bytes={len(content)}-")).status == 416
        assert (await it.get(path, range="bytes=5-", if_range='"other"')).content == content
        head = await it.get(path, "HEAD")
        assert (head.status, head.content, head.headers.get("etag")) == (200, b"", whole.headers.get("etag"))


async def test_what_is_compressed_has_a_weak_tag_of_the_text(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        for number in range(30):
            it.upstream.add(f"many@1.{number}")
        for path in ("info/many", "versions"):
            plain, packed = await it.get(path), await it.get(path, accept_encoding="gzip")
            assert packed.headers.get("content-encoding") == "gzip"
            assert gzip.decompress(packed.content) == plain.content
            assert packed.headers.get("etag") == f'W/"{md5(plain.content)}"'
            assert packed.headers.get("repr-digest") == plain.headers.get("repr-digest")
            tag = packed.headers.get("etag") or ""
            assert (await it.get(path, accept_encoding="gzip", if_none_match=tag)).status == 304
            # A part of what is compressed is of no use to anybody.
            assert (await it.get(path, accept_encoding="gzip", range="bytes=5-")).content == packed.content
            assert (await it.get(path, accept_encoding="identity;q=0, gzip;q=0")).status == 406


async def test_without_policy_a_document_of_others_is_what_they_say_and_so_is_its_checksum(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        content = it.upstream.document("info/web") or b""
        assert (await it.get("info/web")).content == content
        assert (await it.get("versions")).content == it.upstream.document("versions")


async def test_the_list_grows_at_its_end_whoever_adds_something(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    async with asked(tmp_path, clock=clock) as it:
        it.upstream.listed = ["web 1.0 aa", "acme-web 9.0 bb"]
        contents = [(await it.get("versions")).content]
        await it.push(GemFile(version="1.0"))
        contents.append((await it.get("versions")).content)
        it.upstream.listed += ["web 1.1 cc", "acme-web 9.1 dd"]
        clock.advance(301.0)
        # Nobody waits for others: they are asked meanwhile.
        assert (await it.get("versions")).content == contents[-1]
        await settled(it)
        contents.append((await it.get("versions")).content)
        await it.push(GemFile(version="1.1"))
        contents.append((await it.get("versions")).content)
        for before, after in pairwise(contents):
            assert after.startswith(before)
            assert len(after) > len(before)
        own = md5((await it.get("info/acme-web")).content)
        assert contents[-1].endswith(f"\nacme-web 1.0 {md5_of_first(it)}\nweb 1.1 cc\nacme-web 1.1 {own}\n".encode())
        assert await it.lines("names") == ["acme-web", "web"]
        # Of theirs only what came behind was asked for.
        assert [one.headers.get("range") is None for one in it.upstream.requests] == [True, False]


async def settled(it: Asked) -> None:
    """Wait until no list is being fetched in the background."""
    lists = it.registry.application._servers["gem"]._index._others  # type: ignore[attr-defined]
    await asyncio.gather(*filter(None, [lists._refreshing]))


def md5_of_first(it: Asked) -> str:
    """Return the checksum of the document as it was with one version."""
    store = Store(it.registry.folder / "registry")
    lines = [msgspec.msgpack.decode(one.said)[0] for one in store.tables.releases("gem", "acme-web")]
    return md5(f"---\n{lines[0]}\n".encode())


async def test_a_list_that_was_written_anew_is_taken_anew(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    async with asked(tmp_path, clock=clock) as it:
        it.upstream.listed = ["web 1.0 aa", "zoo 1.0 bb"]
        await it.push(GemFile())
        assert await it.lines() == ["web 1.0", "zoo 1.0", "acme-web 1.0"]
        it.upstream.listed = ["web 1.0,1.1 cc"]
        clock.advance(90_000.0)
        assert await it.lines() == ["web 1.0,1.1", "acme-web 1.0"]


async def test_while_a_source_does_not_answer_its_list_is_the_one_that_is_kept(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    async with asked(tmp_path, clock=clock) as it:
        it.upstream.answers["versions"] = lambda _: Response(503)
        failed = await it.get("versions")
        assert (failed.status, b"the registry cannot answer now" in failed.content) == (503, True)
        del it.upstream.answers["versions"]
        assert await it.lines() == ["web 1.0"]
        it.upstream.answers["versions"] = lambda _: Response(503)
        clock.advance(90_000.0)
        assert await it.lines() == ["web 1.0"]
        environment = GemAsking(tmp_path, it.upstream.url).environment
        # Another process of the same user begins with that too.
        async with RunningRegistry(tmp_path, environment, clock=clock, ecosystems=["gem"]) as other:
            client = Client(other.url)
            assert b"web 1.0" in (await client.request("GET", "/gem/versions")).content
            await client.close()


async def test_where_a_source_has_no_list_that_of_what_is_here_is_served(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        it.upstream.answers["versions"] = lambda _: Response(404)
        assert await it.lines() == []
        first = await it.get("info/web")
        content = (await it.get("versions")).content.decode()
        assert content.splitlines()[1:] == [f"web 1.0 {md5(first.content)[::-1]}"]
    async with RunningRegistry(tmp_path, ALONE, ecosystems=["gem"], cache_only=True) as registry:
        client = Client(registry.url)
        content = (await client.request("GET", "/gem/versions")).content.decode()
        # Nobody else is asked, and so what a client has is right until the list says otherwise.
        assert content.splitlines()[1:] == [f"web 1.0 {md5(first.content)}"]
        await client.close()


async def test_of_several_sources_the_first_that_has_a_gem_has_it(tmp_path: Path) -> None:
    async with GemRegistry() as first, GemRegistry() as second:
        first.put(GemFile(name="web", version="1.0"))
        second.put(GemFile(name="web", version="9.0"))
        second.put(GemFile(name="core", version="1.4"))
        environment = GemAsking(tmp_path, first.url, second.url).environment
        async with RunningRegistry(tmp_path, environment, ecosystems=["gem"]) as registry:
            client = Client(registry.url)
            versions = (await client.request("GET", "/gem/versions")).content.decode().splitlines()
            assert [one.rpartition(" ")[0] for one in versions[2:]] == ["web 1.0", "core 1.4"]
            assert (await client.request("GET", "/gem/gems/core-1.4.gem")).content == second.files["core-1.4.gem"]
            assert (await client.request("GET", "/gem/gems/web-9.0.gem")).status == 404
            await client.close()


async def test_a_private_name_never_goes_to_others(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        for name in ("acme-web", "Acme-Web", "acme-1"):
            it.upstream.put(GemFile(name=name, version="2.0"))
        # Its file could be taken for one of a private gem.
        it.upstream.put(GemFile(name="acme", version="1", platform="x-2.0"))
        assert await it.lines("names") == ["acme", "web"]
        asked_before = len(it.upstream.requests)
        for path in (
            "info/acme-web", "info/Acme-Web", "gems/acme-web-2.0.gem", "gems/Acme-Web-2.0.gem", "gems/acme-1-2.0.gem",
            "quick/Marshal.4.8/acme-web-2.0.gemspec.rz", "quick/Marshal.4.8/Acme-Web-2.0.gemspec.rz",
        ):  # fmt: skip
            assert (await it.get(path)).status == 404, path
        assert len(it.upstream.requests) == asked_before


@pytest.mark.parametrize(
    "path",
    [
        "gems/..%2f..%2fsecret", "gems/../../secret", "gems/web-1.0.gem%00", "gems/web-1.0.gem/x", "gems/.gem", "gems/-1.gem",
        "info/..%2f..%2fsecret", "info/%00", "info/", "info/a%20b", "quick/Marshal.4.8/..%2fsecret-1.gemspec.rz", "x.4.8.gz", "specs.4.8",
        "quick/Marshal.9.9/web-1.0.gemspec.rz", "api/v1/dependencies", "nothing", f"gems/{'a-1-' * 200}1.gem", "gems/web-1.0.gem?x",
    ],
)  # fmt: skip
async def test_what_a_path_must_not_lead_to(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_text("s")
    async with asked(tmp_path) as it:
        answer = await it.get(path)
        if path.endswith("?x"):
            assert answer.content == WEB.packed()
            return
        assert answer.status == 404
        assert len(it.upstream.requests) <= 4


async def test_a_file_belongs_to_the_gem_that_has_it(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        one = GemFile(name="foo", version="1", platform="x-2")
        other = GemFile(name="foo-1-x", version="3")
        for gem in (one, other):
            it.upstream.put(gem)
        assert (await it.get("gems/foo-1-x-2.gem")).content == one.packed()
        assert (await it.get("gems/foo-1-x-3.gem")).content == other.packed()
        assert (await it.get("gems/foo-1-x-4.gem")).status == 404


async def test_a_gem_that_is_not_what_its_source_says_is_neither_kept_nor_served(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        it.upstream.files["web-1.0.gem"] = GemFile(name="web", lines=["description: another"]).packed()
        for path in ("gems/web-1.0.gem", "quick/Marshal.4.8/web-1.0.gemspec.rz"):
            answer = await it.get(path)
            assert (answer.status, b"another sha256 than its registry says" in answer.content) == (500, True)
        store = Store(tmp_path / "registry")
        assert hashlib.sha256(it.upstream.files["web-1.0.gem"]).hexdigest() not in store.blobs.all()
        await store.close()
        it.upstream.files["web-1.0.gem"] = WEB.packed()
        assert (await it.get("gems/web-1.0.gem")).content == WEB.packed()


async def test_a_specification_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        it.upstream.put(GemFile(name="bad", lines=["metadata: !ruby/object:Kernel {}"]))
        answer = await it.get("quick/Marshal.4.8/bad-1.0.gemspec.rz")
        assert (answer.status, b"which RubyGems does not admit" in answer.content) == (500, True)
        assert (await it.get("gems/bad-1.0.gem")).status == 200


async def test_what_is_refused_is_in_no_document_and_clients_ask_whether_that_is_still_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bad = affected(ecosystem_range(("introduced", "0"), ("fixed", "1.1")), name="web", ecosystem="RubyGems")
    worse = affected(ecosystem_range(("introduced", "0")), name="worse", ecosystem="RubyGems")
    await imported(tmp_path, record("X-1", bad, severity=[HIGH]), record("X-2", worse, severity=[HIGH]))
    policy = PackagePolicySpec(advisories=AdvisoryRule(least="high"))
    async with asked(tmp_path, policy=policy) as it:
        it.upstream.put(GemFile(name="web", version="1.1"))
        it.upstream.put(GemFile(name="web", version="1.0.0.a", platform="java"))
        assert [line.partition(" ")[0] for line in await it.lines("info/web")] == ["1.1"]
        checksum = (await it.get("versions")).content.split()[-1].decode()
        assert checksum[::-1] == md5(it.upstream.document("info/web") or b"")
        assert b"1.0" not in gzip.decompress((await it.get("specs.4.8.gz")).content)
        for path in ("gems/web-1.0.gem", "gems/web-1.0.0.a-java.gem", "quick/Marshal.4.8/web-1.0.gemspec.rz"):
            refused = await it.get(path)
            assert (refused.status, b"is vulnerable (X-1)" in refused.content) == (403, True)
        # Where nothing is left, that disturbs nobody who asks for other gems.
        it.upstream.put(GemFile(name="worse"))
        assert await it.lines("info/worse") == []


async def test_a_gem_is_judged_by_its_licence_when_it_is_asked_for(tmp_path: Path) -> None:
    policy = PackagePolicySpec(licences=LicencePolicy(deny=["GPL-*"]))
    async with asked(tmp_path, policy=policy) as it:
        it.upstream.put(GemFile(name="web", version="2.0", licences=["GPL-3.0-only"]))
        it.upstream.put(GemFile(name="web", version="3.0", licences=["GPL-3.0-only", "MIT"]))
        it.upstream.put(GemFile(name="bad", lines=["x: !ruby/object:Kernel {}"]))
        # The index does not tell it.
        assert len(await it.lines("info/web")) == 3
        for path in ("gems/web-2.0.gem", "quick/Marshal.4.8/web-2.0.gemspec.rz"):
            refused = await it.get(path)
            assert (refused.status, b"is denied by licence (GPL-3.0-only is denied)" in refused.content) == (403, True)
        for version in ("1.0", "3.0", "3.0"):
            assert (await it.get(f"gems/web-{version}.gem")).status == 200
        unknown = await it.get("gems/bad-1.0.gem")
        assert (unknown.status, b"policy asks for its licence" in unknown.content) == (403, True)
        # Of what is published here it is known.
        await it.push(GemFile(version="1.0"))
        await it.push(GemFile(version="2.0", licences=["GPL-3.0-only"]))
        assert [line.partition(" ")[0] for line in await it.lines("info/acme-web")] == ["1.0"]
        assert (await it.get("gems/acme-web-2.0.gem")).status == 403


async def test_who_may_see_some_gems_alone_sees_no_others(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        await it.push(GemFile(name="acme-web"))
        await it.push(GemFile(name="acme-core"))
        token = await it.registry.token("read", patterns=["gem:acme-web", "gem:web"])
        it.registry.close_to_nobody()
        assert await it.lines(authorization=token) == ["web 1.0", "acme-web 1.0"]
        assert await it.lines("names", authorization=token) == ["acme-web", "web"]
        assert b"acme-core" not in gzip.decompress((await it.get("specs.4.8.gz", authorization=token)).content)
        assert (await it.get("info/acme-core", authorization=token)).status == 403
        assert (await it.get("gems/acme-core-1.0.gem", authorization=token)).status == 403
        assert (await it.get("gems/acme-web-1.0.gem", authorization=token)).status == 200
        found = msgspec.json.decode((await it.get("api/v1/search.json?query=ACME", authorization=token)).content)
        assert [one["name"] for one in found] == ["acme-web"]
        for path in ("", "versions", "names", "specs.4.8.gz", "info/web", "gems/web-1.0.gem"):
            closed = await it.get(path)
            assert (closed.status, closed.headers.get("www-authenticate")) == (401, 'Basic realm="packages"')
