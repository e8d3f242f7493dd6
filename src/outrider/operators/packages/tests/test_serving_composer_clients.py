"""Composer through a registry of ours, with repositories behind it."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.core.package_policies import PackagePolicySpec
from outrider.core.quantities import Duration
from outrider.operators.packages.composer.serving.dated import DatedDocument
from outrider.operators.packages.serving import downloading
from outrider.operators.packages.serving.bundles import chosen, take_bundle, write_bundle
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.tests.clients.php import Php
from outrider.operators.packages.tests.clients.table import ALONE, Bench
from outrider.operators.packages.tests.composer_native import needs_composer
from outrider.operators.packages.tests.composer_registry import ComposerAsking, ComposerRegistry
from outrider.operators.packages.tests.running_registry import RunningRegistry

pytestmark = [pytest.mark.real, pytest.mark.timeout(240), needs_composer]

OLD, YOUNG = "2020-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"
SOURCE = {"type": "git", "url": "https://git.test/web", "reference": "a" * 40}
WEEK = PackagePolicySpec(minimum_age=Duration.parse("7d"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


class Through(NamedTuple):
    """A repository, a registry of ours before it, and a project of who installs from that."""

    upstream: ComposerRegistry
    registry: RunningRegistry
    php: Php

    async def anew(self, *arguments: str) -> str:
        """Run Composer with nothing that was installed or kept."""
        for one in (self.php.folder / "vendor", Path(self.php.variables["COMPOSER_HOME"])):
            shutil.rmtree(one, ignore_errors=True)
        return (await self.php.run(*arguments)).output


@asynccontextmanager
async def through(folder: Path, **settings: Any) -> AsyncIterator[Through]:
    async with ComposerRegistry() as upstream:
        upstream.put("core/core 1.4", time=OLD)
        upstream.put("web/web 2.0", "core/core ^1", time=YOUNG, source=SOURCE)
        upstream.put("web/web 1.0", "core/core ^1", time=OLD)
        upstream.put("web/web dev-main", "core/core ^1", time=OLD, extra={"branch-alias": {"dev-main": "1.x-dev"}})
        environment = ComposerAsking(folder, upstream.url).serving
        fields = {"ecosystems": ["composer"], "private": ["composer:acme/*"], **settings}
        async with RunningRegistry(folder, environment, **fields) as registry:
            bench = Bench(folder, registry)
            yield Through(upstream, registry, Php(bench, await bench.token()))


async def test_composer_installs_through_it_and_what_is_kept_needs_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses: list[int] = []
    original = DatedDocument.response

    def response(self: DatedDocument, headers: Headers) -> Response:
        answer = original(self, headers)
        statuses.append(answer.status)
        return answer

    monkeypatch.setattr(DatedDocument, "response", response)
    async with through(tmp_path) as it:
        # Somebody else's of a private name: nobody is shown it.
        it.upstream.put("acme/shop 99.0")
        await it.php.published("acme/shop 1.0", require={"web/web": "^2"})
        await it.php.done("require", "acme/shop")
        assert it.php.locked() == {"acme/shop": "1.0", "core/core": "1.4", "web/web": "2.0"}
        assert await it.php.called("web/web") == "2.0"
        assert not [path for path in it.upstream.paths() if "acme" in path]
        dists = [one["dist"] for one in json.loads((it.php.folder / "composer.lock").read_text())["packages"]]
        assert {one["url"].partition("/composer/")[0] for one in dists} == {it.registry.url}
        asked = len(it.upstream.requests)
        assert "Installing web/web (2.0)" in await it.anew("install")
        assert len(it.upstream.requests) == asked
        await it.php.done("update")
        statuses.clear()
        await it.php.done("update")
        assert {*statuses} == {304}
        await it.php.done("require", "web/web:dev-main as 2.5")
        assert it.php.locked()["web/web"] == "dev-main"
        missing = await it.php.refused("require", "none/none")
        assert "Could not find a matching version of package none/none" in missing


async def test_what_composer_is_shown_of_what_is_refused(tmp_path: Path) -> None:
    async with through(tmp_path / "before") as it:
        await it.php.done("require", "web/web:2.0")
        lock = (it.php.folder / "composer.lock").read_text()
        before = it.registry.url
    async with through(tmp_path, policy=WEEK) as it:
        await it.php.done("require", "web/web")
        assert it.php.locked() == {"core/core": "1.4", "web/web": "1.0"}
        # A lock from before that: it has no source that Composer would take in the place of the archive.
        it.php.project(require={"web/web": "2.0"})
        (it.php.folder / "composer.lock").write_text(lock.replace(before, it.registry.url))
        said = await it.anew("install")
        assert "web/web 2.0 is too young: minimumAge 7d of shop" in said
        assert "from source" not in said
        assert not (it.php.folder / "vendor" / "web").exists()
        it.upstream.put("new/new 1.0", time=YOUNG)
        nothing = await it.php.refused("require", "new/new")
        assert "new/new: every version is refused, among them 1.0, which is too young" in nothing


async def test_what_goes_wrong_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "_STALLED_SECONDS", 0.2)
    async with through(tmp_path) as it:
        right = it.upstream.answers["/dist/web-web-2.0.zip"]
        it.upstream.answers["/dist/web-web-2.0.zip"] = lambda _: Response(200, body=b"something else")
        lied = await it.php.refused("require", "web/web")
        assert "another sha1 than its registry says" in lied

        async def never() -> AsyncIterator[bytes]:
            yield b"PK"
            await asyncio.sleep(30)

        it.upstream.answers["/dist/web-web-2.0.zip"] = lambda _: Response(200, body=never())
        assert "nothing has come for" in await it.php.refused("require", "web/web")
        assert not (it.php.folder / "vendor" / "web").exists()
        it.upstream.answers["/dist/web-web-2.0.zip"] = right
        await it.php.done("require", "web/web")
        assert await it.php.called("web/web") == "2.0"
        it.upstream.answers["/p2/bad/bad.json"] = lambda _: Response(503)
        assert "HTTP/1.1 503" in await it.php.refused("require", "bad/bad")


async def test_what_was_kept_is_installed_where_no_network_is(tmp_path: Path) -> None:
    async with through(tmp_path) as it:
        await it.php.done("require", "web/web")
    store = Store(tmp_path / "registry")
    write_bundle(tmp_path / "it.tar", chosen(store.tables, ["composer"], ()), store.blobs)
    await store.close()
    away = tmp_path / "away"
    away.mkdir()
    store = Store(away / "registry")
    await take_bundle(tmp_path / "it.tar", store)
    await store.close()
    async with RunningRegistry(away, ALONE, ecosystems=["composer"], cache_only=True) as registry:
        php = Php(Bench(away, registry))
        await php.done("require", "web/web")
        assert php.locked() == {"core/core": "1.4", "web/web": "2.0"}
        assert "none/none" in await php.refused("require", "none/none")
