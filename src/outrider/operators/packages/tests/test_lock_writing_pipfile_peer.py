"""Pipfile.lock is to the byte what Pipenv writes, and Pipenv takes it."""

import asyncio
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from outrider.core.errors import OutriderError
from outrider.operators.packages.tests.pipenv_projects import drawn, pipenv, project
from outrider.operators.packages.tests.poetry_projects import fill_more
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_lock_writing_pipfile import WHOLE, locked
from outrider.operators.packages.tests.uv_projects import fill
from outrider.operators.packages.tests.world import settings, variables


async def compared(path: Path, mirror: str) -> str:
    """Lock a project with Pipenv and with ours, and return how the two compare."""
    theirs: set[str | None] = set()
    ours = None
    # Pipenv gives pip what it asks for as sets: where the order decides, it may say another thing the next time.
    for _ in range(3):
        path.unlink(missing_ok=True)
        done = await asyncio.to_thread(pipenv, path.parent, mirror, "lock", "--quiet")
        theirs.add(path.read_text() if done.returncode == 0 else None)
        path.unlink(missing_ok=True)
        with suppress(OutriderError):
            await locked(path)
            ours = path.read_text()
        if ours in theirs:
            return "equal" if ours else "both none"
    return "different"


async def many(place: Path, index: PythonIndex, seeds: range) -> Counter[str]:
    names = [*fill(Random(seeds[0]), index), *fill_more(index)]
    found: Counter[str] = Counter()
    for seed in seeds:
        found[await compared(drawn(Random(seed), names, place / f"p{seed}"), index.url)] += 1
    return found


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_pipenv_writes_the_same(index: PythonIndex, place: Path) -> None:
    found = await many(place, index, range(100, 112))
    assert found["different"] == 0
    assert found["equal"] >= 8, found


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_pipenv_takes_it(index: PythonIndex, place: Path) -> None:
    index.add("web-site", "1.0", "Core[x]>=1", "late; extra == 'fast'", extras=["fast"])
    index.add("core", "1.4", extras=["x"])
    for name in ("dotted-name", "late"):
        index.add(name, "1")
    path = project(place / "shop", WHOLE.replace('python_version = "3.11"', ""))
    await locked(path)
    ours = path.read_text()
    for arguments in (("verify",), ("install", "--deploy"), ("lock",)):
        done = await asyncio.to_thread(pipenv, path.parent, index.url, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    assert path.read_text() == ours


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(1000, 1200, 25))
async def test_pipenv_writes_the_same_at_length(seed: int, index: PythonIndex, place: Path) -> None:
    found = await many(place, index, range(seed, seed + 25))
    assert found["different"] == 0, found


# The first one is compared by `make test`.
WELL_KNOWN = [
    (
        '[packages]\nrequests = {extras = ["socks"], version = "*"}\nflask = "*"\npywin32 = {version = "*", sys_platform = "== \'win32\'"}\n'
        '[dev-packages]\npytest = "*"\n[docs]\nsphinx = "<9"\n'
    ),
    (
        '[packages]\ndjango = "~=4.2"\npsycopg = {extras = ["binary"], version = "*"}\ncelery = {version = ">=5.2", extras = ["redis"]}\n'
        'pillow = "*"\n[dev-packages]\nblack = "*"\nmypy = "*"\nflake8 = "*"\n'
    ),
    '[packages]\nfastapi = {extras = ["standard"], version = "*"}\nsqlalchemy = {extras = ["asyncio"], version = "*"}\nalembic = "*"\nhttpx = "*"\n',
    '[packages]\nnumpy = "*"\npandas = "<2.2"\nscipy = "*"\nmatplotlib = "*"\n',
    '[packages]\njupyterlab = "*"\nipython = "*"\n',
    '[packages]\nboto3 = "*"\nclick = "*"\nrich = "*"\n[dev-packages]\nmoto = "*"\ncoverage = {extras = ["toml"], version = "*"}\n',
    '[packages]\ntox = "*"\npre-commit = "*"\nvirtualenv = "*"\nbuild = "*"\ntwine = "*"\n"ruamel.yaml" = "*"\n"zope.interface" = "*"\n',
    '[packages]\nscikit-learn = "*"\ntransformers = "*"\n[dev-packages]\nisort = {version = "<6", extras = ["colors"]}\n',
    (
        '[packages]\ncolorama = {version = "*", markers = "sys_platform == \'win32\'"}\nuvloop = {version = "*", markers = "sys_platform != \'win32\'"}\n'
        'aiohttp = "~=3.9.0"\npydantic = "<3"\n[dev-packages]\ncolorama = "*"\npytest-asyncio = "*"\n'
    ),
    '[packages]\npoetry = "*"\n[dev-packages]\npdm = "*"\n[pipenv]\nuse_default_constraints = false\n',
]


async def all_of_everybody(tmp_path: Path, texts: list[str]) -> None:
    (tmp_path / "home").mkdir()
    own = {name: value for name, value in settings("", tmp_path).items() if name != "PIP_INDEX_URL"}
    with variables(own):
        found = [await compared(project(tmp_path / str(at), text), "") for at, text in enumerate(texts)]
    assert set(found) == {"equal"}, found


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_pipenv_writes_the_same_for_the_index_of_everybody(tmp_path: Path) -> None:
    await all_of_everybody(tmp_path, WELL_KNOWN[:1])


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_pipenv_writes_the_same_for_all_of_them(tmp_path: Path) -> None:
    await all_of_everybody(tmp_path, WELL_KNOWN[1:])
