"""Repositories of Composer behind a registry of ours: in which order they are asked, for what, and what goes wrong there."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.serving import downloading
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.tests.composer_archives import archive
from outrider.operators.packages.tests.composer_registry import ComposerAsking, ComposerRegistry, Layout, fake_programs
from outrider.operators.packages.tests.composer_serving import PRIVATE, WEB, WEB_DEV, Asked, asked
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock
from outrider.ports.http.client import Client


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
            last.answers["/dist/far-far-2.0.zip"] = lambda _: Response(302, Headers({"location": f"{files.url}/3"}))
            files.answers["/3"] = last.answers["/last.zip"]
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
            # Where one is sent on to, what is kept for that host is shown, and nothing of the former one.
            assert shown[1:] == [["Basic dGhlcmU6eA=="] * 2, [None, None]]


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
