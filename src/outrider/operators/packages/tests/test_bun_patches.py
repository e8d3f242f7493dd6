"""Patches of a project of bun stand in its lock, where they are used."""

import json
import shutil
from pathlib import Path
from random import Random

import pytest

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import imported
from outrider.operators.packages.tests.test_bun_trusting import drawn_names
from outrider.operators.packages.tests.test_fix_bun import BUN
from outrider.operators.packages.tests.test_fix_npm import bad
from outrider.operators.packages.tests.test_lock_writing_bun import LOCK, locked, native, registry, settings
from outrider.operators.packages.tests.test_lock_writing_npm import project
from outrider.operators.packages.tests.world import variables

__all__ = ["registry"]
PATCH = "diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n"


def patched(folder: Path, said: dict[str, str], **needs: str) -> Path:
    """Write a project with patches, and return its lock."""
    path = project(folder, dependencies=needs, patchedDependencies=said).with_name(LOCK)
    (path.parent / "patches").mkdir()
    for place in said.values():
        (path.parent / place).write_text(PATCH)
    return path


async def test_those_that_are_used_stand_in_the_lock(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("core@1.0.0")
    registry.add("side@1.0.0")
    said = {"core@1.0.0": "patches/core.patch", "side@0.9.0": "patches/old.patch", "none": "patches/none.patch"}
    path = patched(tmp_path, said, core="1", side="1")
    await locked(tmp_path)
    assert (
        '\n  "patchedDependencies": {\n    "core@1.0.0": "patches/core.patch",\n  },\n  "packages": {'
        in path.read_text()
    )
    registry.add("core@1.1.0")
    # Of what came just now nothing is kept yet.
    shutil.rmtree(tmp_path / "cache")
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    result = await BUN.fixed(tmp_path)
    assert (result.fixed, "patchedDependencies" in path.read_text()) == (1, False)
    assert result.files[0].warnings == ["core@1.0.0: its patch is not used any more: patches/core.patch"]


@pytest.mark.parametrize(
    ("place", "error"),
    [("patches/gone.patch", NotFoundError), ("../a.patch", InvalidConfigError), ("/a.patch", InvalidConfigError)],
)
async def test_patches_that_are_not_there(
    registry: NpmRegistry, tmp_path: Path, place: str, error: type[Exception]
) -> None:
    registry.add("core@1.0.0")
    project(tmp_path, dependencies={"core": "1"}, patchedDependencies={"core@1.0.0": place})
    with pytest.raises(error, match=r"patchedDependencies\.core@1\.0\.0"):
        await locked(tmp_path)


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_bun_writes_the_same(tmp_path: Path) -> None:
    for seed in range(15):
        random, folder = Random(f"patches {seed}"), tmp_path / str(seed)
        folder.mkdir()
        names = drawn_names(random)
        chosen = random.sample(names, random.randint(1, len(names)))
        said = {
            f"{name}@{random.choice(('1.0.0', '1.0.0', '1.0.0', '2.0.0'))}": f"patches/{at}.patch"
            for at, name in enumerate(chosen)
        }
        async with NpmRegistry() as made:
            with variables(settings(folder, made)):
                for name in names:
                    made.add(f"{name}@1.0.0")
                path = patched(folder, said, **dict.fromkeys(names, "1"))
                theirs = await native(folder)
                await locked(folder)
        assert path.read_text() == theirs, json.dumps(said)
