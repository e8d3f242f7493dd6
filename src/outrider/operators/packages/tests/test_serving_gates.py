"""Policies before the registry, and what clients that others wrote show of them."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.core.http.messages import Response
from outrider.core.package_policies import AdvisoryRule, PackagePolicySpec
from outrider.core.package_registries import PackageRegistrySpec
from outrider.core.quantities import Duration
from outrider.operators.packages.policies.patterns import read_names
from outrider.operators.packages.serving.opening import Surroundings, opened_registry
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.asking import Asking
from outrider.operators.packages.tests.cargo_registry import CargoAsking, CargoRegistry
from outrider.operators.packages.tests.npm_registry import NpmAsking, NpmRegistry
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.running_registry import RunningRegistry, run
from outrider.operators.packages.tests.test_audit import HIGH, imported
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock
from outrider.ports.http.client import Client

OLD, YOUNG = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
WEEK = PackagePolicySpec(minimum_age=Duration.parse("7d"))


@pytest.mark.real
async def test_pip_chooses_what_is_old_enough_and_is_told_why_not_the_rest(tmp_path: Path) -> None:
    async with PythonIndex() as index:
        index.add("web", "1.0", uploaded=OLD)
        index.add("web", "2.0", uploaded=YOUNG)
        environment = Asking(tmp_path, index.url).environment
        async with RunningRegistry(tmp_path, environment, ecosystems=["pypi"], policy=WEEK) as registry:
            client = tmp_path / "client"
            where = ["--disable-pip-version-check", "--no-cache-dir", "--index-url", f"{registry.url}/pypi/simple/"]
            chosen = await run(sys.executable, "-m", "pip", "install", *where, "--target", "t", "web", folder=client)
            assert "Successfully installed web-1.0" in chosen.output
            named = await run(
                sys.executable, "-m", "pip", "install", *where, "--target", "u", "web==2.0", folder=client
            )
            assert named.status != 0
            assert "403 Client Error: pypi web 2.0 is too young: minimumAge 7d of shop" in named.output


@pytest.mark.real
async def test_npm_chooses_what_is_old_enough_and_a_lock_does_not_get_past_it(tmp_path: Path) -> None:
    async with NpmRegistry() as upstream:
        for version, time in (("1.0.0", OLD), ("2.0.0", YOUNG)):
            upstream.add(f"web@{version}")
            upstream.documents["web"].setdefault("time", {})[version] = time
        environment = NpmAsking(tmp_path, upstream.url).environment
        async with RunningRegistry(tmp_path, environment, ecosystems=["npm"], policy=WEEK) as registry:
            client = tmp_path / "client"
            client.mkdir()
            (client / "package.json").write_text('{"name": "x", "version": "1.0.0"}')
            where = ["--registry", f"{registry.url}/npm/", "--no-audit", "--no-fund"]
            chosen = await run("npm", "install", *where, "web", folder=client)
            assert chosen.status == 0, chosen.output
            lock = json.loads((client / "package-lock.json").read_text())
            entry = lock["packages"]["node_modules/web"]
            assert entry["version"] == "1.0.0"
            entry |= {"version": "2.0.0", "resolved": f"{registry.url}/npm/web/-/web-2.0.0.tgz"}
            entry.pop("integrity")
            lock["packages"][""]["dependencies"]["web"] = "2.0.0"
            (client / "package-lock.json").write_text(json.dumps(lock))
            (client / "package.json").write_text('{"name": "x", "version": "1.0.0", "dependencies": {"web": "2.0.0"}}')
            locked = await run("npm", "ci", *where, folder=client)
            assert locked.status != 0
            assert "npm web 2.0.0 is too young: minimumAge 7d of shop" in locked.output


@pytest.mark.real
async def test_cargo_takes_the_newest_that_is_old_enough(tmp_path: Path) -> None:
    async with CargoRegistry() as upstream:
        upstream.add("web@1.0.0", pubtime=OLD)
        upstream.add("web@1.1.0", pubtime=YOUNG)
        environment = CargoAsking(tmp_path, upstream.url).environment
        async with RunningRegistry(tmp_path, environment, ecosystems=["cargo"], policy=WEEK) as registry:
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
            assert 'version = "1.0.0"' in (client / "Cargo.lock").read_text().split('name = "web"')[1]
            http = Client(registry.url)
            refused = await http.request("GET", "/cargo/api/v1/crates/web/1.1.0/download")
            assert (refused.status, b"too young" in refused.content) == (403, True)
            await http.close()


async def test_nothing_is_served_that_advisories_have_not_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    policy = PackagePolicySpec(advisories=AdvisoryRule(least="high"))
    clock = ManualClock(SystemClock().now())
    async with PythonIndex() as index:
        index.add("web", "1.0")
        index.add("web", "2.0")
        environment = Asking(tmp_path, index.url).environment
        async with RunningRegistry(tmp_path, environment, clock=clock, ecosystems=["pypi"], policy=policy) as registry:
            http = Client(registry.url)
            page, wheel = "/pypi/simple/web/", "/pypi/files/web/web-1.0-py3-none-any.whl"
            assert (await http.request("GET", page)).status >= 400
            await imported(tmp_path, record("X-1", affected(ecosystem_range(("introduced", "3.0"))), severity=[HIGH]))
            clock.advance(2.0)
            await asyncio.to_thread(registry.application._gate.look)
            assert b"vulnerable" not in (await http.request("GET", page)).content
            assert (await http.request("GET", wheel)).status == 200
            # What is kept is judged anew as soon as more is known.
            await imported(
                tmp_path,
                record("X-2", affected(ecosystem_range(("introduced", "0"), ("fixed", "2.0"))), severity=[HIGH]),
            )
            clock.advance(2.0)
            await asyncio.to_thread(registry.application._gate.look)
            assert b"is vulnerable (X-2)" in (await http.request("GET", page)).content
            refused = await http.request("GET", wheel)
            assert (refused.status, b"X-2" in refused.content) == (403, True)
            await http.close()


async def test_pip_alone_is_told_in_the_type_of_a_page_why_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    policy = PackagePolicySpec(advisories=AdvisoryRule(least="high"))
    async with PythonIndex() as index:
        index.add("web", "1.0")
        environment = Asking(tmp_path, index.url).environment
        async with RunningRegistry(tmp_path, environment, ecosystems=["pypi"], policy=policy) as registry:
            http = Client(registry.url)
            page, pip, why = "/pypi/simple/web/", {"user-agent": "pip/23.2.1 {}"}, b"no advisories are imported"
            other = await http.request("GET", page, headers={"user-agent": "uv/0.9"})
            assert (other.status, why in other.content) == (501, True)
            told = await http.request("GET", page, headers=pip)
            media = told.headers.get("content-type") or ""
            assert (told.status, media.startswith("text/plain;")) == (200, True)
            assert 'refused="no advisories are imported' in media
            assert (why in told.content, b"web-1.0" in told.content) == (True, False)
            assert told.headers.get("cache-control") == "no-store"
            assert (await http.request("GET", "/pypi/simple/none/", headers=pip)).status == 404
            registry.close_to_nobody()
            assert (await http.request("GET", page, headers=pip)).status == 401
            await http.close()


@pytest.mark.real
async def test_pip_shows_why_nothing_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    policy = PackagePolicySpec(advisories=AdvisoryRule(least="high"))
    async with PythonIndex() as index:
        index.add("web", "1.0")
        environment = Asking(tmp_path, index.url).environment
        for one, why in ((policy, "no advisories are imported"), (None, "the registry cannot answer now")):
            async with RunningRegistry(tmp_path, environment, ecosystems=["pypi"], policy=one) as registry:
                if one is None:
                    index.answers["/simple/web/"] = lambda _: Response(503)
                where = ["--disable-pip-version-check", "--index-url", f"{registry.url}/pypi/simple/", "--target", "t"]
                ran = await run(sys.executable, "-m", "pip", "install", *where, "web", folder=tmp_path / "client")
                assert (ran.status == 0, why in ran.output) == (False, True), ran.output


async def test_a_private_name_never_goes_to_others(tmp_path: Path) -> None:
    async with PythonIndex() as index, NpmRegistry() as upstream:
        index.add("acme-web", "9.0")
        upstream.add("@acme/web@9.0.0")
        environment = {**NpmAsking(tmp_path, upstream.url).environment, **Asking(tmp_path, index.url).environment}
        async with RunningRegistry(
            tmp_path, environment, ecosystems=["pypi", "npm"], private=["pypi:acme-*", "npm:@acme/*"]
        ) as registry:
            http = Client(registry.url)
            for path in (
                "/pypi/simple/acme-web/", "/pypi/files/acme-web/acme_web-9.0-py3-none-any.whl", "/pypi/files/Acme_Web/x.whl",
                "/npm/@acme%2fweb", "/npm/@acme/web", "/npm/@acme/web/-/web-9.0.0.tgz", "/npm/@acme/web/9.0.0",
            ):  # fmt: skip
                assert (await http.request("GET", path)).status == 404, path
            assert (await http.request("GET", "/pypi/simple/Acme_Web/")).headers.get("location") == "../acme-web/"
            assert (index.requests, upstream.requests) == ([], [])
            await http.close()


async def test_a_private_name_is_private_however_its_ecosystem_lets_it_be_written(tmp_path: Path) -> None:
    async with PythonIndex() as index, CargoRegistry() as upstream:
        index.add("acme-web", "9.0")
        for name in ("acme-core", "acme_core", "my-own"):
            upstream.add(f"{name}@9.0.0")
        environment = {**CargoAsking(tmp_path, upstream.url).environment, **Asking(tmp_path, index.url).environment}
        private = ["cargo:Acme-*", "cargo:my_own", "pypi:Acme_*"]
        async with RunningRegistry(tmp_path, environment, ecosystems=["cargo", "pypi"], private=private) as registry:
            http = Client(registry.url)
            for path in (
                "/cargo/index/ac/me/acme-core", "/cargo/index/ac/me/acme_core", "/cargo/index/Ac/me/Acme_Core",
                "/cargo/index/my/-o/my-own", "/cargo/index/my/_o/my_own", "/cargo/api/v1/crates/acme_core/9.0.0/download",
                "/pypi/simple/acme-web/",
            ):  # fmt: skip
                assert (await http.request("GET", path)).status == 404, path
            assert (upstream.requests, index.requests) == ([], [])
            await http.close()


@pytest.mark.parametrize(
    ("pattern", "remedy"),
    [
        ("maven:com.acme", "maven:com.acme:*"),
        ("maven:com.acme:web:1.0", "maven:com.acme:*"),
        ("composer:acme", "composer:acme/*"),
        ("npm:@acme", "npm:@acme/*"),
        ("npm:acme/*", "npm:@acme/*"),
        ("pypi:acme*@1", "pypi:acme*"),
        ("cargo:acme-core@^1", "cargo:acme-core"),
        ("acme-core", "begin with one of"),
    ],
)
async def test_a_private_pattern_that_no_name_matches_is_refused_at_start(
    pattern: str, remedy: str, tmp_path: Path
) -> None:
    spec = PackageRegistrySpec(ecosystems=["pypi"], private=["pypi:fine", pattern])
    surroundings = Surroundings({}, tmp_path, tmp_path / "cache", "http://hub.test", SystemClock())
    with pytest.raises(InvalidConfigError) as raised:
        async with opened_registry(spec, tmp_path / "registry", surroundings, {}):
            pass
    assert (raised.value.path, remedy in raised.value.suggestions[0]) == ("spec.private[1]", True)
    assert not (tmp_path / "registry").exists()


@pytest.mark.parametrize(
    "pattern", ["maven:*", "maven:com.acme.*", "maven:com.acme:*", "composer:*", "npm:*", "npm:@acme*", "npm:*/core"]
)
def test_patterns_of_several_parts_may_be_short_where_a_star_stands_for_the_rest(pattern: str) -> None:
    [found] = read_names([pattern], "spec.private")
    assert found.text == pattern
