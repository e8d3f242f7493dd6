"""Vulnerable packages in the bun.lock of a workspace are replaced, and bun takes the lock as it is."""

import json
import shutil
from pathlib import Path
from random import Random

import pytest

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.tests.bun_workspaces import drawn_workspace
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import imported
from outrider.operators.packages.tests.test_fix_bun import BUN
from outrider.operators.packages.tests.test_fix_npm import bad
from outrider.operators.packages.tests.test_lock_writing_bun import LOCK, bun, locked, registry, settings
from outrider.operators.packages.tests.test_lock_writing_npm import NAMES, members, project
from outrider.operators.packages.tests.world import variables

__all__ = ["registry"]

SEEDS = range(16)


async def started(registry: NpmRegistry, folder: Path) -> Path:
    """Have a workspace with a lock of the oldest versions."""
    registry.add("core@1.0.0")
    registry.add("side@1.0.0")
    path = project(folder, workspaces=["packages/*"], dependencies={"side": "^1"}).with_name(LOCK)
    members(folder, {
        "packages/a": {"name": "a", "version": "1.0.0", "dependencies": {"core": "^1", "b": "workspace:*"}},
        "packages/b": {"name": "b", "devDependencies": {"a": "^1", "side": "*"}},
    })  # fmt: skip
    await locked(folder)
    for spec in ("core@1.1.0", "core@2.0.0", "side@1.1.0"):
        registry.add(spec)
    shutil.rmtree(folder / "cache")
    return path


async def test_the_lock_alone_changes_where_the_ranges_of_a_member_allow_it(
    registry: NpmRegistry, tmp_path: Path
) -> None:
    path = await started(registry, tmp_path)
    lines = path.read_text().splitlines()
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    result = await BUN.fixed(tmp_path)
    changed = [new for old, new in zip(lines, path.read_text().splitlines(), strict=True) if old != new]
    assert [one.split('"')[3] for one in changed] == ["core@1.1.0"]
    assert result.written == [str(path)]


async def test_the_manifest_of_the_member_that_asks_changes(registry: NpmRegistry, tmp_path: Path) -> None:
    path = await started(registry, tmp_path)
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0.0")))
    assert (await BUN.fixed(tmp_path, manifest=True)).fixed == 1
    manifest = json.loads((path.parent / "packages" / "a" / "package.json").read_text())
    assert manifest["dependencies"] == {"core": "^2.0.0", "b": "workspace:*"}
    assert '"core": "^2.0.0",' in path.read_text()
    assert BUN.packages(path) == ["core@2.0.0", "side@1.0.0"]


async def test_a_lock_of_other_members(registry: NpmRegistry, tmp_path: Path) -> None:
    path = await started(registry, tmp_path)
    members(tmp_path, {"packages/c": {"name": "c"}})
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    before = path.read_text()
    with pytest.raises(UnsupportedError) as caught:
        await BUN.fixed(tmp_path)
    assert (caught.value.path, path.read_text()) == ("workspaces", before)


async def judged(folder: Path, seed: int, *, manifest: bool) -> tuple[int, int]:
    """Fix a lock that bun has made, and let it look at what comes out; return how many versions are fixed and are not."""
    async with NpmRegistry() as registry:
        with variables(settings(folder, registry)):
            drawn_workspace(Random(seed), registry, folder / "shop")
            before = await bun(folder / "shop", "install", "--lockfile-only")
            if before.returncode != 0:
                return 0, 0
            events = ("introduced", "1.10.0"), ("fixed", "2.0.0"), ("introduced", "2.0.1"), ("fixed", "3.0.0")
            await imported(folder, *(bad(f"X-{name}", name, *events) for name in NAMES))
            try:
                result = await BUN.fixed(folder, manifest=manifest)
            except UnsupportedError:
                return 0, 0
            text = (folder / "shop" / LOCK).read_text()
            for command in ("--lockfile-only", "--frozen-lockfile"):
                ended = await bun(folder / "shop", "install", command)
                assert (ended.returncode, (folder / "shop" / LOCK).read_text()) == (0, text), (seed, ended.stderr)
            return result.fixed, result.unfixed


@pytest.mark.real
@pytest.mark.timeout(300)
@pytest.mark.parametrize("manifest", [False, True])
async def test_bun_has_nothing_to_change_in_workspaces(tmp_path: Path, *, manifest: bool) -> None:
    found = [await judged(tmp_path / str(seed), seed, manifest=manifest) for seed in SEEDS]
    assert sum(fixed for fixed, _ in found) > 30
