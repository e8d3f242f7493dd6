"""package-lock.json as it is written: to the byte that of npm, and taken by it with the network cut."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError, UnavailableError, UnsupportedError
from outrider.operators.packages.manifests.package_json import read_manifest
from outrider.operators.packages.npm.overrides import read_rules
from outrider.operators.packages.operations import lock
from outrider.operators.packages.operations.lock import LockParams, LockResult
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.world import variables
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

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
            registry.add(f"{name}@{version}", " ".join(needs), **_said(random))
    return drawn_needs(random)


def drawn_needs(random: Random, registry: NpmRegistry | None = None) -> dict[str, Any]:
    """Return what a project asks for; only what a registry has, where one is given."""
    found: dict[str, Any] = {}
    for kind in ("dependencies", "devDependencies", "optionalDependencies"):
        names = random.sample(NAMES, random.randint(0, 2))
        found[kind] = {name: random.choice(_ranges(name, registry)) for name in names}
    return found


def _ranges(name: str, registry: NpmRegistry | None) -> Sequence[str]:
    if registry is None:
        return RANGES
    table = VersionTable(scheme_of("npm"), registry.documents[name]["versions"])
    return [text for text in RANGES if table.mask(text)]


def drawn_overrides(random: Random, registry: NpmRegistry, asked: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """Return overrides: of what others need, and of what the project needs itself."""
    direct = {name: text for kind in asked.values() for name, text in kind.items()}
    found: dict[str, Any] = {}
    for name in random.sample(NAMES, random.randint(1, 3)):
        is_direct = name in direct and depth == 0
        key = f"{name}{random.choice(('', '', '', '@^1', '@>=1.1', '@2', '@1.0.0')) if not is_direct else ''}"
        there = [*registry.documents[name]["versions"]]
        value = random.choice((*RANGES, *there, *there, "latest", "", *(f"${one}" for one in direct)))
        if is_direct and random.random() < 0.95:
            value = random.choice((f"${name}", direct[name]))
        found[key] = value
        if depth < 2 and random.random() < 0.5:
            found[key] = drawn_overrides(random, registry, asked, depth + 1)
            if is_direct or random.random() < 0.4:
                found[key]["."] = value
    return found


def drawn_workspace(random: Random, registry: NpmRegistry, folder: Path) -> Path:
    """Fill a registry, have a project with members, and return its lock."""
    drawn(random, registry)
    asked = drawn_needs(random, registry)
    folders = random.sample(
        ("packages/app", "packages/lib", "packages/@acme/kit", "tools/cli", "packages/lib/deep"), random.randint(1, 4)
    )
    names = {place: random.choice((place.rpartition("/")[2], f"@acme/{place.rpartition('/')[2]}")) for place in folders}
    for place, name in names.items():
        if random.random() < 0.3:
            registry.add(f"{name}@{random.choice(VERSIONS)}", random.choice(("", "alpha", "delta@*")))
        document = {
            "name": name,
            "version": random.choice(VERSIONS),
            "private": True,
            **_said(random),
            **drawn_needs(random, registry),
        }
        others = [one for one in names.values() if one != name]
        for other in random.sample(others, min(len(others), random.randint(0, 2))):
            kind = random.choice(("dependencies", "dependencies", "devDependencies", "peerDependencies"))
            document.setdefault(kind, {})[other] = random.choice(("*", "*", "*", "^1", ">=1.1"))
        for field in random.sample(("name", "version", "none", "none"), 1):
            if field != "name" or name == place.rpartition("/")[2]:
                document.pop(field, None)
        members(folder, {place: document})
    patterns = [*{"packages/lib/deep": 0, **dict.fromkeys(("packages/*", "packages/@acme/*", "tools/*"))}]
    said = random.choice((folders, patterns, {"packages": patterns}))
    fields = {**asked, **({"peerDependencies": {"beta": "*"}} if random.random() < 0.3 else {})}
    if random.random() < 0.3:
        fields["overrides"] = drawn_overrides(random, registry, asked)
    return project(folder, **fields, workspaces=said)


def _said(random: Random) -> dict[str, Any]:
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
    return project(folder, **drawn(random, registry))


def drawn_with_overrides(random: Random, registry: NpmRegistry, folder: Path) -> Path:
    asked = drawn(random, registry)
    return project(folder, **asked, overrides=drawn_overrides(random, registry, asked))


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
                assert path.read_text() == theirs, seed
                same += 1
        shutil.rmtree(place)
    return same, neither


DRAWS = (drawn_project, drawn_with_overrides, drawn_workspace)


@pytest.mark.real
@pytest.mark.timeout(300)
@needs_npm
@pytest.mark.parametrize("draw", DRAWS)
async def test_it_is_to_the_byte_what_npm_writes(tmp_path: Path, draw: Draw) -> None:
    same, _ = await compared(tmp_path, range(8), draw)
    assert same > 2


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(3000)
@needs_npm
@pytest.mark.parametrize(
    ("draw", "seeds"),
    [(drawn_project, range(8, 50)), (drawn_with_overrides, range(8, 150)), (drawn_workspace, range(8, 150))],
)
async def test_it_is_to_the_byte_what_npm_writes_at_length(tmp_path: Path, draw: Draw, seeds: range) -> None:
    same, neither = await compared(tmp_path, seeds, draw)
    assert same > len(seeds) // 2
    assert neither > 2


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


def places(path: Path) -> dict[str, Any]:
    """Return the versions of a lock by their place, and of links to where they lead."""
    packages = json.loads(path.read_text())["packages"]
    return {place: entry.get("version") or entry.get("resolved") for place, entry in packages.items() if place}


async def test_overrides(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("web@1.0.0", "core@^1 deep@^1 tool@^1")
    registry.add("other@1.0.0", "core@^1 deep@^2 tool@^1")
    for spec in ("core@1.0.0", "core@1.5.0", "core@2.0.0", "deep@1.0.0", "deep@2.0.0", "tool@1.0.0", "tool@1.1.0"):
        registry.add(spec)
    overrides = {"core": "$core", "web": {"tool": "1.0.0"}, "deep@^1": "2.0.0"}
    path = project(tmp_path, dependencies={"web": "1", "other": "1", "core": "^2"}, overrides=overrides)
    await locked(tmp_path)
    assert places(path) == {
        "node_modules/core": "2.0.0", "node_modules/deep": "2.0.0", "node_modules/other": "1.0.0", "node_modules/tool": "1.1.0",
        "node_modules/web": "1.0.0", "node_modules/web/node_modules/tool": "1.0.0",
    }  # fmt: skip


async def test_an_override_of_what_the_project_itself_asks_for(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("core@1.0.0")
    project(tmp_path, dependencies={"core": "^1"}, overrides={"core": "1.0.0"})
    with pytest.raises(ConflictError, match=r"You ask for core@\^1, and overrides have it be 1.0.0"):
        await locked(tmp_path)


async def test_a_workspace(registry: NpmRegistry, tmp_path: Path) -> None:
    for spec, needs in (("core@1.0.0", ""), ("core@2.0.0", "base"), ("base@1.0.0", ""), ("kit@3.0.0", "")):
        registry.add(spec, needs)
    app = {
        "name": "app",
        "version": "1.0.0",
        "license": "MIT",
        "dependencies": {"kit": "^1"},
        "devDependencies": {"core": "^2"},
    }
    members(
        tmp_path,
        {
            "packages/app": app, "packages/@acme/kit": {"name": "kit", "version": "1.0.0", "peerDependencies": {"core": "1"}},
            "packages/old": {"dependencies": {"kit": "^3"}}, "packages/no": {"name": "no"}, "packages/node_modules/x": {"name": "x"},
        },
    )  # fmt: skip
    (tmp_path / "shop" / "packages" / "empty").mkdir()
    workspaces = {"packages": ["./packages/{app,old,n*}", "packages/@acme/*", "!packages/no"]}
    path = project(tmp_path, workspaces=workspaces)
    await locked(tmp_path)
    assert places(path) == {
        "node_modules/app": "packages/app", "node_modules/base": "1.0.0", "node_modules/core": "1.0.0", "node_modules/kit": "packages/@acme/kit",
        "node_modules/old": "packages/old", "packages/@acme/kit": "1.0.0", "packages/app": "1.0.0", "packages/app/node_modules/core": "2.0.0",
        "packages/old/node_modules/kit": "3.0.0", "packages/old": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("workspaces", "message"),
    [("packages/*", "workspaces cannot be read"), (["../*"], "finds no folder below"), (["packages/*"], "two members"), (["{a,b}" * 20], "stands for too many")],
)  # fmt: skip
async def test_workspaces_that_are_malformed(
    registry: NpmRegistry, tmp_path: Path, workspaces: Any, message: str
) -> None:
    members(tmp_path, {"packages/a": {"name": "same"}, "packages/b": {"name": "same"}})
    project(tmp_path, workspaces=workspaces)
    with pytest.raises((InvalidConfigError, UnsupportedError), match=message):
        await locked(tmp_path)


@pytest.mark.parametrize(
    "overrides", [{"a": 1}, ["a"], {"a": {".": {}}}, {"a@latest": "1"}, {"": "1"}, {"./a": "1"}, {"a": {"b": None}}]
)
def test_overrides_that_are_malformed(overrides: Any) -> None:
    with pytest.raises(InvalidConfigError, match="overrides"):
        read_rules(overrides)


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
