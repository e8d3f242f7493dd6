"""bun.lock as it is written: to the byte that of bun, and taken by it with the network cut."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError, UnsupportedError
from outrider.operators.packages.npm.client import NpmClient
from outrider.operators.packages.operations import lock
from outrider.operators.packages.operations.lock import LockParams, LockResult
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.test_lock_writing_npm import drawn, project
from outrider.operators.packages.tests.test_lock_writing_npm import settings as npm_settings
from outrider.operators.packages.tests.test_lock_writing_pnpm import drawn_harder
from outrider.operators.packages.tests.world import variables
from tests.peers.environments import BUN, install_node

LOCK = "bun.lock"
# Of those that are drawn without bundles, what bun writes otherwise; why is not known.
OTHERWISE = {17, 26, 42, 54, 61, 62, 73, 80, 88}


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[NpmRegistry]:
    async with NpmRegistry() as made:
        with variables(settings(tmp_path, made)):
            yield made


def settings(folder: Path, registry: NpmRegistry) -> dict[str, str]:
    return {**npm_settings(folder, registry), "HOME": str(folder), "BUN_INSTALL_CACHE_DIR": str(folder / "bun-cache")}


async def locked(folder: Path, **params: Any) -> LockResult:
    return await lock.run(LockParams(ecosystem="npm", file=str(folder / "shop" / LOCK), **params), context(folder))


async def bun(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run bun; the registry answers in this same thread."""
    [program] = (install_node(BUN) / "@oven").glob("bun-*/bin/bun")

    def work() -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False)

    return await asyncio.to_thread(work)


async def native(folder: Path) -> str | None:
    """Return the lock that bun writes for the same manifest; None where it writes none."""
    other = folder / "native" / "shop"
    shutil.copytree(folder / "shop", other, ignore=shutil.ignore_patterns(LOCK, "node_modules"))
    ended = await bun(other, "install", "--lockfile-only")
    path = other / LOCK
    return path.read_text() if ended.returncode == 0 and path.exists() else None


def drawn_without_bundles(random: Random, registry: NpmRegistry) -> dict[str, Any]:
    asked = drawn_harder(random, registry)
    for document in registry.documents.values():
        for one in document["versions"].values():
            one.pop("bundleDependencies", None)
    return asked


async def compared(folder: Path, seeds: Any, draw: Any) -> tuple[int, int]:
    """Return how many locks are the same to the byte, and for how many manifests neither writes one."""
    same = neither = 0
    for seed in seeds:
        place = folder / str(seed)
        place.mkdir()
        async with NpmRegistry() as registry:
            with variables(settings(place, registry)):
                path = project(place, **draw(Random(seed), registry)).with_name(LOCK)
                theirs = await native(place)
                try:
                    await locked(place)
                except OutriderError:
                    assert theirs is None, seed
                    neither += 1
                    continue
                assert path.read_text() == theirs, seed
                same += 1
        shutil.rmtree(place)
    return same, neither


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_it_is_to_the_byte_what_bun_writes(tmp_path: Path) -> None:
    (tmp_path / "harder").mkdir()
    same, _ = await compared(tmp_path, range(6), drawn)
    harder, _ = await compared(tmp_path / "harder", range(8), drawn_without_bundles)
    assert (same > 4, harder > 6) == (True, True)


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(3000)
async def test_it_is_to_the_byte_what_bun_writes_at_length(tmp_path: Path) -> None:
    (tmp_path / "harder").mkdir()
    same, neither = await compared(tmp_path, range(6, 60), drawn)
    seeds = [one for one in range(8, 100) if one not in OTHERWISE]
    harder, _ = await compared(tmp_path / "harder", seeds, drawn_without_bundles)
    assert (same > 45, neither > 1, harder > 75) == (True, True, True)


RESOLUTIONS = (
    {"resolutions": {"core": "1.0.0"}}, {"resolutions": {"**/core": "1.0.0", "@acme/side": "^1", "core": "1.1.0"}},
    {"resolutions": {"core": "1.1.0", "**/core": "1.0.0"}}, {"resolutions": {"core": "1.0.0"}, "overrides": {"@acme/side": "1.0.0"}},
    {"resolutions": {"core": "1.0.0"}, "overrides": {}}, {"resolutions": {"core": "npm:other@1"}},
)  # fmt: skip


