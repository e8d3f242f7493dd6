"""Workspaces of bun: their bun.lock is to the byte that of bun."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError, OutriderError, UnsupportedError
from outrider.operators.packages.locks.bun import read
from outrider.operators.packages.tests.bun_workspaces import (
    drawn_harder_workspace,
    drawn_overrides_of_members,
    drawn_workspace,
)
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_lock_writing_bun import LOCK, bun, locked, registry, settings
from outrider.operators.packages.tests.test_lock_writing_npm import members, project
from outrider.operators.packages.tests.world import variables

__all__ = ["registry"]

PATTERNS = ["packages/*"]
# What bun writes otherwise, and of those that are drawn harder; why is not known.
OTHERWISE = {167}
HARDER_OTHERWISE = {3, 11, 17, 23, 39, 41, 53}
# Of those with overrides of members, what bun writes otherwise, or not at all.
OVERRIDDEN_OTHERWISE = {2, 37}
Draw = Callable[[Random, NpmRegistry, Path], None]


async def native(folder: Path) -> str | None:
    """Return the lock that bun writes for the same workspace; None where it writes none."""
    other = folder / "native" / "shop"
    shutil.copytree(folder / "shop", other, ignore=shutil.ignore_patterns(LOCK))
    ended = await bun(other, "install", "--lockfile-only")
    path = other / LOCK
    return path.read_text() if ended.returncode == 0 and path.exists() else None


async def compared(folder: Path, seeds: Any, draw: Draw = drawn_workspace) -> tuple[int, int]:
    """Return how many locks are the same to the byte, and how many workspaces are refused."""
    same = refused = 0
    for seed in seeds:
        place = folder / f"{seed}-{draw.__name__}"
        async with NpmRegistry() as registry:
            with variables(settings(place, registry)):
                draw(Random(seed), registry, place / "shop")
                theirs = await native(place)
                try:
                    await locked(place)
                except UnsupportedError:
                    refused += 1
                    continue
                except OutriderError:
                    assert theirs is None, seed
                    continue
                assert (place / "shop" / LOCK).read_text() == theirs, seed
                same += 1
        shutil.rmtree(place)
    return same, refused


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_it_is_to_the_byte_what_bun_writes_of_workspaces(tmp_path: Path) -> None:
    same, refused = await compared(tmp_path, set(range(13)) - OTHERWISE)
    harder, _ = await compared(tmp_path, set(range(8)) - HARDER_OTHERWISE, drawn_harder_workspace)
    overridden, _ = await compared(tmp_path, set(range(12)) - OVERRIDDEN_OTHERWISE, drawn_overrides_of_members)
    assert (same, refused, harder, overridden) == (13, 0, 5, 5)


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(3000)
async def test_it_is_to_the_byte_what_bun_writes_of_workspaces_at_length(tmp_path: Path) -> None:
    same, refused = await compared(tmp_path, set(range(13, 200)) - OTHERWISE)
    harder, _ = await compared(tmp_path, set(range(8, 60)) - HARDER_OTHERWISE, drawn_harder_workspace)
    overridden, _ = await compared(tmp_path, set(range(8, 120)) - OVERRIDDEN_OTHERWISE, drawn_overrides_of_members)
    assert (same > 180, refused < 4, harder > 40, overridden > 75) == (True, True, True, True)


def _needs(**found: str) -> dict[str, Any]:
    return {"dependencies": found}


WORKSPACES: list[tuple[dict[str, Any], dict[str, dict[str, Any]]]] = [
    ({}, {"packages/b": {"name": "a", "version": "1.0.0-beta.1+x"}, "packages/a": {"name": "b", "version": "1"}}),
    ({"workspaces": {"packages": PATTERNS, "nohoist": ["x"]}}, {"packages/a": {"name": "shop"}, "packages/b": {}}),
    ({"trustedDependencies": []}, {"packages/a": {"name": "a", **_needs(core="*"), "trustedDependencies": ["core"]}}),
    ({"trustedDependencies": ["a", "x"]}, {"packages/a": {"name": "a"}}),
    (
        {"workspaces": ["packages/*", "!packages/b", "packages/b/"]},
        {"packages/a": {"name": "a", **_needs(b="latest")}, "packages/b": {"name": "b", **_needs(a="")}},
    ),
    (
        {"workspaces": ["!packages/b", "./packages/*"], "optionalDependencies": {"core": "9"}},
        {"packages/a": {"name": "a", "version": "1.2.0"}, "packages/b": {"name": "b"}, "packages/c": {"name": "c", **_needs(a="^1", core="1")}},
    ),
    (
        {"overrides": {"core": "1.0.0"}},
        {
            "packages/a": {"name": "a", **_needs(core="2"), "optionalDependencies": {"b": "^9", "core": "^9"}},
            "packages/b": {"name": "b", "version": "v1.0.0", "devDependencies": {"core": "1", "mine": "npm:core@2"}},
        },
    ),
    ({"peerDependencies": {"core": "^1"}}, {"packages/a": {"name": "a", "peerDependencies": {"core": "^2", "b": "^2"}}, "packages/b": {"name": "b"}}),
    (_needs(b="workspace:packages/b"), {"packages/a": {"name": "a", **_needs(b="workspace:./../b/")}, "packages/b": {"name": "b", **_needs(a="workspace:packages/a")}}),
    (
        {"overrides": {"b": "1", "a": "$b"}, **_needs(b="^1")},
        {"packages/a": {"name": "a", "version": "1.0.0", "optionalDependencies": {"b": "2"}}, "packages/b": {"name": "b", "version": "1.2.0", **_needs(a="")}},
    ),
    (
        {"overrides": {"b": "2.0.0"}, "optionalDependencies": {"a": "9"}},
        {"packages/a": {"name": "a", **_needs(b="workspace:*", x="workspace:b@*")}, "packages/b": {"name": "b", "version": "1.0.0"}},
    ),
    (
        _needs(b="^2", core="1", x="npm:a@1"),
        {"packages/a": {"name": "a", "version": "1.0.0", **_needs(b="1", core="2", web="*")}, "packages/b": {"name": "b", "version": "1.0.0", **_needs(core="2")}},
    ),
    (_needs(b="x"), {"packages/a": {"name": "a", **_needs(b="workspace:~")}, "packages/b": {"name": "b", "directories": {"bin": "x"}, **_needs(b="2")}}),
]  # fmt: skip


@pytest.mark.real
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("fields", "manifests"), WORKSPACES)
async def test_what_bun_reads_of_members(
    registry: NpmRegistry, tmp_path: Path, fields: dict[str, Any], manifests: dict[str, dict[str, Any]]
) -> None:
    for spec in ("core@1.0.0", "core@2.0.0", "b@2.0.0", "a@3.0.0"):
        registry.add(spec)
    registry.add("web@1.0.0", "b@1")
    path = project(tmp_path, **{"workspaces": PATTERNS, **fields}).with_name(LOCK)
    members(tmp_path, manifests)
    theirs = await native(tmp_path)
    await locked(tmp_path)
    assert path.read_text() == theirs


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_bun_takes_the_lock_of_a_workspace_as_it_is(registry: NpmRegistry, tmp_path: Path) -> None:
    for spec in ("core@1.0.0", "core@2.0.0"):
        registry.add(spec)
    path = project(tmp_path, workspaces=PATTERNS, **_needs(core="2")).with_name(LOCK)
    members(tmp_path, {"packages/a": {"name": "a", **_needs(b="workspace:*")}, "packages/b": {"name": "b", **_needs(core="1")}})  # fmt: skip
    await locked(tmp_path)
    before = path.read_bytes()
    ended = await bun(path.parent, "install", "--frozen-lockfile")
    assert ended.returncode == 0, ended.stderr
    assert path.read_bytes() == before
    inside = path.parent / "packages" / "b" / "node_modules" / "core" / "package.json"
    assert json.loads(inside.read_text())["version"] == "1.0.0"


async def test_what_a_file_says_of_members(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("core@1.0.0")
    registry.add("core@2.0.0")
    registry.add("web@1.0.0", "core@2 b@1")
    path = project(tmp_path, workspaces=PATTERNS, **_needs(core="2")).with_name(LOCK)
    members(
        tmp_path,
        {
            "packages/z": {"name": "a", **_needs(b="^1", web="*"), "peerDependencies": {"core": "*"}},
            "packages/y": {"name": "b", "version": "1.2.0", "bin": {"b": "b.js"}, **_needs(core="1")},
        },
    )
    assert (await locked(tmp_path)).packages == 3
    lines = [line.partition('", "')[0].partition(', "http')[0] for line in path.read_text().splitlines()]
    assert lines[lines.index('    "packages/y": {') :] == """    "packages/y": {
      "name": "b",
      "version": "1.2.0",
      "bin": {
        "b": "b.js",
      },
      "dependencies": {
        "core": "1",
      },
    },
    "packages/z": {
      "name": "a",
      "dependencies": {
        "b": "^1",
        "web": "*",
      },
      "peerDependencies": {
        "core": "*",
      },
    },
  },
  "packages": {
    "a": ["a@workspace:packages/z"],

    "b": ["b@workspace:packages/y"],

    "core": ["core@2.0.0

    "web": ["web@1.0.0

    "b/core": ["core@1.0.0
  }
}""".splitlines()  # fmt: skip


async def test_something_else_stands_in_the_place_of_a_member(registry: NpmRegistry, tmp_path: Path) -> None:
    for spec in ("core@1.0.0", "core@2.0.0", "a@2.0.0", "late@1.0.0"):
        registry.add(spec)
    path = project(tmp_path, workspaces=PATTERNS, **_needs(a="2", core="2")).with_name(LOCK)
    a = {"name": "a", "version": "1.0.0", **_needs(core="1"), "devDependencies": {"late": "*"}}
    members(tmp_path, {"packages/a": a, "packages/b": {"name": "b", **_needs(x="workspace:a@*", a="1")}})
    await locked(tmp_path)
    lines = [line.partition(', "http')[0].strip(" ,]") for line in path.read_text().splitlines()]
    assert [line for line in lines[lines.index('"packages": {') + 1 :] if ":" in line] == [
        '"a": ["a@2.0.0"', '"b": ["b@workspace:packages/b"', '"core": ["core@2.0.0"', '"late": ["late@1.0.0"',
        '"x": ["a@workspace:packages/a"', '"./a/core": ["core@1.0.0"', '"b/a": ["a@workspace:packages/a"', '"x/core": ["core@1.0.0"',
        '"b/a/core": ["core@1.0.0"',
    ]  # fmt: skip
    found = {(one.name, one.version): one.development for one in read(path.read_text()).packages}
    assert found == {("a", "2.0.0"): False, ("core", "1.0.0"): False, ("core", "2.0.0"): False, ("late", "1.0.0"): True}
    before = path.read_text()
    registry.add("core@1.1.0")
    shutil.rmtree(tmp_path / "cache")
    await locked(tmp_path, keep=True)
    assert path.read_text() == before


async def test_what_the_lock_of_a_workspace_has_stays(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("core@1.0.0")
    registry.add("core@1.1.0")
    path = project(tmp_path, workspaces=PATTERNS).with_name(LOCK)
    members(tmp_path, {"packages/a": {"name": "a", **_needs(core="1.0.0")}})
    await locked(tmp_path)
    members(tmp_path, {"packages/a": {"name": "a", **_needs(core="^1")}})
    await locked(tmp_path, keep=True)
    assert '"core@1.0.0' in path.read_text()
    await locked(tmp_path)
    assert '"core@1.1.0' in path.read_text()


A, B = {"name": "a", "version": "1.0.0"}, {"name": "b"}


@pytest.mark.parametrize(
    ("fields", "manifests", "path"),
    [
        ({"workspaces": {"packages": PATTERNS, "odd": {"core": "1"}}}, [A, B], "workspaces.odd"),
        ({"workspaces": ["../*"]}, [A, B], "workspaces"),
        ({"workspaces": ["packages\\*"]}, [A, B], "workspaces"),
        ({"overrides": {"b>a": "1"}}, [A, B], "overrides.a"),
        ({"overrides": {"a@1": "1"}}, [A, B], "overrides.a"),
        ({}, [A, {**B, **_needs(x="workspace:a@2")}], "dependencies.x"),
        (_needs(core="workspace:*"), [A, B], "dependencies.core"),
        ({}, [A, {**B, "devDependencies": {"a": "workspace:^2"}}], "devDependencies.a"),
        ({}, [A, {**B, "peerDependencies": {"a": "workspace:../a"}}], "peerDependencies.a"),
        ({}, [A, {**B, **_needs(x="workspace:../0")}], "dependencies.x"),
        ({}, [A, {**B, **_needs(a="workspace:packages/1")}], "dependencies.a"),
        ({}, [A, {**B, **_needs(core="link:../a")}], "dependencies.core"),
        ({}, [A, {**B, **_needs(shop="*")}], "dependencies.shop"),
        ({}, [A, {**B, "patchedDependencies": {"core@1.0.0": "x"}}], "patchedDependencies"),
        ({}, [A, {**B, "installConfig": {"hoistingLimits": "workspaces"}}], "installConfig.hoistingLimits"),
        ({}, [A, {"name": "../b"}], "name"),
    ],
)
async def test_what_is_not_heeded_in_workspaces(
    registry: NpmRegistry, tmp_path: Path, fields: dict[str, Any], manifests: list[dict[str, Any]], path: str
) -> None:
    registry.add("core@1.0.0")
    project(tmp_path, **{"workspaces": PATTERNS, **fields})
    members(tmp_path, {f"packages/{at}": one for at, one in enumerate(manifests)})
    with pytest.raises(UnsupportedError) as caught:
        await locked(tmp_path)
    assert caught.value.path == path


@pytest.mark.parametrize("patterns", [["packages/none"], [1], {"packages": "packages/*"}, ["packages/*", "other"]])
async def test_workspaces_that_cannot_be_read(registry: NpmRegistry, tmp_path: Path, patterns: Any) -> None:
    registry.add("core@1.0.0")
    project(tmp_path, workspaces=patterns, **_needs(core="1"))
    members(tmp_path, {"packages/a": A, "packages/b": B, "other": A})
    with pytest.raises(InvalidConfigError):
        await locked(tmp_path)
