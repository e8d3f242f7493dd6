"""Vulnerable packages of bun.lock are replaced, and bun takes the lock as it is."""

from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.tests.npm_lock_fixes import SEEDS, Client
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import imported
from outrider.operators.packages.tests.test_fix_npm import bad
from outrider.operators.packages.tests.test_lock_writing_bun import LOCK, bun, locked, registry, settings

__all__ = ["registry"]

BUN = Client(LOCK, settings, locked, bun, {"bin": "elsewhere.js"})


async def test_the_lock_alone_changes_where_the_ranges_allow_it(registry: NpmRegistry, tmp_path: Path) -> None:
    path = await BUN.started(registry, tmp_path)
    lines = path.read_text().splitlines()
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    result = await BUN.fixed(tmp_path)
    changed = [new for old, new in zip(lines, path.read_text().splitlines(), strict=True) if old != new]
    assert [one.split('"')[3] for one in changed] == ["core@1.1.0"]
    assert BUN.packages(path) == ["core@1.1.0", "other@1.0.0", "side@1.0.0", "web@1.0.0"]
    assert "elsewhere" not in path.read_text()
    [change] = result.files[0].changes
    assert (change.name, change.before, change.after, change.why) == ("core", "1.0.0", "1.1.0", "X-1")
    assert (await BUN.fixed(tmp_path)).written == []


@pytest.mark.parametrize("text", ['"packages": [', '"packages": {"x": [],', '"workspaces": [], "w": {'])
async def test_what_cannot_be_read(registry: NpmRegistry, tmp_path: Path, text: str) -> None:
    lock = await BUN.started(registry, tmp_path)
    key = text.partition(":")[0]
    lock.write_text(lock.read_text().replace(f"{key}: {{", text, 1))
    await imported(tmp_path, bad("X-1", "side", ("introduced", "0"), ("fixed", "1.1.0")))
    with pytest.raises(InvalidConfigError):
        await BUN.fixed(tmp_path)


async def test_what_the_lock_has_stays(registry: NpmRegistry, tmp_path: Path) -> None:
    fields = {"dependencies": {"web": "^1", "other": "1"}, "trustedDependencies": ["other", "web"]}
    path = await BUN.started(registry, tmp_path, **fields)
    text = path.read_text().replace('"lockfileVersion": 2', '"lockfileVersion": 1')
    path.write_text(text)
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    assert (await BUN.fixed(tmp_path)).fixed == 1
    changed = [new for old, new in zip(text.splitlines(), path.read_text().splitlines(), strict=True) if old != new]
    assert [one.split('"')[1] for one in changed] == ["core"]


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_bun_has_nothing_to_change(tmp_path: Path) -> None:
    command = ("install", "--lockfile-only")
    found = [
        await BUN.judged(tmp_path / str(seed), seed, command, [command, ("install", "--frozen-lockfile")])
        for seed in SEEDS
    ]
    assert sum(fixed for fixed, _ in found) > 8
    assert sum(unfixed for _, unfixed in found) > 1