@pytest.mark.real
async def test_resolutions_count_where_there_are_no_overrides(tmp_path: Path) -> None:
    drawn = iter(RESOLUTIONS)

    def draw(_: Random, registry: NpmRegistry) -> dict[str, Any]:
        for spec in ("core@1.0.0", "core@1.1.0", "@acme/side@1.0.0", "@acme/side@2.0.0", "other@1.0.0"):
            registry.add(spec)
        registry.add("web@1.0.0", "core@^1 @acme/side@*")
        return {"dependencies": {"web": "1"}, **next(drawn)}

    assert await compared(tmp_path, range(len(RESOLUTIONS)), draw) == (len(RESOLUTIONS), 0)


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_bun_takes_it_without_a_network(tmp_path: Path) -> None:
    async with NpmRegistry() as registry:
        with variables(settings(tmp_path, registry)):
            registry.add("web@1.0.0", "core@^1 !side@^1 ?tools@1", bin="cli.js", files={"cli.js": {}})
            for spec in ("core@1.0.0", "core@2.0.0", "side@1.0.0", "tools@1.0.0", "tester@1.0.0"):
                registry.add(spec)
            path = project(tmp_path, dependencies={"web": "^1", "core": "2"}, devDependencies={"tester": "*"})
            result = await locked(tmp_path)
            assert (result.packages, result.form) == (6, LOCK)
            before = path.with_name(LOCK).read_bytes()
            filled = await bun(path.parent, "install", "--frozen-lockfile")
            assert filled.returncode == 0, filled.stderr
            shutil.rmtree(path.parent / "node_modules")
    # The registry has ended.
    with variables(settings(tmp_path, registry)):
        ended = await bun(path.parent, "install", "--frozen-lockfile")
    assert ended.returncode == 0, ended.stderr
    assert path.with_name(LOCK).read_bytes() == before
    inside = path.parent / "node_modules" / "web" / "node_modules" / "core" / "package.json"
    assert json.loads(inside.read_text())["version"] == "1.0.0"


