"""poetry.lock is to the byte what Poetry writes, and Poetry takes it."""

import asyncio
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from outrider.core.errors import OutriderError
from outrider.operators.packages.tests.poetry_projects import LATE, drawn, fill_more, poetry, project
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_lock_writing_poetry import HEAD, OWN, WHOLE, locked
from outrider.operators.packages.tests.uv_projects import fill
from outrider.operators.packages.tests.world import settings, variables


async def compared(path: Path, root: str) -> str:
    """Lock a project with Poetry and with ours, and return how the two compare."""
    done = await asyncio.to_thread(poetry, path.parent, root, "lock")
    if done.returncode == LATE:
        return "late"
    theirs = path.read_text() if done.returncode == 0 else None
    path.unlink(missing_ok=True)
    try:
        await locked(path)
    except OutriderError:
        return "refused" if theirs is None else "different"
    ours = path.read_text()
    if ours == theirs:
        return "equal"
    again = await asyncio.to_thread(poetry, path.parent, root, "lock")
    return "accepted" if again.returncode == 0 and path.read_text() == ours else "different"


async def many(place: Path, index: PythonIndex, seeds: range) -> Counter[str]:
    names = [*fill(Random(seeds[0]), index), *fill_more(index)]
    found: Counter[str] = Counter()
    for seed in seeds:
        found[await compared(drawn(Random(seed), names, place / f"p{seed}"), index.root)] += 1
    return found


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_poetry_writes_the_same(index: PythonIndex, place: Path) -> None:
    found = await many(place, index, range(20))
    assert found["different"] == 0
    assert found["equal"] >= 18, found


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_poetry_takes_it(index: PythonIndex, place: Path) -> None:
    for name, needs in (("core", ["slow; extra == 'fast'"]), ("slow", []), ("late", [])):
        index.add(name, "3" if name == "slow" else "1.4", *needs, extras=["fast"])
    path = project(place / "shop", WHOLE)
    await locked(path)
    ours = path.read_text()
    for arguments in (("check", "--lock"), ("sync", "--dry-run", "--no-root"), ("lock",)):
        done = await asyncio.to_thread(poetry, path.parent, index.root, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    assert path.read_text() == ours


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(1000, 1300, 50))
async def test_poetry_writes_the_same_at_length(seed: int, index: PythonIndex, place: Path) -> None:
    found = await many(place, index, range(seed, seed + 50))
    assert found["different"] == 0, found


CARETS = (
    f'{OWN}python = "^3.10"\npydantic = "^2.5"\naiohttp = "~3.9"\ntyper = {{ version = "*", extras = ["all"] }}\n'
    'cryptography = [{ version = "<44", python = "<3.12" }, { version = ">=44", python = ">=3.12" }]\n'
    '[tool.poetry.group.docs]\noptional = true\n[tool.poetry.group.docs.dependencies]\nmkdocs-material = "*"\n'
)
# The first two are compared by `make test`.
WELL_KNOWN = [
    f'{HEAD}dependencies = ["requests[socks]", "flask"]\n[project.optional-dependencies]\ndocs = ["furo"]\n[dependency-groups]\ndev = ["pytest"]\n',
    CARETS,
    f'{HEAD}dependencies = ["fastapi[standard]", "sqlalchemy[asyncio]", "alembic", "httpx"]\n',
    f'{HEAD}dependencies = ["django>=5", "psycopg[binary]", "celery[redis]", "pillow"]\n',
    f'{HEAD}dependencies = ["numpy", "pandas", "scipy", "matplotlib"]\n',
    f'{HEAD}dependencies = ["jupyterlab", "ipython"]\n',
    f'{HEAD}dependencies = ["boto3", "click", "rich"]\n',
    f'{OWN}python = ">=3.10,<4.0"\npoetry = "*"\n',
    f'{HEAD}dependencies = ["tox", "pre-commit", "virtualenv", "build", "twine"]\n',
    f'{HEAD}dependencies = ["scikit-learn", "torch", "transformers"]\n',
    f'{OWN}python = "^3.8"\nnumpy = "*"\nimportlib-metadata = {{ version = "*", python = "<3.10" }}\n',
    f'{HEAD}dependencies = ["black", "mypy", "colorama ; sys_platform == \'win32\'", "uvloop ; sys_platform != \'win32\'"]\n',
]


async def all_of_everybody(tmp_path: Path, texts: list[str]) -> None:
    (tmp_path / "home").mkdir()
    own = {name: value for name, value in settings("", tmp_path).items() if name != "PIP_INDEX_URL"}
    with variables(own):
        found = [await compared(project(tmp_path / str(at), text), "") for at, text in enumerate(texts)]
    assert set(found) <= {"equal", "accepted"}, found


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_poetry_takes_it_for_the_index_of_everybody(tmp_path: Path) -> None:
    await all_of_everybody(tmp_path, WELL_KNOWN[:2])


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_poetry_takes_all_of_them(tmp_path: Path) -> None:
    await all_of_everybody(tmp_path, WELL_KNOWN[2:])
