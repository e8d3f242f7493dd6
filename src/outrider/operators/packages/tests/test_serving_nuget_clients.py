"""nuget.exe before a registry of ours, with a source behind it: what it restores and installs, and what it shows of what is refused."""

import shutil
from pathlib import Path
from random import Random

import pytest

from outrider.core.package_policies import PackagePolicySpec
from outrider.core.quantities import Duration
from outrider.core.timestamps import timestamp
from outrider.operators.packages.serving.bundles import chosen, take_bundle, write_bundle
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.tests.clients.dotnet import Nuget, published
from outrider.operators.packages.tests.clients.table import ALONE, Bench
from outrider.operators.packages.tests.nuget_feed import NugetAsking, NugetFeed
from outrider.operators.packages.tests.nuget_hub import PRIVATE
from outrider.operators.packages.tests.nuget_oracle import Project, Restored, restored
from outrider.operators.packages.tests.nuget_universes import drawn
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.operators.packages.tests.test_nuget_oracle import FAULTS, fill, worst
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock
from tests.peers.environments import install_node

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("mono") is None, reason="mono is missing: apt-get install mono-runtime"),
]
SERVICES = "nuget/v3/index.json"
DAY = 86_400.0
WEEK = PackagePolicySpec(minimum_age=Duration(7 * DAY))


@pytest.fixture(autouse=True)
def installed() -> None:
    install_node()


def same(one: Restored) -> tuple[dict[str, str], object]:
    """Return what is the same each time: where a package is missing, what else NuGet tells of differs from run to run."""
    fault = worst({FAULTS[code] for code in one.codes if code in FAULTS})
    return one.packages, fault if fault in ("missing", "undecided") else one.codes


@pytest.mark.parametrize("count", [40, pytest.param(1_000, marks=pytest.mark.long)])
@pytest.mark.timeout(1_800)
async def test_what_is_restored_through_it_is_what_is_restored_from_the_source(count: int, tmp_path: Path) -> None:
    async with NugetFeed() as feed:
        questions = [drawn(Random(f"served {number}"), f"s{number}.") for number in range(count)]
        for packages, _ in questions:
            fill(feed, packages)
        projects = [Project(asked) for _, asked in questions]
        direct = await restored(projects, feed.url, tmp_path / "direct", timeout=800)
        environment = NugetAsking(tmp_path, feed.url).environment
        # Time stands still, so that nothing is asked for again for its age.
        clock = ManualClock(SystemClock().now())
        async with RunningRegistry(tmp_path, environment, ecosystems=["nuget"], clock=clock) as registry:
            through = await restored(projects, f"{registry.url}/{SERVICES}", tmp_path / "through", timeout=800)
            assert [same(one) for one in through] == [same(one) for one in direct]
            assert sum(len(one.packages) for one in through) > count
            assert not [one for one in feed.requests if one.headers.get("authorization")]
            asked = len(feed.requests)
            # With an empty home again, all that is needed is here.
            again = await restored(projects[:5], f"{registry.url}/{SERVICES}", tmp_path / "again")
            assert [same(one) for one in again] == [same(one) for one in direct[:5]]
            assert len(feed.requests) == asked


async def test_what_is_private_is_installed_with_what_others_have_and_where_no_network_is(tmp_path: Path) -> None:
    async with NugetFeed() as feed:
        feed.add("Acme.Core@1.2.0", "Evil@1.0")  # somebody else's of a private name
        feed.add("Web@1.0.0", "Acme.Core@1.2.0")
        environment = NugetAsking(tmp_path, feed.url).environment
        async with RunningRegistry(tmp_path, environment, ecosystems=["nuget"], private=PRIVATE) as registry:
            bench = Bench(tmp_path, registry)
            await published(bench, "Acme.Core@1.2.0")
            assert await Nuget(bench).install("Web") == ["Acme.Core.1.2.0", "Web.1.0.0"]
            assert not [path for path in feed.paths() if "acme" in path or "evil" in path]
    store = Store(tmp_path / "registry")
    write_bundle(tmp_path / "it.tar", chosen(store.tables, ["nuget"], ()), store.blobs)
    await store.close()
    away = tmp_path / "away"
    store = Store(away / "registry")
    await take_bundle(tmp_path / "it.tar", store)
    await store.close()
    async with RunningRegistry(away, ALONE, ecosystems=["nuget"], cache_only=True, private=PRIVATE) as registry:
        nuget = Nuget(Bench(away, registry))
        assert await nuget.install("Web") == ["Acme.Core.1.2.0", "Web.1.0.0"]
        [found] = await restored([Project({"Web": "1.0.0"})], nuget.url, tmp_path / "restored")
        assert found.packages == {"acme.core": "1.2.0", "web": "1.0.0"}


async def test_it_installs_what_is_old_enough_and_shows_why_it_gets_nothing_else(tmp_path: Path) -> None:
    async with NugetFeed() as feed:
        feed.add("Web@1.0.0")
        feed.add("Web@2.0.0", published=timestamp(SystemClock().now() - DAY))
        environment = NugetAsking(tmp_path, feed.url).environment
        async with RunningRegistry(tmp_path, environment, ecosystems=["nuget"], policy=WEEK) as registry:
            nuget = Nuget(Bench(tmp_path, registry))
            assert await nuget.install("Web") == ["Web.1.0.0"]
            assert "Web | 1.0.0" in await nuget.done("search", "web")
            # A lock names it all the same: the older kind asks for the file alone, and the newer one for the list.
            lock = nuget.folder / "packages.config"
            lock.write_text('<packages><package id="Web" version="2.0.0" targetFramework="net48" /></packages>')
            told = (await nuget.run("install", "packages.config", "-OutputDirectory", "packages", "-NoCache")).output
            assert "403 (nuget web 2.0.0 is too young: minimumAge 7d of shop" in told
            [found] = await restored([Project({"Web": "[2.0.0]"})], nuget.url, tmp_path / "restored")
            assert (found.packages, "NU1102" in found.codes) == ({}, True)
