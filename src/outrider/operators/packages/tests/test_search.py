"""Words are looked for in the registries of the settings; against a registry of ours this is in test_publish."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import ExecutionFailedError, MissingRequirementError, UnsupportedError
from outrider.operators.packages.operations import search
from outrider.operators.packages.operations.search import SearchParams
from outrider.operators.packages.registries.searching import Found, FoundPackage, found_package
from outrider.operators.packages.sessions import searching_of
from outrider.operators.packages.tests.asking import RegistryAsking
from outrider.operators.packages.tests.canned_registry import CannedRegistry
from outrider.operators.packages.tests.cargo_registry import CargoAsking
from outrider.operators.packages.tests.composer_registry import ComposerAsking
from outrider.operators.packages.tests.gem_registry import GemAsking
from outrider.operators.packages.tests.npm_registry import NpmAsking
from outrider.operators.packages.tests.nuget_feed import NugetAsking
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.world import variables

SECRET = "\x1b[31mred\x1b[0m\nnew\u202eline " + "x" * 600
CLEAN = "[31mred [0m new line " + "x" * 479


def composer(folder: Path, *urls: str) -> ComposerAsking:
    return ComposerAsking(folder, *urls, config={"secure-http": False})


ASKING: dict[str, Callable[..., RegistryAsking]] = {
    "cargo": CargoAsking, "composer": composer, "gem": GemAsking, "npm": NpmAsking, "nuget": NugetAsking,
}  # fmt: skip
INDEX: dict[str, str] = {"nuget": "/v3/index.json"}
# What each registry answers, first to what is asked before.
DOCUMENTS: dict[str, dict[str, Any]] = {
    "cargo": {
        "/config.json": {"dl": "$URL/dl", "api": "$URL/web/"},
        "/web/api/v1/crates": {"crates": [{"name": "web", "max_version": "2.0.0", "description": SECRET}, {"name": "web-core", "max_version": "1.0.0", "description": None}], "meta": {"total": 2}},
    },
    "composer": {
        "/packages.json": {"metadata-url": "/p2/%package%.json", "search": "/search.json?q=%query%&type=%type%"},
        "/search.json": {"results": [{"name": "web", "description": SECRET}, {"name": "web-core"}], "total": 2},
    },
    "gem": {"/api/v1/search.json": [{"name": "web", "version": "2.0.0", "info": SECRET}, {"name": "web-core", "version": "1.0.0"}]},
    "npm": {"/-/v1/search": {"objects": [{"package": {"name": "web", "version": "2.0.0", "description": SECRET}}, {"package": {"name": "web-core", "version": "1.0.0"}}], "total": 2}},
    "nuget": {
        "/v3/index.json": {"version": "3.0.0", "resources": [{"@id": "$URL/query", "@type": "SearchQueryService/3.5.0"}]},
        "/query": {"totalHits": 2, "data": [{"id": "web", "version": "2.0.0", "description": SECRET}, {"id": "web-core", "version": "1.0.0"}]},
    },
}  # fmt: skip
# What is missing where a registry cannot be searched.
WITHOUT: dict[str, dict[str, Any]] = {
    "cargo": {"/config.json": {"dl": "$URL/dl", "api": None}},
    "composer": {"/packages.json": {"metadata-url": "/p2/%package%.json"}},
    "gem": {},
    "npm": {},
    "nuget": {"/v3/index.json": {"version": "3.0.0", "resources": []}},
}
ASKED = {
    "cargo": "/web/api/v1/crates?q=a%26b%20c&per_page=5",
    "composer": "/search.json?q=a%26b%20c&type=",
    "gem": "/api/v1/search.json?query=a%26b%20c&page=2",
    "npm": "/-/v1/search?text=a%26b%20c&size=5",
    "nuget": "/query?q=a%26b%20c&take=5&prerelease=false&semVerLevel=2.0.0",
}


async def found(asking: RegistryAsking, ecosystem: str, text: str = "a&b c", limit: int = 5) -> Found:
    return await searching_of(ecosystem).search(asking.question(), text, limit)


@pytest.mark.parametrize("ecosystem", sorted(ASKING))
async def test_what_registries_rank_is_told_on_one_line_each(tmp_path: Path, ecosystem: str) -> None:
    async with CannedRegistry() as registry:
        registry.documents = DOCUMENTS[ecosystem]
        asking = ASKING[ecosystem](tmp_path, registry.url + INDEX.get(ecosystem, ""))
        result = await found(asking, ecosystem)
        # Repositories of Composer tell no versions with what they find.
        versions = ("", "") if ecosystem == "composer" else ("2.0.0", "1.0.0")
        assert result.packages == [
            FoundPackage(name="web", version=versions[0], description=CLEAN),
            FoundPackage(name="web-core", version=versions[1]),
        ]
        assert [one for one in registry.paths if "?" in one][-1] == ASKED[ecosystem]
        assert [one.name for one in (await found(asking, ecosystem, limit=1)).packages] == ["web"]


@pytest.mark.parametrize("ecosystem", sorted(ASKING))
async def test_what_cannot_be_searched_or_read_is_told(tmp_path: Path, ecosystem: str) -> None:
    async with CannedRegistry() as registry:
        registry.documents = WITHOUT[ecosystem]
        asking = ASKING[ecosystem](tmp_path, registry.url + INDEX.get(ecosystem, ""))
        with pytest.raises(UnsupportedError, match="this registry cannot be searched"):
            await found(asking, ecosystem)
        path = [*DOCUMENTS[ecosystem]][-1]
        answers: list[Any] = [{"objects": 1, "data": 1, "results": 1, "crates": 1}, [[]], "text", {}]
        for broken in answers:
            registry.documents = {**DOCUMENTS[ecosystem], path: broken}
            with pytest.raises(ExecutionFailedError):
                await found(asking, ecosystem)


async def test_the_latest_version_of_composer_is_looked_up(tmp_path: Path) -> None:
    async with CannedRegistry() as registry:
        registry.documents = {
            "/packages.json": {"metadata-url": "/p2/%package%.json", "search": "$URL/search.json?q=%query%"},
            "/search.json": {"results": [{"name": "acme/web"}, {"name": "acme/gone"}]},
            "/p2/acme/web.json": {"packages": {"acme/web": [{"name": "acme/web", "version": one} for one in ("1.1.0", "1.0.0")]}},
        }  # fmt: skip
        result = await found(composer(tmp_path, registry.url), "composer")
    assert [(one.name, one.version) for one in result.packages] == [("acme/web", "1.1.0"), ("acme/gone", "")]


async def test_several_registries_are_asked_in_their_order_and_each_name_is_told_once(tmp_path: Path) -> None:
    async with CannedRegistry() as first, CannedRegistry() as second:
        first.documents = {"/-/v1/search": {"objects": [{"package": {"name": "web", "version": "1.0.0"}}]}}
        second.documents = DOCUMENTS["npm"]
        asking = NpmAsking(tmp_path, first.url)
        (tmp_path / ".npmrc").write_text(f"@acme:registry={second.url}\n@other:registry={first.url}/\n")
        result = await found(asking, "npm")
        assert [(one.name, one.version) for one in result.packages] == [("web", "1.0.0"), ("web-core", "1.0.0")]
        assert (len(first.requests), result.notes) == (1, [])
        second.documents = {}
        result = await found(asking, "npm")
        assert [one.name for one in result.packages] == ["web"]
        assert result.notes == [f"{second.url}: this registry cannot be searched"]
        await found(asking, "npm", limit=1)
        assert len(second.requests) == 2


async def test_ids_of_nuget_that_differ_by_their_case_are_one(tmp_path: Path) -> None:
    async with CannedRegistry() as first, CannedRegistry() as second:
        for registry, name in ((first, "Web"), (second, "web")):
            registry.documents = {**DOCUMENTS["nuget"], "/query": {"data": [{"id": name, "version": "1.0.0"}]}}
        result = await found(
            NugetAsking(tmp_path, f"{first.url}/v3/index.json", f"{second.url}/v3/index.json"), "nuget"
        )
    assert [one.name for one in result.packages] == ["Web"]


async def test_pages_of_gems_are_asked_for_until_there_are_enough(tmp_path: Path) -> None:
    async with CannedRegistry() as registry:
        registry.documents = {"/api/v1/search.json": [{"name": f"web{one}", "version": "1.0"} for one in range(30)]}
        asking = GemAsking(tmp_path, registry.url)
        assert len((await found(asking, "gem", limit=20)).packages) == 20
        assert len(registry.requests) == 1
        # A source that sends the same again for the second page has no more.
        assert len((await found(asking, "gem", limit=100)).packages) == 30
        assert len(registry.requests) == 3


async def test_a_token_is_shown_to_an_api_that_wants_one_alone(tmp_path: Path) -> None:
    async with CannedRegistry() as registry:
        registry.documents = dict(DOCUMENTS["cargo"])
        asking = CargoAsking(tmp_path, registry.url)
        asking.write("home/credentials.toml", '[registries.own]\ntoken = "secret"\n')
        asking.write(
            "home/config.toml",
            f'[source.crates-io]\nreplace-with = "own"\n[registries.own]\nindex = "sparse+{registry.url}/"\n',
        )
        await found(asking, "cargo")
        assert [one.headers.get("authorization") for one in registry.requests] == [None, None]
        registry.documents["/config.json"] = {"dl": "$URL/dl", "api": "$URL/web", "auth-required": True}
        await found(asking, "cargo")
        assert registry.requests[-1].headers.get("authorization") == "secret"


async def test_the_operation_asks_with_the_settings_of_this_user(tmp_path: Path) -> None:
    async with CannedRegistry() as registry:
        registry.documents = DOCUMENTS["npm"]
        with variables({**NpmAsking(tmp_path, registry.url).environment, "XDG_CACHE_HOME": str(tmp_path / "cache")}):
            result = await search.run(SearchParams(ecosystem="npm", text="web"), context(tmp_path))
    assert len(result.packages) == 2
    assert registry.paths[-1].endswith("size=20")


async def test_nobody_is_asked_where_no_registry_is_known(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    with pytest.raises(MissingRequirementError):
        await found(RegistryAsking("nuget", tmp_path, tmp_path / "project", {"HOME": str(tmp_path)}), "nuget")


@given(st.text(), st.text(), st.text())
def test_nothing_of_strangers_acts_on_a_terminal(name: str, version: str, description: str) -> None:
    package = found_package(name, version, description)
    if package is not None:
        assert f"{package.name}{package.version}{package.description}".isprintable()
        assert (len(package.name), len(package.version)) <= (214, 100)


def test_people_read_a_line_for_each() -> None:
    assert search.OPERATION.text is not None
    packages = [FoundPackage(name="web", version="2.0", description="a web"), FoundPackage(name="web-core")]
    assert list(search.OPERATION.text(Found(packages=packages, notes=["it: none"]))) == [
        "web 2.0   a web",
        "web-core",
        "not asked: it: none",
    ]
    assert list(search.OPERATION.text(Found(packages=[]))) == ["nothing was found"]
