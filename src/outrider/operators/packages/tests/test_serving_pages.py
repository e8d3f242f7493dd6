"""Pages for people: what they say, also where there is nothing to say, and how they are built."""

from collections import Counter
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from outrider.core.package_policies import PackagePolicySpec
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.asking import Asking
from outrider.operators.packages.tests.cargo_registry import CargoAsking, CargoRegistry
from outrider.operators.packages.tests.clients.table import ALONE
from outrider.operators.packages.tests.gem_files import GemFile
from outrider.operators.packages.tests.npm_registry import NpmAsking, NpmRegistry
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.operators.packages.tests.test_audit import HIGH, folder, imported
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock
from outrider.ports.http.client import Client

__all__ = ["folder"]
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
ODD = "<script>alert(1)</script> \u202e & more"


class Built(HTMLParser):
    """The tags of a page, and its words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words += data

    def named(self, *names: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.tags if tag in names]


class Site:
    """A registry before one of npm."""

    def __init__(self, registry: RunningRegistry, upstream: NpmRegistry, client: Client) -> None:
        self.registry, self.upstream, self._client = registry, upstream, client

    async def page(self, path: str, status: int = 200) -> Built:
        found = await self._client.request("GET", path, headers=BROWSER)
        assert (found.status, found.headers.get("content-type")) == (status, "text/html; charset=utf-8")
        assert "accept" in (found.headers.get("vary") or "")
        return well_built(found.content.decode())

    async def fetch(self, name: str) -> None:
        assert (await self._client.request("GET", f"/npm/{name}")).status == 200

    async def raw(self, path: str, accept: str) -> tuple[int, str, str]:
        found = await self._client.request("GET", path, headers={"accept": accept})
        return found.status, found.headers.get("content-type") or "", found.headers.get("www-authenticate") or ""


def well_built(page: str) -> Built:
    """Return a page that screen readers and keyboards get along with."""
    built = Built(page)
    assert len(built.named("h1")) == 1
    assert built.named("html") == [{"lang": "en"}]
    identities = Counter(one["id"] for _, one in built.tags if "id" in one)
    assert set(identities.values()) <= {1}
    inner = [one["href"][1:] for one in built.named("a") if one["href"].startswith("#")]
    labels = [one["aria-labelledby"] for _, one in built.tags if "aria-labelledby" in one]
    assert {*inner, *labels} <= set(identities)
    assert all(one.get("aria-labelledby") for one in built.named("table"))
    assert all(one.get("scope") in ("col", "row") for one in built.named("th"))
    assert '<th scope="col"></th>' not in page
    scrolled = [one for one in built.named("div") if one.get("class") == "wide"]
    assert all((one["tabindex"], one["role"]) == ("0", "region") for one in scrolled)
    assert len(scrolled) == len(built.named("table"))
    assert not built.named("script")
    return built


@pytest.fixture
async def site(folder: Path) -> AsyncIterator[Site]:
    denied = PackagePolicySpec(deny=["npm:web@>=2"])
    async with NpmRegistry() as upstream:
        environment = NpmAsking(folder, upstream.url).environment
        async with RunningRegistry(folder, environment, ecosystems=["npm"], policy=denied) as registry:
            client = Client(registry.url)
            yield Site(registry, upstream, client)
            await client.close()


async def test_where_nothing_is_the_page_says_what_would_fill_it(site: Site) -> None:
    found = await site.page("/")
    assert "Nothing is here yet" in found.words
    [field] = found.named("input")
    assert (field["name"], field["type"]) == ("q", "search")
    assert "Name or description" in found.words


async def test_packages_are_found_by_their_words(site: Site) -> None:
    site.upstream.add("web@1.0.0", description=ODD)
    site.upstream.add("core@1.0.0")
    for name in ("web", "core"):
        await site.fetch(name)
    found = await site.page("/")
    # What turns the direction of writing around would do so for the words behind it too.
    assert all(word in found.words for word in ("core", "web1.0.0<script>alert(1)</script> & more"))
    one = await site.page("/?q=alert")
    assert ("web" in one.words, "core" in one.words) == (True, False)
    none = await site.page("/?q=%3Cb%3Enowhere")
    assert "No package here has “<b>nowhere” in its name or description" in none.words


async def test_a_package_with_what_is_known_and_what_is_not(site: Site, folder: Path) -> None:
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        site.upstream.add(f"web@{version}", dependencies={"core": "^1"})
    site.upstream.add("core@1.0.0")
    for name in ("web", "core"):
        await site.fetch(name)
    page = await site.page("/packages/npm/web")
    assert "no advisories are imported: nothing is known of vulnerabilities" in page.words
    assert ("none known" in page.words, page.words.count("not known")) == (False, 3)
    assert "refused, for it is denied: deny npm:web@>=2 of shop" in page.words
    await imported(
        folder,
        record(
            "X-1", affected(ecosystem_range(("introduced", "0"), ("fixed", "1.1.0")), ecosystem="npm"), severity=[HIGH]
        ),
    )
    page = await site.page("/packages/npm/web")
    assert (page.words.count("none known"), "high X-1" in page.words) == (2, True)
    # What policy refuses stands in its order, and is looked at too.
    assert [page.words.index(one) for one in ("2.0.0none known", "1.1.0none known", "1.0.0high X-1")] == sorted(
        page.words.index(one) for one in ("2.0.0none known", "1.1.0none known", "1.0.0high X-1")
    )
    assert "Compared with the advisories of npm that were imported on " in page.words
    core = await site.page("/packages/npm/core")
    assert "Needed here by (1)" in core.words
    assert "Needs" in core.words
    assert "None is known here." in core.words


async def test_advisories_of_others_do_not_read_as_nothing_found(site: Site, folder: Path) -> None:
    site.upstream.add("web@1.0.0")
    await site.fetch("web")
    await imported(folder, record("X-1", affected(ecosystem_range(("introduced", "0")))))
    page = await site.page("/packages/npm/web")
    assert "No advisories of npm are imported: nothing is known of vulnerabilities." in page.words
    assert "none known" not in page.words


async def test_errors_are_pages_for_browsers_and_json_for_programs(site: Site) -> None:
    page = await site.page("/packages/npm/none", 404)
    assert "npm none: it is not here." in page.words
    assert "What would help: install it once through this registry." in page.words
    assert await site.raw("/packages/npm/none", "*/*") == (404, "application/json", "")
    site.registry.close_to_nobody()
    page = await site.page("/", 401)
    assert "to see packages you have to log in" in page.words
    # A browser asks for name and password then.
    for accept in ("text/html", "*/*"):
        assert (await site.raw("/", accept))[2] == 'Basic realm="packages"'


async def text_of(client: Client, path: str) -> str:
    return well_built((await client.request("GET", path, headers=BROWSER)).content.decode()).words


async def test_what_a_wheel_says_of_itself_is_shown_once_a_client_has_asked_for_it(folder: Path) -> None:
    clock = ManualClock(SystemClock().now())
    async with PythonIndex() as index:
        index.add("web", "1.0", "core", "old", summary="The old one.", licence="BSD-3-Clause")
        index.add("web", "2.0", "core>=1", "extra; extra == 'all'", summary="The web.", licence="MIT", extras=("all",))
        index.add("core", "1.0", summary="The core.")
        environment = Asking(folder, index.url).environment
        async with RunningRegistry(folder, environment, clock=clock, ecosystems=["pypi"]) as registry:
            client = Client(registry.url)
            for project in ("web", "core"):
                assert (await client.request("GET", f"/pypi/simple/{project}/")).status == 200
            page = await text_of(client, "/packages/pypi/web")
            assert ("Licence: not told here" in page, "The web." in page) == (True, False)
            metadata = "/pypi/files/web/web-{}-py3-none-any.whl.metadata"
            for version in ("1.0", "2.0", "2.0"):
                assert (await client.request("GET", metadata.format(version))).status == 200
            for _ in range(2):
                page = await text_of(client, "/packages/pypi/web")
                assert all(text in page for text in ("The web.", "Licence: MIT.", "core", "Latest version: 2.0"))
                assert "Needed here by (1)" in await text_of(client, "/packages/pypi/core")
                # What is known of it stays where other registries have nothing new.
                clock.advance(2 * 86_400.0)
                assert (await client.request("GET", "/pypi/simple/web/")).status == 200
            index.add("web", "3.0")
            clock.advance(2 * 86_400.0)
            assert (await client.request("GET", "/pypi/simple/web/")).status == 200
            page = await text_of(client, "/packages/pypi/web")
            assert ("Licence: not told here" in page, "Latest version: 3.0" in page) == (True, True)
            await client.close()


async def test_versions_that_were_taken_back_are_marked(folder: Path) -> None:
    async with PythonIndex() as index, NpmRegistry() as npm, CargoRegistry() as crates:
        index.add("web", "1.0")
        index.add("web", "2.0", yanked="it <b>loses</b> data")
        npm.add("web@1.0.0", deprecated="use core")
        npm.add("web@2.0.0", deprecated="")
        crates.add("web@1.0.0")
        crates.add("web@2.0.0", yanked=True)
        environment = {
            **Asking(folder, index.url).environment, **NpmAsking(folder, npm.url).environment, **CargoAsking(folder, crates.url).environment
        }  # fmt: skip
        async with RunningRegistry(folder, environment, ecosystems=["pypi", "npm", "cargo"]) as registry:
            client = Client(registry.url)
            for path, page, said in (
                ("/pypi/simple/web/", "/packages/pypi/web", "2.0 yanked: it <b>loses</b> data"),
                ("/npm/web", "/packages/npm/web", "1.0.0 deprecated: use core"),
                ("/cargo/index/3/w/web", "/packages/cargo/web", "2.0.0 yanked"),
            ):
                assert (await client.request("GET", path)).status == 200
                words = await text_of(client, page)
                assert (said in words, words.count("yanked") + words.count("deprecated")) == (True, 1), words
            await client.close()


async def test_own_versions_that_are_in_no_document_any_more_are_marked_too(folder: Path) -> None:
    async with RunningRegistry(folder, ALONE, ecosystems=["gem"], cache_only=True, private=["gem:acme-*"]) as registry:
        client = Client(registry.url)
        token = {"authorization": await registry.token("read", "publish")}
        for version in ("1.0", "2.0"):
            body = GemFile(version=version).packed()
            assert (await client.request("POST", "/gem/api/v1/gems", headers=token, body=body)).status == 200
        fields = {**token, "content-type": "application/x-www-form-urlencoded"}
        body = b"gem_name=acme-web&version=2.0"
        assert (await client.request("DELETE", "/gem/api/v1/gems/yank", headers=fields, body=body)).status == 200
        words = await text_of(client, "/packages/gem/acme-web")
        assert ("2.0 taken back" in words, "1.0 taken back" in words) == (True, False)
        await client.close()
