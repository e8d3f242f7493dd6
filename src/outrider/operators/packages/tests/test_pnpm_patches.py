"""Patches of a project of pnpm: what is patched is called by the hash of its patch."""

import hashlib
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError, UnsupportedError
from outrider.operators.packages.npm.pnpm.patches import Patches
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import imported
from outrider.operators.packages.tests.test_fix_npm import bad
from outrider.operators.packages.tests.test_fix_pnpm import PNPM
from outrider.operators.packages.tests.test_lock_writing_npm import project
from outrider.operators.packages.tests.test_lock_writing_pnpm import (
    DRAWN,
    LOCK,
    compared,
    drawn_harder,
    locked,
    settings,
)
from outrider.operators.packages.tests.world import variables

PATCH = "diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+é\n"


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[NpmRegistry]:
    async with NpmRegistry() as made:
        with variables(settings(tmp_path, made)):
            made.add("web@1.0.0", "!core@*")
            made.add("core@1.0.0")
            made.add("side@1.0.0", "web@1")
            yield made


def patched(folder: Path, said: dict[str, str], **needs: str) -> Path:
    """Write a project with patches, and return its lock."""
    path = project(folder, dependencies=needs, pnpm={"patchedDependencies": said}).with_name(LOCK)
    for name in said.values():
        (path.parent / name).parent.mkdir(exist_ok=True)
        (path.parent / name).write_bytes(PATCH.encode())
    return path


@pytest.mark.parametrize(
    ("said", "version", "expected"),
    [
        ({"core@1.0.0": "a", "core@^1": "b", "core": "c"}, "1.0.0", "a"),
        ({"core@1.0.0": "a", "core@^1": "b", "core": "c"}, "1.2.0", "b"),
        ({"core@1.0.0": "a", "core@^1": "b", "core": "c"}, "2.0.0", "c"),
        ({"core@*": "a"}, "2.0.0-rc.1", "a"),
        ({"core@^1": "a"}, "2.0.0", ""),
        ({"@acme/core": "a", "other": "b"}, "1.0.0", ""),
    ],
)
def test_which_patch(said: dict[str, str], version: str, expected: str) -> None:
    assert Patches(said).suffix("core", version) == (f"(patch_hash={expected})" if expected else "")


def test_patches_that_cannot_be_told_apart() -> None:
    with pytest.raises(ConflictError, match=r"several patches are for core 1\.0\.0") as caught:
        Patches({"core@^1": "a", "core@1.x": "b"}).suffix("core", "1.0.0")
    assert caught.value.suggestions == ["name that version: core@1.0.0"]
    with pytest.raises(InvalidConfigError, match=r"patchedDependencies\.core@latest: latest is no range"):
        Patches({"core@latest": "a"})


async def test_what_is_patched_is_called_so(registry: NpmRegistry, tmp_path: Path) -> None:
    path = patched(tmp_path, {"core": "patches/core.patch", "web@^1": "patches/web.patch"}, side="1", core="1", web="1")
    await locked(tmp_path)
    text = path.read_text()
    first = hashlib.sha256(PATCH.encode()).hexdigest()
    called = f"web@1.0.0(patch_hash={first})(core@1.0.0(patch_hash={first}))"
    assert f"\npatchedDependencies:\n  core:\n    hash: {first}\n    path: patches/core.patch\n  web@^1:\n" in text
    assert f"\n  {called}:\n    dependencies:\n      core: 1.0.0(patch_hash={first})\n" in text
    (path.parent / "patches" / "core.patch").write_bytes(PATCH.replace("\n", "\r\n").encode())
    await locked(tmp_path)
    assert path.read_text() == text


async def test_what_stands_in_the_way(registry: NpmRegistry, tmp_path: Path) -> None:
    path = patched(tmp_path, {"other": "patches/a.patch"}, side="1", core="1")
    with pytest.raises(UnsupportedError, match=r"patchedDependencies\.other: nothing that it is for is needed"):
        await locked(tmp_path)
    shutil.rmtree(path.parent / "patches")
    with pytest.raises(NotFoundError, match=r"patches/a\.patch: it cannot be read"):
        await locked(tmp_path)
    project(tmp_path, dependencies={"core": "1"}, pnpm={"patchedDependencies": ["core"]})
    with pytest.raises(InvalidConfigError, match="patchedDependencies cannot be read"):
        await locked(tmp_path)


async def test_a_fix_and_patches(registry: NpmRegistry, tmp_path: Path) -> None:
    path = patched(tmp_path, {"core@1.0.0": "patches/core.patch", "web": "patches/web.patch"}, side="1", core="^1")
    await locked(tmp_path)
    for spec in ("core@1.1.0", "web@1.1.0"):
        registry.add(spec, "!core@*" if spec.startswith("web") else "")
    shutil.rmtree(tmp_path / "cache")
    await imported(
        tmp_path, *(bad(f"X-{name}", name, ("introduced", "0"), ("fixed", "1.1.0")) for name in ("core", "web"))
    )
    result = await PNPM.fixed(tmp_path)
    told = {one.name: " ".join(one.reasons) for one in result.files[0].unfixed}
    assert (result.fixed, list(told)) == (1, ["core"])
    assert "patchedDependencies.core@1.0.0: nothing that it is for is needed" in told["core"]
    assert "web@1.1.0(patch_hash=" in path.read_text()


@pytest.mark.real
@DRAWN
async def test_pnpm_writes_the_same(seeds: range, tmp_path: Path) -> None:
    same, neither = await compared(tmp_path, seeds, drawn_with_patches)
    assert same + neither == len(seeds)
    assert same > 1


def drawn_with_patches(random: Random, registry: NpmRegistry, folder: Path) -> None:
    asked: dict[str, Any] = drawn_harder(random, registry)
    # A patch of what the project itself needs is used for certain, if that can be had.
    needed = [name for name, text in asked["dependencies"].items() if not text.startswith("npm:")]
    said = {
        name
        if random.random() < 0.5
        else f"{name}@{random.choice(('*', '>=0', '^1 || ^2'))}": f"patches/{number}.patch"
        for number, name in enumerate(random.sample(needed, min(len(needed), 2)))
    }
    of_package = random.random() < 0.5
    path = project(folder, **asked, **({"pnpm": {"patchedDependencies": said}} if of_package else {}))
    if not of_package:
        path.with_name("pnpm-workspace.yaml").write_text(f"patchedDependencies: {json.dumps(said)}\n")
    (path.parent / "patches").mkdir()
    for place in said.values():
        (path.parent / place).write_text(f"{PATCH}{place}\n", newline=random.choice(("\n", "\r\n")))
