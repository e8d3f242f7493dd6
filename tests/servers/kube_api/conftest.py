from collections.abc import AsyncIterator

import pytest

from tests.servers.kube_api.server import FakeApi
from tests.servers.kube_api.wire import Caller


@pytest.fixture
async def server() -> AsyncIterator[FakeApi]:
    async with FakeApi() as running:
        yield running


@pytest.fixture
async def call(server: FakeApi) -> AsyncIterator[Caller]:
    async with Caller(server.url) as caller:
        yield caller
