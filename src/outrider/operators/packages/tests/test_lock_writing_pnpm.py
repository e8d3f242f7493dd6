"""pnpm-lock.yaml as it is written: to the byte that of pnpm, and taken by it with the network cut."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from outrider.core.errors import DeniedError, NotFoundError, UnsupportedError
from outrider.operators.packages.operations import lock
from outrider.operators.packages.operations.lock import LockParams, LockResult
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.test_lock_writing_npm import drawn, project
from outrider.operators.packages.tests.test_lock_writing_npm import settings as npm_settings
from outrider.operators.packages.tests.world import variables
from tests.peers.environments import NODE_CLIENTS, install_node

LOCK = "pnpm-lock.yaml"
_LONGEST = 120
# pnpm itself has written five locks for one project, ours among them once in eight times.
_MORE_TRIES = 30
NAMES = ("alpha", "beta", "@acme/gamma", "delta", "Epsilon", "zeta-core", "eta", "theta", "iota", "@acme/kappa")
VERSIONS = ("0.9.0", "1.0.0", "1.1.0", "1.10.0", "2.0.0-beta.1", "2.0.0", "2.0.1", "3.0.0-rc.1")
ASKED = (
    "^1", "^2", "*", ">=1", "~1.1.0", "1.x", "1.1.0", "^1 || ^2", "<2", "2.0.1", "latest", ">=1.0.0-0", "^2.0.0-beta.1", "1.0.0 - 2", "", "next",
)  # fmt: skip
NEEDED = ("*", ">=1", "^1", "^2", "^1||^2", "1.1.0", ">=1.0.0-0", "~2.0")
REASONS = ("old", "use: other # x", "it's\nold", '- "x"', "yes", "1.0", " lead", "é\u2028")


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[NpmRegistry]:
    async with NpmRegistry() as made:
        with variables(settings(tmp_path, made)):
            yield made


def settings(folder: Path, registry: NpmRegistry) -> dict[str, str]:
    more = {"store_dir": "store", "cache_dir": "metadata", "state_dir": "state"}
    return {
        **npm_settings(folder, registry),
        **{f"npm_config_{key}": str(folder / name) for key, name in more.items()},
        "HOME": str(folder),
        "CI": "true",
    }


async def locked(folder: Path, **params: Any) -> LockResult:
    return await lock.run(LockParams(ecosystem="npm", file=str(folder / "shop" / LOCK), **params), context(folder))


async def pnpm(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pnpm; the registry answers in this same thread. Where peers wait for each other without end, so would pnpm."""
    command = ["node", str(install_node(NODE_CLIENTS) / "pnpm" / "bin" / "pnpm.cjs"), *arguments]

    def work() -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=_LONGEST)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 1, "it does not end", "")

    return await asyncio.to_thread(work)


async def native(folder: Path) -> str | None:
    """Return the lock that pnpm writes for the same manifests; None where it finds no solution."""
    other = folder / "native" / "shop"
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(folder / "shop", other)
    (other / LOCK).unlink(missing_ok=True)
    ended = await pnpm(other, "install", "--lockfile-only", "--no-frozen-lockfile")
    return (other / LOCK).read_text() if ended.returncode == 0 else None


def drawn_harder(random: Random, registry: NpmRegistry) -> dict[str, Any]:
    """Fill a registry with cycles, peers, aliases, tags and what should not be used, and return what a project asks for."""
    names = NAMES[: random.choice((5, 8, 10))]
    peers = random.choice((0.2, 0.5, 0.8))
    for at, name in enumerate(names):
        for version in sorted({"1.1.0", "2.0.1", *random.sample(VERSIONS, random.randint(1, 4))}, key=VERSIONS.index):
            pool = names if random.random() < 0.3 else names[at + 1 :]
            others = random.sample(pool, min(len(pool), random.randint(0, 4)))
            marks = [random.choice(("!", "!?") if random.random() < peers else ("", "", "", "?")) for _ in others]
            needs = [f"{mark}{one}@{random.choice(NEEDED)}" for mark, one in zip(marks, others, strict=True)]
            registry.add(f"{name}@{version}", " ".join(needs), **_odd(random, names, others))
            if random.random() < 0.1:
                said = registry.documents[name]["versions"][version]
                said.setdefault("dependencies", {})["other"] = (
                    f"npm:{random.choice(names)}@{random.choice(('^1', '*'))}"
                )
        for tag in ("latest", "next"):
            if tag == "next" or random.random() < 0.3:
                registry.tag(name, tag, random.choice(list(registry.documents[name]["versions"])))
    kinds = ("dependencies", "devDependencies", "optionalDependencies")
    asked: dict[str, Any] = {
        kind: {name: random.choice(ASKED) for name in random.sample(names, random.randint(0, 3))} for kind in kinds
    }
    if random.random() < 0.4:
        asked["dependencies"]["mine"] = f"npm:{random.choice(names)}@{random.choice(('^1', '^2', '*'))}"
    return asked


