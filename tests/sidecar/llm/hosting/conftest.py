from collections.abc import Iterator

import pytest

from tests.sidecar.llm.hosting.peer import Peer


@pytest.fixture(scope="package")
def peer() -> Iterator[Peer]:
    """Return the SDKs of the clouds, shared by the tests of this folder."""
    with Peer() as started:
        yield started
