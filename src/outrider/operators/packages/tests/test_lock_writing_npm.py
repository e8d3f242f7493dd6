"""package-lock.json as it is written: to the byte that of npm, and taken by it with the network cut."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError, UnavailableError, UnsupportedError
from outrider.operators.packages.manifests.package_json import read_manifest
from outrider.operators.packages.operations import lock
from outrider.operators.packages.operations.lock import LockParams, LockResult
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.world import variables

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
VERSIONS = ("1.0.0", "1.1.0", "1.10.0", "2.0.0", "2.0.1")
RANGES = ("^1", "^2", "*", "1.x", ">=1.1", "~1.1.0", "^1.0.0")
NAMES = ("alpha", "beta", "@acme/gamma", "delta", "Epsilon", "zeta-core")


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[NpmRegistry]:
    async with NpmRegistry() as made:
        with variables(settings(tmp_path, made)):
            yield made


def settings(folder: Path, registry: NpmRegistry) -> dict[str, str]:
    return {
        "npm_config_registry": registry.url,
        "npm_config_globalconfig": os.devnull,
        "npm_config_userconfig": str(folder / "npmrc"),
        "npm_config_cache": str(folder / "npm"),
        "npm_config_audit": "false",
        "npm_config_fund": "false",
        "npm_config_update_notifier": "false",
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }


def project(folder: Path, **fields: Any) -> Path:
    """Have a project, and return its lock, which is not there yet."""
    (folder / "shop").mkdir(exist_ok=True)
    (folder / "shop" / "package.json").write_text(json.dumps({"name": "shop", "version": "0.3.0", **fields}))
    return folder / "shop" / "package-lock.json"


def members(folder: Path, manifests: dict[str, dict[str, Any]]) -> None:
    """Have the packages of a workspace."""
    for place, manifest in manifests.items():
        (folder / "shop" / place).mkdir(parents=True, exist_ok=True)
        (folder / "shop" / place / "package.json").write_text(json.dumps(manifest))


async def locked(folder: Path, **params: Any) -> LockResult:
    return await lock.run(
        LockParams(ecosystem="npm", file=str(folder / "shop" / "package-lock.json"), **params), context(folder)
    )


async def npm(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run npm; the registry answers in this same thread."""

    def work() -> subprocess.CompletedProcess[str]:
        return subprocess.run(["npm", *arguments], cwd=folder, capture_output=True, text=True, check=False)

    return await asyncio.to_thread(work)


async def native(folder: Path) -> str | None:
    """Return the lock that npm writes for the same manifest; None where it finds no solution."""
    other = folder / "native" / "shop"
    shutil.copytree(folder / "shop", other)
    (other / "package-lock.json").unlink(missing_ok=True)
    ended = await npm(other, "install", "--package-lock-only", "--ignore-scripts")
    return (other / "package-lock.json").read_text() if ended.returncode == 0 else None


def drawn(random: Random, registry: NpmRegistry) -> dict[str, Any]:
    """Fill a registry, and return what a project asks for."""
    for at, name in enumerate(NAMES):
        for version in random.sample(VERSIONS, random.randint(2, len(VERSIONS))):
            others = random.sample(NAMES[at + 1 :], min(len(NAMES) - at - 1, random.randint(0, 3)))
            needs = [
                f"{random.choice(('', '', '', '?', '!', '!?'))}{one}@{random.choice(('*', '>=1', '^1', '^2'))}"
                for one in others
            ]
            registry.add(f"{name}@{version}", " ".join(needs), **described(random))
    found: dict[str, Any] = {}
    for kind in ("dependencies", "devDependencies", "optionalDependencies"):
        found[kind] = {name: random.choice(RANGES) for name in random.sample(NAMES, random.randint(0, 2))}
    return found


def described(random: Random) -> dict[str, Any]:
    """Return some of what else a manifest may say."""
    fields: dict[str, Any] = {
        "bin": random.choice(["./cli.js", {"b": "./b.js", "A": "a.js"}, {}]),
        "engines": random.choice([{"node": ">=4", "npm": ">=2"}, {}]),
        "license": random.choice(["MIT", {"type": "Apache-2.0", "url": "https://files.test"}, "ISC é"]),
        "funding": random.choice(
            ["https://files.test/fund", {"type": "a", "url": "https://files.test"}, [{"url": "https://files.test"}]]
        ),
        "os": ["!aix"],
        "cpu": ["x64", "arm64", "ia32", "arm"],
        "scripts": random.choice([{"install": "true"}, {"test": "true"}]),
    }
    return {key: fields[key] for key in random.sample(sorted(fields), random.randint(0, 4))}


def drawn_project(random: Random, registry: NpmRegistry, folder: Path) -> Path:
    """Fill a registry, have a project, and return its lock."""
    return project(folder, **drawn(random, registry))


Draw = Callable[[Random, NpmRegistry, Path], Path]


