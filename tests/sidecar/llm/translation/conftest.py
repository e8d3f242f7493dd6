from collections.abc import Iterator

import pytest

from tests.sidecar.llm.translation.sdk import Sdk


@pytest.fixture(scope="package")
def sdk() -> Iterator[Sdk]:
    """Return the real SDKs, shared by the tests of this folder."""
    with Sdk() as started:
        yield started