async def test_what_a_file_says(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("web@1.0.0", "core@1 !side@^1 ?far@9", os=["linux", "darwin"], cpu="x64", hasInstallScript=True)
    registry.add("core@1.0.0", "!side@* !?far")
    registry.add("core@2.0.0")
    registry.add("far@1.0.0")
    registry.add("side@1.2.0", bin="x.js")
    path = project(
        tmp_path, dependencies={"web": "^1", "core": "2"}, devDependencies={"mine": "npm:side@1", "far": "1"},
        overrides={"far": "^1"}, trustedDependencies=["web"],
    ).with_name(LOCK)  # fmt: skip
    await locked(tmp_path)
    text = path.read_text()
    lines = [line.partition(', "sha')[0].replace(registry.url.rstrip("/"), "") for line in text.splitlines()]
    assert lines == """{
  "lockfileVersion": 2,
  "configVersion": 1,
  "workspaces": {
    "": {
      "name": "shop",
      "dependencies": {
        "core": "2",
        "web": "^1",
      },
      "devDependencies": {
        "far": "1",
        "mine": "npm:side@1",
      },
    },
  },
  "trustedDependencies": [
    "web",
  ],
  "overrides": {
    "far": "^1",
  },
  "packages": {
    "core": ["core@2.0.0", "/core/-/core-2.0.0.tgz", {}

    "far": ["far@1.0.0", "/far/-/far-1.0.0.tgz", {}

    "mine": ["side@1.2.0", "/side/-/side-1.2.0.tgz", { "bin": "x.js" }

    "side": ["side@1.2.0", "/side/-/side-1.2.0.tgz", { "bin": "x.js" }

    "web": ["web@1.0.0", "/web/-/web-1.0.0.tgz", { "dependencies": { "core": "1" }, "optionalDependencies": { "far": "9" }, "peerDependencies": { "side": "^1" }, "os": [ "linux", "darwin", ], "cpu": "x64", "hasInstallScript": true }

    "web/core": ["core@1.0.0", "/core/-/core-1.0.0.tgz", { "peerDependencies": { "far": "*", "side": "*" }, "optionalPeers": ["far"] }
  }
}""".splitlines()  # fmt: skip


async def test_the_registry_of_npm_is_not_named(
    registry: NpmRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.add("core@1.0.0")
    monkeypatch.setattr(NpmClient, "default", property(lambda _: registry.url))
    path = project(tmp_path, dependencies={"core": "1"}).with_name(LOCK)
    await locked(tmp_path)
    assert '"core": ["core@1.0.0", "", {}, "sha' in path.read_text()


@pytest.mark.real
async def test_a_peer_that_a_peer_brings_has_what_its_project_needs(registry: NpmRegistry, tmp_path: Path) -> None:
    for spec, needs in (("kit@1.0.0", "!plugin@* !core@>=1"), ("plugin@1.0.0", "!core@^2"), ("core@1.0.0", "side@*")):
        registry.add(spec, needs)
    for spec, needs in (("core@2.0.0", "side@1.0.0"), ("side@1.0.0", ""), ("side@1.1.0", "")):
        registry.add(spec, needs)
    path = project(tmp_path, dependencies={"kit": "1", "core": "^1"}).with_name(LOCK)
    await locked(tmp_path)
    assert path.read_text() == await native(tmp_path)
    assert '"side@1.1.0"' in path.read_text()


@pytest.mark.real
async def test_a_peer_may_have_the_prerelease_that_is_under_the_tag_latest(
    registry: NpmRegistry, tmp_path: Path
) -> None:
    registry.add("web@1.0.0", "!core@*")
    registry.add("core@1.0.0-rc.1")
    path = project(tmp_path, dependencies={"web": "1"}).with_name(LOCK)
    await locked(tmp_path)
    assert path.read_text() == await native(tmp_path)
    assert '"core@1.0.0-rc.1"' in path.read_text()


# Versions that need older ones of themselves, and so have no say in which of them stay.
CIRCLES = (
    (("core@1.1.0", "legacy@npm:core@=1.0.0"),),
    (("core@1.1.0", "side@1 low@^1"), ("side@1.0.0", "core@1.0.0")),
    (("core@1.1.0", "side@^1"), ("side@1.0.0", ""), ("side@1.1.0", "core@1.0.0"), ("other@1.0.0", "side@1.0.0")),
)


@pytest.mark.real
@pytest.mark.parametrize("specs", CIRCLES)
async def test_a_version_that_needs_an_older_one_of_itself_stays(
    registry: NpmRegistry, tmp_path: Path, specs: tuple[tuple[str, str], ...]
) -> None:
    some = (
        ("core@1.0.0", ""),
        ("web@1.0.0", "core@^1"),
        ("low@1.0.0", ""),
        ("low@1.1.0", ""),
        ("far@1.0.0", "low@1.0.0"),
    )
    for spec, needs in (*some, ("other@1.0.0", ""), *specs):
        registry.add(spec, needs)
    path = project(tmp_path, dependencies={"web": "1", "far": "1", "other": "1"}).with_name(LOCK)
    await locked(tmp_path)
    assert path.read_text() == await native(tmp_path)
    assert '"core@1.1.0"' in path.read_text()


async def test_what_cannot_be_met(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("web@1.0.0", "core@^2")
    registry.add("core@1.0.0")
    project(tmp_path, dependencies={"web": "1"})
    with pytest.raises(NotFoundError):
        await locked(tmp_path)


async def test_registries_of_bunfig(tmp_path: Path) -> None:
    async with NpmRegistry(token="t0") as registry:
        registry.add("core@1.0.0")
        registry.add("@acme/side@1.0.0")
        path = project(tmp_path, dependencies={"core": "1", "@acme/side": "1"})
        said = f'{{url = "{registry.url}", token = "$OWN_TOKEN"}}'
        path.with_name("bunfig.toml").write_text(
            f"[install]\nregistry = {said}\ncache = false\n[install.scopes]\nacme = {said}\n"
        )
        with variables({**settings(tmp_path, registry), "npm_config_registry": "", "OWN_TOKEN": "t0"}):
            assert (await locked(tmp_path)).packages == 2


@pytest.mark.parametrize(
    ("fields", "files", "path"),
    [
        ({"resolutions": {"**/core": 1}}, {}, "resolutions.**/core"),
        ({"overrides": {"core": "file:x"}}, {}, "overrides.core"),
        ({"dependencies": {"core": "workspace:*"}}, {}, "dependencies.core"),
        ({"dependencies": {"core": "git://files.test/x"}}, {}, "dependencies.core"),
        ({"dependencies": {}}, {}, "dependencies"),
        ({}, {"bunfig.toml": "[install]\nminimumReleaseAge = 3"}, "install.minimumReleaseAge"),
    ],
)
async def test_what_is_not_heeded(
    registry: NpmRegistry, tmp_path: Path, fields: dict[str, Any], files: dict[str, str], path: str
) -> None:
    registry.add("core@1.0.0")
    registry.add("side@1.0.0")
    lock_path = project(tmp_path, **{"dependencies": {"core": "1", "side": "1"}, **fields})
    for name, text in files.items():
        (lock_path.parent / name).write_text(text)
    with pytest.raises(UnsupportedError) as caught:
        await locked(tmp_path)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("fields", "bunfig"),
    [
        ({"overrides": ["core"]}, ""),
        ({"trustedDependencies": "core"}, ""),
        ({}, "["),
        ({}, "install = 1"),
        ({}, "[install]\nregistry = 1"),
        ({}, '[install]\nregistry = {token = "x"}'),
        ({}, "[install]\nscopes = 1"),
    ],
)
async def test_what_cannot_be_read(registry: NpmRegistry, tmp_path: Path, fields: dict[str, Any], bunfig: str) -> None:
    registry.add("core@1.0.0")
    path = project(tmp_path, **{"dependencies": {"core": "1"}, **fields})
    path.with_name("bunfig.toml").write_text(bunfig)
    with variables({"npm_config_registry": ""} if "registry" in bunfig else {}), pytest.raises(InvalidConfigError):
        await locked(tmp_path)


async def test_packages_that_no_folders_can_hold(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("core@1.0.0", "side@2")
    registry.add("core@2.0.0", "side@1")
    registry.add("side@1.0.0", "core@1")
    registry.add("side@2.0.0", "core@2")
    registry.add("web@1.0.0", "core@1 side@1")
    project(tmp_path, dependencies={"web": "1"})
    with pytest.raises(UnsupportedError, match="cannot stand in folders"):
        await locked(tmp_path)


async def test_what_packages_need_from_elsewhere(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("web@1.0.0", "core@git://files.test/core")
    project(tmp_path, dependencies={"web": "1"})
    with pytest.raises(UnsupportedError, match=r"web@1.0.0 needs it from elsewhere"):
        await locked(tmp_path)
