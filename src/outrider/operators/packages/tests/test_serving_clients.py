"""Clients that others wrote, each with an empty home and an empty cache, against a registry of ours."""

import sys
from pathlib import Path

import pytest

from outrider.operators.packages.tests.asking import Asking
from outrider.operators.packages.tests.cargo_registry import CargoAsking, CargoRegistry
from outrider.operators.packages.tests.clients.table import ALONE, PRIVATE, Ability, Bench, Shown, all_runs
from outrider.operators.packages.tests.npm_registry import NpmAsking, NpmRegistry
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.running_registry import RunningRegistry, run
from outrider.ports.http.client import Client

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


@pytest.mark.parametrize(
    ("client", "ability", "shown"),
    [pytest.param(*key, shown, id=" ".join(key)) for key, shown in sorted(all_runs().items())],
)
async def test_what_a_client_does(
    client: str, ability: Ability, shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del client, ability
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    async with RunningRegistry(tmp_path, ALONE, cache_only=True, private=PRIVATE) as registry:
        await shown(Bench(tmp_path, registry))


async def test_pip_installs_through_it_and_what_is_kept_needs_nobody(tmp_path: Path) -> None:
    async with PythonIndex() as index:
        index.add("web", "1.0", "core>=1")
        index.add("core", "1.4")
        async with RunningRegistry(tmp_path, Asking(tmp_path, index.url).environment, ecosystems=["pypi"]) as registry:
            client = tmp_path / "client"
            where = ["--disable-pip-version-check", "--index-url", f"{registry.url}/pypi/simple/"]
            first = await run(sys.executable, "-m", "pip", "install", *where, "--target", "one", "web", folder=client)
            assert first.status == 0, first.output
            assert (client / "one" / "core.py").is_file()
            http = Client(registry.url)
            page = await http.request("GET", "/packages/pypi/core", headers={"accept": "text/html"})
            assert b"Needed here by (1)" in page.content
            await http.close()
            asked = len(index.requests)
            again = await run(
                sys.executable,
                "-m",
                "pip",
                "install",
                *where,
                "--no-cache-dir",
                "--target",
                "two",
                "web",
                folder=client,
            )
            assert again.status == 0, again.output
            assert len(index.requests) == asked
            nothing = await run(
                sys.executable, "-m", "pip", "install", *where, "--target", "three", "nothing", folder=client
            )
            assert "No matching distribution found for nothing" in nothing.output


async def test_npm_installs_through_it(tmp_path: Path) -> None:
    async with NpmRegistry() as upstream:
        upstream.add("web@1.0.0", "@acme/core@^1")
        upstream.add("@acme/core@1.4.0")
        async with RunningRegistry(
            tmp_path, NpmAsking(tmp_path, upstream.url).environment, ecosystems=["npm"]
        ) as registry:
            client = tmp_path / "client"
            client.mkdir()
            (client / "package.json").write_text('{"name": "x", "version": "1.0.0"}')
            where = ["--registry", f"{registry.url}/npm/", "--no-update-notifier", "--no-fund", "--no-audit"]
            first = await run("npm", "install", *where, "web", folder=client)
            assert first.status == 0, first.output
            assert (client / "node_modules" / "@acme" / "core" / "package.json").is_file()
            assert f"{registry.url}/npm/@acme/core/-/core-1.4.0.tgz" in (client / "package-lock.json").read_text()


async def test_cargo_fetches_through_it(tmp_path: Path) -> None:
    async with CargoRegistry() as upstream:
        upstream.add("web@1.0.0", "core@1")
        upstream.add("core@1.4.0")
        environment = CargoAsking(tmp_path, upstream.url).environment
        async with RunningRegistry(tmp_path, environment, ecosystems=["cargo"]) as registry:
            client = tmp_path / "client"
            (client / "src").mkdir(parents=True)
            (client / "src" / "lib.rs").write_text("")
            (client / "Cargo.toml").write_text('[package]\nname = "x"\nversion = "1.0.0"\n[dependencies]\nweb = "1"\n')
            (client / "home").mkdir()
            (client / "home" / "config.toml").write_text(
                f'[source.crates-io]\nreplace-with = "ours"\n[source.ours]\nregistry = "sparse+{registry.url}/cargo/index/"\n'
            )
            found = await run(
                "cargo", "generate-lockfile", folder=client, environment={"CARGO_HOME": str(client / "home")}
            )
            assert found.status == 0, found.output
            assert 'name = "core"' in (client / "Cargo.lock").read_text()
