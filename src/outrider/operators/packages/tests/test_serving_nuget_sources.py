"""The sources of NuGet behind a registry of ours: who is asked, what their files are compared with, and what goes wrong there."""

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.core.errors import UnsupportedError
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.operators.packages.nuget.serving.opening import opened
from outrider.operators.packages.serving import downloading
from outrider.operators.packages.serving.opening import Surroundings
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.tests.nuget_feed import NugetAsking, NugetFeed, config
from outrider.operators.packages.tests.nuget_files import NugetFile
from outrider.operators.packages.tests.nuget_hub import ALL, Asked, asked
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock
from outrider.ports.http.client import Client

FILE = NugetFile(name="Web").packed()
WEB = "flat/web/1.0.0/web.1.0.0.nupkg"


async def test_the_manifest_is_that_in_the_file(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        it.serve("/flat/web/1.0.0/web.1.0.0.nupkg", FILE)
        for _ in range(2):
            found = await it.get("flat/web/1.0.0/web.nuspec")
            assert (found.content, found.headers.get("content-type")) == (
                NugetFile(name="Web").nuspec(),
                "application/xml",
            )
        assert it.feed.paths().count("/flat/web/1.0.0/web.1.0.0.nupkg") == 1
        assert "/flat/web/1.0.0/web.nuspec" not in it.feed.paths()
        it.feed.add("Web@2.0.0")
        it.feed.add("Other@1.0.0")
        it.serve("/flat/other/1.0.0/other.1.0.0.nupkg", FILE)
        await it.refused("flat/other/1.0.0/other.nuspec", 500, "the file is another package than its source says")
        it.serve("/flat/other/1.0.0/other.1.0.0.nupkg", b"no zip")
    async with asked(tmp_path / "more") as it:
        it.serve("/flat/web/1.0.0/web.1.0.0.nupkg", b"no zip")
        await it.refused("flat/web/1.0.0/web.nuspec", 500, "it is no zip file")


def entry_at(url: str) -> dict[str, Any]:
    """Return what a registration says of the catalog that it is made of."""
    return {"@id": url}


def digest(content: bytes) -> str:
    return b64encode(hashlib.sha512(content).digest()).decode()


@pytest.mark.parametrize("told", ["registration", "catalog"])
async def test_a_file_that_is_not_what_its_source_says_is_neither_kept_nor_served(tmp_path: Path, told: str) -> None:
    said: dict[str, Any] = {"packageHash": digest(FILE), "packageHashAlgorithm": "SHA512"}
    async with asked(tmp_path) as it:
        it.serve("/catalog/web.json", msgspec.json.encode(said))
        fields = said if told == "registration" else entry_at(f"{it.feed.base}/catalog/web.json")
        it.feed.packages.clear()
        it.feed.add("Web@1.0.0", **fields)
        other = NugetFile(name="Web", more="<tags>other</tags>").packed()
        it.serve("/flat/web/1.0.0/web.1.0.0.nupkg", other)
        for path in (WEB, "flat/web/1.0.0/web.nuspec"):
            await it.refused(path, 500, "another sha512 than its registry says")
        store = Store(tmp_path / "registry")
        assert hashlib.sha256(other).hexdigest() not in store.blobs.all()
        await store.close()
        it.serve("/flat/web/1.0.0/web.1.0.0.nupkg", FILE)
        assert (await it.get(WEB)).content == FILE


async def test_a_catalog_that_does_not_answer_is_no_catalog_that_says_nothing(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        it.feed.packages.clear()
        it.feed.add("Web@1.0.0", **entry_at(f"{it.feed.base}/catalog/web.json"))
        it.serve("/flat/web/1.0.0/web.1.0.0.nupkg", FILE)
        it.serve("/catalog/web.json", b"", status=503)
        await it.refused(WEB, 503, "the registry cannot answer now")
        # What is no entry of a catalog, or is not there, says nothing.
        for content, status in ((b"", 404), (b"[]", 200), (b"{", 200), (b'{"packageHash":1}', 200)):
            it.serve("/catalog/web.json", content, status)
            assert (await it.get(WEB)).content == FILE
            store = Store(tmp_path / "registry")
            await store.write(lambda tables: tables.forget_file("nuget", "web", "web.1.0.0.nupkg"))
            await store.close()
        # Nobody else is asked what the hash is.
        it.feed.packages.clear()
        it.feed.add("Far@1.0.0", **entry_at("http://elsewhere.test/web.json"))
        assert (await it.get("flat/far/1.0.0/far.1.0.0.nupkg")).status == 200


@pytest.mark.parametrize("hangs", [False, True], ids=["cut", "hangs"])
async def test_a_file_that_is_cut_or_hangs_is_not_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hangs: bool
) -> None:
    monkeypatch.setattr(downloading, "_STALLED_SECONDS", 0.05)
    async with asked(tmp_path) as it:

        async def pieces() -> AsyncIterator[bytes]:
            yield FILE[:100]
            await asyncio.sleep(30.0 if hangs else 0.0)
            raise ConnectionResetError

        def cut(request: Request) -> Response:
            del request
            return Response(200, Headers({"content-length": str(len(FILE))}), pieces())

        it.feed.answers["/flat/web/1.0.0/web.1.0.0.nupkg"] = cut
        answer = await it.get(WEB)
        assert answer.status >= 500, answer
        assert [*(tmp_path / "registry" / "blobs" / "incoming").iterdir()] == []
        it.serve("/flat/web/1.0.0/web.1.0.0.nupkg", FILE)
        assert (await it.get(WEB)).content == FILE


async def test_a_part_of_a_registration_that_cannot_be_had_leaves_what_was_there(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    async with asked(tmp_path, NugetFeed(page_size=2), clock=clock) as it:
        for version in ("1.1.0", "1.2.0", "1.3.0"):
            it.feed.add(f"Web@{version}")
        before = await it.get(f"{ALL}/web/index.json")
        it.feed.add("Web@1.4.0")
        for answer in (Response(503), Response(404), Response(200, body=b"{"), Response(200, body=b'{"items": 1}')):
            it.feed.answers["/reg/web/2.json"] = lambda _, answer=answer: answer  # type: ignore[misc]
            clock.advance(2 * 86_400.0)
            same = await it.get(f"{ALL}/web/index.json")
            assert (same.status, same.content) == (200, before.content)
            assert b"1.4.0" not in (await it.get("flat/web/index.json")).content
        it.feed.answers = {"/v3/index.json": lambda _: Response(404)}
        clock.advance(2 * 86_400.0)
        assert (await it.get(f"{ALL}/web/index.json")).content == before.content
        it.feed.answers.clear()
        clock.advance(2 * 86_400.0)
        assert [*await it.entries("web")][-1] == "1.4.0"
        assert (await it.json("flat/web/index.json"))["versions"][-1] == "1.4.0"


async def test_what_has_not_changed_is_not_fetched_again(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    async with NugetFeed() as first, NugetFeed() as second:
        first.add("Web@1.0.0", title="first")
        second.add("Web@1.0", title="second")
        second.add("Web@2.0.0", title="second")
        environment = NugetAsking(tmp_path, first.url, second.url).environment
        async with RunningRegistry(tmp_path, environment, clock=clock, ecosystems=["nuget"]) as registry:
            it = Asked(first, registry, Client(registry.url))
            titles = [one["catalogEntry"]["title"] for one in (await it.entries("web")).values()]
            assert titles == ["first", "second"]
            clock.advance(90_000.0)
            await it.entries("web")
            sent = [one for feed in (first, second) for one in feed.requests if one.path == "/reg/web/index.json"]
            assert ["if-none-match" in one.headers for one in sent] == [False, True, False, True]
            # What one of them says is needed together with what the others say.
            second.add("Web@3.0.0", title="second")
            clock.advance(90_000.0)
            assert [*await it.entries("web")] == ["1.0.0", "2.0.0", "3.0.0"]
            await it.client.close()


async def test_source_mapping_says_who_is_asked(tmp_path: Path) -> None:
    async with NugetFeed() as first, NugetFeed() as second:
        for feed in (first, second):
            feed.add("Web@1.0.0")
            feed.add("Core@1.0.0")
        asking = NugetAsking(tmp_path, first.url)
        mapping = (
            '<packageSourceMapping><packageSource key="first"><package pattern="We*" /></packageSource>'
            '<packageSource key="second"><package pattern="Core" /></packageSource></packageSourceMapping>'
        )
        text = config(f"first={first.url}", f"second={second.url}", more=mapping)
        asking.write("home/.nuget/NuGet/NuGet.Config", text)
        async with RunningRegistry(tmp_path, asking.environment, ecosystems=["nuget"]) as registry:
            it = Asked(first, registry, Client(registry.url))
            assert (await it.get(WEB)).status == (await it.get("flat/core/1.0.0/core.1.0.0.nupkg")).status == 200
            assert {one.split("/")[2] for one in first.paths() if one != "/v3/index.json"} == {"web"}
            assert {one.split("/")[2] for one in second.paths() if one != "/v3/index.json"} == {"core"}
            await it.refused("flat/other/index.json", 404, "there is none")
            await it.client.close()


async def test_a_source_that_is_this_registry_is_not_asked(tmp_path: Path) -> None:
    async with NugetFeed() as feed:
        feed.add("Web@1.0.0")
        asking = NugetAsking(tmp_path, feed.url)
        base = "http://127.0.0.1:9"  # where nobody listens
        own = f"{base}/nuget/v3/index.json"
        settings = {"clock": SystemClock(), "cache": tmp_path / "cache", "base": base}
        for others in ([f"feed={feed.url}"], []):
            asking.write("home/.nuget/NuGet/NuGet.Config", config(f"own={own}", *others))
            where = Surroundings(environment=asking.environment, folder=tmp_path, **settings)  # type: ignore[arg-type]
            upstream = (await opened(where)).upstream
            if others:
                raw, _ = await upstream.fetch("web", None)
                assert raw is not None
            else:
                with pytest.raises(UnsupportedError, match="all sources lead to this registry itself"):
                    await upstream.fetch("web", None)
            await upstream.close()


async def test_a_source_without_registrations_is_read_by_its_manifests(tmp_path: Path) -> None:
    async with asked(tmp_path, NugetFeed(registrations=False)) as it:
        it.feed.add("Web@1.1", "Core@1.2", licenseExpression="MIT")
        it.feed.answers["/flat/web/1.0.0/web.nuspec"] = lambda _: Response(200, body=b"<package/>")
        entry = (await it.entries("web"))["1.1.0"]["catalogEntry"]
        assert (entry["licenseExpression"], entry["dependencyGroups"][0]["dependencies"][0]["id"]) == ("MIT", "Core")
        assert (await it.json("flat/web/index.json"))["versions"] == ["1.1.0"]


async def test_a_source_without_packages_at_places_that_follow_tells_where_they_are(tmp_path: Path) -> None:
    async with asked(tmp_path, NugetFeed(content=False)) as it:
        it.feed.packages.clear()
        it.feed.answers["/reg/web/index.json"] = lambda _: Response(
            200,
            body=msgspec.json.encode(
                {
                    "items": [
                        {
                            "items": [
                                {
                                    "catalogEntry": {"id": "Web", "version": "1.0"},
                                    "packageContent": f"{it.feed.base}/x/y.nupkg",
                                }
                            ]
                        }
                    ]
                }
            ),
        )
        it.serve("/x/y.nupkg", FILE)
        assert (await it.get(WEB)).content == FILE


async def test_credentials_of_the_settings_are_shown_to_their_source_alone(tmp_path: Path) -> None:
    async with NugetFeed(login="ana:horse") as closed, NugetFeed() as other:
        closed.add("Web@1.0.0")
        other.add("Web@2.0.0")
        asking = NugetAsking(tmp_path, closed.url)
        shown = '<add key="Username" value="ana" /><add key="ClearTextPassword" value="horse" />'
        more = f"<packageSourceCredentials><closed>{shown}</closed></packageSourceCredentials>"
        text = config(f"closed={closed.url}", f"other={other.url}", more=more)
        asking.write("home/.nuget/NuGet/NuGet.Config", text)
        async with RunningRegistry(tmp_path, asking.environment, ecosystems=["nuget"]) as registry:
            it = Asked(closed, registry, Client(registry.url))
            assert [*await it.entries("web")] == ["1.0.0", "2.0.0"]
            for path in (WEB, "flat/web/2.0.0/web.2.0.0.nupkg"):
                assert (await it.get(path)).status == 200
            assert not [one for one in other.requests if "authorization" in one.headers]
            await it.client.close()
