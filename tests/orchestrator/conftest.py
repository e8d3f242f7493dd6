from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outrider.ports.store import open_postgresql
from tests.orchestrator.bench import Bench


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
async def bench(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """Return an engine on a real store of either kind, with a clock that the test moves."""
    address = request.getfixturevalue("postgresql_address") if request.param == "postgresql" else ""
    made = Bench(tmp_path, open_postgresql(address) if address else None)
    await made.engine.open()
    yield made
    await made.close()