async def compared(folder: Path, seeds: range, draw: Draw = drawn_project) -> tuple[int, int]:
    """Return how many locks are the same to the byte, and of how many manifests neither finds a solution."""
    same = neither = 0
    for seed in seeds:
        place = folder / str(seed)
        place.mkdir()
        async with NpmRegistry() as registry:
            with variables(settings(place, registry)):
                path = draw(Random(seed), registry, place)
                theirs = await native(place)
                try:
                    await locked(place)
                except (ConflictError, NotFoundError, InvalidConfigError):
                    assert theirs is None, seed
                    neither += 1
                    continue
                except UnsupportedError as error:
                    if error.found != "lockfileVersion 2":
                        raise
                    continue
                assert path.read_text() == theirs, seed
                same += 1
        shutil.rmtree(place)
    return same, neither


@pytest.mark.real
@pytest.mark.timeout(300)
@needs_npm
async def test_it_is_to_the_byte_what_npm_writes(tmp_path: Path) -> None:
    same, _ = await compared(tmp_path, range(8))
    assert same > 3


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(3000)
@needs_npm
async def test_it_is_to_the_byte_what_npm_writes_at_length(tmp_path: Path) -> None:
    same, neither = await compared(tmp_path, range(8, 50))
    assert same > 25
    assert neither > 2


async def test_a_member_is_called_by_its_name_and_not_by_its_folder(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("core@1.0.0")
    members(tmp_path, {"packages/utils": {"name": "@acme/utils", "version": "1.0.0", "dependencies": {"core": "^99"}}})
    project(tmp_path, workspaces=["packages/*"])
    with pytest.raises(NotFoundError, match=r"npm core@\^99, which @acme/utils needs: there is none"):
        await locked(tmp_path)


@pytest.mark.real
@pytest.mark.timeout(120)
@needs_npm
async def test_npm_takes_it_without_a_network(tmp_path: Path) -> None:
    async with NpmRegistry() as registry:
        with variables(settings(tmp_path, registry)):
            registry.add("web@1.0.0", "core@^1 ?tools@1", bin="cli.js", license="MIT", files={"cli.js": {}})
            for spec in ("core@1.0.0", "core@2.0.0", "tools@1.0.0", "tools@1.1.0", "tester@1.0.0", "@acme/kit@2.0.0"):
                registry.add(spec)
            members(
                tmp_path,
                {
                    "packages/app": {
                        "name": "app",
                        "version": "1.0.0",
                        "dependencies": {"@acme/kit": "^1", "core": "1"},
                    },
                    "packages/kit": {"name": "@acme/kit", "version": "1.0.0"},
                    "packages/old": {"name": "old", "version": "1.0.0", "devDependencies": {"@acme/kit": "^2"}},
                },
            )
            path = project(
                tmp_path, dependencies={"web": "^1", "core": "2"}, devDependencies={"tester": "*"}, workspaces=["packages/*"],
                overrides={"web": {"tools": "1.0.0"}},
            )  # fmt: skip
            result = await locked(tmp_path)
            assert (result.packages, result.form) == (6, "package-lock.json")
            before = path.read_bytes()
            assert before.decode() == await native(tmp_path)
            filled = await npm(path.parent, "ci")
            assert filled.returncode == 0, filled.stderr
            shutil.rmtree(path.parent / "node_modules")
    # The registry has ended.
    with variables(settings(tmp_path, registry)):
        ended = await npm(path.parent, "ci", "--offline")
    assert ended.returncode == 0, ended.stderr
    assert path.read_bytes() == before
    versions = {
        place: json.loads((path.parent / place / "package.json").read_text())["version"]
        for place in (
            "node_modules/web/node_modules/core", "node_modules/tools", "packages/app/node_modules/core", "packages/old/node_modules/@acme/kit",
            "node_modules/@acme/kit",
        )
    }  # fmt: skip
    assert list(versions.values()) == ["1.0.0", "1.0.0", "1.0.0", "2.0.0", "1.0.0"]


async def test_who_is_needed_in_some_ways_only(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("web@1.0.0", "core ?maybe")
    registry.add("tester@1.0.0", "core deep maybe")
    for name in ("core", "maybe", "deep"):
        registry.add(f"{name}@1.0.0")
    path = project(tmp_path, dependencies={"web": "1"}, devDependencies={"tester": "1"})
    await locked(tmp_path)
    packages = json.loads(path.read_text())["packages"]
    flags = {
        place: [one for one in ("dev", "optional", "devOptional", "peer") if one in entry]
        for place, entry in packages.items()
        if place
    }
    assert flags == {
        "node_modules/core": [], "node_modules/deep": ["dev"], "node_modules/maybe": ["devOptional"], "node_modules/tester": ["dev"],
        "node_modules/web": [],
    }  # fmt: skip
    with pytest.raises(UnavailableError, match="for a lock file"):
        await locked(tmp_path, offline=True)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"workspaces": ["a"]}, "workspaces"), ({"overrides": {"a": "1"}}, "overrides"), ({"dependencies": {"a": "git://files.test/a"}}, "dependencies.a"),
        ({"devDependencies": {"a": "file:../a"}}, "devDependencies.a"), ({"peerDependencies": {"a": "1"}}, "peerDependencies"),
    ],
)  # fmt: skip
def test_what_is_not_read(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        read_manifest(json.dumps(fields))
    assert caught.value.path == path


@pytest.mark.parametrize("text", ["[", "[]", '{"dependencies": 1}', '{"dependencies": {"a": 1}}'])
def test_what_is_malformed(text: str) -> None:
    with pytest.raises(InvalidConfigError):
        read_manifest(text)
