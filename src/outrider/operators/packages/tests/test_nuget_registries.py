"""What is asked of sources, what is kept of them, and what becomes of what they get wrong."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.core.errors import (
    ExecutionFailedError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.nuget.flat_container import read_manifest
from outrider.operators.packages.nuget.registrations import compiled, read_index
from outrider.operators.packages.nuget.services import read_services
from outrider.operators.packages.tests.nuget_feed import NugetAsking, NugetFeed, config
from outrider.ports.clock.manual import ManualClock

USER = "home/.nuget/NuGet/NuGet.Config"


@pytest.fixture
async def feed() -> AsyncIterator[NugetFeed]:
    async with NugetFeed() as made:
        yield made


@pytest.fixture
def ask(feed: NugetFeed, tmp_path: Path) -> NugetAsking:
    return NugetAsking(tmp_path, feed.url)


def answer(content: Any) -> Any:
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    return lambda _: Response(200, body=body)


async def test_what_is_asked_of_a_source(feed: NugetFeed, ask: NugetAsking) -> None:
    feed.add("Web.App@1.0.0", "Core@1.0")
    feed.add("Core@1.0.0")
    assert await ask.pins("Web.App") == ["core@1.0.0", "web.app@1.0.0"]
    assert feed.paths() == ["/v3/index.json", "/reg/web.app/index.json", "/reg/core/index.json"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"page_size": 2},
        {"zipped": True},
        {"page_size": 1, "zipped": True},
        {"content": False},
        {"registrations": False},
    ],
)
async def test_sources_of_all_kinds_lead_to_the_same(options: dict[str, Any], tmp_path: Path) -> None:
    async with NugetFeed(**options) as feed:
        for version in ("1.0.0", "1.1.0", "1.2.0", "2.0.0"):
            feed.add(f"Web@{version}", groups={"net8.0": [f"Core@[{version}]"], "net48": []})
            feed.add(f"Core@{version}")
        ask = NugetAsking(tmp_path, feed.url)
        answer = await ask.resolved("Web@1.*")
        assert [f"{one.name}@{one.version}" for one in answer.packages] == ["core@1.2.0", "web@1.2.0"]
        has_content = options.get("content", True)
        assert answer.packages[0].url == (
            f"{feed.base}/flat/core/1.2.0/core.1.2.0.nupkg" if has_content else "https://files.test/Core.nupkg"
        )
        notes = {"content": "no packages at addresses", "registrations": "no registrations"}
        assert [next(word for word in notes.values() if word in note) for note in answer.notes] == [
            notes[one] for one in options if one in notes
        ]


async def test_of_a_list_of_versions_only_the_manifests_that_are_needed_are_fetched(tmp_path: Path) -> None:
    async with NugetFeed(registrations=False) as feed:
        for version in ("1.0.0", "1.1.0", "2.0.0"):
            feed.add(f"Web@{version}")
        ask = NugetAsking(tmp_path, feed.url)
        assert await ask.pins("Web@1.1") == ["web@1.1.0"]
        assert feed.paths()[1:] == ["/flat/web/index.json", "/flat/web/1.1.0/web.nuspec"]
        assert await ask.pins("Web@1.1", offline=True) == ["web@1.1.0"]
        with pytest.raises(UnavailableError, match=r"nothing is kept of web 2\.0\.0"):
            await ask.pins("Web@2.0", offline=True)


async def test_it_is_asked_again_later_and_only_for_what_has_changed(tmp_path: Path) -> None:
    clock = ManualClock()
    async with NugetFeed(page_size=1) as feed:
        ask = NugetAsking(tmp_path, feed.url)
        feed.add("Web@1.0.0")
        feed.add("Web@1.1.0")
        assert await ask.pins("Web", clock=clock) == ["web@1.1.0"]
        asked = len(feed.requests)
        assert await ask.pins("Web", clock=clock) == ["web@1.1.0"]
        assert len(feed.requests) == asked
        clock.advance(601)
        assert await ask.pins("Web", clock=clock) == ["web@1.1.0"]
        assert feed.paths()[asked:] == ["/v3/index.json", "/reg/web/index.json"]
        assert feed.requests[-1].headers.get("if-none-match")
        clock.advance(601)
        feed.add("Web@1.2.0")
        asked = len(feed.requests)
        assert await ask.pins("Web", clock=clock) == ["web@1.2.0"]
        assert feed.paths()[asked:] == ["/v3/index.json", "/reg/web/index.json", "/reg/web/2.json"]


async def test_offline(feed: NugetFeed, ask: NugetAsking) -> None:
    feed.add("Web@1.0.0")
    feed.add("Core@1.0.0")
    with pytest.raises(UnavailableError, match="nothing is kept"):
        await ask.answer("Web", offline=True)
    await ask.answer("Web")
    asked = len(feed.requests)
    assert await ask.pins("Web", offline=True) == ["web@1.0.0"]
    with pytest.raises(UnavailableError, match="nothing is kept of core"):
        await ask.answer("Core", offline=True)
    assert len(feed.requests) == asked


async def test_what_is_kept_of_another_form_is_fetched_anew(feed: NugetFeed, ask: NugetAsking) -> None:
    feed.add("Web@1.0.0")
    await ask.answer("Web")
    for path in (ask.folder / "cache" / "nuget").glob("*/*.record"):
        path.write_bytes(b"\x93\x00\xca")
    assert await ask.pins("Web") == ["web@1.0.0"]


async def test_a_login(tmp_path: Path) -> None:
    async with NugetFeed(login="ana:word") as feed:
        feed.add("Web@1.0.0")
        ask = NugetAsking(tmp_path, feed.url)
        with pytest.raises(UnauthenticatedError):
            await ask.answer("Web")
        more = "<packageSourceCredentials><own>{}</own></packageSourceCredentials>".format(
            '<add key="Username" value="ana" /><add key="ClearTextPassword" value="word" />'
        )
        ask.write(USER, config(f"own={feed.url}", more=more))
        assert await ask.pins("Web") == ["web@1.0.0"]


async def test_a_login_is_shown_to_nobody_else(tmp_path: Path) -> None:
    async with NugetFeed() as other, NugetFeed(login="ana:word") as feed:
        other.add("Web@1.0.0")
        feed.answers["/v3/index.json"] = answer(
            {"version": "3.0.0", "resources": [{"@id": f"{other.base}/reg/", "@type": "RegistrationsBaseUrl/3.6.0"}]}
        )
        ask = NugetAsking(tmp_path, feed.url.replace("//", "//ana:word@"))
        assert await ask.pins("Web") == ["web@1.0.0"]
        assert feed.requests[0].headers.get("authorization") is not None
        assert all(one.headers.get("authorization") is None for one in other.requests)


async def test_several_sources_are_one(tmp_path: Path) -> None:
    async with NugetFeed() as one, NugetFeed() as two:
        one.add("Web@1.0.0", "Core@1.5")
        one.add("Core@2.0.0")
        two.add("Core@1.5.0")
        two.add("Web@1.0.0", "Other@1.0.0")
        answer = await NugetAsking(tmp_path, one.url, two.url).resolved("Web")
        assert [(found.name, found.version, found.url.startswith(two.base)) for found in answer.packages] == [
            ("core", "1.5.0", True), ("web", "1.0.0", False),
        ]  # fmt: skip


async def test_a_mapping_keeps_names_from_sources(tmp_path: Path) -> None:
    async with NugetFeed() as own, NugetFeed() as everybody:
        own.add("Own.Core@1.0.0")
        everybody.add("Own.Core@9.0.0")
        everybody.add("Web@1.0.0", "Own.Core@1.0.0")
        ask = NugetAsking(tmp_path)
        mapping = (
            '<packageSourceMapping><packageSource key="own"><package pattern="Own.*" /></packageSource>'
            '<packageSource key="all"><package pattern="*" /></packageSource></packageSourceMapping>'
        )
        ask.write(USER, config(f"own={own.url}", f"all={everybody.url}", more=mapping))
        assert await ask.pins("Web", "Own.Core@*") == ["own.core@1.0.0", "web@1.0.0"]
        assert "/reg/own.core/index.json" not in everybody.paths()


async def test_facts(feed: NugetFeed, ask: NugetAsking) -> None:
    feed.add("Web@1.0.0", licenseExpression="MIT", groups={"net8.0": ["Core@[1.0.0, )"], "": ["Tools"]})
    feed.add("Web@1.1.0", listed=False)
    feed.add("Web@2.0.0-rc.1")
    facts = await ask.facts("wEB")
    assert (facts.name, facts.latest, facts.licence) == ("web", "1.0.0", "MIT")
    assert facts.needs == ["Core@[1.0.0, ) (net8.0)", "Tools@*"]
    assert facts.versions == ["2.0.0-rc.1", "1.1.0", "1.0.0"]
    assert (facts.prereleases, facts.taken_back) == (["2.0.0-rc.1"], ["1.1.0"])
    for name in ("Nothing", "../x", "Web@1", ""):
        with pytest.raises(NotFoundError):
            await ask.facts(name)


@pytest.mark.parametrize("status", [404, 410])
async def test_answers_that_mean_absent(status: int, feed: NugetFeed, ask: NugetAsking) -> None:
    feed.answers["/reg/web/index.json"] = lambda _: Response(status)
    with pytest.raises(NotFoundError):
        await ask.answer("Web")


async def test_an_answer_that_means_nothing(feed: NugetFeed, ask: NugetAsking) -> None:
    feed.answers["/reg/web/index.json"] = lambda _: Response(503)
    with pytest.raises(UnavailableError):
        await ask.answer("Web")


async def test_redirects(feed: NugetFeed, ask: NugetAsking) -> None:
    feed.add("Web@1.0.0")
    feed.answers["/v3/index.json"] = lambda _: Response(302, Headers({"location": "/moved"}))
    feed.answers["/moved"] = answer(
        {"version": "3.0.0-beta", "resources": [{"@id": f"{feed.base}/reg", "@type": ["RegistrationsBaseUrl", "x"]}]}
    )
    assert await ask.pins("Web") == ["web@1.0.0"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"version": 3, "resources": []}',
        b'{"version": "3.0.0", "resources": 1}',
        b"[" * 99_999,
    ],
)
def test_a_service_index_that_is_none(content: bytes) -> None:
    with pytest.raises(ExecutionFailedError, match="no service index"):
        read_services("https://own.test/index.json", content)


@pytest.mark.parametrize(
    "resources",
    [
        [],
        [{"@id": "https://x.test", "@type": "SearchQueryService"}],
        [{"@id": 1, "@type": "RegistrationsBaseUrl"}],
        [{"@type": {}}],
    ],
)
def test_a_service_index_without_what_is_needed(resources: list[Any]) -> None:
    with pytest.raises(UnsupportedError, match="tells nothing of packages"):
        read_services("https://own.test/index.json", msgspec.json.encode({"version": "3.0.0", "resources": resources}))
    with pytest.raises(UnsupportedError, match="of version 4"):
        read_services("https://own.test/index.json", b'{"version": "4.0.0", "resources": []}')


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"items": 1}',
        b'{"items": [1]}',
        b'{"items": [{"items": {}}]}',
        b'{"items":' + b"[" * 99_999,
        b"\xff",
    ],
)
async def test_a_registration_that_is_none(content: bytes, feed: NugetFeed, ask: NugetAsking) -> None:
    feed.answers["/reg/web/index.json"] = answer(content)
    with pytest.raises(ExecutionFailedError, match="cannot be used"):
        await ask.answer("Web")


GOOD: dict[str, Any] = {"catalogEntry": {"id": "Web", "version": "1.0.0"}}
BAD: list[Any] = [
    1, [], "text", {}, {"catalogEntry": "https://elsewhere.test"}, {"catalogEntry": {"id": "Web"}}, {"catalogEntry": {"id": "Other", "version": "1.1.0"}},
    {"catalogEntry": {"id": "Web", "version": "one"}}, {"catalogEntry": {"id": "Web", "version": 1}}, {"catalogEntry": {"id": "Web", "version": "9999999999.0"}},
    *(
        {"catalogEntry": {"id": "Web", "version": "1.1.0", "dependencyGroups": groups}}
        for groups in (
            1, [1], [{"dependencies": 1}], [{"dependencies": [{"range": "1.0"}]}], [{"dependencies": [{"id": "Core", "range": ">=1"}]}],
            [{"dependencies": [{"id": "", "range": "1.0"}]}], [{"dependencies": [{"id": "C" * 2000}]}], [{"dependencies": [{"id": "Core"}] * 2001}],
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("leaf", BAD, ids=range(len(BAD)))
def test_what_cannot_be_read_leaves_out_that_version(leaf: Any) -> None:
    (page,) = read_index("web", msgspec.json.encode({"items": [{"items": [leaf, GOOD]}]}))
    record, shown = compiled("web", page, page.leaves or [])
    assert ([entry.version for entry in record.entries], record.left_out, shown) == (["1.0.0"], 1, "Web")


@pytest.mark.parametrize(
    ("published", "seconds"),
    [("2024-05-06T07:08:09Z", 1714979289.0), ("2024-05-06T09:08:09.25+02:00", 1714979289.25), ("1900-01-01T00:00:00Z", 0.0), ("never", 0.0), ("", 0.0), (None, 0.0)],
)  # fmt: skip
def test_when_a_version_was_published(published: str | None, seconds: float) -> None:
    leaf = {
        "catalogEntry": {
            "id": "web",
            "version": "1.0",
            "published": published,
            "listed": None,
            "licenseExpression": None,
            "dependencyGroups": None,
        }
    }
    (page,) = read_index("web", msgspec.json.encode({"items": [{"items": [leaf]}]}))
    (entry,) = compiled("web", page, page.leaves or [])[0].entries
    assert (entry.version, entry.published, entry.is_listed) == ("1.0.0", seconds, True)


async def test_what_is_left_out_is_told(feed: NugetFeed, ask: NugetAsking) -> None:
    feed.add("Web@1.0.0", "Core@1.0.0")
    feed.add("Core@1.0.0", "Other@>=1")
    feed.add("Core@0.9.0")
    refused = await ask.impossible("Web")
    assert refused.notes == ["Core: versions in a form that cannot be read: 1"]


def test_no_more_than_there_may_be() -> None:
    leaves = [{"catalogEntry": {"id": "web", "version": f"1.0.{number}"}} for number in range(20_010)]
    (page,) = read_index("web", msgspec.json.encode({"items": [{"items": leaves}]}))
    assert len(compiled("web", page, page.leaves or [])[0].entries) == 20_000
    with pytest.raises(ExecutionFailedError, match="cannot be used"):
        read_index("web", msgspec.json.encode({"items": [{"@id": "x"}] * 2_001}))


async def test_an_address_of_a_page_that_cannot_be_used(feed: NugetFeed, ask: NugetAsking) -> None:
    for address in ("file:///etc/passwd", "x y", ""):
        feed.answers["/reg/web/index.json"] = answer({"items": [{"@id": address}]})
        with pytest.raises(ExecutionFailedError, match="sends us to an address"):
            await ask.answer("Web")


MANIFEST = '<package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd"><metadata><id>Web</id>{}</metadata></package>'


def test_manifests() -> None:
    flat = read_manifest(
        MANIFEST.format(
            '<dependencies><dependency id="Core" version="1.0" /><dependency id="Any" /></dependencies>'
        ).encode("utf-8-sig")
    )
    assert flat is not None
    assert flat.groups == [("", [("Core", "1.0"), ("Any", "")])]
    grouped = '<dependencies><group targetFramework="net8.0"><dependency id="Core" version="[1.0]" /></group><group /></dependencies>'
    other = read_manifest(MANIFEST.format(f'{grouped}<license type="expression">MIT OR Apache-2.0</license>').encode())
    assert other is not None
    assert (other.groups, other.licence) == ([("net8.0", [("Core", "[1.0]")]), ("", [])], "MIT OR Apache-2.0")
    filed = read_manifest(MANIFEST.format('<license type="file">LICENSE.txt</license>').encode())
    assert filed is not None
    assert filed.licence == ""


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"<package />", b"<other><metadata /></other>", b'<!DOCTYPE p [<!ENTITY a "b">]><package><metadata/></package>', b"<a>" * 999]
    + [MANIFEST.format(f"<dependencies>{one}</dependencies>").encode() for one in ('<dependency version="1.0" />', '<dependency id="A" version="x" />')],
)  # fmt: skip
async def test_a_manifest_that_cannot_be_read_leaves_out_that_version(content: bytes, tmp_path: Path) -> None:
    assert read_manifest(content) is None
    async with NugetFeed(registrations=False) as feed:
        feed.add("Web@1.0.0")
        feed.add("Web@1.1.0")
        feed.answers["/flat/web/1.0.0/web.nuspec"] = answer(content)
        assert await NugetAsking(tmp_path, feed.url).pins("Web@1.0") == ["web@1.1.0"]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"versions": [1]}', b'{"versions": "1.0"}'])
async def test_a_list_of_versions_that_is_none(content: bytes, tmp_path: Path) -> None:
    async with NugetFeed(registrations=False) as feed:
        feed.answers["/flat/web/index.json"] = answer(content)
        with pytest.raises(ExecutionFailedError, match="cannot be used"):
            await NugetAsking(tmp_path, feed.url).answer("Web")


async def test_no_path_comes_out_of_a_name(feed: NugetFeed, ask: NugetAsking) -> None:
    feed.add("Web@1.0.0", "../../etc/passwd@1.0")
    refused = await ask.impossible("Web")
    assert "which no source has" in refused.reasons[1]
    assert feed.paths() == ["/v3/index.json", "/reg/web/index.json"]
