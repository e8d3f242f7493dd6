"""Registrations, packages and searches that a registry of ours serves, without clients of NuGet."""

import gzip
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.package_policies import LicencePolicy, PackagePolicySpec
from outrider.operators.packages.nuget.serving.documents import build
from outrider.operators.packages.nuget.serving.kept import KeptFeed, written
from outrider.operators.packages.resolving.policies import ADMIT_ALL
from outrider.operators.packages.serving.bundles import chosen, take_bundle, write_bundle
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.serving.upstreams import Contents
from outrider.operators.packages.tests.clients.table import ALONE
from outrider.operators.packages.tests.nuget_feed import NugetAsking, NugetFeed
from outrider.operators.packages.tests.nuget_files import NugetFile
from outrider.operators.packages.tests.nuget_hub import ALL, OLDER, PRIVATE, Asked, asked
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.ports.http.client import Client

FILE = NugetFile(name="Web").packed()
WEB = "flat/web/1.0.0/web.1.0.0.nupkg"


def texts_in(document: Any) -> Iterator[str]:
    """Yield all texts in a document."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, list | dict):
        for one in document.values() if isinstance(document, dict) else document:
            yield from texts_in(one)


async def test_the_service_index_names_what_there_is(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        resources = (await it.json("index.json"))["resources"]
        types = [one["@type"] for one in resources]
        for wanted in (
            "PackageBaseAddress/3.0.0", "RegistrationsBaseUrl", "RegistrationsBaseUrl/3.4.0", "RegistrationsBaseUrl/3.6.0",
            "RegistrationsBaseUrl/Versioned", "SearchQueryService", "SearchAutocompleteService", "PackagePublish/2.0.0",
        ):  # fmt: skip
            assert wanted in types
        assert not [one for one in types if one.startswith(("ReportAbuse", "Vulnerability"))]
        assert {one["@id"].startswith(f"{it.registry.url}/nuget/v") for one in resources} == {True}


async def test_a_registration_leads_nowhere_else(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        fields: dict[str, Any] = {
            "licenseExpression": "MIT",
            "tags": ["a"],
            "published": "2024-05-06T07:08:09.12Z",
            "foreign": f"{it.feed.base}/x",
        }
        it.feed.add("Web@1.10", "Core@[1.0,2.0)", **fields)
        it.feed.add("Web@1.9-beta+build", groups={"net48": ["Core@1.0"], "": []})
        entries = await it.entries("web")
        assert [*entries] == ["1.0.0", "1.9.0-beta+build", "1.10.0"]
        entry = entries["1.10.0"]["catalogEntry"]
        assert (entry["id"], entry["licenseExpression"], entry["tags"]) == ("Web", "MIT", ["a"])
        assert entry["dependencyGroups"][0]["dependencies"] == [
            {"@type": "PackageDependency", "id": "Core", "range": "[1.0,2.0)"}
        ]
        assert entry["published"] == fields["published"]
        document = await it.json(f"{ALL}/web/index.json")
        places = [one for one in texts_in(document) if one.startswith("http")]
        assert {one.startswith(f"{it.registry.url}/nuget/v3/") for one in places} == {True}
        [page] = document["items"]
        assert (page["count"], page["lower"], page["upper"]) == (3, "1.0.0", "1.10.0")
        # All addresses in it lead to something.
        assert await it.json(f"{ALL}/web/1.10.json") == entries["1.10.0"]
        content = entries["1.10.0"]["packageContent"].removeprefix(f"{it.registry.url}/nuget/v3/")
        assert content == "flat/web/1.10.0/web.1.10.0.nupkg"
        assert (await it.get(content)).status == 200


async def test_versions_of_semver_2_are_not_for_older_clients(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        for version in ("1.1-beta", "1.1-beta.1", "2.0+build"):
            it.feed.add(f"Web@{version}")
        it.feed.add("Web@3.0", "Core@[1.0-a.1, )")
        it.feed.add("Web@4.0", "Core@[1.0-a, 2.0.1)")
        it.feed.add("Only@1.0-a.b")
        assert [*await it.entries("web", OLDER)] == ["1.0.0", "1.1.0-beta", "4.0.0"]
        assert len(await it.entries("web")) == 6
        assert (await it.json(f"{OLDER}/only/index.json"))["items"] == []
        versions = (await it.json("flat/web/index.json"))["versions"]
        assert versions == ["1.0.0", "1.1.0-beta", "1.1.0-beta.1", "2.0.0", "3.0.0", "4.0.0"]


async def test_documents_are_compressed_once_and_told_apart_by_their_tags(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        for number in range(30):
            it.feed.add(f"Web@1.{number}.1")
        for path in (f"{ALL}/Web/index.json", "flat/web/index.json"):
            plain = await it.get(path)
            packed = await it.get(path, accept_encoding="gzip, deflate")
            if packed.headers.get("content-encoding"):
                assert gzip.decompress(packed.content) == plain.content
                assert packed.headers.get("etag") != plain.headers.get("etag")
            tag = packed.headers.get("etag") or ""
            assert (await it.get(path, accept_encoding="gzip, deflate", if_none_match=tag)).status == 304
        assert packed.headers.get("content-type") == "application/json"
        assert it.feed.paths() == ["/v3/index.json", "/reg/web/index.json"]


@pytest.mark.parametrize(
    "path", ["flat/WEB/1.0/web.1.0.nupkg", "flat/web/01.0.0.0/WEB.1.0.0.nupkg", "flat/web/1.0.0+x/web.1.0.0.nupkg"]
)
async def test_a_version_is_found_however_it_is_written(tmp_path: Path, path: str) -> None:
    async with asked(tmp_path) as it:
        it.serve("/flat/web/1.0.0/web.1.0.0.nupkg", FILE)
        assert (await it.get(path)).content == FILE


@pytest.mark.parametrize(
    "path",
    [
        "flat/..%2f..%2fsecret/index.json", "flat/web/..%2f..%2f..%2fsecret/web.1.0.0.nupkg", "flat/web/1.0.0/..%2fsecret", "flat/web/1.0.0/other.1.0.0.nupkg",
        "flat/web/x/web.x.nupkg", "flat/web/1.0.0/web.nupkg", "flat/web/1.0.0", "flat//index.json", "flat/%00/index.json", "flat/a%20b/index.json",
        "registrations/web/x.json", "registrations/web/9.0.json", "registrations/web", "registrations-other/web/index.json", "nothing", "",
        "vulnerabilities/other.json/x", "flat/web/1.0.0/web.1.0.0.nupkg.sha512", "flat/web/9.0.0/web.9.0.0.nupkg",
    ],
)  # fmt: skip
async def test_what_a_path_must_not_lead_to(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_text("s")
    async with asked(tmp_path) as it:
        assert (await it.get(path)).status == 404
        assert not [one for one in it.feed.paths() if "secret" in one]


async def test_a_private_name_never_goes_to_others(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        it.feed.add("Acme.Web@99.0")
        for path in (
            "flat/acme.web/index.json", "flat/ACME.Web/99.0/acme.web.99.0.nupkg", "flat/acme.web/99.0/acme.web.nuspec", f"{ALL}/Acme.Web/index.json",
            f"{OLDER}/acme.web/index.json", f"{ALL}/acme.web/99.0.json",
        ):  # fmt: skip
            assert (await it.get(path)).status == 404, path
        assert it.feed.requests == []
        await it.push(NugetFile(name="acme.WEB"))
        assert [*await it.entries("acme.web")] == ["1.0.0"]
        assert it.feed.requests == []


async def test_searches_find_what_is_here(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        it.feed.add("Serilog@1.0", description="simple logging", tags=["structured"])
        it.feed.add("Serilog@2.0-rc.1")
        it.feed.add("Serilog@1.5", listed=False)
        await it.entries("serilog")
        await it.push(NugetFile(more="<tags>one two</tags>"))
        found = await it.json("query?q=log")
        assert (found["totalHits"], [one["id"] for one in found["data"]]) == (1, ["Serilog"])
        [serilog] = found["data"]
        assert (serilog["version"], [one["version"] for one in serilog["versions"]]) == ("1.0.0", ["1.0.0"])
        assert serilog["registration"] == f"{it.registry.url}/nuget/v3/{ALL}/serilog/index.json"
        every = await it.json("query?prerelease=true&semVerLevel=2.0.0")
        assert [(one["id"], one["version"]) for one in every["data"]] == [
            ("Acme.Web", "1.0.0"),
            ("Serilog", "2.0.0-rc.1"),
        ]
        assert [one["version"] for one in (await it.json("query?q=serilog&prerelease=true"))["data"]] == ["1.0.0"]
        for words, count in (
            ("structured", 1), ("TWO", 1), ("packageid:Serilog", 1), ("packageid:seri", 0), ("id:eri", 1), ("nothing", 0), ("a web", 1), ("", 2),
        ):  # fmt: skip
            assert (await it.json(f"query?q={words.replace(' ', '+')}"))["totalHits"] == count, words
        assert len((await it.json("query?take=1&skip=1"))["data"]) == 1
        assert (await it.json("query?take=x&skip=-1"))["totalHits"] == 2
        assert (await it.json("query?packageType=DotnetTool"))["data"] == []
        assert (await it.json("query?packageType=dependency"))["totalHits"] == 2
        assert (await it.json("autocomplete?q=seri"))["data"] == ["Serilog"]
        assert (await it.json("autocomplete?id=SERILOG&prerelease=true&semVerLevel=2.0.0"))["data"] == [
            "1.0.0",
            "2.0.0-rc.1",
        ]
        assert (await it.json("autocomplete?id=nothing"))["data"] == []
        page = await it.client.request("GET", "/packages/nuget/acme.web")
        assert (page.status, b"acme.web.1.0.0.nupkg" in page.content, b"a web of things" in page.content) == (
            200,
            True,
            True,
        )


async def test_who_may_see_some_packages_alone_sees_no_others(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        for name in ("Acme.Web", "Acme.Core"):
            await it.push(NugetFile(name=name))
        token = await it.registry.token("read", patterns=["nuget:acme.web"])
        it.registry.close_to_nobody()
        for shown in (
            {"x_nuget_apikey": token},
            {"authorization": f"Basic {b64encode(f'x:{token}'.encode()).decode()}"},
        ):
            assert [one["id"] for one in (await it.json("query", **shown))["data"]] == ["Acme.Web"]
            assert (await it.json("autocomplete?id=acme.core", **shown))["data"] == []
            assert (await it.get("flat/acme.web/1.0.0/acme.web.1.0.0.nupkg", **shown)).status == 200
            for path in (
                "flat/acme.core/index.json",
                "flat/acme.core/1.0.0/acme.core.nuspec",
                f"{ALL}/acme.core/1.0.0.json",
            ):
                assert (await it.get(path, **shown)).status == 403
        for path in (
            "index.json",
            "query",
            "autocomplete",
            "flat/acme.web/index.json",
            "vulnerabilities/index.json",
            WEB,
        ):
            closed = await it.get(path)
            assert (closed.status, closed.headers.get("www-authenticate")) == (401, 'Basic realm="packages"')


async def test_our_own_client_resolves_from_it_as_from_the_source(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        it.feed.add("Web@1.2.0", "Core@[1.0,2.0)", groups={"net6.0": ["Core@1.1"], "net48": ["Old@1.0"]})
        it.feed.add("Core@1.1-beta.2")
        it.feed.add("Core@1.1", listed=False)
        it.feed.add("Core@1.3")
        wanted = ("Web@1.2", "Core")
        direct = NugetAsking(tmp_path / "direct", it.feed.url)
        through = NugetAsking(tmp_path / "through", f"{it.registry.url}/nuget/v3/index.json")
        assert await through.pins(*wanted) == await direct.pins(*wanted)
        ours, theirs = await through.facts("core"), await direct.facts("core")
        assert ours == theirs
        answer = await through.resolved("Web@1.2")
        assert answer.packages[0].url.startswith(f"{it.registry.url}/nuget/v3/flat/")


async def test_what_was_kept_is_served_where_no_network_is(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        it.serve("/flat/web/1.0.0/web.1.0.0.nupkg", FILE)
        for name in ("Other", "Bad"):
            it.feed.add(f"{name}@1.0.0")
        for path in (WEB, "flat/bad/1.0.0/bad.1.0.0.nupkg"):
            assert (await it.get(path)).status == 200
        await it.push(NugetFile())
    store = Store(tmp_path / "registry")
    write_bundle(
        tmp_path / "it.tar", chosen(store.tables, ["nuget"], ["nuget:Web", "nuget:ACME.*", "nuget:bad"]), store.blobs
    )
    await store.close()
    away = tmp_path / "away"
    store = Store(away / "registry")
    await take_bundle(tmp_path / "it.tar", store)
    await store.close()
    policy = PackagePolicySpec(licences=LicencePolicy(deny=["GPL-*"]), deny=["nuget:Bad"])
    settings: dict[str, Any] = {"ecosystems": ["nuget"], "cache_only": True, "private": PRIVATE, "policy": policy}
    async with NugetFeed() as feed, RunningRegistry(away, ALONE, **settings) as registry:
        it = Asked(feed, registry, Client(registry.url))
        assert (await it.get(WEB)).content == FILE
        assert (await it.get("flat/web/1.0.0/web.nuspec")).content == NugetFile(name="Web").nuspec()
        assert (await it.get("flat/acme.web/1.0.0/acme.web.nuspec")).content == NugetFile().nuspec()
        asking = NugetAsking(away, f"{registry.url}/nuget/v3/index.json")
        assert await asking.pins("Web", "Acme.Web") == ["acme.web@1.0.0", "web@1.0.0"]
        await it.refused("flat/other/index.json", 404, "it is not kept here")
        # What policy says holds there too, though nobody knows where files come from.
        await it.refused("flat/bad/1.0.0/bad.1.0.0.nupkg", 403, "nuget bad 1.0.0 is denied")
        await it.client.close()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.sampled_from(["id", "version", "range", "x"]), one, max_size=3),
    max_leaves=8,
)  # fmt: skip
FIELDS = [
    "listed",
    "published",
    "dependencyGroups",
    "tags",
    "licenseExpression",
    "description",
    "packageTypes",
    "authors",
    "packageHash",
    "title",
]


@settings(max_examples=60)
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4), max_size=4), JSON)
def test_whatever_a_source_says_there_are_documents(entries: list[dict[str, Any]], other: Any) -> None:
    leaves = [
        msgspec.json.encode({"catalogEntry": {"id": "Web", "version": f"1.{at}", **one}})
        for at, one in enumerate(entries)
    ]
    leaves += [msgspec.json.encode({"catalogEntry": {"id": "web", "version": "9.0"}}), msgspec.json.encode(other)]
    raw = written([KeptFeed("https://files.test", "", leaves)])
    built = build("https://hub.test", "web", Contents(raw, (), {}), ADMIT_ALL)
    assert built.summary.latest == "9.0.0"
    for document in built.documents:
        msgspec.json.decode(document.content)