def _odd(random: Random, names: tuple[str, ...], others: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "deprecated": random.choice(REASONS),
        "peerDependenciesMeta": {random.choice(names): {"optional": True}},
        "bundleDependencies": others[:1],
        "libc": ["glibc"],
        "os": ["win32"],
        "engines": {"node": random.choice((">=4", "18", "*"))},
        "bin": random.choice(("./cli.js", {"b": "./b.js"}, {})),
    }
    return {key: value for key, value in fields.items() if random.random() < 0.12}


DRAWN = pytest.mark.parametrize(
    "seeds", [range(6), pytest.param(range(6, 30), marks=[pytest.mark.long, pytest.mark.timeout(1_800)])]
)


async def compared(folder: Path, seeds: range, draw: Callable[[Random, NpmRegistry, Path], object]) -> tuple[int, int]:
    """Return how many locks are the same to the byte, and of how many manifests neither finds a solution.

    What pnpm chooses may hang on which answer comes first, so where a lock is not the same pnpm is asked again.
    """
    same = neither = 0
    for seed in seeds:
        place = folder / str(seed)
        place.mkdir(parents=True)
        async with NpmRegistry() as registry:
            with variables(settings(place, registry)):
                draw(Random(seed), registry, place)
                theirs = await native(place)
                try:
                    await locked(place)
                except (DeniedError, NotFoundError, UnsupportedError):
                    assert theirs is None, seed
                    neither += 1
                    continue
                text, more = (place / "shop" / LOCK).read_text(), _MORE_TRIES
                while text != theirs and more:
                    theirs, more = await native(place), more - 1
                assert text == theirs, seed
                same += 1
        shutil.rmtree(place)
    return same, neither


def alone(random: Random, registry: NpmRegistry, folder: Path) -> None:
    project(folder, **drawn(random, registry))


def alone_and_harder(random: Random, registry: NpmRegistry, folder: Path) -> None:
    project(folder, **drawn_harder(random, registry))


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_it_is_to_the_byte_what_pnpm_writes(tmp_path: Path) -> None:
    same, _ = await compared(tmp_path, range(4), alone)
    harder, _ = await compared(tmp_path / "harder", range(6), alone_and_harder)
    assert (same > 2, harder > 4) == (True, True)


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(3000)
async def test_it_is_to_the_byte_what_pnpm_writes_at_length(tmp_path: Path) -> None:
    same, neither = await compared(tmp_path, range(4, 40), alone)
    harder, _ = await compared(tmp_path / "harder", range(6, 80), alone_and_harder)
    assert (same > 25, neither > 1, harder > 60) == (True, True, True)


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_pnpm_takes_it_without_a_network(tmp_path: Path) -> None:
    async with NpmRegistry() as registry:
        with variables(settings(tmp_path, registry)):
            registry.add("web@1.0.0", "core@^1 !side@^1 ?tools@1", bin="cli.js", files={"cli.js": {}})
            for spec in ("core@1.0.0", "core@2.0.0", "side@1.0.0", "tools@1.0.0", "tester@1.0.0"):
                registry.add(spec)
            path = project(tmp_path, dependencies={"web": "^1", "core": "2"}, devDependencies={"tester": "*"})
            lock_path = path.with_name(LOCK)
            result = await locked(tmp_path)
            assert (result.packages, result.form) == (6, LOCK)
            before = lock_path.read_bytes()
            filled = await pnpm(path.parent, "install", "--frozen-lockfile")
            assert filled.returncode == 0, filled.stdout
            shutil.rmtree(path.parent / "node_modules")
    # The registry has ended.
    with variables(settings(tmp_path, registry)):
        ended = await pnpm(path.parent, "install", "--frozen-lockfile", "--offline")
    assert ended.returncode == 0, ended.stdout
    assert lock_path.read_bytes() == before
    modules = path.parent / "node_modules"
    assert (
        json.loads((modules / ".pnpm/web@1.0.0_side@1.0.0/node_modules/core/package.json").read_text())["version"]
        == "1.0.0"
    )


