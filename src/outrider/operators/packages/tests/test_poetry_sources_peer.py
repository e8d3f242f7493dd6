"""poetry.lock of projects that have packages from several indexes: to the byte as Poetry writes it."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from outrider.core.errors import OutriderError
from outrider.operators.packages.tests.poetry_projects import LATE, fill_more, poetry, project
from outrider.operators.packages.tests.poetry_source_projects import DrawnSources, fill_all
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_lock_uv_sources_peer import fill_as_pytorch
from outrider.operators.packages.tests.test_lock_writing_poetry import OWN, locked
from outrider.operators.packages.tests.test_lock_writing_poetry_peer import compared
from outrider.operators.packages.tests.test_poetry_sources import source
from outrider.operators.packages.tests.uv_projects import fill
from outrider.operators.packages.tests.world import settings, variables


@pytest.fixture
async def three(index: PythonIndex) -> AsyncIterator[dict[str, PythonIndex]]:
    """Have the usual index and two more, by what their local versions are called."""
    async with PythonIndex() as corp, PythonIndex() as cpu:
        yield {"": index, "corp": corp, "cpu": cpu}


def filled(indexes: dict[str, PythonIndex], seed: int) -> tuple[list[str], dict[str, str]]:
    """Fill indexes, and return the names in that of everybody, and the addresses of the others."""
    names = [*fill(Random(seed), indexes[""]), *fill_more(indexes[""])]
    fill_all(Random(seed), indexes, names)
    return names, {name: one.url for name, one in indexes.items() if name}


async def many(place: Path, indexes: dict[str, PythonIndex], seeds: range) -> Counter[str]:
    names, urls = filled(indexes, seeds[0])
    found: Counter[str] = Counter()
    for seed in seeds:
        path = DrawnSources(Random(seed), names, urls).project(place / f"p{seed}" / "shop")
        found[await compared(path, indexes[""].root)] += 1
    return found


@pytest.mark.real
@pytest.mark.timeout(600)
async def test_poetry_writes_the_same(three: dict[str, PythonIndex], place: Path) -> None:
    found = await many(place, three, range(20))
    assert found["different"] + found["accepted"] == 0, found
    assert found["equal"] >= 14, found


def changed(random: Random, text: str) -> str:
    """Return a project whose sources have other priorities, or whose packages are asked of other ones."""
    if random.random() < 0.5:
        return re.sub(
            r'priority = "\w+"',
            lambda _: f'priority = "{random.choice(("primary", "supplemental", "explicit"))}"',
            text,
        )
    if 'name = "corp"' in text and 'name = "CPU"' in text:
        return re.sub(r'source = "\w+"', lambda _: f'source = "{random.choice(("corp", "cpu"))}"', text)
    return text


async def kept(path: Path, root: str, random: Random) -> str:
    """Lock a project again once something of it has changed, with Poetry and with ours, and return how the two compare."""
    before = path.read_text()
    manifest = path.parent / "pyproject.toml"
    manifest.write_text(changed(random, manifest.read_text()))
    done = await asyncio.to_thread(poetry, path.parent, root, "lock")
    if done.returncode == LATE:
        return "late"
    theirs = path.read_text() if done.returncode == 0 else None
    path.write_text(before)
    try:
        await locked(path, keep=True)
    except OutriderError:
        return "refused" if theirs is None else "different"
    ours = path.read_text()
    if ours != theirs:
        again = await asyncio.to_thread(poetry, path.parent, root, "lock") if theirs is None else None
        # Poetry gives up where a version that it keeps is in no index any more that is asked for it.
        return "beyond" if again and again.returncode == 0 and path.read_text() == ours else "different"
    return "same" if ours == before else "equal"


async def many_kept(place: Path, indexes: dict[str, PythonIndex], seeds: range) -> Counter[str]:
    names, urls = filled(indexes, seeds[0])
    drawn = {seed: DrawnSources(Random(seed), names, urls).project(place / f"p{seed}" / "shop") for seed in seeds}
    for path in drawn.values():
        await asyncio.to_thread(poetry, path.parent, indexes[""].root, "lock")
    for local, index in indexes.items():
        for name in ("torch", "vision", "shared", "other-one"):
            for version in ("1.9", "3.5", f"3.5+{local}" if local else "3.6"):
                index.add(name, version)
    found: Counter[str] = Counter()
    for seed, path in drawn.items():
        if path.exists():
            found[await kept(path, indexes[""].root, Random(seed))] += 1
    return found


@pytest.mark.real
@pytest.mark.timeout(600)
async def test_poetry_keeps_the_same(three: dict[str, PythonIndex], place: Path) -> None:
    found = await many_kept(place, three, range(12))
    assert found["different"] == 0, found
    assert found["same"] + found["equal"] >= 6, found


# As Poetry's own documentation has them, with an index for each kind of machines.
_ON = {"cpu": "sys_platform != 'linux'", "cu": "sys_platform == 'linux'"}
_TORCH = ", ".join(f'{{ version = ">=2.7.0", source = "{name}", markers = "{on}" }}' for name, on in _ON.items())
OF_PYTORCH = [
    'torch = { version = "^2.7.0", source = "cpu" }\ntorchvision = { version = "*", source = "cpu" }\n',
    f"torch = [{_TORCH}]\n",
    f"torch = [{_TORCH}]\ntorchvision = [{_TORCH.replace('2.7.0', '0.22.0')}]\n",
]


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_poetry_writes_the_same_with_the_index_of_everybody(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    own = {name: value for name, value in settings("", tmp_path).items() if name != "PIP_INDEX_URL"}
    async with PythonIndex() as cpu, PythonIndex() as cu:
        fill_as_pytorch(cpu, cu)
        sources = "".join(source(name, one.url, "explicit") for name, one in (("cpu", cpu), ("cu", cu)))
        with variables(own):
            for number, needs in enumerate(OF_PYTORCH):
                path = project(tmp_path / str(number) / "shop", f'{OWN}python = ">=3.11,<3.14"\n{needs}{sources}')
                assert await compared(path, "") == "equal", needs


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(1000, 1200, 50))
async def test_poetry_writes_the_same_at_length(seed: int, three: dict[str, PythonIndex], place: Path) -> None:
    found = await many(place, three, range(seed, seed + 50))
    assert found["different"] == 0, found
    found = await many_kept(place / "kept", three, range(seed, seed + 50))
    assert found["different"] == 0, found
