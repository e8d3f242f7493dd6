from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.servers.redis import RedisServer
from tests.sidecar.memory.backends import Backend, PostgresqlBackend, RedisBackend, SqliteBackend
from tests.sidecar.memory.servers import PgvectorServer, SearchingRedisServer

SERVERS = [pytest.param("postgresql", marks=pytest.mark.real), pytest.param("redis", marks=pytest.mark.real)]


@pytest.fixture(scope="session")
def plain_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def pgvector() -> Iterator[PgvectorServer]:
    with PgvectorServer() as server:
        yield server


@pytest.fixture(scope="session")
def searching_redis() -> Iterator[RedisServer]:
    with SearchingRedisServer() as server:
        yield server


@pytest.fixture(params=["sqlite", *SERVERS])
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    """Return each kind of database, empty."""
    if request.param == "redis":
        server = request.getfixturevalue("plain_redis")
        server.call("FLUSHALL")
        made: Backend = RedisBackend(server)
    elif request.param == "postgresql":
        made = PostgresqlBackend(request.getfixturevalue("postgresql_address"))
    else:
        made = SqliteBackend(tmp_path / "memory")
    yield made
    await made.close()


@pytest.fixture(params=["sqlite", *SERVERS])
async def vector_backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    """Return each kind of database that finds near vectors, empty."""
    if request.param == "redis":
        server = request.getfixturevalue("searching_redis")
        server.call("FLUSHALL")
        yield (made := RedisBackend(server))
        await made.close()
    elif request.param == "postgresql":
        server = request.getfixturevalue("pgvector")
        schema = server.create()
        yield (kept := PostgresqlBackend(server.address(schema)))
        await kept.close()
        server.drop(schema)
    else:
        yield (file := SqliteBackend(tmp_path / "memory"))
        await file.close()