async def test_what_a_file_says(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("web@1.0.0", "core !side@^1", engines={"node": ">=18"}, deprecated="use\nother")
    registry.add("core@1.0.0", "!side@* !?far")
    registry.add("side@1.2.0", bin="x.js")
    path = project(tmp_path, dependencies={"web": "^1"}, devDependencies={"mine": "npm:side@1"}).with_name(LOCK)
    await locked(tmp_path)
    lines = [line for line in path.read_text().splitlines() if "integrity" not in line]
    assert lines == """lockfileVersion: '9.0'

settings:
  autoInstallPeers: true
  excludeLinksFromLockfile: false

importers:

  .:
    dependencies:
      web:
        specifier: ^1
        version: 1.0.0(side@1.2.0)
    devDependencies:
      mine:
        specifier: npm:side@1
        version: side@1.2.0

packages:

  core@1.0.0:
    peerDependencies:
      far: '*'
      side: '*'
    peerDependenciesMeta:
      far:
        optional: true

  side@1.2.0:
    hasBin: true

  web@1.0.0:
    engines: {node: '>=18'}
    deprecated: |-
      use
      other
    peerDependencies:
      side: ^1

snapshots:

  core@1.0.0(side@1.2.0):
    dependencies:
      side: 1.2.0

  side@1.2.0: {}

  web@1.0.0(side@1.2.0):
    dependencies:
      core: 1.0.0(side@1.2.0)
      side: 1.2.0
    transitivePeerDependencies:
      - far""".splitlines()  # fmt: skip


async def test_many_peers_are_shortened(registry: NpmRegistry, tmp_path: Path) -> None:
    names = [f"peer-with-a-rather-long-name-{number:02}" for number in range(30)]
    for name in names:
        registry.add(f"{name}@1.0.0")
    registry.add("web@1.0.0", " ".join(f"!{name}@1" for name in names))
    path = project(tmp_path, dependencies={"web": "1"}).with_name(LOCK)
    await locked(tmp_path)
    assert "version: 1.0.0(" in path.read_text()
    assert max(len(line) for line in path.read_text().splitlines() if "integrity" not in line) < 70


@pytest.mark.parametrize(
    ("fields", "files", "path"),
    [
        ({"pnpm": {"ignoredOptionalDependencies": ["core"]}}, {}, "package.json"),
        ({"pnpm": {"packageExtensions": {"core": {"engines": {}}}}}, {}, "packageExtensions.core.engines"),
        ({"name": "shop", "pnpm": {"packageExtensions": {"shop@1": {}}}}, {}, "packageExtensions.shop@1"),
        ({}, {"pnpm-workspace.yaml": "packageExtensions: {core: {dependencies: {side: 1}}}"}, "packageExtensions.core.dependencies.side"),
        ({}, {"pnpm-workspace.yaml": "packageExtensions: {core: {peerDependenciesMeta: {side: {optional: perhaps}}}}"}, "packageExtensions.core.peerDependenciesMeta.side"),
        ({"dependenciesMeta": {"core": {"injected": True}}}, {}, "dependenciesMeta"),
        ({"publishConfig": {"directory": "dist"}}, {}, "publishConfig.directory"),
        ({"devEngines": {"runtime": {"name": "node"}}}, {}, "devEngines.runtime"),
        ({"dependencies": {"core": "git://files.test/core"}}, {}, "dependencies.core"),
        ({"dependencies": {"core": "link:../core"}}, {}, "core"),
        ({}, {"pnpm-workspace.yaml": "sharedWorkspaceLockfile: false"}, "pnpm-workspace.yaml"),
        ({}, {"pnpm-workspace.yaml": "injectWorkspacePackages: true"}, "pnpm-workspace.yaml"),
        ({}, {"pnpm-workspace.yaml": "linkWorkspacePackages: deep"}, "pnpm-workspace.yaml"),
        ({}, {"pnpm-workspace.yaml": "packages: ['../other']"}, "packages"),
        ({}, {"pnpm-workspace.yaml": "packages: ['+(a|b)']"}, "packages"),
        ({}, {"../pnpm-workspace.yaml": "packages: [shop]"}, "pnpm-workspace.yaml"),
        ({}, {".npmrc": "auto-install-peers=false"}, ".npmrc"),
        ({}, {".npmrc": "shared-workspace-lockfile=false"}, ".npmrc"),
        ({}, {".pnpmfile.cjs": ""}, ".pnpmfile.cjs"),
    ],
)  # fmt: skip
async def test_what_is_not_heeded(
    registry: NpmRegistry, tmp_path: Path, fields: dict[str, Any], files: dict[str, str], path: str
) -> None:
    registry.add("core@1.0.0", "elsewhere@git://files.test/x")
    lock_path = project(tmp_path, **{"dependencies": {"core": "1"}, **fields})
    for name, text in files.items():
        (lock_path.parent / name).write_text(text)
    with pytest.raises(UnsupportedError) as caught:
        await locked(tmp_path)
    assert str(caught.value.path).endswith(path)


async def test_what_packages_need_from_elsewhere(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("web@1.0.0", "core@git://files.test/core")
    project(tmp_path, dependencies={"web": "1"})
    with pytest.raises(UnsupportedError, match=r"web@1.0.0 needs it from elsewhere"):
        await locked(tmp_path)


async def test_settings_of_other_things(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("core@1.0.0")
    path = project(tmp_path, dependencies={"core": "1"}, pnpm={"onlyBuiltDependencies": ["core"]})
    (path.parent / "pnpm-workspace.yaml").write_text("ignoredBuiltDependencies: [core]\n")
    assert (await locked(tmp_path)).packages == 1
