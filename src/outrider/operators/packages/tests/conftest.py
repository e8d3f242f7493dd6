from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outrider.operators.packages.tests.asking import Asking
from outrider.operators.packages.tests.python_index import PythonIndex


@pytest.fixture
async def index() -> AsyncIterator[PythonIndex]:
    """A Python index without projects."""
    async with PythonIndex() as made:
        yield made


@pytest.fixture
def ask(index: PythonIndex, tmp_path: Path) -> Asking:
    """Asks that index."""
    return Asking(tmp_path, index.url)
