"""Documents and archives of Composer that a registry of ours serves, without clients."""

import gzip
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.operators.packages.composer.releases import MINIFIED, whole_versions
from outrider.operators.packages.composer.serving.kept import FIELDS, minified
from outrider.operators.packages.serving.bundles import chosen, take_bundle, write_bundle
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.tests.clients.table import ALONE
from outrider.operators.packages.tests.composer_archives import archive
from outrider.operators.packages.tests.composer_registry import ComposerAsking, ComposerRegistry
from outrider.operators.packages.tests.composer_serving import PRIVATE, WEB, WEB_DEV, Asked, asked
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock
from outrider.ports.http.client import Client


async def test_what_a_repository_says_of_itself(tmp_path: Path) -> None:
    async with asked(tmp_path) as it:
        at = f"{it.registry.url}/composer"
        assert await it.json("packages.json") == {
            "packages": [], "metadata-url": f"{at}/p2/%package%.json", "search": f"{at}/search.json?q=%query%", "list": f"{at}/list.json",
            "providers-api": f"{at}/providers/%package%.json",
            "security-advisories": {"metadata": False, "api-url": f"{at}/security-advisories"},
        }  # fmt: skip
        assert it.upstream.requests == []


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
            assert (await it.put(archive(f"{name} 1.0", provide={"Acme/Api": "1.0"}))).status == 201
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


@settings(deadline=None)
@given(st.lists(st.dictionaries(FIELD, VALUE, max_size=3), max_size=4))
def test_what_is_minified_is_read_as_it_was(versions: list[dict[str, Any]]) -> None:
    packed = msgspec.json.encode(minified([FIELDS.decode(msgspec.json.encode(one)) for one in versions]))
    found = [dict(one) for one in whole_versions(msgspec.json.decode(packed), minified=MINIFIED)]
    # True and 1 are the same to Python, and two things to PHP.
    assert [msgspec.json.encode(one, order="sorted") for one in found] == [
        msgspec.json.encode(one, order="sorted") for one in versions
    ]
