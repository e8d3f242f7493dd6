from collections.abc import AsyncIterator, Iterator

import pytest

from outrider.ports.nats.connection import Connection, connected
from tests.ports.nats.support import address
from tests.servers.nats import NatsServer


@pytest.fixture
def server() -> Iterator[NatsServer]:
    with NatsServer("max_payload: 64KB", jetstream=True) as started:
        yield started


@pytest.fixture
async def connection(server: NatsServer) -> AsyncIterator[Connection]:
    async with connected(address(server)) as made:
        yield made
