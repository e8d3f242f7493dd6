"""uv.lock of projects with packages from git repositories, addresses and files: to the byte as uv writes it."""

import asyncio
import tomllib
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_lock_writing_uv import compared
from outrider.operators.packages.tests.uv_direct import DirectWorld
from outrider.operators.packages.tests.uv_projects import fill, project, uv
from outrider.operators.packages.tests.world import settings, variables


async def many(place: Path, index: PythonIndex, seeds: range) -> Counter[str]:
    names = fill(Random(seeds[0]), index)
    world = DirectWorld(Random(seeds[0]), place, index, names)
    found: Counter[str] = Counter()
    for seed in seeds:
        found[await compared(world.drawn(Random(seed), place / f"p{seed}"), index.url)] += 1
    return found


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_uv_writes_the_same(index: PythonIndex, place: Path) -> None:
    found = await many(place, index, range(40))
    assert found["different"] == 0, found
    assert found["accepted"] <= 4, found
    assert found["equal"] >= 20, found


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_uv_writes_the_same_of_archives_of_everybody(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    own = {name: value for name, value in settings("", tmp_path).items() if name != "PIP_INDEX_URL"}
    found: Counter[str] = Counter()
    with variables(own):
        path = project(tmp_path / "all" / "shop", ["flask", "idna", "httpx"])
        assert (await asyncio.to_thread(uv, path.parent, "", "lock")).returncode == 0
        packages = {one["name"]: one for one in tomllib.loads(path.read_text())["package"]}
        for name in ("flask", "idna", "httpx"):
            for file in (packages[name]["sdist"], packages[name]["wheels"][0]):
                path = project(tmp_path / f"{name}{len(found)}" / "shop", [f"{name} @ {file['url']}"])
                found[await compared(path, "")] += 1
    assert found == {"equal": 6}


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(3000, 3200, 50))
async def test_uv_writes_the_same_at_length(seed: int, index: PythonIndex, place: Path) -> None:
    found = await many(place, index, range(seed, seed + 50))
    # Where the Pythons of a kind of machines have gaps, uv takes wheels for those alone that lie beside these.
    assert found["different"] <= 1, found
    assert found["equal"] >= 25, found
