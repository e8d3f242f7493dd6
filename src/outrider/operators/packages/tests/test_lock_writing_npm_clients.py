"""Lock files of npm's other clients keep what is there, and heed policies."""

import shutil
from pathlib import Path

import pytest

from outrider.core.errors import DeniedError
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.tests.npm_lock_fixes import Client
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_fix_npm_clients import client, registry
from outrider.operators.packages.tests.test_lock_writing_npm import project

__all__ = ["client", "registry"]


async def test_what_is_there_is_kept(client: Client, registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("web@1.0.0", "core@^1")
    registry.add("core@1.0.0")
    path = project(tmp_path, dependencies={"web": "^1"}).with_name(client.lock)
    await client.locked(tmp_path)
    registry.add("web@1.1.0", "core@^1")
    registry.add("core@1.5.0")
    shutil.rmtree(tmp_path / "cache")
    assert (await client.locked(tmp_path, keep=True)).changes == []
    changed = await client.locked(tmp_path)
    assert [(one.name, one.before, one.after) for one in changed.changes] == [
        ("core", "1.0.0", "1.5.0"), ("web", "1.0.0", "1.1.0"),
    ]  # fmt: skip
    assert {one.version for one in read_lock(client.lock, path.read_text()).packages} == {"1.5.0", "1.1.0"}


async def test_a_policy_counts(client: Client, registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("web@1.0.0", "core@^1 ?extra@*")
    for spec in ("core@1.0.0", "core@1.1.0", "extra@1.0.0"):
        registry.add(spec)
    policy = tmp_path / "policy.yaml"
    spec = '{deny: ["npm:core@>=1.1", "npm:extra"]}'
    policy.write_text(
        f"apiVersion: outrider.dev/v1alpha1\nkind: PackagePolicy\nmetadata: {{name: shop}}\nspec: {spec}\n"
    )
    path = project(tmp_path, dependencies={"web": "1"}).with_name(client.lock)
    result = await client.locked(tmp_path, policy=str(policy))
    assert result.warnings == ["web needs extra where it can be had, and no version of it may be used."]
    assert [one.version for one in read_lock(client.lock, path.read_text()).packages] == ["1.0.0", "1.0.0"]
    project(tmp_path, dependencies={"core": "^1.1"})
    with pytest.raises(DeniedError, match="policy admits none"):
        await client.locked(tmp_path, policy=str(policy))
