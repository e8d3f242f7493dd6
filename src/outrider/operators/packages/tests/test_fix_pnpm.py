"""Vulnerable packages of pnpm-lock.yaml are replaced, and pnpm takes the lock as it is."""

from pathlib import Path

import pytest

from outrider.operators.packages.tests.npm_lock_fixes import SEEDS, Client
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import imported
from outrider.operators.packages.tests.test_fix_npm import bad
from outrider.operators.packages.tests.test_lock_writing_pnpm import LOCK, locked, pnpm, registry, settings

__all__ = ["registry"]

PNPM = Client(LOCK, settings, locked, pnpm, {"engines": {"node": ">=4"}})


async def test_the_lock_alone_changes_where_the_ranges_allow_it(registry: NpmRegistry, tmp_path: Path) -> None:
    path = await PNPM.started(registry, tmp_path)
    lines = path.read_text().splitlines()
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    result = await PNPM.fixed(tmp_path)
    changed = [one for one in zip(lines, path.read_text().splitlines(), strict=False) if one[0] != one[1]]
    # The new version has no program, which is one line less.
    assert changed[0][1] == "  core@1.1.0:"
    assert PNPM.packages(path) == ["core@1.1.0", "other@1.0.0", "side@1.0.0", "web@1.0.0"]
    assert ">=4" not in path.read_text()
    [change] = result.files[0].changes
    assert (change.name, change.before, change.after, change.why) == ("core", "1.0.0", "1.1.0", "X-1")
    assert (await PNPM.fixed(tmp_path)).written == []


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_pnpm_has_nothing_to_change(tmp_path: Path) -> None:
    command = ("install", "--lockfile-only", "--no-frozen-lockfile")
    found = [
        await PNPM.judged(tmp_path / str(seed), seed, command, [command, (*command, "--no-prefer-frozen-lockfile")])
        for seed in SEEDS
    ]
    assert sum(fixed for fixed, _ in found) > 8
    assert sum(unfixed for _, unfixed in found) > 1
