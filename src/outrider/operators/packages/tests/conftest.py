from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from outrider.operators.packages.tests.asking import Asking
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.world import settings, variables


@pytest.fixture
async def index() -> AsyncIterator[PythonIndex]:
    """A Python index without projects."""
    async with PythonIndex() as made:
        yield made


@pytest.fixture
def ask(index: PythonIndex, tmp_path: Path) -> Asking:
    """Asks that index."""
    return Asking(tmp_path, index.url)


@pytest.fixture
def place(index: PythonIndex, tmp_path: Path) -> Iterator[Path]:
    """Yield a folder with a home, whose Python packages come from the index."""
    (tmp_path / "home").mkdir()
    with variables(settings(index.url, tmp_path)):
        yield tmp_path


@pytest.fixture
async def cpu() -> AsyncIterator[PythonIndex]:
    """A second index without projects."""
    async with PythonIndex() as made:
        yield made


@pytest.fixture
async def cu() -> AsyncIterator[PythonIndex]:
    """A third one."""
    async with PythonIndex() as made:
        yield made
