"""Documents and archives of Composer that a registry of ours serves, without clients."""

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.composer.releases import MINIFIED, whole_versions
from outrider.operators.packages.composer.serving.kept import FIELDS, minified
from outrider.operators.packages.serving import downloading
from outrider.operators.packages.serving.bundles import chosen, take_bundle, write_bundle
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.tests.clients.table import ALONE
from outrider.operators.packages.tests.composer_archives import archive
from outrider.operators.packages.tests.composer_registry import ComposerAsking, ComposerRegistry, Layout, fake_programs
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock
from outrider.ports.http.client import Client

PRIVATE = ["composer:acme/*"]
WEB, WEB_DEV = "p2/web/web.json", "p2/web/web~dev.json"


class Asked:
    """A registry of ours, one behind it, and a client."""

    def __init__(self, upstream: ComposerRegistry, registry: RunningRegistry, client: Client) -> None:
        self.upstream, self.registry, self.client = upstream, registry, client

    async def get(self, path: str, method: str = "GET", **headers: str) -> Response:
        """Ask at a path below that of Composer, or at an address."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        target = path.removeprefix(self.registry.url) if "://" in path else f"/composer/{path}"
        return await self.client.request(method, target, headers=fields)

    async def json(self, path: str, **headers: str) -> Any:
        """Return the content of an answer."""
        answer = await self.get(path, **headers)
        assert answer.status == 200, answer
        return msgspec.json.decode(answer.content)

    async def versions(self, path: str = WEB, **headers: str) -> list[dict[str, Any]]:
        """Return the versions of a document."""
        document = await self.json(path, **headers)
        [versions] = document["packages"].values()
        # One that is written as a difference is kept as it was by the reader.
        return [dict(one) for one in whole_versions(versions, minified=document["minified"])]

    async def names(self, path: str = WEB) -> list[str]:
        """Return the versions of a document, as they are written."""
        return [one["version"] for one in await self.versions(path)]

    async def put(self, content: bytes, query: str = "") -> Response:
        """Publish an archive."""
        fields = {"authorization": f"Bearer {await self.registry.token('read', 'publish')}"}
        return await self.client.request("PUT", f"/composer{query}", headers=fields, body=content)

    async def grown_old(self, name: str = "web/web") -> None:
        """Have others be asked for a package again."""
        store = self.registry.application._store
        state = store.tables.state("composer", name)
        assert state is not None
        stale = msgspec.structs.replace(state, fresh=0.0)
        await store.write(lambda tables: tables.put_state("composer", name, stale))

    async def settled(self) -> None:
        """Wait until nothing is being fetched in the background."""
        hub = self.registry.application._servers["composer"].hub
        while hub._refreshing:
            await next(iter(hub._refreshing.values()))


@asynccontextmanager
async def asked(
    folder: Path, layout: Layout = "metadata", *, fields: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[Asked]:
    async with ComposerRegistry(layout) as upstream:
        upstream.put("web/web 1.1", "core/core ^1")
        upstream.put("web/web 1.0", keywords=["old"], time="2020-01-01T00:00:00+00:00", version_normalized="1.0.0.0")
        upstream.put("web/web dev-main", extra={"branch-alias": {"dev-main": "1.x-dev"}})
        environment = ComposerAsking(folder, upstream.url, **(fields or {})).serving
        of_registry = {"ecosystems": ["composer"], "private": PRIVATE, **settings}
        async with RunningRegistry(folder, environment, **of_registry) as registry:
            client = Client(registry.url)
            yield Asked(upstream, registry, client)
            await client.close()


async def test_what_a_repository_says_of_itself(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        at = f"{it.registry.url}/composer"
        assert await it.json("packages.json") == {
            "packages": [], "metadata-url": f"{at}/p2/%package%.json", "search": f"{at}/search.json?q=%query%", "list": f"{at}/list.json",
            "providers-api": f"{at}/providers/%package%.json",
            "security-advisories": {"metadata": False, "api-url": f"{at}/security-advisories"},
        }  # fmt: skip
        assert it.upstream.requests == []


@pytest.mark.parametrize("layout", ["metadata", "whole", "lazy", "providers"])
async def test_versions_are_those_of_others_whatever_form_they_have_there(tmp_path: Path, layout: Layout) -> None:
    async with asked(tmp_path, layout) as it:
        new, old = await it.versions()
        [branch] = await it.versions(WEB_DEV)
        assert (new["version"], old["version"], branch["version"]) == ("1.1", "1.0", "dev-main")
        theirs = it.upstream.packages["web/web"][0]
        digest = theirs["dist"]["shasum"]
        assert {**new, "dist": None} == {**theirs, "dist": None}
        assert ("keywords" in new, old["keywords"], old["time"][:4]) == (False, ["old"], "2020")
        url = new["dist"].pop("url")
        assert new["dist"] == {"type": "zip", "reference": digest, "shasum": digest}
        assert url.startswith(f"{it.registry.url}/composer/files/web/web/web-1.1-")
        assert (await it.get(url)).content == archive("web/web 1.1")
        # It is fetched once, and found by the same name again.
        assert (await it.get(url)).content == archive("web/web 1.1")
        assert it.upstream.paths().count("/dist/web-web-1.1.zip") == 1
        for path in (
            "p2/none/none.json",
            "p2/none/none~dev.json",
            "files/web/web/none.zip",
            "files/none/none/none.zip",
        ):
            assert (await it.get(path)).status == 404


async def test_packages_in_the_settings_are_served_too(tmp_path: Path) -> None:
    content = archive("own/own 1.0")
    async with ComposerRegistry() as elsewhere:
        elsewhere.answers["/own.zip"] = lambda _: Response(200, body=content)
        dist = {"type": "zip", "url": f"{elsewhere.url}/own.zip"}
        package = {"type": "package", "package": {"name": "own/own", "version": "1.0", "dist": dist}}
        asking = ComposerAsking(tmp_path, repositories=[package, {"default.test": False}])
        async with RunningRegistry(tmp_path, asking.serving, ecosystems=["composer"]) as registry:
            it = Asked(elsewhere, registry, Client(registry.url))
            [one] = await it.versions("p2/own/own.json")
            assert (await it.get(one["dist"]["url"])).content == content
            await it.client.close()


async def test_where_repositories_follow_one_another(tmp_path: Path) -> None:
    async with ComposerRegistry() as first, ComposerRegistry() as second:
        first.put("web/web 2.0")
        for one in ("web/web 1.0", "core/core 1.0", "both/both 1.0", "both/both 2.0"):
            second.put(one)
        first.put("both/both 1.0", keywords=["first"])
        first.put("hidden/hidden 1.0")
        places = [
            {"type": "composer", "url": first.url, "exclude": ["hidden/*", "both/*"]},
            {"type": "composer", "url": first.url, "only": ["both/*"], "canonical": False},
            {"type": "composer", "url": second.url},
        ]
        asking = ComposerAsking(tmp_path, repositories=[*places, {"default.test": False}])
        async with RunningRegistry(tmp_path, asking.serving, ecosystems=["composer"]) as registry:
            it = Asked(first, registry, Client(registry.url))
            # The first that has a name has it alone, unless it says that it is not the only one.
            assert await it.names() == ["2.0"]
            assert await it.names("p2/core/core.json") == ["1.0"]
            both = await it.versions("p2/both/both.json")
            assert [(one["version"], one.get("keywords")) for one in both] == [("1.0", ["first"]), ("2.0", None)]
            assert (await it.get("p2/hidden/hidden.json")).status == 404
            await it.client.close()


async def test_archives_on_other_hosts_are_shown_what_is_kept_for_them_alone(tmp_path: Path) -> None:
    async with ComposerRegistry() as files, ComposerRegistry() as last:
        content = archive("far/far 1.0")
        files.answers["/dist/far-far-1.0.zip"] = lambda _: Response(302, Headers({"location": f"{last.url}/last.zip"}))
        last.answers["/last.zip"] = lambda _: Response(200, body=content)
        async with asked(tmp_path) as it:
            it.upstream.put("far/far 1.0", content=content, at=files.url)
            it.upstream.put("far/far 2.0", content=content, at=last.url)
            last.answers["/dist/far-far-2.0.zip"] = last.answers["/last.zip"]
            logins = {
                it.upstream.url.removeprefix("http://"): {"username": "here", "password": "x"},
                files.url.removeprefix("http://"): {"username": "there", "password": "x"},
            }
            ComposerAsking(tmp_path, it.upstream.url, config={"secure-http": False, "http-basic": logins})
            one, two = await it.versions("p2/far/far.json")
            assert (await it.get(one["dist"]["url"])).content == content
            assert (await it.get(two["dist"]["url"])).content == content
            shown = [[one.headers.get("authorization") for one in each.requests] for each in (it.upstream, files, last)]
            assert shown[0] == ["Basic aGVyZTp4"] * 3
            assert shown[1:] == [["Basic dGhlcmU6eA=="], [None, None]]


async def test_what_is_no_archive_or_would_lead_round_it_is_left_out(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        source = {"type": "git", "url": "https://git.test/odd", "reference": "a" * 40}
        for version, fields in (
            ("1.0", {"source": source, "notification-url": "https://count.test", "transport-options": {"http": {"header": ["x: y"]}}}),
            ("1.1", {"source": source, "dist": {"type": "path", "url": "/etc"}}),
            ("1.2", {"dist": {"type": "zip", "url": "/etc/passwd"}}), ("1.3", {"dist": "none"}), ("1.4", {"dist": {"type": "git", "url": "https://git.test"}}),
            ("1.5", {"type": "metapackage", "dist": None}), ("none", {}), ("1.6", {"require": {"php": "what"}}), ("1.7.0", {}), ("1.7", {}),
        ):  # fmt: skip
            it.upstream.add(f"odd/odd {version}", **fields)
        found = {one.pop("version"): one for one in await it.versions("p2/odd/odd.json")}
        assert set(found) == {"1.0", "1.1", "1.5", "1.7.0"}
        assert set(found["1.0"]) == {"name", "uid", "dist"}
        assert (found["1.1"]["source"], "dist" in found["1.1"]) == (source, False)
        assert "dist" not in found["1.5"]


async def test_names_of_archives_are_those_of_contents(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        dist = {"type": "tar", "url": "https://files.test/a/x.tar.gz?token=1", "reference": "1" * 40}
        for version, more in (
            ("dev-feature/x", {}), ("dev-feature-x", {}), ("dev-main", {"type": "zip"}), ("1.x-dev", {"type": "file", "url": "https://files.test/run%20it.phar"}),
        ):  # fmt: skip
            it.upstream.add(f"odd/odd {version}", dist=dist | more)
        names = [one["dist"]["url"].rpartition("/odd/")[2] for one in await it.versions("p2/odd/odd~dev.json")]
        assert len(set(names)) == 4
        assert [name.rpartition("-")[0] for name in names[:2]] == ["odd-dev-feature-x"] * 2
        assert [name.rpartition("/")[2].rpartition(".")[2] for name in names] == ["gz", "gz", "gz", "phar"]
        assert names[3].endswith("/run-it.phar")


async def test_composer_asks_again_by_date_alone(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now() // 1)
    async with asked(tmp_path, clock=clock) as it:
        dates = []
        for number in range(3):
            answer = await it.get(WEB)
            dates.append(answer.headers.get("last-modified") or "")
            for known in ({"if_modified_since": dates[-1]}, {"if_none_match": answer.headers.get("etag") or ""}):
                again = await it.get(WEB, **known)
                assert (again.status, again.content) == (304, b"")
                assert (again.headers.get("last-modified"), again.headers.get("etag")) == (
                    dates[-1], answer.headers.get("etag")
                )  # fmt: skip
            for date in (*dates[:-1], "Fri, 01 Jan 2999 00:00:00 GMT"):
                assert (await it.get(WEB, if_modified_since=date)).status == 200
            assert (await it.get(WEB, if_modified_since=dates[-1], if_none_match='"x"')).status == 200
            # Within the same second, but for what the registry behind it needs to be asked again.
            it.upstream.put(f"web/web 2.{number}")
            it.upstream.modified = f"Mon, 02 Nov 2026 10:00:0{number + 1} GMT"
            await it.grown_old()
            await it.get(WEB)
            await it.settled()
        assert len({*dates}) == 3


async def test_a_document_that_is_made_anew_with_the_same_content_keeps_its_date(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    async with asked(tmp_path, clock=clock) as it:
        first, branches = await it.get(WEB), await it.get(WEB_DEV)
        it.upstream.put("web/web 2.0")
        it.upstream.modified = "Mon, 02 Nov 2026 11:00:00 GMT"
        clock.advance(400.0)
        await it.get(WEB)
        await it.settled()
        assert (await it.get(WEB)).headers.get("last-modified") != first.headers.get("last-modified")
        assert (await it.get(WEB_DEV)).headers.get("last-modified") == branches.headers.get("last-modified")


async def test_documents_are_sent_compressed(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        plain, packed = await it.get(WEB), await it.get(WEB, accept_encoding="gzip")
        assert packed.headers.get("content-encoding") == "gzip"
        assert gzip.decompress(packed.content) == plain.content
        assert plain.headers.get("etag") != packed.headers.get("etag")
        assert plain.headers.get("last-modified") == packed.headers.get("last-modified")


async def test_others_are_asked_only_for_what_has_changed(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    async with asked(tmp_path, clock=clock) as it:
        assert await it.names() == ["1.1", "1.0"]
        assert it.upstream.paths() == ["/packages.json", "/p2/web/web.json", "/p2/web/web~dev.json"]
        it.upstream.requests.clear()
        clock.advance(301.0)
        await it.names()
        await it.settled()
        assert [one.headers.get("if-modified-since") for one in it.upstream.requests] == [it.upstream.modified] * 3
        # Where one document has changed, the other one is needed as well.
        it.upstream.answers["/p2/web/web~dev.json"] = lambda _: Response(200, body=b'{"packages": {"web/web": []}}')
        it.upstream.requests.clear()
        clock.advance(301.0)
        await it.names()
        await it.settled()
        assert (await it.names(), await it.names(WEB_DEV)) == (["1.1", "1.0"], [])
        assert len(it.upstream.requests) == 5


async def test_documents_are_never_there_in_half(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    async with asked(tmp_path, clock=clock) as it:
        faults = [
            Response(503), Response(429, Headers({"retry-after": "9"})), Response(200, body=b'{"packages": {"web/web": [{"name"'),
            Response(200, body=b"[]"), Response(401),
        ]  # fmt: skip
        for fault in faults:
            it.upstream.answers["/p2/web/web~dev.json"] = lambda _, fault=fault: fault  # type: ignore[misc]
            for path in (WEB, WEB_DEV):
                assert (await it.get(path)).status >= 400
            assert it.registry.application._store.tables.document("composer", "web/web", "releases") is None
        del it.upstream.answers["/p2/web/web~dev.json"]
        first, branches = await it.versions(), await it.versions(WEB_DEV)
        it.upstream.put("web/web 2.0")
        it.upstream.modified = "Mon, 02 Nov 2026 11:00:00 GMT"
        for fault in faults:
            it.upstream.answers["/p2/web/web~dev.json"] = lambda _, fault=fault: fault  # type: ignore[misc]
            clock.advance(2 * 86_400.0)
            assert (await it.versions(), await it.versions(WEB_DEV)) == (first, branches)


@pytest.mark.parametrize("spoiled", [b"something else", b""])
async def test_an_archive_that_is_not_what_its_repository_says_is_neither_kept_nor_served(
    tmp_path: Path, spoiled: bytes
) -> None:
    async with asked(tmp_path) as it:
        url = (await it.versions())[0]["dist"]["url"]
        right = it.upstream.answers["/dist/web-web-1.1.zip"]
        it.upstream.answers["/dist/web-web-1.1.zip"] = lambda _: Response(200, body=spoiled)
        answer = await it.get(url)
        assert (answer.status, b"another sha1 than its registry says" in answer.content) == (500, True)
        store = Store(tmp_path / "registry")
        assert hashlib.sha256(spoiled).hexdigest() not in store.blobs.all()
        assert [*(tmp_path / "registry" / "blobs" / "incoming").iterdir()] == []
        await store.close()
        it.upstream.answers["/dist/web-web-1.1.zip"] = right
        assert (await it.get(url)).status == 200


async def test_what_hangs_or_is_cut_off_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "_STALLED_SECONDS", 0.1)
    clock = ManualClock(SystemClock().now())

    async def pieces(*, ends: bool) -> AsyncIterator[bytes]:
        yield b"PK"
        await asyncio.sleep(0 if ends else 60)

    size = Headers({"content-length": "99"})
    async with asked(tmp_path, clock=clock) as it:
        url = (await it.versions())[0]["dist"]["url"]
        for ends, told in ((True, b"end"), (False, b"nothing has come")):
            it.upstream.answers["/dist/web-web-1.1.zip"] = lambda _, ends=ends: Response(200, size, pieces(ends=ends))  # type: ignore[misc]
            answer = await it.get(url)
            assert (answer.status >= 500, told in answer.content) == (True, True), answer.content
        assert [*(tmp_path / "registry" / "blobs" / "incoming").iterdir()] == []
        # What is known is served at once, however long others take.
        for ends in (True, False):
            it.upstream.answers["/p2/web/web.json"] = lambda _, ends=ends: Response(200, size, pieces(ends=ends))  # type: ignore[misc]
            clock.advance(400.0)
            assert await it.names() == ["1.1", "1.0"]
            if ends:
                await asyncio.gather(it.settled(), return_exceptions=True)
        assert await it.names() == ["1.1", "1.0"]


async def test_settings_that_cannot_be_used_are_told_and_close_nothing_that_is_private(tmp_path: Path) -> None:
    asking = ComposerAsking(tmp_path, repositories=[{"type": "vcs", "url": "https://git.test/web"}])
    async with RunningRegistry(tmp_path, asking.serving, ecosystems=["composer"], private=PRIVATE) as registry:
        it = Asked(ComposerRegistry(), registry, Client(registry.url))
        assert (await it.put(archive("acme/web 1.0"))).status == 201
        assert "available-package-patterns" not in await it.json("packages.json")
        assert await it.names("p2/acme/web.json") == ["1.0"]
        told = await it.get(WEB)
        assert (told.status >= 400, b"a repository of the kind vcs cannot be asked" in told.content) == (True, True)
        await it.client.close()


async def test_a_branch_that_has_moved_has_another_archive_and_who_has_locked_the_former_one_still_gets_it(
    tmp_path: Path,
) -> None:
    clock = ManualClock(SystemClock().now())
    async with asked(tmp_path, clock=clock) as it:
        [before] = await it.versions(WEB_DEV)
        content = (await it.get(before["dist"]["url"])).content
        it.upstream.packages["web/web"].pop()
        moved = it.upstream.put("web/web dev-main", content=archive("web/web 9"))
        it.upstream.modified = "Mon, 02 Nov 2026 11:00:00 GMT"
        clock.advance(400.0)
        await it.get(WEB_DEV)
        await it.settled()
        [after] = await it.versions(WEB_DEV)
        assert after["dist"]["url"] != before["dist"]["url"]
        assert (await it.get(after["dist"]["url"])).content == moved
        assert (await it.get(before["dist"]["url"])).content == content


async def test_a_private_name_never_goes_to_others(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        it.upstream.put("acme/web 99.0")
        for path in (
            "p2/acme/web.json", "p2/acme/web~dev.json", "p2/Acme/Web.json", "files/acme/web/web-99.0-x.zip", "files/Acme/web/x.zip", "providers/acme/web.json",
        ):  # fmt: skip
            assert (await it.get(path)).status == 404, path
        assert it.upstream.requests == []


@pytest.mark.parametrize(
    "path",
    [
        "p2/..%2f..%2fsecret.json", "p2/web/..%2fsecret.json", "p2/web%2fweb.json", "p2/web/web", "p2/web/web.json/x", "p2/web/%00.json", "p2//web.json",
        "p2/web/web~dev~dev.json", "p2/web/we%20b.json", "p2/web/~dev.json", "files/web/web/", "files/web/web/..%2f..%2fsecret", "files/web/..%2fsecret/x",
        "providers/web/..%2fsecret.json", "providers/x.json", "nothing", "", "security-advisories", f"p2/{'a' * 200}/b.json",
    ],
)  # fmt: skip
async def test_what_a_path_must_not_lead_to(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_text("s")
    async with asked(tmp_path) as it:
        assert (await it.get(path)).status == 404
        assert not [one for one in it.upstream.paths() if "secret" in one or "%" in one or one.count("~") > 1]


async def test_who_may_see_some_packages_alone_sees_no_others(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        for name in ("acme/web", "acme/core"):
            assert (await it.put(archive(f"{name} 1.0", provide={"acme/api": "1.0"}))).status == 201
        await it.names()
        assert (await it.json("list.json"))["packageNames"] == ["acme/core", "acme/web", "web/web"]
        token = f"Bearer {await it.registry.token('read', patterns=['composer:acme/web', 'composer:web/*'])}"
        it.registry.close_to_nobody()
        for query, names in (
            ("", ["acme/web", "web/web"]), ("?filter=*%2Fweb&vendor=acme", ["acme/web"]), ("?filter=acme%2Fcore", []), ("?vendor=web", ["web/web"]),
        ):  # fmt: skip
            assert (await it.json(f"list.json{query}", authorization=token))["packageNames"] == names
        found = await it.json("search.json?q=WEB+things", authorization=token)
        assert [one["name"] for one in found["results"]] == ["acme/web", "web/web"]
        assert found["results"][0]["url"] == f"{it.registry.url}/packages/composer/acme/web"
        provided = await it.json("providers/acme/api.json", authorization=token)
        assert [one["name"] for one in provided["providers"]] == ["acme/web"]
        assert (await it.get("p2/acme/core.json", authorization=token)).status == 403
        for path in (
            "packages.json",
            "search.json",
            "list.json",
            WEB,
            "providers/acme/api.json",
            "files/web/web/x.zip",
        ):
            closed = await it.get(path)
            assert (closed.status, closed.headers.get("www-authenticate")) == (401, 'Basic realm="packages"'), path
        page = await it.get(f"{it.registry.url}/packages/composer/acme/web", authorization=token)
        assert (page.status, b"a web of things" in page.content, b"Licence: MIT" in page.content) == (200, True, True)


async def test_what_others_tell_of_who_provides_a_name(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        it.upstream.more = {"providers-api": f"{it.upstream.url}/who/%package%.json"}
        said = b'{"providers": [{"name": "web/web"}, {"name": "acme/evil"}]}'
        it.upstream.answers["/who/psr/log.json"] = lambda _: Response(200, body=said)
        assert [one["name"] for one in (await it.json("providers/psr/log.json"))["providers"]] == ["web/web"]
        assert (await it.get("providers/psr/none.json")).status == 404


async def test_where_nobody_else_is_known_composer_need_not_ask_for_other_names(tmp_path: Path) -> None:
    nobody = {"PATH": "", "HOME": str(tmp_path)}
    async with RunningRegistry(tmp_path, nobody, ecosystems=["composer"], private=PRIVATE) as registry:
        client = Client(registry.url)
        root = msgspec.json.decode((await client.request("GET", "/composer/packages.json")).content)
        assert root["available-package-patterns"] == ["acme/*"]
        told = await client.request("GET", "/composer/p2/web/web.json")
        assert (told.status >= 400, b"no registry of composer is known here" in told.content) == (True, True)
        assert (await client.request("GET", "/composer/p2/acme/web.json")).status == 404
        await client.close()


async def test_a_repository_that_is_this_one_is_passed_over(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        fake_programs(tmp_path / "bin", it.upstream.url)
        repositories = [{"type": "composer", "url": f"{it.registry.url}/composer"}, {"default.test": False}]
        ComposerAsking(tmp_path, program=False, repositories=repositories)
        assert await it.names() == ["1.1", "1.0"]


async def test_what_was_kept_is_served_where_nobody_is_asked(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        url = (await it.versions())[0]["dist"]["url"]
        await it.get(url)
        await it.put(archive("acme/web 1.0"))
    store = Store(tmp_path / "registry")
    write_bundle(tmp_path / "it.tar", chosen(store.tables, ["composer"], ()), store.blobs)
    await store.close()
    away = tmp_path / "away"
    away.mkdir()
    store = Store(away / "registry")
    await take_bundle(tmp_path / "it.tar", store)
    await store.close()
    async with RunningRegistry(away, ALONE, ecosystems=["composer"], cache_only=True, private=PRIVATE) as registry:
        it = Asked(ComposerRegistry(), registry, Client(registry.url))
        new, old = await it.versions()
        assert new["dist"]["url"] == url.replace(url.partition("/composer")[0], registry.url)
        assert (await it.get(new["dist"]["url"])).content == archive("web/web 1.1")
        assert (await it.get(old["dist"]["url"])).status == 404
        [own] = await it.versions("p2/acme/web.json")
        assert (await it.get(own["dist"]["url"])).content == archive("acme/web 1.0")
        assert (await it.get("p2/core/core.json")).status == 404
        await it.client.close()


async def test_our_own_client_resolves_from_it(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        it.upstream.put("core/core 1.4")
        it.upstream.put("core/core 2.0")
        assert (await it.put(archive("acme/web 1.0", require={"web/web": "^1", "php": ">=8"}))).status == 201
        away = ComposerAsking(tmp_path / "away", f"{it.registry.url}/composer")
        assert await away.pins("acme/web") == ["acme/web 1.0", "core/core 1.4", "web/web 1.1"]
        assert await away.pins("web/web:dev-main") == ["web/web dev-main"]
        facts = await away.facts("web/web")
        assert (facts.latest, facts.licence) == ("1.1", "MIT")


FIELD = st.sampled_from(["a", "b", "c"])
VALUE: st.SearchStrategy[Any] = st.sampled_from([None, True, 1, 0, False, "x", [], {}, {"a": 1}])


@given(st.lists(st.dictionaries(FIELD, VALUE, max_size=3), max_size=4))
def test_what_is_minified_is_read_as_it_was(versions: list[dict[str, Any]]) -> None:
    packed = msgspec.json.encode(minified([FIELDS.decode(msgspec.json.encode(one)) for one in versions]))
    found = [dict(one) for one in whole_versions(msgspec.json.decode(packed), minified=MINIFIED)]
    # True and 1 are the same to Python, and two things to PHP.
    assert [msgspec.json.encode(one, order="sorted") for one in found] == [
        msgspec.json.encode(one, order="sorted") for one in versions
    ]
