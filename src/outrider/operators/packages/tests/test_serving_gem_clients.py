"""gem and Bundler through a registry of ours, with a source of gems behind it."""

from pathlib import Path

import pytest

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.core.package_policies import PackagePolicySpec
from outrider.core.quantities import Duration
from outrider.operators.packages.serving.bundles import chosen, take_bundle, write_bundle
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.tests.clients.ruby import Gems
from outrider.operators.packages.tests.clients.table import ALONE, Bench
from outrider.operators.packages.tests.gem_files import GemFile
from outrider.operators.packages.tests.gem_registry import GemAsking, GemRegistry
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]

OLD, YOUNG = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
WEEK = PackagePolicySpec(minimum_age=Duration.parse("7d"))
PRIVATE = ["gem:acme-*"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def gem(spec: str, *needs: str) -> GemFile:
    name, _, version = spec.partition("@")
    return GemFile(name=name, version=version, needs=needs, files={f"lib/{name}.rb": f"puts '{version}'\n"})


def locked(folder: Path) -> list[str]:
    """Return the gems of a lock, with the requirements of what needs them."""
    lines = (folder / "Gemfile.lock").read_text().partition("specs:\n")[2].partition("\n\n")[0]
    return lines.split("\n")


async def test_gem_installs_through_it_and_what_is_kept_needs_nobody(tmp_path: Path) -> None:
    async with GemRegistry() as upstream:
        upstream.put(gem("core@1.4"))
        upstream.put(gem("web@1.0", "core@~> 1.2"))
        environment = GemAsking(tmp_path, upstream.url).environment
        async with RunningRegistry(tmp_path, environment, ecosystems=["gem"]) as registry:
            gems = Gems(Bench(tmp_path, registry), "")
            assert "2 gems installed" in await gems.install("web")
            # The specification that gem asks for is that in the file.
            assert sorted(upstream.paths()) == ["gems/core-1.4.gem", "gems/web-1.0.gem", "info/core", "info/web"]
            asked = len(upstream.requests)
            gems.variables["GEM_HOME"] = str(tmp_path / "other")
            assert "2 gems installed" in await gems.install("web")
            assert len(upstream.requests) == asked
            nothing = await gems.refused("gem", "install", "--clear-sources", "--source", f"{gems.url}/", "nothing")
            assert "Could not find a valid gem 'nothing'" in nothing
            assert await gems.search("core") == ["core (1.4)"]


async def test_bundler_gets_what_others_have_together_with_what_was_published_here(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    async with GemRegistry() as upstream:
        upstream.put(gem("core@1.4"))
        # Somebody else's of a private name: nobody is shown it.
        upstream.put(gem("acme-web@99.0"))
        environment = GemAsking(tmp_path, upstream.url).environment
        async with RunningRegistry(tmp_path, environment, clock=clock, ecosystems=["gem"], private=PRIVATE) as registry:
            gems = Gems(Bench(tmp_path, registry), await registry.token("read", "publish"))
            await gems.push("acme-web@1.0", 's.add_dependency "core", "~> 1.2"')
            folder = gems.gemfile('gem "acme-web"')
            await gems.done("bundle", "install", folder=folder)
            assert locked(folder) == ["    acme-web (1.0)", "      core (~> 1.2)", "    core (1.4)"]
            assert await gems.done("bundle", "exec", "ruby", "-rcore", "-e", "0", folder=folder) == "1.4\n"
            # What comes up there is seen here: at first nobody waits for it, and then it is there.
            upstream.put(gem("core@1.5"))
            clock.advance(400.0)
            for _ in range(3):
                await gems.done("bundle", "lock", "--update", folder=folder)
            assert "    core (1.5)" in locked(folder)
            assert not [path for path in upstream.paths() if "acme" in path]


async def test_both_choose_what_is_old_enough(tmp_path: Path) -> None:
    async with GemRegistry() as upstream:
        upstream.put(gem("web@1.0"), created_at=OLD)
        upstream.put(gem("web@2.0"), created_at=YOUNG)
        environment = GemAsking(tmp_path, upstream.url).environment
        async with RunningRegistry(tmp_path, environment, ecosystems=["gem"], policy=WEEK) as registry:
            gems = Gems(Bench(tmp_path, registry), "")
            await gems.install("web")
            assert "web (1.0)" in await gems.done("gem", "list", "web")
            assert await gems.search("web", "--all") == ["web (1.0)"]
            folder = gems.gemfile('gem "web"')
            await gems.done("bundle", "install", folder=folder)
            assert locked(folder) == ["    web (1.0)"]
            gems.gemfile('gem "web", "2.0"')
            assert "web" in await gems.refused("bundle", "install", folder=folder)


async def test_who_has_seen_a_refused_version_elsewhere_is_told_why_it_is_refused(tmp_path: Path) -> None:
    async with GemRegistry() as upstream, GemRegistry() as mirror:
        for one in (upstream, mirror):
            one.put(gem("web@2.0"), created_at=YOUNG)
        environment = GemAsking(tmp_path, upstream.url).environment
        async with RunningRegistry(tmp_path, environment, ecosystems=["gem"], policy=WEEK) as registry:
            there = Headers({"location": f"{registry.url}/gem/gems/web-2.0.gem"})

            def moved(request: Request) -> Response:
                del request
                return Response(302, there)

            # An index of yesterday that sends its clients here for files.
            mirror.answers["gems/web-2.0.gem"] = moved
            gems = Gems(Bench(tmp_path, registry), "")
            folder = gems.gemfile('gem "web"', source=mirror.url)
            why = "gem web 2.0 is too young: minimumAge 7d of shop"
            assert why in await gems.refused("bundle", "install", folder=folder)
            fetch = ("ruby", "-rrubygems/remote_fetcher", "-e", "Gem::RemoteFetcher.fetcher.fetch_path ARGV[0]")
            assert why in await gems.refused(*fetch, f"{registry.url}/gem/quick/Marshal.4.8/web-2.0.gemspec.rz")


async def test_what_was_kept_is_installed_where_no_network_is(tmp_path: Path) -> None:
    async with GemRegistry() as upstream:
        upstream.put(gem("core@1.4"))
        upstream.put(gem("web@1.0", "core@~> 1.2"))
        upstream.put(gem("other@1.0"))
        environment = GemAsking(tmp_path, upstream.url).environment
        async with RunningRegistry(tmp_path, environment, ecosystems=["gem"]) as registry:
            gems = Gems(Bench(tmp_path, registry), "")
            folder = gems.gemfile('gem "web"')
            await gems.done("bundle", "install", folder=folder)
    store = Store(tmp_path / "registry")
    write_bundle(tmp_path / "it.tar", chosen(store.tables, ["gem"], ()), store.blobs)
    await store.close()
    away = tmp_path / "away"
    away.mkdir()
    store = Store(away / "registry")
    await take_bundle(tmp_path / "it.tar", store)
    await store.close()
    async with RunningRegistry(away, ALONE, ecosystems=["gem"], cache_only=True) as registry:
        gems = Gems(Bench(away, registry), "")
        folder = gems.gemfile('gem "web"')
        await gems.done("bundle", "install", folder=folder)
        assert locked(folder) == ["    core (1.4)", "    web (1.0)", "      core (~> 1.2)"]
        await gems.install("web")
        gems.gemfile('gem "other"')
        assert "Could not find gem 'other'" in await gems.refused("bundle", "install", folder=folder)
