"""Vulnerable packages are replaced in the lock files of npm's other clients."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.tests.npm_lock_fixes import Client
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import imported
from outrider.operators.packages.tests.test_fix_bun import BUN
from outrider.operators.packages.tests.test_fix_npm import bad
from outrider.operators.packages.tests.test_fix_pnpm import PNPM
from outrider.operators.packages.tests.test_lock_writing_npm import project
from outrider.operators.packages.tests.world import variables

# What a file says of a range that was changed, and of a peer that was replaced.
_WIDENED = {PNPM.lock: "specifier: ^2.0.0", BUN.lock: '"web": "^2.0.0",'}
_PEER = {PNPM.lock: "web@1.0.0(side@1.5.0):", BUN.lock: '"side": ["side@1.5.0"'}


@pytest.fixture(params=[PNPM, BUN], ids=lambda one: one.lock)
def client(request: pytest.FixtureRequest) -> Client:
    found: Client = request.param
    return found


@pytest.fixture
async def registry(client: Client, tmp_path: Path) -> AsyncIterator[NpmRegistry]:
    async with NpmRegistry() as made:
        with variables(client.settings(tmp_path, made)):
            yield made


async def test_no_other_vulnerability_comes_in(client: Client, registry: NpmRegistry, tmp_path: Path) -> None:
    path = await client.started(registry, tmp_path)
    await imported(
        tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.2.0")), bad("X-2", "more", ("introduced", "0"))
    )
    before = path.read_text()
    result = await client.fixed(tmp_path)
    assert (path.read_text(), result.fixed, result.unfixed) == (before, 0, 1)
    assert any("more" in one for one in result.files[0].unfixed[0].reasons)


async def test_a_range_that_blocks(client: Client, registry: NpmRegistry, tmp_path: Path) -> None:
    path = await client.started(registry, tmp_path)
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0.0")))
    result = await client.fixed(tmp_path)
    [left] = result.files[0].unfixed
    assert [(one.name, one.before, one.after) for one in left.remedies] == [("web", "^1", "^2.0.0")]
    result = await client.fixed(tmp_path, manifest=True)
    assert json.loads((path.parent / "package.json").read_text())["dependencies"] == {"web": "^2.0.0"}
    assert client.packages(path) == ["core@2.0.0", "other@1.0.0", "web@2.0.0"]
    assert _WIDENED[client.lock] in path.read_text()
    assert (result.fixed, result.unfixed, len(result.written)) == (1, 0, 2)


async def test_a_peer_that_nobody_asks_for(client: Client, registry: NpmRegistry, tmp_path: Path) -> None:
    path = await client.started(registry, tmp_path)
    await imported(tmp_path, bad("X-1", "side", ("introduced", "0"), ("fixed", "1.5.0")))
    await client.fixed(tmp_path)
    assert _PEER[client.lock] in path.read_text()


async def test_each_need_keeps_its_version(client: Client, registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("low@1.0.0", "core@^1")
    registry.add("high@1.0.0", "core@1.1.0")
    for spec in ("core@1.0.0", "bad@1.0.0"):
        registry.add(spec)
    lock_path = project(tmp_path, dependencies={"low": "1", "bad": "1"}).with_name(client.lock)
    await client.locked(tmp_path)
    registry.add("core@1.1.0")
    registry.add("bad@1.1.0")
    shutil.rmtree(tmp_path / "cache")
    project(tmp_path, dependencies={"low": "1", "bad": "1", "high": "1"})
    await client.locked(tmp_path, keep=True)
    await imported(tmp_path, bad("X-1", "bad", ("introduced", "0"), ("fixed", "1.1.0")))
    await client.fixed(tmp_path)
    assert client.packages(lock_path) == ["bad@1.1.0", "core@1.0.0", "core@1.1.0", "high@1.0.0", "low@1.0.0"]


async def test_what_may_be_left_out_is_not_left_out_for_that(
    client: Client, registry: NpmRegistry, tmp_path: Path
) -> None:
    registry.add("site@1.0.0", "?core@^1")
    path = await client.started(registry, tmp_path, dependencies={"site": "^1"}, optionalDependencies={"other": "^1"})
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0")), bad("X-2", "other", ("introduced", "0")))
    before = path.read_text()
    result = await client.fixed(tmp_path)
    assert (path.read_text(), result.unfixed) == (before, 2)
    assert [one.reasons[0] for one in result.files[0].unfixed] == [
        "site needs core where it can be had, and no version of it may be used.",
        "the manifest needs other where it can be had, and no version of it may be used.",
    ]


@pytest.mark.parametrize(
    ("client", "change", "path"),
    [
        (PNPM, ("lockfileVersion: '9.0'", "lockfileVersion: '6.0'"), "lockfileVersion"),
        (PNPM, ("autoInstallPeers: true", "autoInstallPeers: false"), "settings"),
        (PNPM, ("\nimporters:", "\npnpmfileChecksum: x\n\nimporters:"), "pnpmfileChecksum"),
        (PNPM, ("FromLockfile: false", "FromLockfile: false\n  injectWorkspacePackages: true"), "settings"),
        (
            PNPM,
            ("  core@1.0.0:\n    res", "  core@https://files.test/core:\n    res"),
            "packages.core@https://files.test/core",
        ),
        (BUN, ('"lockfileVersion": 2', '"lockfileVersion": 4'), "lockfileVersion"),
        (BUN, ('"configVersion": 1', '"configVersion": 2'), "configVersion"),
        (BUN, ('"packages": {', '"other": {"core": "x"}, "packages": {'), "other"),
        (BUN, ('"workspaces": {', '"workspaces": {"a": {},'), "workspaces"),
        (BUN, ('"core": ["core@1.0.0"', '"core": ["core@https://files.test/core"'), "packages.core"),
    ],
)
async def test_what_is_not_changed(
    client: Client, registry: NpmRegistry, tmp_path: Path, change: tuple[str, str], path: str
) -> None:
    lock = await client.started(registry, tmp_path)
    text = lock.read_text()
    assert change[0] in text
    lock.write_text(text.replace(*change, 1))
    await imported(tmp_path, bad("X-1", "side", ("introduced", "0"), ("fixed", "1.1.0")))
    with pytest.raises(UnsupportedError) as caught:
        await client.fixed(tmp_path)
    assert caught.value.path == path
