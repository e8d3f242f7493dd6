from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.orchestrator.bench import Bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Return an engine on a real store, with a clock that the test moves."""
    made = Bench(tmp_path)
    await made.engine.open()
    yield made
    await made.close()
